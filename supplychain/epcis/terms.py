"""Reads the members of our own namespace, `urn:waylog:epcis:`: what custody says that EPCIS has no word for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ledger.tlog.disclosure import ALGORITHM, DIGESTS
from supplychain.epcis.contexts import escape
from supplychain.epcis.events import NO_TERMS, Quantity, WaylogTerms
from supplychain.epcis.sensors import read_unit
from supplychain.epcis.values import Reader

SEALS = ("intact", "broken", "none")
DISCREPANCIES = ("acknowledged", "disputed")
_QUANTITY_NAMES = ("epcClass", "quantity", "uom")


def read_quantities(reader: Reader, value: Any, at: str) -> tuple[Quantity, ...]:
    """Read a quantity list: class, how much of it, and the unit unless it is a count."""
    items = reader.items(value, at)
    return tuple(q for i, item in enumerate(items) if (q := _read_quantity(reader, item, f"{at}/{i}")) is not None)


def _read_quantity(reader: Reader, value: Any, at: str) -> Quantity | None:
    members = reader.members(value, at)
    if members is None:
        return None
    reader.required(members, ("epcClass",), at, "A quantity element")
    epc_class = quantity = uom = None
    for name, item in members.items():
        if name == "epcClass":
            epc_class = reader.epc_class(item, f"{at}/epcClass")
        elif name == "quantity":
            quantity = _read_amount(reader, item, f"{at}/quantity")
        elif name == "uom":
            uom = read_unit(reader, item, f"{at}/uom")
        else:
            reader.extension(name, item, at, "a quantity element", _QUANTITY_NAMES)
    if quantity is not None and "uom" not in members and quantity != int(quantity):
        reader.fault(f"{at}/quantity", "Without a unit (uom) a quantity counts pieces and must be whole.", quantity)
    if "uom" in members and "quantity" not in members:
        reader.fault(f"{at}/quantity", "A unit needs a quantity, which is missing.")
    return Quantity(epc_class, quantity, uom) if epc_class is not None else None


def _read_amount(reader: Reader, value: Any, at: str) -> float | None:
    amount = reader.number(value, at)
    if amount is not None and amount < 0:
        reader.fault(at, "A quantity cannot be negative.", value)
        return None
    return amount


def _read_seal(reader: Reader, value: Any, at: str) -> str | None:
    return reader.choice(SEALS, "a state of a seal", value, at)


def _read_discrepancy(reader: Reader, value: Any, at: str) -> str | None:
    return reader.choice(DISCREPANCIES, "an answer to a discrepancy", value, at)


_TERMS: dict[str, tuple[str, Callable[[Reader, Any, str], Any]]] = {
    "promisedTime": ("promised_time", Reader.time),
    "knownAt": ("known_at", Reader.time),
    "seal": ("seal", _read_seal),
    "damaged": ("damaged", read_quantities),
    "discrepancy": ("discrepancy", _read_discrepancy),
    "about": ("about", Reader.uri),
    "maxTemperature": ("max_temperature", Reader.number),
    "note": ("note", Reader.text),
}
TERM_NAMES = tuple(_TERMS)


def read_terms(reader: Reader, extensions: dict[str, Any], at: str) -> WaylogTerms:
    """Read those of an event's extensions that are ours."""
    found: dict[str, Any] = {}
    for name, value in extensions.items():
        local = reader.waylog_name(name)
        if local is None:
            continue
        if name in (DIGESTS, ALGORITHM):
            continue  # read beside the event (epcis.disclosures)
        place = f"{at}/{escape(name)}"
        known = _TERMS.get(local)
        if known is None:
            near = reader.nearest(local, TERM_NAMES)
            reader.fault(place, f'"{local[:60]}" is not a member of the waylog namespace.', name, TERM_NAMES, near)
        elif known[0] in found:
            reader.fault(place, f"{local} stands twice in this event, under two prefixes.", name)
        else:
            found[known[0]] = known[1](reader, value, place)
    return WaylogTerms(**found) if found else NO_TERMS
