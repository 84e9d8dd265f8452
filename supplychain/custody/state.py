"""The values custody speaks of: parties, a shipment between two acts, its lines, and what stands open about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from ledger.admission import Refused
from supplychain.custody.names import label
from supplychain.epcis.events import Event
from supplychain.epcis.identifiers import canonical


class CustodyRefused(Refused):
    """A custody rule says no; the message tells whoever signed what stands in the way and what to do."""

    code = "custody"

    def __init__(self, message: str, *, code: str = "custody", pointer: str = "", status: int = 409) -> None:
        super().__init__(message, pointer=pointer)
        self.code, self.status = code, status


MAX_UNITS = 40
"""As many links as one statement carries."""


class Act(StrEnum):
    """What an event does in custody."""

    COMMISSION = "commission"
    PACK = "pack"
    DISPATCH = "dispatch"
    OBSERVE = "observe"
    ACCEPT = "accept"
    ACKNOWLEDGE = "acknowledge"
    DISPUTE = "dispute"
    UNPACK = "unpack"
    CORRECT = "correct"


OPENING = frozenset({Act.COMMISSION, Act.PACK, Act.DISPATCH})
"""Acts that may be the first of a chain."""


class Status(StrEnum):
    """Where a shipment stands."""

    COMMISSIONED = "commissioned"
    PACKED = "packed"
    DISPATCHED = "dispatched"
    ACCEPTED = "accepted"
    UNPACKED = "unpacked"
    VOID = "void"
    ERASED = "erased"
    """A body of its chain was erased, so nobody can tell any more where it stood; it was closed."""


@dataclass(frozen=True, slots=True)
class Party:
    """A registered party, as far as custody asks."""

    id: UUID
    name: str
    uri: str


@dataclass(frozen=True, slots=True)
class Parties:
    """The registered parties, by their id and by each identifier under which events name them."""

    by_id: Mapping[UUID, Party] = field(default_factory=dict)
    by_uri: Mapping[str, Party] = field(default_factory=dict)

    def at(self, uri: str) -> Party | None:
        """The party that this URI names, if it is registered."""
        return self.by_uri.get(canonical(uri)) if uri else None

    def name(self, party: UUID | None, uri: str = "") -> str:
        """What to call a party in a sentence."""
        known = self.by_id.get(party) if party else None
        return known.name if known else label(uri) if uri else "someone outside the register"


@dataclass(frozen=True, slots=True)
class Line:
    """So much of one class (or one instance) in a shipment."""

    epc: str
    product: str
    quantity: Decimal
    uom: str = ""
    counted: Decimal | None = None
    damaged: Decimal | None = None

    @property
    def held(self) -> Decimal:
        """How much of it there is, by the last count."""
        return self.quantity if self.counted is None else self.counted


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """Something that a taker found short, over, damaged or opened, and the giver's answer to it."""

    event_id: str
    giver: UUID | None
    taker: UUID | None
    answer: str = "open"


@dataclass(frozen=True, slots=True)
class ShipmentState:
    """A shipment between two acts."""

    unit: str
    status: Status
    shipper: UUID
    custodian: UUID | None
    last_event_at: datetime
    is_open: bool = True
    attested: bool = False
    offered_to: UUID | None = None
    offered_to_uri: str = ""
    consignee_uri: str = ""
    from_location: str = ""
    to_location: str = ""
    references: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    seal: str = ""
    temperature_limit: float | None = None
    temperature_max: float | None = None
    discrepancies: tuple[Discrepancy, ...] = ()
    packed_at: datetime | None = None
    dispatched_at: datetime | None = None
    promised_at: datetime | None = None
    accepted_at: datetime | None = None
    closed_at: datetime | None = None

    @property
    def discrepancy(self) -> Discrepancy | None:
        """The one to speak of: the oldest that waits for its answer, else the latest."""
        waiting = next((each for each in self.discrepancies if each.answer == "open"), None)
        return waiting or (self.discrepancies[-1] if self.discrepancies else None)


@dataclass(frozen=True, slots=True)
class Transition:
    """What one event does to one shipment, and which parties it makes readers of it."""

    act: Act
    state: ShipmentState
    readers: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Happened:
    """An event that stands in a shipment's chain (or names it), in log order."""

    index: int
    event: Event
    signer: Party
