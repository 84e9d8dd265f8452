"""Sample documents for integrators: one run gives the same identifiers, another run such as were never captured.

Pure: every identifier follows from the run's name, every time from the time given. `make("pack-and-ship", run="a",
now=...)["epcisBody"]["eventList"][0]["parentID"]` is an SSCC of the sandbox's own company prefix (GS1 keeps 952 for
examples), so nothing here can meet goods of anybody's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from supplychain.epcis import builders
from supplychain.epcis.contexts import WAYLOG_CONTEXT
from supplychain.epcis.events import Quantity
from supplychain.epcis.identifiers import check_digit, gln_uri, gtin_uri, party_uri, sscc_uri

JsonObject = dict[str, Any]
PREFIXES = ("9529990", "9529991")
"""The company prefixes of the sandbox and of its partner."""


def _digits(prefix: str, number: int, length: int) -> str:
    body = f"{prefix}{number:0{length - 1 - len(prefix)}d}"
    return body + check_digit(body)


SANDBOX_URI, PARTNER_URI = (party_uri(_digits(prefix, 1, 13)) for prefix in PREFIXES)
SANDBOX_SITE, PARTNER_SITE = (gln_uri(_digits(prefix, 2, 13)) for prefix in PREFIXES)


def product(number: int) -> str:
    """One of the sandbox's products, 1 to 3."""
    return gtin_uri(_digits("0" + PREFIXES[0], number, 14))


class SampleUnknown(LookupError):
    """There is no such sample."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A document, who captures it, and what becomes of it."""

    name: str
    title: str
    by: str
    """`sandbox` or `partner`."""
    outcome: str
    make: Callable[[Run], list[JsonObject]]


class Run:
    """Names and times of one run of the samples."""

    def __init__(self, name: str, now: datetime) -> None:
        self._seed, self.now = hashlib.sha256(name.encode()).digest(), now

    def number(self, what: str, below: int) -> int:
        """A number that follows from the run and `what` it is for."""
        return int.from_bytes(hashlib.sha256(self._seed + what.encode()).digest()[:8], "big") % below

    def unit(self, what: str = "pallet") -> str:
        """A logistic unit of the run."""
        return sscc_uri(_digits("3" + PREFIXES[0], self.number(what, 10**9), 18))

    def lot(self, product: int = 1) -> str:
        """A lot of one of the sandbox's products."""
        return gtin_uri(_digits("0" + PREFIXES[0], product, 14), f"R{self.number('lot', 10**8)}")

    def event_id(self, what: str) -> str:
        """The id of an event of the run."""
        return UUID(bytes=hashlib.sha256(self._seed + b"event " + what.encode()).digest()[:16], version=4).urn

    def ago(self, **time: float) -> datetime:
        """So long before now, in whole seconds."""
        return (self.now - timedelta(**time)).replace(microsecond=0)


def make(name: str, *, run: str, now: datetime) -> JsonObject:
    """Make the EPCIS 2.0 document of a sample. Raises SampleUnknown."""
    found = next((each for each in SAMPLES if each.name == name), None)
    if found is None:
        raise SampleUnknown(name)
    made = Run(run, now)
    return {
        "@context": WAYLOG_CONTEXT,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": builders.format_time(made.ago(seconds=0)),
        "epcisBody": {"eventList": found.make(made)},
    }


def _pack_and_ship(run: Run) -> list[JsonObject]:
    return [_packed(run), _shipped(run)]


def _packed(run: Run) -> JsonObject:
    return builders.pack_event(
        unit=run.unit(),
        contents=[Quantity(run.lot(1), 40), Quantity(run.lot(2), 12)],
        event_time=run.ago(hours=6),
        event_id=run.event_id("pack"),
        read_point=SANDBOX_SITE,
        biz_location=SANDBOX_SITE,
    )


def _shipped(run: Run) -> JsonObject:
    return builders.dispatch_event(
        units=[run.unit()],
        giver=SANDBOX_URI,
        taker=PARTNER_URI,
        final_party=PARTNER_URI,
        final_location=PARTNER_SITE,
        promised_time=run.ago(hours=-2),
        max_temperature=8.0,
        event_time=run.ago(hours=5),
        event_id=run.event_id("ship"),
        read_point=SANDBOX_SITE,
    )


def _cold_chain(run: Run) -> list[JsonObject]:
    readings = [
        builders.sensor_element(time=run.ago(hours=4 - step), measured="Temperature", value=value, uom="CEL")
        for step, value in enumerate((4.2, 5.1, 9.4))
    ]
    seen = builders.observe_event(
        units=[run.unit()],
        event_time=run.ago(hours=2),
        event_id=run.event_id("readings"),
        sensor_elements=readings,
        read_point=SANDBOX_SITE,
    )
    return [seen]


def _receive(run: Run) -> list[JsonObject]:
    accepted = builders.accept_event(
        units=[run.unit()],
        giver=SANDBOX_URI,
        taker=PARTNER_URI,
        counted=[Quantity(run.lot(1), 38), Quantity(run.lot(2), 12)],
        mismatch=True,
        event_time=run.ago(hours=1),
        event_id=run.event_id("accept"),
        read_point=PARTNER_SITE,
        biz_location=PARTNER_SITE,
    )
    return [accepted]


def _correct(run: Run) -> list[JsonObject]:
    wrong = builders.observe_event(
        units=[run.unit("counted")],
        event_time=run.ago(hours=3),
        event_id=run.event_id("count"),
        biz_step="cycle_counting",
        disposition="in_progress",
        read_point=SANDBOX_SITE,
    )
    return [wrong, builders.error_declaration(wrong, declaration_time=run.ago(hours=2))]


def _transform(run: Run) -> list[JsonObject]:
    event = {
        "type": "TransformationEvent",
        "eventID": run.event_id("transform"),
        "eventTime": builders.format_time(run.ago(hours=8)),
        "eventTimeZoneOffset": "+00:00",
        "bizStep": "creating_class_instance",
        "readPoint": {"id": SANDBOX_SITE},
        "inputQuantityList": [{"epcClass": run.lot(3), "quantity": 120.5, "uom": "KGM"}],
        "outputQuantityList": [{"epcClass": run.lot(1), "quantity": 40}],
    }
    return [event]


def _faults(run: Run) -> list[JsonObject]:
    good = _packed(run)
    return [
        {**good, "eventID": run.event_id("a"), "bizStep": "packin"},
        {**good, "eventID": run.event_id("b"), "eventTime": "yesterday"},
        {name: value for name, value in {**good, "eventID": run.event_id("c")}.items() if name != "action"},
    ]


SAMPLES: tuple[Sample, ...] = (
    Sample(
        "pack-and-ship",
        "A pallet is packed and handed over, to be there in two hours, at 8 °C at most",
        by="sandbox",
        outcome="captured; the partner's shipment waits for its acceptance",
        make=_pack_and_ship,
    ),
    Sample(
        "cold-chain",
        "Readings on the way, the last one too warm; after pack-and-ship of the same run",
        by="sandbox",
        outcome="captured; the shipment counts as breached",
        make=_cold_chain,
    ),
    Sample(
        "receive",
        "The partner takes the pallet over, two cases short; after pack-and-ship of the same run",
        by="partner",
        outcome="captured; the giver is asked to acknowledge or dispute",
        make=_receive,
    ),
    Sample(
        "correct",
        "A count, and its declaration as an error",
        by="sandbox",
        outcome="captured; the first event is shown as declared wrong",
        make=_correct,
    ),
    Sample("transform", "Raw material becomes a product", by="sandbox", outcome="captured", make=_transform),
    Sample(
        "faults",
        "Three events, each with another fault",
        by="sandbox",
        outcome="refused, with one message a fault that says where it stands",
        make=_faults,
    ),
)
