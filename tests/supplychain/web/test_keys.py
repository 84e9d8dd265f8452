"""Keys and people: asked for, approved, refused, revoked; accounts and API clients."""

import json
import secrets

import pytest
from nacl.signing import SigningKey

from ledger import queries as log
from ledger.tlog import keys
from ledger.tlog.text import encode_base64, encode_base64url
from supplychain.models import ApiClient, KeyRequest, Membership


def wanted(party, key, **change):
    """What a browser sends for its new key."""
    statement_id = secrets.token_hex(16)
    public_key = bytes(key.verify_key)
    message = keys.pop_message(log.origin(), party.hex, "device", keys.key_id(public_key), statement_id)
    told = {
        "public_key": encode_base64url(public_key),
        "statement_id": statement_id,
        "pop": encode_base64(key.sign(message).signature),
        "label": "Dock 4",
    }
    return json.dumps(told | change)


def ask(client, party, key, **change):
    return client.post("/device/request/", wanted(party, key, **change), content_type="application/json")


@pytest.fixture
def key():
    return SigningKey.generate()


def state(client, key):
    return client.get("/device/key/", {"key": keys.key_id(bytes(key.verify_key))}).json()["state"]


def test_a_key_is_asked_for_approved_and_known_to_the_log(world, people, sign_in, key):
    operator, manager = sign_in(people.packer), sign_in(people.packer_manager)
    assert state(operator, key) == "unknown"
    assert ask(operator, world.packer.id, key).status_code == 201
    assert state(operator, key) == "waiting"
    page = manager.get("/keys/").content.decode()
    assert "Dock 4" in page
    request = KeyRequest.objects.get()
    assert manager.post(f"/keys/requests/{request.pk}/approve/").status_code == 302
    assert state(operator, key) == "approved"
    record = log.key(request.key_id)
    assert (record.party, record.role) == (world.packer.id.hex, "device")


def test_a_refused_key_stays_out_of_the_log(world, people, sign_in, key):
    operator, manager = sign_in(people.packer), sign_in(people.packer_manager)
    ask(operator, world.packer.id, key)
    manager.post(f"/keys/requests/{KeyRequest.objects.get().pk}/refuse/")
    assert state(operator, key) == "refused"
    assert log.key(KeyRequest.objects.get().key_id) is None


def test_a_revoked_key_says_so(world, people, sign_in, key):
    operator, manager = sign_in(people.packer), sign_in(people.packer_manager)
    ask(operator, world.packer.id, key)
    request = KeyRequest.objects.get()
    manager.post(f"/keys/requests/{request.pk}/approve/")
    assert manager.post(f"/keys/{request.key_id}/revoke/").status_code == 302
    assert state(operator, key) == "revoked"


def test_the_manager_of_another_party_decides_nothing(world, people, sign_in, key):
    ask(sign_in(people.packer), world.packer.id, key)
    request, stranger = KeyRequest.objects.get(), sign_in(people.stranger)
    assert b"Dock 4" not in stranger.get("/keys/").content
    for what in ("approve", "refuse"):
        assert stranger.post(f"/keys/requests/{request.pk}/{what}/").status_code == 404
    assert state(stranger, key) == "unknown"
    assert KeyRequest.objects.get().state == "waiting"


def test_an_operator_approves_nothing(world, people, sign_in, key):
    operator = sign_in(people.packer)
    ask(operator, world.packer.id, key)
    assert operator.post(f"/keys/requests/{KeyRequest.objects.get().pk}/approve/").status_code == 403


def test_a_viewer_asks_for_no_key(world, people, sign_in, key):
    assert ask(sign_in(people.packer_viewer), world.packer.id, key).status_code == 403


@pytest.mark.parametrize("change", [{"pop": encode_base64(bytes(64))}, {"statement_id": "f" * 32}])
def test_a_key_that_nobody_proves_to_hold_is_refused(world, people, sign_in, key, change):
    answer = ask(sign_in(people.packer), world.packer.id, key, **change)
    assert answer.status_code == 422
    assert "proof of possession" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("change", [{"pop": 1}, {"more": "x"}, {"public_key": "!"}])
def test_a_malformed_request_is_refused(world, people, sign_in, key, change):
    assert ask(sign_in(people.packer), world.packer.id, key, **change).status_code == 400


def test_a_key_is_asked_for_once(world, people, sign_in, key):
    client = sign_in(people.packer)
    ask(client, world.packer.id, key)
    assert ask(client, world.packer.id, key).status_code == 409


def test_the_keys_that_this_server_holds_are_not_revoked_on_the_page(world, people, sign_in):
    manager = sign_in(people.packer_manager)
    for record in log.keys_of(world.packer.id):
        assert manager.post(f"/keys/{record.key_id}/revoke/").status_code == 404


def test_a_person_is_added_with_a_password_that_is_shown_once(people, sign_in):
    manager = sign_in(people.packer_manager)
    text = manager.post(
        "/keys/people/", {"email": "new@packer.example", "name": "", "role": "operator"}
    ).content.decode()
    assert "shown this once" in text
    assert "shown this once" not in manager.get("/keys/").content.decode()
    assert Membership.objects.get(user__email="new@packer.example").role == "operator"


def test_the_last_manager_stays_one(people, sign_in):
    manager, membership = sign_in(people.packer_manager), people.packer_manager.memberships.get()
    manager.post(f"/keys/people/{membership.pk}/", {"role": "viewer"})
    membership.refresh_from_db()
    assert membership.role == "manager"


def test_a_person_of_another_party_is_not_changed(people, sign_in):
    other = people.carrier.memberships.get()
    assert sign_in(people.packer_manager).post(f"/keys/people/{other.pk}/", {"role": "viewer"}).status_code == 404


def test_an_api_client_is_made_and_removed_by_its_own_manager_alone(people, sign_in):
    manager = sign_in(people.packer_manager)
    answer = manager.post("/keys/clients/", {"client_name": "WMS", "scopes": ["events:write"]})
    assert "shown this once" in answer.content.decode()
    client = ApiClient.objects.get()
    assert client.granted_scopes == "events:write"
    assert sign_in(people.stranger).post(f"/keys/clients/{client.pk}/remove/").status_code == 404
    assert manager.post(f"/keys/clients/{client.pk}/remove/").status_code == 302
    assert not ApiClient.objects.exists()
