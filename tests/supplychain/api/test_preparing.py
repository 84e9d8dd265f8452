"""What events must be linked to, asked before they are signed."""

from __future__ import annotations

import base64
import secrets
from typing import Any

import pytest

from ledger.tlog import envelope
from ledger.tlog.statement import ZERO
from supplychain.epcis import builders
from supplychain.epcis.events import Quantity
from tests.cast import APPLES_LOT, World, sscc
from tests.supplychain.api.conftest import ALL, Caller, Signer, caller_for

UNIT, OTHER = sscc(1), sscc(2)


def encoded(*events: dict[str, Any]) -> dict[str, list[str]]:
    return {"bodies": [base64.b64encode(builders.body_bytes(event)).decode() for event in events]}


def packed(world: World, unit: str) -> dict[str, Any]:
    contents = [Quantity(APPLES_LOT, 50)]
    return dict(
        builders.pack_event(
            unit=unit, contents=contents, event_time=world.later(), event_id=f"urn:uuid:{secrets.token_hex(16)}"
        )
    )


def dispatched(world: World, unit: str) -> dict[str, Any]:
    return dict(
        builders.dispatch_event(
            units=[unit],
            giver=world.grower.uri,
            taker=world.carrier.uri,
            event_time=world.later(),
            event_id=f"urn:uuid:{secrets.token_hex(16)}",
        )
    )


def sign_as_told(signer: Signer, events: list[dict[str, Any]], told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sign each event with the links that the answer describes, as a program would."""
    secret_of: dict[tuple[int, str], bytes] = {}
    heads: list[bytes] = []
    items = []
    for position, (event, need) in enumerate(zip(events, told, strict=True)):
        links, chains = [], {}
        for link in need["links"]:
            if link["opens"]:
                chain = chains[link["unit"]] = secret_of[position, link["unit"]] = secrets.token_bytes(16)
            elif link["opened_by"] is not None:
                chain = secret_of[link["opened_by"], link["unit"]]
            else:
                chain = base64.b64decode(link["chain"])
            head = heads[link["after"]] if link["after"] is not None else ZERO
            links.append((chain, bytes.fromhex(link["head"]) if link["head"] else head))
        item = signer.item(event, *links, chains=chains)
        heads.append(envelope.statement_hash(base64.b64decode(item["envelope"]["payload"])))
        items.append(item)
    return items


def test_a_way_is_signed_from_what_was_told(world: World, grower: Caller, signer: Signer) -> None:
    first = [packed(world, UNIT), packed(world, OTHER), dispatched(world, UNIT)]
    told = grower.post("/events/prepare", encoded(*first)).json()["items"]
    assert [each["act"] for each in told] == ["pack", "pack", "dispatch"]
    assert told[2]["links"][0] | {"unit": ""} == {
        "unit": "", "shipment": None, "chain": None, "head": None, "after": 0, "opened_by": 0, "opens": False,
    }  # fmt: skip
    answer = grower.post("/events", sign_as_told(signer, first, told))
    assert answer.status_code == 200, answer.content

    then = [dispatched(world, OTHER)]
    told = grower.post("/events/prepare", encoded(*then)).json()["items"]
    [link] = told[0]["links"]
    assert link["shipment"]
    assert len(base64.b64decode(link["chain"])) == 16
    assert grower.post("/events", sign_as_told(signer, then, told)).status_code == 201


def test_a_stranger_is_not_told_of_anothers_shipment(world: World, stranger: Caller) -> None:
    world.grower.pack(UNIT)
    [need] = stranger.post("/events/prepare", encoded(dispatched(world, UNIT))).json()["items"]
    [link] = need["links"]
    assert (link["shipment"], link["chain"], link["head"]) == (None, None, None)
    assert not {bytes(world.shipment(UNIT).chain).hex(), str(world.shipment(UNIT).id)} & {str(v) for v in link.values()}


def test_an_observation_needs_no_link(world: World, grower: Caller) -> None:
    seen = builders.observe_event(units=[UNIT], event_time=world.later(), event_id="urn:uuid:1")
    [need] = grower.post("/events/prepare", encoded(dict(seen))).json()["items"]
    assert need == {"act": "observe", "links": []}


def test_an_invalid_body_carries_its_faults_and_the_others_their_positions(world: World, grower: Caller) -> None:
    wrong = packed(world, OTHER) | {"bizStep": "paking"}
    told = grower.post("/events/prepare", encoded(wrong, packed(world, UNIT), dispatched(world, UNIT))).json()["items"]
    [fault] = told[0]["problem"]["errors"]
    assert (fault["pointer"], fault["did_you_mean"]) == ("/bodies/0/event/bizStep", "packing")
    assert told[2]["links"][0]["after"] == 1


@pytest.mark.parametrize(
    ("data", "status"),
    [([], 400), ({"bodies": []}, 400), ({"bodies": ["*"] * 1001}, 413), ({"bodies": ["AA=="], "x": 1}, 400)],
    ids=["a list", "none", "too many", "an unknown member"],
)
def test_what_is_no_request_is_refused(grower: Caller, data: Any, status: int) -> None:
    assert grower.post("/events/prepare", data).status_code == status


def test_both_scopes_are_needed(world: World) -> None:
    for missing in ("events:write", "shipments:read"):
        caller = caller_for(world.grower, ALL.replace(missing, "").strip())
        assert caller.post("/events/prepare", encoded(packed(world, UNIT))).status_code == 403


def test_events_are_followed_from_the_oldest(world: World, grower: Caller) -> None:
    world.grower.pack(UNIT)
    world.grower.pack(OTHER)
    first = grower.get("/events?after=-1&limit=1").json()
    second = grower.get(first["next"].split("/api/v1", 1)[1]).json()
    indices = [first["items"][0]["index"], second["items"][0]["index"]]
    assert indices == sorted(indices)
    assert indices[0] < indices[1]
    rest = grower.get(f"/events?after={indices[1]}").json()
    assert all(each["index"] > indices[1] for each in rest["items"])
    assert grower.get("/events?after=-2").status_code == 400
