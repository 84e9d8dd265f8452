"""One cast for all tests: a grower, a packer, a carrier, a distribution centre, a shop, and a stranger.

`make_world()` makes a log with these parties, their keys held, and hands to act with. Times pass only when `later()` is
called; nothing reads a clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from ledger import keystore, queries, tenancy
from ledger.admission import Appended, Outcome
from supplychain import operations
from supplychain.epcis import builders
from supplychain.epcis.events import Quantity
from supplychain.epcis.identifiers import check_digit, gln_uri, gtin_uri, party_uri, sscc_uri
from supplychain.models import Event, Party, Shipment

START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
PREFIX = "9521141"
NAMES = ("grower", "packer", "carrier", "centre", "shop", "stranger")


def gln(number: int) -> str:
    digits = f"{PREFIX}{number:05d}"
    return digits + check_digit(digits)


def sscc(number: int) -> str:
    """The URI of the logistic unit with this serial number."""
    digits = f"0{PREFIX}{number:09d}"
    return sscc_uri(digits + check_digit(digits))


def gtin(number: int, lot: str | None = None) -> str:
    """The URI of a product of the cast, or of a lot of it."""
    digits = f"0{PREFIX}{number:05d}"
    return gtin_uri(digits + check_digit(digits), lot)


APPLES, PEARS = gtin(101), gtin(102)
APPLES_LOT, PEARS_LOT = gtin(101, "A1"), gtin(102, "P7")


@dataclass
class Hand:
    """One party of the cast, and what it does; each act is signed with its managed key and captured at once."""

    world: "World"
    party: Party

    @property
    def id(self) -> UUID:
        return self.party.id

    @property
    def uri(self) -> str:
        return self.party.uri

    @property
    def site(self) -> str:
        names = [hand.party.id for hand in self.world.hands]
        return gln_uri(gln(100 + (names.index(self.id) if self.id in names else 99)))

    def sign(self, event: Mapping[str, Any]) -> operations.Signed:
        """Sign an event with the managed key, without capturing it."""
        return operations.sign_event(event, party=self.id)

    def capture(self, event: Mapping[str, Any]) -> Appended:
        """Sign and capture an event; raises what refuses it."""
        outcome = operations.capture_one(event, party=self.id, now=self.world.now)
        assert isinstance(outcome, Appended), outcome
        return outcome

    def commission(self, *units: str, **more: Any) -> Appended:
        return self.capture(builders.commission_event(units=units, event_time=self.world.later(), **more))

    def pack(self, unit: str, *contents: Quantity, **more: Any) -> Appended:
        contents = contents or (Quantity(APPLES_LOT, 50),)
        more = {"read_point": self.site, **more}
        return self.capture(builders.pack_event(unit=unit, contents=contents, event_time=self.world.later(), **more))

    def dispatch(self, unit: str, to: "Hand | str", **more: Any) -> Appended:
        taker = to if isinstance(to, str) else to.uri
        more = {"read_point": self.site, **more}
        return self.capture(
            builders.dispatch_event(units=[unit], giver=self.uri, taker=taker, event_time=self.world.later(), **more)
        )

    def observe(self, unit: str, degrees: float | None = None, **more: Any) -> Appended:
        at = self.world.later()
        reading = (
            []
            if degrees is None
            else [builders.sensor_element(time=at, measured="Temperature", value=degrees, uom="CEL")]
        )
        return self.capture(builders.observe_event(units=[unit], event_time=at, sensor_elements=reading, **more))

    def accept(self, unit: str, giver: "Hand", *counted: Quantity, **more: Any) -> Appended:
        more = {"taker": self.uri, "read_point": self.site, "biz_location": self.site, **more}
        return self.capture(
            builders.accept_event(units=[unit], giver=giver.uri, event_time=self.world.later(), counted=counted, **more)
        )

    def answer(self, unit: str, about: str, answer: str = "acknowledged") -> Appended:
        return self.capture(
            builders.discrepancy_event(units=[unit], about=about, answer=answer, event_time=self.world.later())
        )

    def unpack(self, unit: str, **more: Any) -> Appended:
        return self.capture(builders.unpack_event(unit=unit, event_time=self.world.later(), **more))

    def correct(self, event: Mapping[str, Any]) -> Appended:
        return self.capture(builders.error_declaration(event, declaration_time=self.world.later()))


@dataclass
class World:
    """A log and its parties."""

    origin: str
    operator: Party
    hands: list[Hand] = field(default_factory=list)
    now: datetime = START

    def __getattr__(self, name: str) -> Hand:
        try:
            return self.hands[NAMES.index(name)]
        except (ValueError, IndexError):
            raise AttributeError(name) from None

    def later(self, **more: float) -> datetime:
        """Let a minute pass, or more."""
        self.now += timedelta(**more) if more else timedelta(minutes=1)
        return self.now

    def capture(self, items: Sequence[operations.CaptureItem], **more: Any) -> list[Outcome]:
        return operations.capture(items, **{"party": None, "now": self.now, **more})

    def shipment(self, unit: str) -> Shipment:
        """The latest shipment of the unit."""
        with tenancy.system():
            return Shipment.objects.filter(unit=unit).order_by("-opened_index")[0]

    def event(self, index: int) -> Event:
        with tenancy.system():
            return Event.objects.get(index=index)


def make_world() -> World:
    """Make the log and register the cast."""
    keystore.forget_cached()
    operator = operations.set_up(
        host="log.example", name="Operator", uri="https://example.org/parties/operator", now=START
    )
    world = World(queries.origin(), operator)
    for number, name in enumerate(NAMES):
        party = operations.register_party(name.title(), party_uri(gln(number + 1)), now=START)
        world.hands.append(Hand(world, party))
    return world
