"""Shipments and their chains through the API."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from ledger import queries, tenancy
from ledger.tlog.bundle import parse_bundle, verify_bundle
from ledger.tlog.policy import Policy
from ledger.tlog.statement import ZERO, link
from supplychain.epcis import builders
from tests.cast import APPLES_LOT, World, sscc
from tests.supplychain.api.conftest import Caller, Signer, caller_for, verifier_key

UNIT, OTHER = sscc(1), sscc(2)


def units(answer: Any) -> list[str]:
    return [each["unit"] for each in answer.json()["items"]]


def test_shipments_come_in_pages_the_one_that_moved_last_first(world: World, grower: Caller) -> None:
    for number in range(5):
        world.grower.pack(sscc(number))
    world.grower.dispatch(sscc(1), world.carrier)
    seen, path = [], "/shipments?limit=2"
    while path:
        page = grower.get(path).json()
        seen += [each["unit"] for each in page["items"]]
        path = page["next"].partition("/api/v1")[2] if page["next"] else None
    assert seen == [sscc(n) for n in (1, 4, 3, 2, 0)]


def test_shipments_that_moved_together_are_paged_one_by_one(world: World, grower: Caller) -> None:
    world.grower.commission(*[sscc(n) for n in range(5)])
    seen, path = [], "/shipments?limit=1"
    while path:
        page = grower.get(path).json()
        seen += [each["unit"] for each in page["items"]]
        path = page["next"].partition("/api/v1")[2] if page["next"] else None
    assert sorted(seen) == sorted(sscc(n) for n in range(5))


def test_shipments_are_found_by_state_and_by_whatever_is_at_hand(world: World, grower: Caller) -> None:
    world.grower.pack(UNIT)
    world.grower.pack(OTHER)
    world.grower.dispatch(UNIT, world.carrier)
    assert units(grower.get("/shipments?status=moving")) == [UNIT]
    assert units(grower.get(f"/shipments?q={OTHER}")) == [OTHER]
    assert units(grower.get("/shipments?q=A1&status=open")) == [UNIT, OTHER]
    assert units(grower.get("/shipments?q=nothing-like-it")) == []
    assert grower.get("/shipments?status=lost").status_code == 400


def test_a_shipment_shows_what_is_in_it(world: World, grower: Caller) -> None:
    world.grower.pack(UNIT)
    found = grower.get(f"/shipments/{world.shipment(UNIT).id}").json()
    assert (found["unit"], found["status"], found["custodian"]) == (UNIT, "packed", str(world.grower.id))
    assert [(line["epc"], line["quantity"]) for line in found["lines"]] == [(APPLES_LOT, 50)]
    assert "chain" not in found


def test_the_chain_gives_what_the_next_act_links_to(world: World, grower: Caller, signer: Signer) -> None:
    world.grower.pack(UNIT)
    world.grower.observe(UNIT, 4.0)
    answer = grower.get(f"/shipments/{world.shipment(UNIT).id}/chain")
    assert answer["Cache-Control"] == "private, no-store"
    found = answer.json()
    chain, head = base64.b64decode(found["chain"]), bytes.fromhex(found["head"])
    assert answer["ETag"] == f'"{found["head"]}"'
    assert [each["act"] for each in found["entries"]] == ["pack"]
    assert found["entries"][-1]["statement_hash"] == found["head"]
    with tenancy.system():
        first = queries.entry(found["entries"][0]["index"])
    assert first.statement.links == (link(chain, ZERO),)
    event = builders.dispatch_event(
        units=[UNIT], giver=world.grower.uri, taker=world.carrier.uri, event_time=world.later()
    )
    assert grower.post("/events", [signer.item(event, (chain, head))]).status_code == 201


def test_the_chain_is_a_304_until_an_act_moves_it(world: World, grower: Caller) -> None:
    world.grower.pack(UNIT)
    path = f"/shipments/{world.shipment(UNIT).id}/chain"
    tag = grower.get(path)["ETag"]
    for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        answer = grower.get(path, If_None_Match=known)
        assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", tag)
    world.grower.dispatch(UNIT, world.carrier)
    assert grower.get(path, If_None_Match=tag).status_code == 200


def test_a_secret_is_never_packed_nor_kept(world: World, grower: Caller) -> None:
    world.grower.pack(UNIT)
    answer = grower.get(f"/shipments/{world.shipment(UNIT).id}/chain", Accept_Encoding="gzip")
    assert "Content-Encoding" not in answer
    assert "no-store" in answer["Cache-Control"]


def test_the_taker_sees_the_shipment_from_its_dispatch_on(world: World, carrier: Caller, stranger: Caller) -> None:
    world.grower.pack(UNIT)
    path = f"/shipments/{world.shipment(UNIT).id}"
    assert carrier.get(path).status_code == 404
    world.grower.dispatch(UNIT, world.carrier)
    assert carrier.get(path).status_code == carrier.get(path + "/chain").status_code == 200
    assert len(carrier.get("/events").json()["items"]) == 2
    assert stranger.get(path).status_code == stranger.get(path + "/chain").status_code == 404


@pytest.mark.parametrize("id_", ["x", "0" * 32, "00000000-0000-0000-0000-000000000000", "../events"])
def test_what_is_not_there_is_a_404(grower: Caller, id_: str) -> None:
    answer = grower.get(f"/shipments/{id_}")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"


def test_another_scope_is_a_403(world: World) -> None:
    reader = caller_for(world.grower, "events:read")
    assert reader.get("/shipments").status_code == 403


def test_a_bundle_shows_a_party_all_of_a_shipment_and_is_verified_without_the_server(
    world: World, grower: Caller, carrier: Caller
) -> None:
    world.grower.pack(UNIT)
    world.grower.observe(UNIT, 4.0)
    world.grower.dispatch(UNIT, world.carrier)
    accepted = world.carrier.accept(UNIT, world.grower)
    world.grower.pack(OTHER)
    shipment = world.shipment(UNIT)
    for reader in (grower, carrier):
        answer = reader.get(f"/shipments/{shipment.id}/bundle")
        assert answer["Content-Disposition"] == f'attachment; filename="shipment-{shipment.id}.bundle.json"'
        assert answer["Cache-Control"] == "private, no-store"
        assert "Content-Encoding" not in answer
        verdict = verify_bundle(parse_bundle(answer.content), Policy((verifier_key(),)))
        [chain] = verdict.chains
        assert (chain.scope, chain.indices[-1]) == (shipment.id.hex, accepted.index)
        shown = [each for each in verdict.entries if each.body is not None]
        assert len(shown) == 4
        assert all(UNIT.rpartition("/")[2].encode() in (each.body or b"") for each in shown)


def test_a_bundle_is_for_the_parties_of_the_shipment(world: World, grower: Caller, stranger: Caller) -> None:
    world.grower.pack(UNIT)
    path = f"/shipments/{world.shipment(UNIT).id}/bundle"
    assert stranger.get(path).status_code == 404
    assert caller_for(world.grower, "events:read").get(path).status_code == 403
    assert grower.get(path).status_code == 200
