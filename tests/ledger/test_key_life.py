"""Keys in time: they come to their end, the log's own is changed, and a bundle brings who agreed."""

import dataclasses
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from nacl.signing import SigningKey

from ledger import audit, bundles, keystore, operations, queries, tenancy
from ledger.admission import Appended, Refusal
from ledger.models import LogHead
from ledger.tasks import expire_keys
from ledger.tlog import keys
from ledger.tlog.bundle import parse_bundle, verify_bundle
from ledger.tlog.note import parse_note, parse_verifier_key, verify_note
from ledger.tlog.policy import Policy
from tests.ledger.conftest import START

DAYS = 90


def enrol(log, member, *, days=DAYS):
    """A device key of the member that ends so many days after the log began."""
    key = SigningKey.generate()
    expires_ms = int((START + timedelta(days=days)).timestamp() * 1000)
    [outcome] = log.append(
        operations.register_submission(
            key, party=member.party, role="device", origin=log.origin, by=member.admin, expires_ms=expires_ms
        )
    )
    assert isinstance(outcome, Appended), outcome
    return dataclasses.replace(member, signer=key, key_id=keys.key_id(bytes(key.verify_key)))


def holds():
    with tenancy.system():
        return audit.check_log().faults == []


def test_a_key_is_revoked_when_its_end_has_come_and_once(log, grower):
    device = enrol(log, grower)
    [signed] = log.append(log.event(device))
    assert operations.expire_keys(now=START + timedelta(days=DAYS, seconds=-1)) == []
    due = START + timedelta(days=DAYS)
    assert operations.expire_keys(now=due) == [device.key_id]
    size = queries.tree_size()
    assert operations.expire_keys(now=due) == [] and queries.tree_size() == size
    record = queries.key(device.key_id)
    assert (record.last_valid_index, record.revoked_index) == (size - 2, size - 1)
    assert not queries.is_disputed(signed.index, device.key_id)
    [refused] = log.append(log.event(device))
    assert isinstance(refused, Refusal) and refused.error.code == "key"
    assert holds()


def test_the_scheduled_job_revokes_with_the_clock_as_it_is(log, grower, settings):
    device, living = enrol(log, grower, days=1), enrol(log, grower, days=40_000)
    expire_keys()
    expire_keys()
    assert queries.key(device.key_id).revoked_index is not None
    assert queries.key(living.key_id).revoked_index is None


def test_the_log_key_revokes_nothing_before_its_end(log, grower):
    device = enrol(log, grower)
    for key_id in (device.key_id, grower.key_id):
        claims = {"key": key_id, "last_valid_index": queries.tree_size() - 1}
        by_log = operations.submission("key.revoke", claims, origin=log.origin, by=keystore.signer_in_role("log"))
        [outcome] = log.append(by_log)
        assert isinstance(outcome, Refusal) and outcome.error.code == "key"


def test_an_expiry_that_is_no_time_is_refused(log, grower):
    key = SigningKey.generate()
    good = operations.register_submission(key, party=grower.party, role="device", origin=log.origin, by=grower.admin)
    from ledger.operations.append import _parse

    said = _parse(good, log.origin)
    for odd in (-1, "tomorrow"):
        odd_one = operations.submission(
            "key.register",
            {**said.claims, "expires": odd},
            origin=log.origin,
            by=grower.admin,
            statement_id=said.id,
        )
        [outcome] = log.append(odd_one)
        assert isinstance(outcome, Refusal) and outcome.error.code == "invalid"


# --- the log key ---


def signers_of(note):
    return [line.note_key_id for line in parse_note(note).signatures]


def test_the_log_key_is_changed_with_both_signing_meanwhile(log, grower):
    old = parse_verifier_key(queries.verifier_key())
    log.append(log.event(grower))
    operations.begin_log_key(now=log.now)
    _, text = queries.verifier_keys()
    new = parse_verifier_key(text)
    assert signers_of(queries.checkpoint()) == [old.note_key_id, new.note_key_id]
    log.append(log.event(grower))
    for known in ([old], [new], [old, new]):  # whoever follows, follows
        assert verify_note(parse_note(queries.checkpoint()), known)
    assert holds()
    operations.finish_log_key(now=log.now)
    assert queries.verifier_keys() == [text]
    log.append(log.event(grower))
    assert signers_of(queries.checkpoint()) == [new.note_key_id]
    assert queries.key(keys.key_id(old.public_key)).revoked_index is not None
    assert holds()


def test_a_bundle_of_the_overlap_is_verified_with_either_key(log, grower):
    [outcome] = log.append(log.event(grower))
    old = Policy((parse_verifier_key(queries.verifier_key()),))
    operations.begin_log_key(now=log.now)
    both = [Policy((parse_verifier_key(text),)) for text in queries.verifier_keys()]
    data = bundles.make(indices=[outcome.index], chains={}, bodies={})
    assert all(verify_bundle(parse_bundle(data), policy).is_trusted for policy in both)
    operations.finish_log_key(now=log.now)
    later = parse_bundle(bundles.make(indices=[outcome.index], chains={}, bodies={}))
    assert verify_bundle(later, both[1]).is_trusted
    with pytest.raises(Exception, match="policy names"):
        verify_bundle(later, old)


def test_the_log_key_is_changed_step_by_step(log):
    with pytest.raises(operations.LogKeyNotChanged):
        operations.finish_log_key(now=log.now)
    operations.begin_log_key(now=log.now)
    with pytest.raises(operations.LogKeyNotChanged):
        operations.begin_log_key(now=log.now)


def test_the_database_lets_the_log_sign_with_registered_log_keys_alone(log, grower):
    for key_id in ("A" * 43, grower.key_id):
        for column in ("log_key_id", "next_log_key_id"):
            with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"UPDATE ledger_head SET {column} = %s", [key_id])
    assert LogHead.objects.get().next_log_key_id is None


# --- two people ---


def test_a_bundle_brings_the_request_of_a_second_person(log, grower, carrier):
    [event] = log.append(log.event(grower))
    claims = {"key": grower.key_id, "last_valid_index": event.index}
    asked = operations.submission(
        "approval.request", {"act": "key.revoke", **claims}, origin=log.origin, by=carrier.admin
    )
    [request] = log.append(asked)
    root = keystore.signer_in_role("root")
    revoke = operations.submission(
        "key.revoke", {**claims, "approval": request.statement_hash.hex()}, origin=log.origin, by=root
    )
    [revoked] = log.append(revoke)
    data = bundles.make(indices=[event.index], chains={}, bodies={})
    trust = Policy((parse_verifier_key(queries.verifier_key()),))
    found = {each.entry.index for each in verify_bundle(parse_bundle(data), trust).entries}
    assert {request.index, revoked.index} <= found
