"""Who may hand over what: the state of one shipment, and what each event does to it, or why it may not.

A shipment is a logistic unit on its way: an SSCC, or a private URI where there is none. Acts move it (commission, pack,
dispatch, accept, acknowledge, dispute, unpack, correct); anything else that names it is an observation. No database, no
clock: the same events in the same order give the same states, whoever asks.
"""

from supplychain.custody.acts import (
    act_beneath,
    act_of,
    contents_of,
    exact,
    taker_of,
    temperature_of,
    units_of,
)
from supplychain.custody.names import is_unit, label, product_of
from supplychain.custody.rules import check_time, decide, replay, undo, unknown_shipment
from supplychain.custody.state import (
    MAX_UNITS,
    OPENING,
    Act,
    CustodyRefused,
    Discrepancy,
    Happened,
    Line,
    Parties,
    Party,
    ShipmentState,
    Status,
    Transition,
)

__all__ = [
    "MAX_UNITS",
    "OPENING",
    "Act",
    "CustodyRefused",
    "Discrepancy",
    "Happened",
    "Line",
    "Parties",
    "Party",
    "ShipmentState",
    "Status",
    "Transition",
    "act_beneath",
    "act_of",
    "check_time",
    "contents_of",
    "decide",
    "exact",
    "is_unit",
    "label",
    "product_of",
    "replay",
    "taker_of",
    "temperature_of",
    "undo",
    "units_of",
    "unknown_shipment",
]
