"""The acts of the demo world as they are written down: who signs which event, and when it became known."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

from supplychain.demo.cast import PARTIES, PRODUCTS, SITES
from supplychain.epcis import builders
from supplychain.epcis.events import Quantity

JsonObject = dict[str, Any]
LIVE = timedelta(hours=24)
"""What happened within this time before now is signed as live; everything before it is attested history."""


@dataclass(frozen=True, slots=True)
class Act:
    """One event, and the party (its key in the cast) that signs it."""

    at: datetime
    by: str
    event: JsonObject

    @property
    def event_id(self) -> str:
        return str(self.event["eventID"])


@dataclass(frozen=True, slots=True)
class Load:
    """So much of one lot: `lot` is the URI of its class."""

    product: str
    lot: str
    amount: float

    @property
    def quantity(self) -> Quantity:
        uom = PRODUCTS[self.product].uom
        return Quantity(self.lot, round(self.amount, 3) if uom else int(self.amount), uom or None)


def swiss_time(day: date, minutes: float) -> datetime:
    """The moment so many minutes after midnight in Switzerland (summer time by the rule of the European Union)."""

    def last_sunday(month: int) -> date:
        last = date(day.year, month, 31)
        return last - timedelta(days=(last.weekday() + 1) % 7)

    summer = last_sunday(3) <= day < last_sunday(10)
    zone = timezone(timedelta(hours=2 if summer else 1))
    return datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(minutes=minutes)


def swiss_day(moment: datetime) -> date:
    """The date in Switzerland at `moment`, to the hour of summer time."""
    return (moment.astimezone(UTC) + timedelta(hours=1)).date()


class Script:
    """Writes events with the product's own builders, and keeps them with who signs them."""

    def __init__(self, rng: random.Random, now: datetime) -> None:
        self.rng, self.now = rng, now
        self.live_from = now - LIVE
        self.acts: list[Act] = []
        self._serials = dict.fromkeys(PARTIES, 0)
        self._documents = 4_500_000_000

    # what gets a name

    def new_unit(self, party: str) -> str:
        self._serials[party] += 1
        return PARTIES[party].sscc(self._serials[party])

    def new_document(self, party: str) -> str:
        self._documents += 1
        return PARTIES[party].document(self._documents)

    # the acts

    def pack(self, by: str, at: datetime, unit: str, loads: Sequence[Load], site: str) -> None:
        contents = [load.quantity for load in loads]
        place = SITES[site].uri
        self._add(by, at, builders.pack_event, unit=unit, contents=contents, read_point=place, biz_location=place)

    def dispatch(
        self,
        by: str,
        at: datetime,
        unit: str,
        *,
        to: str,
        site: str,
        final_party: str,
        final_site: str,
        promised: datetime,
        limit: float | None = None,
        documents: Sequence[tuple[str, str]] = (),
    ) -> None:
        event = self._build(
            at,
            builders.dispatch_event,
            units=[unit],
            giver=PARTIES[by].uri,
            taker=PARTIES[to].uri,
            final_party=PARTIES[final_party].uri,
            final_location=SITES[final_site].uri,
            promised_time=promised,
            read_point=SITES[site].uri,
            biz_transactions=documents,
        )
        if limit is not None:
            event["waylog:maxTemperature"] = limit
        self.acts.append(Act(at, by, event))

    def accept(
        self,
        by: str,
        at: datetime,
        unit: str,
        *,
        giver: str,
        site: str,
        counted: Iterable[Load] = (),
        damaged: Iterable[Load] = (),
        mismatch: bool = False,
        seal: str | None = None,
        note: str | None = None,
    ) -> Act:
        return self._add(
            by,
            at,
            builders.accept_event,
            units=[unit],
            giver=PARTIES[giver].uri,
            taker=PARTIES[by].uri,
            counted=[load.quantity for load in counted],
            damaged=[load.quantity for load in damaged],
            mismatch=mismatch,
            seal=seal,
            note=note,
            read_point=SITES[site].uri,
            biz_location=SITES[site].uri,
        )

    def observe(
        self,
        by: str,
        at: datetime,
        unit: str,
        *,
        step: str,
        site: str | None = None,
        readings: Sequence[tuple[datetime, float]] = (),
        note: str | None = None,
    ) -> None:
        device = f"{PARTIES[by].document(0).rpartition(':')[0]}:logger:{int(unit[-9:-1]) % 40:02d}"
        elements = [
            builders.sensor_element(
                time=time,
                measured="Temperature",
                value=round(value, 1),
                uom="CEL",
                device_id=device.replace("bt:", "dev:"),
            )
            for time, value in readings
        ]
        self._add(
            by,
            at,
            builders.observe_event,
            units=[unit],
            biz_step=step,
            sensor_elements=elements,
            read_point=SITES[site].uri if site else None,
            note=note,
        )

    def answer(self, by: str, at: datetime, unit: str, *, about: Act, answer: str, note: str | None = None) -> None:
        self._add(by, at, builders.discrepancy_event, units=[unit], about=about.event_id, answer=answer, note=note)

    def unpack(self, by: str, at: datetime, unit: str, site: str) -> None:
        self._add(by, at, builders.unpack_event, unit=unit, biz_location=SITES[site].uri)

    def declare_wrong(self, act: Act, at: datetime, *, instead: Sequence[str] = ()) -> None:
        event = builders.error_declaration(act.event, declaration_time=at, corrective_event_ids=instead)
        self.acts.append(Act(at, act.by, event))

    def transform(self, by: str, at: datetime, inputs: Sequence[Load], outputs: Sequence[Load], site: str) -> None:
        """Turn loose lots into packed ones."""
        event: JsonObject = {
            "type": "TransformationEvent",
            "eventID": self._event_id(),
            "eventTime": builders.format_time(at),
            "eventTimeZoneOffset": builders.format_offset(at),
            "bizStep": "repackaging",
            "disposition": "active",
            "inputQuantityList": [_written(load) for load in inputs],
            "outputQuantityList": [_written(load) for load in outputs],
            "readPoint": {"id": SITES[site].uri},
            "bizLocation": {"id": SITES[site].uri},
        }
        if (known_at := self._known_at(at)) is not None:
            event["waylog:knownAt"] = builders.format_time(known_at)
        self.acts.append(Act(at, by, event))

    def sell(self, by: str, at: datetime, loads: Sequence[Load], site: str) -> None:
        """Write up what was sold over the counter in a day."""
        self._lots(by, at, loads, site, step="retail_selling", disposition="retail_sold", action="OBSERVE")

    def destroy(self, by: str, at: datetime, loads: Sequence[Load], site: str) -> None:
        """Write off what arrived unfit."""
        self._lots(by, at, loads, site, step="destroying", disposition="destroyed", action="DELETE")

    # how they are written

    def _lots(
        self, by: str, at: datetime, loads: Sequence[Load], site: str, *, step: str, disposition: str, action: str
    ) -> None:
        event = self._build(
            at,
            builders.observe_event,
            units=[],
            biz_step=step,
            disposition=disposition,
            read_point=SITES[site].uri,
            biz_location=SITES[site].uri,
        )
        event["action"] = action
        event["quantityList"] = [_written(load) for load in loads]
        self.acts.append(Act(at, by, event))

    def _add(self, by: str, at: datetime, build: Any, **fields: Any) -> Act:
        act = Act(at, by, self._build(at, build, **fields))
        self.acts.append(act)
        return act

    def _build(self, at: datetime, build: Any, **fields: Any) -> JsonObject:
        event: JsonObject = build(event_time=at, event_id=self._event_id(), known_at=self._known_at(at), **fields)
        return event

    def _event_id(self) -> str:
        return f"urn:uuid:{UUID(int=self.rng.getrandbits(128), version=4)}"

    def _known_at(self, at: datetime) -> datetime | None:
        """When somebody wrote it up: mostly at once, sometimes in the evening; None for what is live."""
        if at >= self.live_from:
            return None
        minutes = self.rng.uniform(60, 540) if self.rng.random() < 0.08 else self.rng.uniform(0.5, 9)
        return min(at + timedelta(minutes=minutes), self.now)


def _written(load: Load) -> JsonObject:
    quantity = load.quantity
    written: JsonObject = {"epcClass": quantity.epc_class, "quantity": quantity.quantity}
    return written | ({"uom": quantity.uom} if quantity.uom else {})
