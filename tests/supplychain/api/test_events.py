"""Signed capture through the API, and reading what was captured."""

from __future__ import annotations

import base64
import gzip
import json
import secrets
from pathlib import Path
from typing import Any

import pytest

from ledger import queries
from ledger.tlog import merkle, proof
from ledger.tlog.checkpoint import open_checkpoint
from ledger.tlog.envelope import format_leaf, parse_envelope
from ledger.tlog.merkle import InclusionProof, leaf_hash, verify_inclusion
from ledger.tlog.note import parse_note, verify_note
from ledger.tlog.statement import ZERO
from supplychain.epcis import builders
from supplychain.epcis.events import Quantity
from supplychain.operations import held_key
from tests.cast import APPLES_LOT, World, sscc
from tests.ledger.witnessing import listening
from tests.supplychain.api.conftest import Caller, Signer, caller_for, verifier_key

UNIT, OTHER = sscc(1), sscc(2)


def result(answer: Any) -> dict[str, Any]:
    [found] = answer.json()["items"]
    return found


def problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    found = answer.json()
    assert found["status"] == status
    assert found["title"]
    assert found["detail"].endswith(".")
    return found


def pointers(found: dict[str, Any]) -> list[str]:
    return [fault["pointer"] for fault in found["errors"]]


# --- taken -----------------------------------------------------------------------------------------------------------


def test_the_answer_says_whether_what_was_appended_is_published(
    grower: Caller, signer: Signer, settings: Any, tmp_path: Path
) -> None:
    assert grower.post("/events", [signer.packed(UNIT)]).json()["state"] == "published"
    with listening(tmp_path / "witness", logs=[verifier_key()]) as witness:
        settings.WAYLOG_WITNESSES = f"{witness.witness.signer.verifier_key().to_text()} {witness.url}"
        settings.WAYLOG_WITNESS_QUORUM = 1
        settings.WAYLOG_PUBLISH_SECONDS = 30
        answer = grower.post("/events", [signer.packed(OTHER)]).json()
    assert answer["state"] == "published"
    signers = [verifier_key(), witness.witness.signer.verifier_key()]
    assert len(verify_note(parse_note(answer["checkpoint"]), signers)) == 2
    found, checkpoint = answer["items"][0], open_checkpoint(answer["checkpoint"], verifiers=signers)
    verify_inclusion(
        InclusionProof(
            found["index"],
            found["inclusion"]["tree_size"],
            tuple(base64.b64decode(each) for each in found["inclusion"]["path"]),
        ),
        leaf=leaf_hash(queries.entry(found["index"]).leaf),
        root=checkpoint.root_hash,
    )
    settings.WAYLOG_PUBLISH_SECONDS = 0.3  # the witness is away now: the entry is there all the same
    answer = grower.post("/events", [signer.packed(sscc(33))])
    assert (answer.status_code, answer.json()["state"]) == (201, "appended")
    assert result(answer)["index"] == queries.tree_size() - 1


def test_one_event_is_appended_and_proven_by_the_answer(grower: Caller, signer: Signer) -> None:
    item = signer.packed(UNIT)
    answer = grower.post("/events", [item])
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    found = result(answer)
    checkpoint = open_checkpoint(answer.json()["checkpoint"], verifiers=[verifier_key()])
    envelope = parse_envelope(item["envelope"])
    leaf = format_leaf(
        record_time_ms=queries.entry(found["index"]).record_time_ms,
        payload=envelope.payload,
        key_id=envelope.key_id,
        signature=envelope.signature,
    )
    assert json.loads(leaf)["recordTime"] == found["record_time"]
    inclusion = merkle.InclusionProof(
        found["index"],
        found["inclusion"]["tree_size"],
        tuple(base64.b64decode(each) for each in found["inclusion"]["path"]),
    )
    merkle.verify_inclusion(inclusion, leaf=merkle.leaf_hash(leaf), root=checkpoint.root_hash)


@pytest.mark.parametrize("shape", ["list", "object", "alone"])
def test_an_item_comes_in_a_list_an_object_or_alone(grower: Caller, signer: Signer, shape: str) -> None:
    item = signer.packed(UNIT)
    data = {"list": [item], "object": {"items": [item]}, "alone": item}[shape]
    assert grower.post("/events", data).status_code == 201


def test_the_same_again_is_a_200_with_the_same_place(grower: Caller, signer: Signer) -> None:
    item = signer.packed(UNIT)
    first = result(grower.post("/events", [item]))
    again = grower.post("/events", [item])
    assert again.status_code == 200
    assert {**result(again), "inclusion": 0} == {**first, "status": 200, "inclusion": 0}


def test_the_same_event_signed_again_gets_the_first_answer(grower: Caller, signer: Signer) -> None:
    event = builders.observe_event(units=[sscc(9)], event_time=signer.hand.world.later(), event_id="urn:x:1")
    first = result(grower.post("/events", [signer.item(event)]))
    again = result(grower.post("/events", [signer.item(event)]))
    assert (again["status"], again["index"], again["statement_hash"]) == (200, first["index"], first["statement_hash"])


def test_other_bytes_under_the_same_id_are_a_conflict(grower: Caller, signer: Signer) -> None:
    at = signer.hand.world.later()
    events = [builders.observe_event(units=[sscc(n)], event_time=at, event_id="urn:x:1") for n in (8, 9)]
    grower.post("/events", [signer.item(events[0])])
    assert problem(grower.post("/events", [signer.item(events[1])]), 409)["code"] == "event_id"


def test_several_are_taken_in_order(grower: Caller, signer: Signer) -> None:
    items = [signer.packed(sscc(n)) for n in range(10, 15)]
    answer = grower.post("/events", items)
    assert answer.status_code == 200
    found = answer.json()["items"]
    assert [each["status"] for each in found] == [201] * 5
    assert [each["index"] for each in found] == sorted(each["index"] for each in found)


def test_each_item_stands_or_falls_alone(grower: Caller, signer: Signer) -> None:
    bad = signer.packed(OTHER)
    bad["salt"] = base64.b64encode(b"short").decode()
    answer = grower.post("/events", [signer.packed(UNIT), bad, {"envelop": 1}, signer.seen()])
    assert answer.status_code == 207
    found = answer.json()["items"]
    assert [each["status"] for each in found] == [201, 422, 400, 201]
    assert pointers(found[1]["problem"]) == ["/1/salt"]
    assert found[2]["problem"]["errors"][0]["did_you_mean"] == "envelope"


def test_an_atomic_batch_is_refused_whole(grower: Caller, signer: Signer) -> None:
    size = queries.tree_size()
    good, bad = signer.packed(UNIT), signer.packed(OTHER)
    bad["body"] = base64.b64encode(b"{}").decode()
    for data, path in (([good, bad], "/events?atomic=true"), ({"items": [good, bad], "atomic": True}, "/events")):
        found = problem(grower.post(path, data), 422)
        assert [each["status"] for each in found["items"]] == [409, 422]
        assert queries.tree_size() == size
    assert grower.post("/events?atomic=true", [good]).status_code == 201


def test_an_atomic_batch_with_an_unreadable_item_is_refused_whole(grower: Caller, signer: Signer) -> None:
    size = queries.tree_size()
    found = problem(grower.post("/events?atomic=true", [signer.packed(UNIT), {"body": 1}]), 400)
    assert [each["status"] for each in found["items"]] == [409, 400]
    assert queries.tree_size() == size


def test_a_gzipped_request_is_read_and_a_gzipped_answer_given(grower: Caller, signer: Signer) -> None:
    data = gzip.compress(json.dumps([signer.packed(sscc(n)) for n in range(20, 24)]).encode())
    answer = grower.post("/events", data, Content_Encoding="gzip", Accept_Encoding="gzip")
    assert (answer.status_code, answer["Content-Encoding"]) == (200, "gzip")
    assert len(json.loads(gzip.decompress(answer.content))["items"]) == 4


def test_a_thousand_events_are_taken_at_once_and_each_is_proven(grower: Caller, signer: Signer) -> None:
    items = [signer.seen() for _ in range(1000)]
    answer = grower.post("/events", items).json()
    root = open_checkpoint(answer["checkpoint"], verifiers=[verifier_key()]).root_hash
    assert [each["status"] for each in answer["items"]] == [201] * 1000
    for each in answer["items"][::111]:
        path = tuple(base64.b64decode(step) for step in each["inclusion"]["path"])
        inclusion = merkle.InclusionProof(each["index"], each["inclusion"]["tree_size"], path)
        leaf = merkle.leaf_hash(queries.entry(each["index"]).leaf)
        merkle.verify_inclusion(inclusion, leaf=leaf, root=root)
    again = grower.post("/events", items).json()
    assert [each["index"] for each in again["items"]] == [each["index"] for each in answer["items"]]


# --- refused ---------------------------------------------------------------------------------------------------------


def test_no_token_is_a_401(nobody: Caller, signer: Signer) -> None:
    assert problem(nobody.post("/events", [signer.packed(UNIT)]), 401)


def test_a_token_without_the_scope_is_a_403_that_names_it(world: World, signer: Signer) -> None:
    reader = caller_for(world.grower, "events:read")
    answer = reader.post("/events", [signer.packed(UNIT)])
    assert "events:write" in problem(answer, 403)["detail"]
    assert "insufficient_scope" in answer["WWW-Authenticate"]


def test_a_key_of_another_party_is_a_403(stranger: Caller, signer: Signer) -> None:
    size = queries.tree_size()
    assert problem(stranger.post("/events", [signer.packed(UNIT)]), 403)["code"] == "key"
    assert queries.tree_size() == size


def test_what_another_party_captured_is_a_403_also_when_repeated(
    grower: Caller, stranger: Caller, signer: Signer
) -> None:
    item = signer.packed(UNIT)
    assert grower.post("/events", [item]).status_code == 201
    answer = stranger.post("/events", [item])
    assert problem(answer, 403)["code"] == "key"
    assert "index" not in answer.content.decode()
    found = stranger.post("/events", [item, item]).json()
    assert [each["status"] for each in found["items"]] == [403, 403]
    assert found["checkpoint"] is None


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"", ""),
        (b"{", "line 1, column 2"),
        (b'[{"a":1,"a":2}]', "/0/a"),
        (b"[NaN]", "/0"),
        (b'["\\ud800"]', "/0"),
        (b"\xff", "line 1, column 1"),
        (b"[1e999]", "/0"),
        (b"[9007199254740993]", "/0"),
        (b"[" * 40 + b"]" * 40, ""),
    ],
)
def test_bad_json_is_a_400_that_names_the_place(grower: Caller, data: bytes, place: str) -> None:
    found = problem(grower.post("/events", data), 400)
    assert place in found["detail"] or place in pointers(found)


@pytest.mark.parametrize(
    "data", ["null", "1", '"x"', "[]", "{}", '{"items":[]}', '{"items":{}}', '{"items":[1],"a":1}']
)
def test_what_is_no_list_of_items_is_a_400(grower: Caller, data: str) -> None:
    assert problem(grower.post("/events", data.encode()), 400)["errors"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"index": 5}, "/0/index"),
        ({"record_time": "2020-01-01T00:00:00Z"}, "/0/record_time"),
        ({"tenant": "x"}, "/0/tenant"),
        ({"body": 5}, "/0/body"),
        ({"salt": None}, "/0/salt"),
        ({"envelope": []}, "/0/envelope"),
        ({"envelope": {"paylod": ""}}, "/0/envelope/paylod"),
        ({"chains": []}, "/0/chains"),
        ({"chains": {"a/b": 1}}, "/0/chains/a~1b"),
    ],
)
def test_an_item_of_another_shape_is_a_400_that_names_the_member(
    grower: Caller, signer: Signer, change: dict[str, Any], pointer: str
) -> None:
    found = problem(grower.post("/events", [{**signer.packed(UNIT), **change}]), 400)
    assert pointer in pointers(found)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"body": "!!!"}, "/0/body"),
        ({"body": "YQ"}, "/0/body"),
        ({"body": "YR=="}, "/0/body"),
        ({"salt": "YQ=="}, "/0/salt"),
        ({"envelope": {}}, "/0/envelope"),
        ({"chains": {"urn:x:y": "AAAA"}}, "/0/chains/urn:x:y"),
        ({"body": base64.b64encode(b'{"@context":[],"event":{}}').decode()}, None),
    ],
)
def test_an_item_that_can_never_be_appended_is_a_422(
    grower: Caller, signer: Signer, change: dict[str, Any], pointer: str | None
) -> None:
    found = problem(grower.post("/events", [{**signer.packed(UNIT), **change}]), 422)
    assert pointer is None or pointer in pointers(found)


def test_every_fault_of_a_body_is_listed_with_its_place(grower: Caller, signer: Signer) -> None:
    event = builders.observe_event(units=[sscc(5)], event_time=signer.hand.world.later())
    event |= {"bizStep": "shiping", "eventTimeZoneOffset": "tomorrow"}
    found = problem(grower.post("/events", [signer.item(event)]), 422)
    faults = {fault["pointer"]: fault for fault in found["errors"]}
    assert faults["/0/body/event/bizStep"]["did_you_mean"] == "shipping"
    assert "/0/body/event/eventTimeZoneOffset" in faults


def test_a_signature_that_does_not_hold_is_a_422(grower: Caller, signer: Signer) -> None:
    item = signer.packed(UNIT)
    item["envelope"]["signatures"][0]["sig"] = base64.b64encode(bytes(64)).decode()
    assert problem(grower.post("/events", [item]), 422)["code"] == "signature"


def test_too_many_items_are_a_413(grower: Caller) -> None:
    assert "1,001" in problem(grower.post("/events", [{}] * 1001), 413)["detail"]


def test_too_many_bytes_are_a_413(grower: Caller) -> None:
    assert problem(grower.post("/events", b" " * (16 * 1024 * 1024 + 1)), 413)


def test_a_bomb_is_a_413(grower: Caller) -> None:
    bomb = gzip.compress(bytes(64 * 1024 * 1024))
    assert problem(grower.post("/events", bomb, Content_Encoding="gzip"), 413)


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "x"])
def test_another_media_type_is_a_415(grower: Caller, media_type: str) -> None:
    assert problem(grower.post("/events", b"[]", Content_Type=media_type), 415)


def test_a_body_without_a_length_is_a_411(grower: Caller) -> None:
    assert problem(grower("post", "/events", b"", Transfer_Encoding="chunked"), 411)


def test_another_coding_is_a_415(grower: Caller) -> None:
    answer = grower.post("/events", b"[]", Content_Encoding="br")
    assert problem(answer, 415)
    assert answer["Accept-Encoding"] == "gzip"


def test_a_stale_link_is_a_409_with_the_head_for_a_party(world: World, grower: Caller, signer: Signer) -> None:
    world.grower.pack(UNIT)
    old = world.shipment(UNIT)
    world.grower.dispatch(UNIT, world.carrier)
    event = builders.unpack_event(unit=UNIT, event_time=world.later())
    found = problem(grower.post("/events", [signer.item(event, (bytes(old.chain), bytes(old.head)))]), 409)
    assert found["code"] == "stale_link"
    assert found["head"] == bytes(world.shipment(UNIT).head).hex()
    assert [each["act"] for each in found["since"]] == ["dispatch"]


def test_a_stale_link_is_a_404_for_a_stranger(world: World, stranger: Caller) -> None:
    world.grower.pack(UNIT)
    thief = Signer(world.stranger, held_key(world.stranger.id))
    for unit in (UNIT, OTHER):  # there, and not there: the same answer
        event = builders.unpack_event(unit=unit, event_time=world.later())
        found = problem(stranger.post("/events", [thief.item(event, (bytes(16), ZERO))]), 404)
        assert "head" not in found


def test_what_custody_forbids_is_a_409_in_its_own_words(world: World, grower: Caller, signer: Signer) -> None:
    world.grower.pack(UNIT)
    shipment = world.shipment(UNIT)
    event = builders.accept_event(
        units=[UNIT], giver=world.carrier.uri, taker=world.grower.uri, event_time=world.later()
    )
    link = (bytes(shipment.chain), bytes(shipment.head))
    found = problem(grower.post("/events", [signer.item(event, link)]), 409)
    assert "Grower" in found["detail"]


# --- read ------------------------------------------------------------------------------------------------------------


def test_events_come_newest_first_in_pages(world: World, grower: Caller, signer: Signer) -> None:
    grower.post("/events", [signer.seen(n) for n in range(5)])
    seen, path = [], "/events?limit=2"
    while path:
        page = grower.get(path).json()
        assert len(page["items"]) <= 2
        seen += [each["index"] for each in page["items"]]
        path = page["next"].partition("/api/v1")[2] if page["next"] else None
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == len(set(seen)) == 5


def test_events_are_found_by_what_they_are_about(world: World, grower: Caller) -> None:
    world.grower.pack(UNIT)
    sent = world.grower.dispatch(UNIT, world.carrier)
    world.grower.pack(OTHER)
    event = world.event(sent.index)

    def found(query: str) -> list[int]:
        return [each["index"] for each in grower.get(f"/events?{query}").json()["items"]]

    assert found("act=dispatch") == [sent.index]
    assert found(f"biz_step={event.biz_step}") == [sent.index]
    assert found(f"epc={UNIT}&act=dispatch") == [sent.index]
    assert found(f"epc={APPLES_LOT}&event_type=ObjectEvent") == []
    assert len(found(f"shipment={world.shipment(UNIT).id}")) == 2
    assert len(found(f"party={world.grower.id}")) == 3
    assert sent.index in found("event_time_from=" + event.event_time.isoformat())  # its plus sign unescaped
    assert found("event_time_to=2020-01-01T00:00:00Z") == []
    assert found("record_time_from=2100-01-01T00:00:00Z&record_time_to=2101-01-01T00:00:00Z") == []


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=x",
        "cursor=-1",
        "cursor=99999999999999999999",
        "shipment=x",
        "event_time_from=yesterday",
        "event_time_from=2026-01-01T00:00:00",
        "event_time_from=0001-01-01T00:00:00%2B14:00",
        "epc=",
        "epc=%00",
        "act=sell",
        "act=pack&act=pack",
        "shipmnt=1",
        "index__gt=5",
    ],
)
def test_a_bad_parameter_is_a_400_that_names_it(grower: Caller, query: str) -> None:
    [fault] = problem(grower.get(f"/events?{query}"), 400)["errors"]
    assert fault["parameter"] == query.partition("=")[0]


def test_a_near_miss_is_told(grower: Caller) -> None:
    faults = problem(grower.get("/events?act=dispach&shipmnt=1"), 400)["errors"]
    assert [fault["did_you_mean"] for fault in faults] == ["dispatch", "shipment"]


def test_an_event_is_read_as_it_was_signed(grower: Caller, signer: Signer) -> None:
    item = signer.packed(UNIT)
    index = result(grower.post("/events", [item]))["index"]
    found = grower.get(f"/events/{index}").json()
    assert (found["body"], found["salt"]) == (item["body"], item["salt"])
    assert found["statement"] == item["envelope"]["payload"]
    assert found["signature"] == item["envelope"]["signatures"][0]["sig"]


def test_an_unchanged_page_is_a_304(grower: Caller, signer: Signer) -> None:
    tag = grower.get("/events")["ETag"]
    assert grower.get("/events", If_None_Match=tag).status_code == 304
    grower.post("/events", [signer.seen()])
    assert grower.get("/events", If_None_Match=tag).status_code == 200


def test_a_proof_is_a_file_that_holds_and_the_same_in_json(grower: Caller, signer: Signer) -> None:
    found = result(grower.post("/events", [signer.packed(UNIT)]))
    path = found["proof_url"].partition("/api/v1")[2]
    answer = grower.get(path)
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert proof.verify_in_itself(proof.parse_proof(answer.content)).index == found["index"]
    told = grower.get(path, Accept="application/json").json()
    assert (told["index"], told["checkpoint"]) == (found["index"], queries.checkpoint())


def test_the_shipments_of_an_event_are_those_the_reader_may_see(world: World, carrier: Caller) -> None:
    event = builders.pack_event(unit=UNIT, contents=[Quantity(APPLES_LOT, 1)], event_time=world.later())
    world.grower.capture(event)
    world.grower.pack(OTHER)
    chains = {unit: world.shipment(unit) for unit in (UNIT, OTHER)}
    world.grower.capture(
        builders.dispatch_event(
            units=[UNIT, OTHER], giver=world.grower.uri, taker=world.carrier.uri, event_time=world.later()
        )
    )
    listed = carrier.get("/events?act=dispatch").json()["items"][0]["shipments"]
    assert set(listed) == {str(each.id) for each in chains.values()}


def test_a_random_token_is_no_index(grower: Caller) -> None:
    for index in ("99999999999999999999", str(2**63), "0", "x", "-1", secrets.token_hex(4) + "z"):
        assert problem(grower.get(f"/events/{index}"), 404)
        assert problem(grower.get(f"/proofs/{2**64}"), 404)
