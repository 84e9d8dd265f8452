"""Keys through the API: asked for with proof of possession, or registered by the party's own admin key."""

from __future__ import annotations

import base64
import secrets
from typing import Any

import pytest
from nacl.signing import SigningKey

from ledger import keystore, queries
from ledger.tlog import envelope, keys
from ledger.tlog.statement import Statement, format_statement
from ledger.tlog.text import decode_base64, decode_base64url, encode_base64, encode_base64url
from supplychain import operations
from supplychain.models import KeyRequest
from tests.cast import Hand, World, sscc
from tests.supplychain.api.conftest import Caller, Signer, caller_for
from tests.supplychain.api.test_events import problem


def asked(hand: Hand, key: SigningKey | None = None, *, role: str = "external", **change: Any) -> dict[str, Any]:
    key, statement_id = key or SigningKey.generate(), secrets.token_hex(16)
    message = keys.pop_message(hand.world.origin, hand.id.hex, role, keys.key_id(bytes(key.verify_key)), statement_id)
    made = {
        "public_key": encode_base64url(bytes(key.verify_key)),
        "role": role,
        "statement_id": statement_id,
        "pop": encode_base64(key.sign(message).signature),
        "label": "warehouse 7",
    }
    return {name: value for name, value in {**made, **change}.items() if value is not ...}


def request_key(hand: Hand) -> KeyRequest:
    """A key of the party that waits for its manager."""
    told = asked(hand)
    public_key, pop = decode_base64url(told.pop("public_key"), "it"), decode_base64(told.pop("pop"), "it")
    return operations.request_key(party=hand.id, public_key=public_key, pop=pop, now=hand.world.now, **told)


def registered(hand: Hand, new: SigningKey, by: SigningKey, *, party: Hand | None = None) -> dict[str, Any]:
    statement_id = secrets.token_hex(16)
    claims = keys.registration_claims(
        new, origin=hand.world.origin, party=(party or hand).id.hex, role="external", statement_id=statement_id
    )
    return signed("key.register", claims, hand, by, statement_id)


def signed(kind: str, claims: dict[str, Any], hand: Hand, by: SigningKey, id_: str | None = None) -> dict[str, Any]:
    payload = format_statement(
        Statement(
            v=1,
            log=hand.world.origin,
            type=kind,
            id=id_ or secrets.token_hex(16),
            key=keys.key_id(bytes(by.verify_key)),
            links=(),
            body=None,
            claims=claims,
        )
    )
    return {"envelope": envelope.sign(payload, by)}


def admin_key(hand: Hand) -> SigningKey:
    return keystore.signer_for(party=hand.id, roles=("admin",))


def test_a_key_with_proof_of_possession_waits_for_the_manager(world: World, grower: Caller) -> None:
    key = SigningKey.generate()
    answer = grower.post("/keys", asked(world.grower, key))
    assert answer.status_code == 202
    found = answer.json()
    assert (found["state"], found["key_id"]) == ("waiting", keys.key_id(bytes(key.verify_key)))
    assert grower.get("/keys").json()["waiting"] == [found]
    assert grower.get(f"/keys/{found['key_id']}").status_code == 404
    operations.approve_key(found["id"], party=world.grower.id, decided_by=None, now=world.now)
    assert grower.get(f"/keys/{found['key_id']}").json()["role"] == "external"
    event = Signer(world.grower, key).seen()
    assert grower.post("/events", [event]).status_code == 201


def test_a_statement_of_the_admin_key_registers_at_once(world: World, grower: Caller) -> None:
    key = SigningKey.generate()
    data = registered(world.grower, key, admin_key(world.grower))
    answer = grower.post("/keys", data)
    assert answer.status_code == 201
    [found] = answer.json()["items"]
    assert queries.key(keys.key_id(bytes(key.verify_key))).registered_index == found["index"]
    assert grower.post("/keys", data).status_code == 200


def test_a_revoked_key_signs_no_more(world: World, grower: Caller) -> None:
    key = SigningKey.generate()
    grower.post("/keys", registered(world.grower, key, admin_key(world.grower)))
    key_id = keys.key_id(bytes(key.verify_key))
    claims = {"key": key_id, "last_valid_index": queries.tree_size()}
    assert grower.post("/keys", signed("key.revoke", claims, world.grower, admin_key(world.grower))).status_code == 201
    assert problem(grower.post("/events", [Signer(world.grower, key).seen()]), 403)["code"] == "key"
    assert grower.get(f"/keys/{key_id}").json()["revoked_index"] is not None


def test_an_admin_key_of_another_party_registers_nothing(world: World, grower: Caller, stranger: Caller) -> None:
    size, key = queries.tree_size(), SigningKey.generate()
    by_grower = registered(world.grower, key, admin_key(world.grower))
    assert problem(stranger.post("/keys", by_grower), 403)
    for_grower = registered(world.stranger, key, admin_key(world.stranger), party=world.grower)
    assert problem(stranger.post("/keys", for_grower), 403)
    assert queries.tree_size() == size


def test_what_another_party_registered_is_a_403_also_when_repeated(
    world: World, grower: Caller, stranger: Caller
) -> None:
    data = registered(world.grower, SigningKey.generate(), admin_key(world.grower))
    assert grower.post("/keys", data).status_code == 201
    assert problem(stranger.post("/keys", data), 403)


def test_an_event_is_not_taken_here(world: World, grower: Caller, signer: Signer) -> None:
    assert problem(grower.post("/keys", signer.packed(sscc(1))), 400)
    item = signer.seen()
    assert problem(grower.post("/keys", item), 422)


def test_a_key_is_asked_for_once(world: World, grower: Caller, carrier: Caller) -> None:
    key = SigningKey.generate()
    assert grower.post("/keys", asked(world.grower, key)).status_code == 202
    assert problem(grower.post("/keys", asked(world.grower, key)), 409)
    assert problem(carrier.post("/keys", asked(world.carrier, key)), 409)


def test_a_proof_made_for_another_party_does_not_hold(world: World, stranger: Caller) -> None:
    assert problem(stranger.post("/keys", asked(world.grower)), 422)["errors"][0]["pointer"] == "/pop"
    assert not KeyRequest.objects.exists()


@pytest.mark.parametrize(
    ("change", "status", "pointer"),
    [
        ({"party": "x"}, 400, "/party"),
        ({"state": "approved"}, 400, "/state"),
        ({"decided_by": 1}, 400, "/decided_by"),
        ({"pop": ...}, 400, ""),
        ({"public_key": 7}, 400, "/public_key"),
        ({"role": "admin"}, 422, "/role"),
        ({"role": "root"}, 422, "/role"),
        ({"statement_id": "x"}, 422, "/statement_id"),
        ({"statement_id": "g" * 32}, 422, "/statement_id"),
        ({"public_key": "AAAA"}, 422, "/public_key"),
        ({"public_key": "A" * 43}, 422, "/public_key"),
        ({"public_key": "a+b/"}, 422, "/public_key"),
        ({"pop": "AAAA"}, 422, "/pop"),
        ({"pop": base64.b64encode(bytes(64)).decode()}, 422, "/pop"),
        ({"label": "x" * 121}, 422, "/label"),
    ],
)
def test_what_is_wrong_with_a_request_is_named(
    world: World, grower: Caller, change: dict[str, Any], status: int, pointer: str
) -> None:
    found = problem(grower.post("/keys", asked(world.grower, **change)), status)
    assert pointer in [fault["pointer"] for fault in found["errors"]]
    assert not KeyRequest.objects.exists()


@pytest.mark.parametrize("data", ["[]", "{}", '"x"', "1", "null", '{"envelope":1}', '{"envelope":{}}'])
def test_what_is_no_key_is_refused(grower: Caller, data: str) -> None:
    assert grower.post("/keys", data.encode()).status_code in (400, 422)


def test_a_party_reads_its_own_keys_and_those_it_met(world: World, grower: Caller, stranger: Caller) -> None:
    own = grower.get("/keys").json()["items"]
    assert {each["party"] for each in own} == {str(world.grower.id)}
    other = stranger.get("/keys").json()["items"][0]["key_id"]
    assert grower.get(f"/keys/{other}").status_code == 404
    world.carrier.observe(sscc(1))
    carrier_key = keys.key_id(bytes(operations.held_key(world.carrier.id).verify_key))
    assert grower.get(f"/keys/{carrier_key}").status_code == 404


def test_a_partners_key_is_shown_to_who_shares_a_shipment(world: World, grower: Caller, carrier: Caller) -> None:
    unit = sscc(1)
    world.grower.pack(unit)
    key_id = keys.key_id(bytes(operations.held_key(world.grower.id).verify_key))
    assert carrier.get(f"/keys/{key_id}").status_code == 404
    world.grower.dispatch(unit, world.carrier)
    assert carrier.get(f"/keys/{key_id}").json()["party"] == str(world.grower.id)


@pytest.mark.parametrize("key_id", ["x", "A" * 43, "A" * 500, "é"])
def test_what_is_no_key_id_is_a_404(grower: Caller, key_id: str) -> None:
    assert grower.get(f"/keys/{key_id}").status_code == 404


def test_writing_keys_asks_for_its_scope(world: World) -> None:
    reader = caller_for(world.grower, "events:read")
    assert reader.get("/keys").status_code == 200
    assert problem(reader.post("/keys", asked(world.grower)), 403)
