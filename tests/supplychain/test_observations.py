"""What counts as demand, event by event, and which kind counts for a series."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from forecasting.history import demand_history
from supplychain import observations
from supplychain.epcis import builders
from supplychain.epcis.events import Quantity
from supplychain.epcis.identifiers import gln_uri
from supplychain.observations import Observation, Withdrawal
from tests.cast import APPLES, APPLES_LOT, PEARS, PEARS_LOT, gln, gtin, sscc

SHOP, GROWER = UUID(int=5), UUID(int=1)
SITE, PLACE = gln_uri(gln(105)), "https://example.org/countries/zm"
AT = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
RECORDED = AT + timedelta(hours=1)
NAMES = {"giver": "https://example.org/parties/grower", "taker": "https://example.org/parties/shop"}


@dataclass
class Entry:
    index: int
    record_time: datetime
    body: bytes | None


def told(event: dict[str, Any] | None, *, signer: UUID = SHOP) -> list[Observation | Withdrawal]:
    body = None if event is None else builders.body_bytes(event)
    return list(observations.decode(Entry(7, RECORDED, body), signer=signer))


def sold(*quantities: Quantity, **more: Any) -> dict[str, Any]:
    event = builders.observe_event(
        units=[], event_time=AT, biz_step="retail_selling", disposition="retail_sold", biz_location=SITE, **more
    )
    written = [
        {"epcClass": q.epc_class, "quantity": q.quantity, **({"uom": q.uom} if q.uom else {})} for q in quantities
    ]
    return event | {"quantityList": written}


def accepted(*counted: Quantity, **more: Any) -> dict[str, Any]:
    more = {"biz_location": SITE, **more}
    return builders.accept_event(units=[sscc(1)], event_time=AT, counted=counted, **NAMES, **more)


def test_what_a_site_sells_is_its_demand_by_product_without_lots() -> None:
    lots = [Quantity(APPLES_LOT, 3), Quantity(gtin(101, "A2"), 4), Quantity(PEARS_LOT, 2.5, "KGM")]
    found = told(sold(*lots, event_id="urn:x:1"))
    assert [(o.kind, o.product, o.site, o.unit, o.quantity) for o in found if isinstance(o, Observation)] == [
        ("consumption", APPLES, SITE, "", 7.0),
        ("consumption", PEARS, SITE, "KGM", 2.5),
    ]
    assert found[0] == Observation(
        "consumption", APPLES, SITE, "", SHOP, AT, RECORDED, 7.0, False, 7, f"{SHOP.hex} urn:x:1"
    )


def test_a_receipt_is_what_the_taker_counted() -> None:
    [found] = told(accepted(Quantity(APPLES_LOT, 48)))
    assert isinstance(found, Observation)
    assert (found.kind, found.quantity, found.site, found.tenant) == ("receipts", 48.0, SITE, SHOP)


def test_an_acceptance_without_a_count_tells_nothing() -> None:
    assert told(accepted()) == []


def test_a_dispatch_tells_what_was_sent_to_the_site_where_it_ends() -> None:
    event = builders.dispatch_event(
        units=[sscc(1)], event_time=AT, contents=[Quantity(APPLES_LOT, 50)], final_location=PLACE, **NAMES
    )
    [found] = told(event, signer=GROWER)
    assert isinstance(found, Observation)
    assert (found.kind, found.site, found.tenant, found.quantity) == ("dispatches", PLACE, GROWER, 50.0)


def test_a_dispatch_without_a_place_is_to_its_taker() -> None:
    event = builders.dispatch_event(units=[sscc(1)], event_time=AT, contents=[Quantity(APPLES_LOT, 50)], **NAMES)
    [found] = told(event, signer=GROWER)
    assert isinstance(found, Observation) and found.site == NAMES["taker"]


@pytest.mark.parametrize(
    "event",
    [
        builders.pack_event(unit=sscc(1), contents=[Quantity(APPLES_LOT, 5)], event_time=AT, read_point=SITE),
        builders.unpack_event(unit=sscc(1), event_time=AT, biz_location=SITE),
        builders.observe_event(units=[sscc(1)], event_time=AT, read_point=SITE),
        builders.commission_event(quantities=[Quantity(APPLES_LOT, 5)], event_time=AT, read_point=SITE),
        accepted(Quantity(APPLES_LOT, 5), biz_location=None),
        sold(),
    ],
    ids=["pack", "unpack", "observe", "commission", "nowhere", "nothing"],
)
def test_other_events_tell_nothing(event: dict[str, Any]) -> None:
    if event["bizStep"] == "retail_selling":
        event = event | {"epcList": [sscc(9)]}
        del event["quantityList"]
    assert told(event) == []


@pytest.mark.parametrize("body", [None, b"", b"not json shipping", b'{"forecast":"receiving"}'])
def test_a_body_that_is_no_event_tells_nothing(body: bytes | None) -> None:
    assert list(observations.decode(Entry(7, RECORDED, body), signer=SHOP)) == []


def test_attested_history_is_known_when_its_source_recorded_it_and_not_before_it_happened() -> None:
    recorded, early = AT + timedelta(days=3), AT - timedelta(days=3)
    for known_at, expected in ((recorded, recorded), (early, AT)):
        [found] = told(accepted(Quantity(APPLES_LOT, 48), known_at=known_at))
        assert isinstance(found, Observation)
        assert (found.attested, found.known_at) == (True, expected)


def test_an_error_declaration_withdraws_what_its_event_said() -> None:
    event = accepted(Quantity(APPLES_LOT, 48), event_id="urn:x:1")
    [found] = told(event)
    assert isinstance(found, Observation)
    wrong = builders.error_declaration(event, declaration_time=AT)
    assert told(wrong) == [Withdrawal(found.source, RECORDED)]


def test_products_and_places_may_be_private() -> None:
    tea = "https://example.org/classes/tea"
    [found] = told(accepted(Quantity(tea, 3), biz_location=PLACE))
    assert isinstance(found, Observation) and (found.product, found.site) == (tea, PLACE)


def test_each_series_keeps_the_best_kind_it_has() -> None:
    events = [
        (sold(Quantity(APPLES_LOT, 1)), SHOP),
        (accepted(Quantity(APPLES_LOT, 9), Quantity(PEARS_LOT, 2)), SHOP),
        (
            builders.dispatch_event(
                units=[sscc(1)], event_time=AT, contents=[Quantity(PEARS_LOT, 3)], final_location=SITE, **NAMES
            ),
            SHOP,
        ),
        (
            builders.dispatch_event(
                units=[sscc(1)], event_time=AT, contents=[Quantity(PEARS_LOT, 3)], final_location=PLACE, **NAMES
            ),
            SHOP,
        ),
    ]
    found = [each for event, signer in events for each in told(event, signer=signer) if isinstance(each, Observation)]
    kept = {(each.kind, each.product, each.site) for each in observations.choose_kinds(found)}
    assert kept == {
        ("consumption", APPLES, SITE),
        ("receipts", PEARS, SITE),
        ("dispatches", PEARS, PLACE),
    }


def test_forecasting_reads_what_was_captured(world: Any) -> None:
    unit = sscc(1)
    world.grower.pack(unit)
    world.grower.dispatch(unit, world.shop)
    world.shop.accept(unit, world.grower, Quantity(APPLES_LOT, 48))
    world.shop.capture(sold(Quantity(PEARS_LOT, 5)) | {"eventTime": builders.format_time(world.later())})
    history = demand_history()
    assert [(each.key.kind, each.key.product, each.key.tenant) for each in history.series] == [
        ("consumption", PEARS, world.shop.id),
        ("receipts", APPLES, world.shop.id),
    ]
    assert history.checkpoint is not None
