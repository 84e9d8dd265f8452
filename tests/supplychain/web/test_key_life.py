"""Keys in time, on pages: they end and are renewed, are revoked as of an entry, and another party's by two people."""

import json
import secrets
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from nacl.signing import SigningKey

from ledger import operations as ledger_operations
from ledger import queries as log
from ledger import tenancy
from ledger.tlog import keys
from ledger.tlog.text import encode_base64, encode_base64url
from supplychain import operations
from supplychain.models import Approval, KeyRequest, Membership, Role, User
from supplychain.operations import reminders
from tests.cast import sscc
from tests.supplychain.web.test_keys import ask, key, state  # noqa: F401


@pytest.fixture
def device(world, people, sign_in, key):  # noqa: F811
    """A key of the packer's operator, approved; the id of its registration."""
    ask(sign_in(people.packer), world.packer.id, key)
    request = KeyRequest.objects.get()
    sign_in(people.packer_manager).post(f"/keys/requests/{request.pk}/approve/")
    return request


def renewal(party, old, new, **change):
    statement_id, public_key = secrets.token_hex(16), bytes(new.verify_key)
    new_id, old_id = keys.key_id(public_key), keys.key_id(bytes(old.verify_key))
    pop = new.sign(keys.pop_message(log.origin(), party.hex, "device", new_id, statement_id)).signature
    vouch = old.sign(keys.renewal_message(log.origin(), old_id, new_id, statement_id)).signature
    told = {
        "public_key": encode_base64url(public_key),
        "statement_id": statement_id,
        "pop": encode_base64(pop),
        "old_key": old_id,
        "vouch": encode_base64(vouch),
    }
    return json.dumps(told | change)


def renew(client, *args, **change):
    return client.post("/device/renew/", renewal(*args, **change), content_type="application/json")


def test_a_devices_key_ends_after_ninety_days(world, people, sign_in, device):
    registered = log.entry(log.key(device.key_id).registered_index).record_time_ms
    ninety = timedelta(days=90) / timedelta(milliseconds=1)
    assert abs(log.key(device.key_id).expires_ms - registered - ninety) < 60_000
    assert "ends " in sign_in(people.packer_manager).get("/keys/").content.decode()
    told = sign_in(people.packer).get("/device/key/", {"key": device.key_id}).json()
    assert told["ends"] == log.key(device.key_id).expires_ms


def test_a_device_renews_its_key_by_itself_and_both_are_valid_meanwhile(world, people, sign_in, device, key):  # noqa: F811
    operator, new = sign_in(people.packer), SigningKey.generate()
    assert renew(operator, world.packer.id, key, new).json() == {"state": "approved"}
    assert state(operator, new) == "approved" and state(operator, key) == "approved"
    assert KeyRequest.objects.get(key_id=keys.key_id(bytes(new.verify_key))).label == "Dock 4"


def test_nobody_renews_with_a_key_that_is_not_theirs(world, people, sign_in, device, key):  # noqa: F811
    operator, other = sign_in(people.packer), sign_in(people.packer_manager)
    new = SigningKey.generate()
    assert renew(other, world.packer.id, key, new).status_code == 409  # another person of the same party
    assert renew(sign_in(people.stranger), world.stranger.id, key, new).status_code == 409
    forged = encode_base64(new.sign(b"x").signature)
    assert renew(operator, world.packer.id, key, new, vouch=forged).status_code == 422
    operations.revoke_key(device.key_id, party=world.packer.id, now=world.later())
    assert renew(operator, world.packer.id, key, new).status_code == 409
    assert log.key(keys.key_id(bytes(new.verify_key))) is None


def test_managers_are_told_of_a_key_that_ends_soon_once(world, people, device, settings):
    ends = datetime.fromtimestamp(log.key(device.key_id).expires_ms / 1000, UTC)
    assert reminders.remind(now=ends - timedelta(days=15)) == 0
    assert reminders.remind(now=ends - timedelta(days=13)) == 1
    assert reminders.remind(now=ends - timedelta(days=1)) == 0
    [sent] = mail.outbox
    assert sent.to == sorted([people.packer_manager.email, people.packer.email])
    assert device.key_id in sent.body and "Dock 4" in sent.body


def test_the_tower_reminds_the_manager_and_the_holder_of_a_key_that_ends_soon(world, people, sign_in, device, settings):
    def tower(user, **headers):
        return sign_in(user).get("/", headers=headers).content.decode()

    assert "Dock 4" not in tower(people.packer_manager)
    settings.WAYLOG_KEY_REMINDER_DAYS = 91
    assert "<b>Dock 4</b>, device key, signs for you until" in tower(people.packer_manager)
    assert 'href="/device/">on that device</a>' in tower(people.packer, **{"HX-Request": "true"})
    for other in (people.packer_viewer, people.stranger):
        assert "Dock 4" not in tower(other)


def test_a_revocation_as_of_an_entry_disputes_what_came_after_until_the_party_stands_by_it(world, people, sign_in):
    manager = sign_in(people.packer_manager)
    old = log.key(log.entry(world.packer.pack(sscc(1)).index).key_id)
    late = world.packer.observe(sscc(1), 4.0).index
    manager.post("/keys/managed/replace/")
    assert manager.post(f"/keys/{old.key_id}/revoke/", {"last_valid_index": late - 1}).status_code == 302
    assert log.disputed_of(world.packer.id) == [late]
    page = manager.get("/keys/").content.decode()
    assert "Disputed entries" in page and f'value="{late}"' in page
    shipment = manager.get(f"/shipments/{world.shipment(sscc(1)).pk}/").content.decode()
    assert "disputed" in shipment
    manager.post("/keys/attest/", {"indices": "0-3"})  # not its own: refused
    assert log.disputed_of(world.packer.id) == [late]
    manager.post("/keys/attest/", {"indices": str(late)})
    assert log.disputed_of(world.packer.id) == []
    assert "Disputed entries" not in manager.get("/keys/").content.decode()


def test_the_managed_key_that_signs_now_is_not_revoked_by_hand(world, people, sign_in):
    manager = sign_in(people.packer_manager)
    signs = log.entry(world.packer.pack(sscc(1)).index).key_id
    assert manager.post(f"/keys/{signs}/revoke/").status_code == 404
    manager.post("/keys/managed/replace/")
    assert log.entry(world.packer.observe(sscc(1), 4.0).index).key_id != signs
    assert manager.post(f"/keys/{signs}/revoke/").status_code == 302
    assert log.key(signs).revoked_index is not None


# --- another party's key: two people ---


@pytest.fixture
def two(world):
    """Two managers of the party that runs this server."""
    with tenancy.system():
        from supplychain.models import Party

        operator = Party.objects.get(is_operator=True)
    made = []
    for name in ("one", "two"):
        user = User.objects.create_user(f"{name}@operator.example", None, name=name.title())
        Membership.objects.create(user=user, party=operator, role=Role.MANAGER)
        made.append(user)
    return made


def managed_key(world):
    return log.entry(world.grower.pack(sscc(5)).index).key_id


def test_another_partys_key_is_revoked_by_two_people(world, sign_in, two):
    key_id = managed_key(world)
    one, other = map(sign_in, two)
    assert one.post("/keys/approvals/ask/", {"key_id": key_id}).status_code == 302
    asked = Approval.objects.get()
    assert log.entry(asked.index).statement.type == "approval.request"
    assert key_id in other.get("/keys/approvals/").content.decode()
    one.post(f"/keys/approvals/{asked.pk}/approve/")  # the same person
    assert log.key(key_id).revoked_index is None
    other.post(f"/keys/approvals/{asked.pk}/approve/")
    asked.refresh_from_db()
    assert log.key(key_id).revoked_index == asked.done_index
    done = log.entry(asked.done_index)
    assert log.key(done.key_id).role == "root"
    assert done.statement.claims["approval"] == bytes(asked.statement_hash).hex()


def test_the_page_names_the_keys_that_may_be_asked_for(world, sign_in, two):
    key_id = managed_key(world)
    page = sign_in(two[0]).get("/keys/approvals/").content.decode()
    assert f'<option value="{key_id}">Grower: managed key {key_id[:10]}…' in page
    assert "root key" not in page
    sign_in(two[0]).post("/keys/approvals/ask/", {"key_id": key_id})
    sign_in(two[1]).post(f"/keys/approvals/{Approval.objects.get().pk}/approve/")
    assert f'<option value="{key_id}"' not in sign_in(two[0]).get("/keys/approvals/").content.decode()


def test_a_request_is_refused_or_taken_back(world, sign_in, two):
    key_id = managed_key(world)
    one, other = map(sign_in, two)
    one.post("/keys/approvals/ask/", {"key_id": key_id})
    asked = Approval.objects.get()
    assert one.post(f"/keys/approvals/{asked.pk}/refuse/").status_code == 302
    other.post(f"/keys/approvals/{asked.pk}/approve/")
    assert log.key(key_id).revoked_index is None


def test_only_managers_of_the_party_that_runs_the_server_do_this(world, people, sign_in, two):
    key_id = managed_key(world)
    stranger = sign_in(people.stranger)
    assert stranger.get("/keys/approvals/").status_code == 403
    assert stranger.post("/keys/approvals/ask/", {"key_id": key_id}).status_code == 403
    assert not Approval.objects.exists()


def test_what_cannot_be_revoked_is_not_asked_for(world, sign_in, two):
    one = sign_in(two[0])
    root = next(each.key_id for each in log.keys_of() if each.role == "root")
    for key_id in (root, "A" * 43, "x"):
        assert one.post("/keys/approvals/ask/", {"key_id": key_id}).status_code in (409, 422)
    late = {"key_id": managed_key(world), "last_valid_index": 99_999}
    assert one.post("/keys/approvals/ask/", late).status_code == 409
    assert not Approval.objects.exists()


def test_keys_that_ended_say_so(world, people, sign_in, device, key):  # noqa: F811
    ends = datetime.fromtimestamp(log.key(device.key_id).expires_ms / 1000, UTC)
    ledger_operations.expire_keys(now=ends)
    assert state(sign_in(people.packer), key) == "revoked"
