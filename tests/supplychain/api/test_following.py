"""Following: events in the order in which a party came to read them, those opened to it late too."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cast import World, sscc
from tests.supplychain.api.conftest import Caller, caller_for


def indexes(page: Any) -> list[int]:
    return [each["index"] for each in page.json()["items"]]


def read_on(caller: Caller, place: str, query: str = "") -> tuple[list[int], str]:
    """What comes behind a place, event by event as a program would read it, and the place behind all of it."""
    found = []
    while items := caller.get(f"/events?after={place}&limit=1{query}").json()["items"]:
        found.append(items[0]["index"])
        place = items[0]["position"]
    return found, place


def test_what_is_opened_late_comes_before_what_opened_it_once(world: World, grower: Caller) -> None:
    carrier = caller_for(world.carrier)
    packed = [world.grower.pack(sscc(number)).index for number in (1, 2)]
    own = world.carrier.pack(sscc(9)).index
    found, place = read_on(carrier, "0.0")
    assert (found, place) == ([own], f"{own}.{own}")
    seen = [world.grower.observe(sscc(1)).index for _ in range(2)]
    sent = world.grower.dispatch(sscc(1), world.carrier).index
    assert read_on(carrier, place) == ([packed[0], *seen, sent], f"{sent}.{sent}")
    assert read_on(carrier, f"{sent}.{packed[0]}")[0] == [*seen, sent]
    assert read_on(carrier, "0.0")[0] == [own, packed[0], *seen, sent]
    assert read_on(carrier, f"{sent}.{sent}")[0] == []
    assert read_on(grower, "0.0")[0] == [*packed, *seen, sent]
    assert read_on(carrier, "0.0", "&act=pack")[0] == [own, packed[0]]
    assert read_on(carrier, "0.0", "&act=accept")[0] == []


def test_pages_lead_on_and_an_index_stays_the_order_of_the_log(world: World) -> None:
    carrier = caller_for(world.carrier)
    packed, own = world.grower.pack(sscc(1)).index, world.carrier.pack(sscc(9)).index
    sent = world.grower.dispatch(sscc(1), world.carrier).index
    first = carrier.get("/events?after=0.0&limit=2")
    assert indexes(first) == [own, packed]
    rest = carrier.http.get(first.json()["next"], headers={"Authorization": f"Bearer {carrier.token}"})
    assert (indexes(rest), rest.json()["next"]) == ([sent], None)
    by_index = carrier.get("/events?after=-1")
    assert indexes(by_index) == [packed, own, sent] and "position" not in by_index.json()["items"][0]
    assert indexes(carrier.get(f"/events?after={own}")) == [sent]


def test_a_stranger_follows_nothing(world: World, stranger: Caller) -> None:
    world.grower.pack(sscc(1))
    world.grower.dispatch(sscc(1), world.carrier)
    assert read_on(stranger, "0.0") == ([], "0.0")


@pytest.mark.parametrize("place", ["1.", ".1", "1.-1", "1.2.3", "-1.0", "01.1", "1.x", f"{2**63}.0", "1.²"])
def test_what_is_no_place_is_refused(grower: Caller, place: str) -> None:
    answer = grower.get(f"/events?after={place}")
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (400, "after")


def test_the_last_place_there_can_be_and_a_place_with_a_cursor(grower: Caller) -> None:
    assert indexes(grower.get(f"/events?after={2**63 - 1}.{2**63 - 1}")) == []
    answer = grower.get("/events?after=1.1&cursor=1")
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (400, "cursor")
