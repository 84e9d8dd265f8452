"""Bundles of a stored log: what the reader needs is in them, what the reader may not see is not."""

import json
import secrets

import pytest

from ledger import bundles, cosigning, keystore, operations, queries
from ledger.admission import Appended
from ledger.tlog.bundle import parse_bundle, verify_bundle
from ledger.tlog.keys import key_id
from ledger.tlog.note import parse_verifier_key
from ledger.tlog.policy import Group, Policy
from ledger.tlog.statement import ZERO, link, parse_statement
from ledger.verified import LogBroken
from tests.ledger.conftest import START
from tests.ledger.witnessing import listening


@pytest.fixture
def shipment(log, grower, carrier):
    """A chain of four acts by two parties, with an observation between; its secret, its indices, all its bodies."""
    return follow(log, [grower, grower, carrier, grower])


def follow(log, members, body=b'{"act":%d}'):
    secret, head, linked, bodies = secrets.token_bytes(16), ZERO, [], {}
    for number, member in enumerate(members):
        given = log.event(member, body=body % number, links=(link(secret, head),), context=(secret,))
        [outcome] = log.append(given)
        assert isinstance(outcome, Appended), outcome
        head = outcome.statement_hash
        linked.append(outcome.index)
        bodies[outcome.index] = (given.body, given.salt)
    return secret, linked, bodies


def trust():
    return Policy((parse_verifier_key(queries.verifier_key()),))


def verified(data):
    return verify_bundle(parse_bundle(data), trust())


def test_a_bundle_brings_entries_chains_bodies_and_the_way_to_the_root_of_every_key(shipment, grower):
    secret, linked, bodies = shipment
    verdict = verified(bundles.make(indices=[], chains={secret: linked}, bodies=bodies))
    assert [chain.indices for chain in verdict.chains] == [tuple(linked)]
    shown = {each.entry.index: each.body for each in verdict.entries if each.body is not None}
    assert shown == {index: body for index, (body, _) in bodies.items()}
    assert {key.role for key in verdict.keys} == {"root", "admin", "external"}


def test_a_body_that_the_reader_may_not_see_is_not_in_the_file(shipment):
    secret, linked, bodies = shipment
    mine = {linked[0]: bodies[linked[0]]}
    data = bundles.make(indices=[], chains={secret: linked}, bodies=mine)
    assert [each.body for each in verified(data).entries if each.body is not None] == [bodies[linked[0]][0]]
    salts = [entry["salt"] for entry in json.loads(data)["entries"] if entry["salt"]]
    assert len(salts) == 1


def test_an_observation_comes_along_without_a_link(shipment, log, carrier):
    secret, linked, _ = shipment
    [seen] = log.append(log.event(carrier))
    verdict = verified(bundles.make(indices=[seen.index], chains={secret: linked}, bodies={}))
    assert seen.index in {each.entry.index for each in verdict.entries}


def revoke(log, member, last):
    claims = {"key": member.key_id, "last_valid_index": last}
    [outcome] = log.append(operations.submission("key.revoke", claims, origin=log.origin, by=member.admin))
    assert isinstance(outcome, Appended), outcome
    return outcome.index


def test_a_revocation_and_what_was_attested_after_it_come_along(shipment, log, carrier):
    secret, linked, _ = shipment
    at = revoke(log, carrier, linked[1])
    verdict = verified(bundles.make(indices=[], chains={secret: linked}, bodies={}))
    assert [each.entry.index for each in verdict.entries if each.is_disputed] == [linked[2]]
    assert at in {each.entry.index for each in verdict.entries}
    claims = {"indices": str(linked[2])}
    [attested] = log.append(operations.submission("key.attest", claims, origin=log.origin, by=carrier.admin))
    verdict = verified(bundles.make(indices=[], chains={secret: linked}, bodies={}))
    assert not any(each.is_disputed for each in verdict.entries)
    assert attested.index in {each.entry.index for each in verdict.entries}


def test_a_bundle_stands_under_the_cosigned_checkpoint_when_that_holds_it_all(
    shipment, log, carrier, grower, tmp_path, settings
):
    secret, linked, _ = shipment
    log_key = parse_verifier_key(queries.verifier_key())
    with listening(tmp_path, logs=[log_key]) as server:
        witness = server.witness.signer.verifier_key()
        settings.WAYLOG_WITNESSES = f"{witness.to_text()} {server.url}"
        cosigning.collect_cosignatures(now=START)
    size = queries.tree_size()
    log.append(log.event(grower))
    quorum = Policy((log_key,), {"w": witness}, {"all": Group(1, ("w",))}, "all")
    data = bundles.make(indices=[], chains={secret: linked}, bodies={})
    verdict = verify_bundle(parse_bundle(data), quorum)
    assert verdict.checkpoint.tree_size == size and len(verdict.cosignatures) == 1
    revoke(log, carrier, linked[1])  # what matters since then is not left out for the sake of a cosignature
    newest = verified(bundles.make(indices=[], chains={secret: linked}, bodies={}))
    assert newest.checkpoint.tree_size == queries.tree_size()


def test_without_an_anchor_the_bundles_own_policy_names_the_log(shipment):
    secret, linked, _ = shipment
    verdict = verify_bundle(parse_bundle(bundles.make(indices=[], chains={secret: linked}, bodies={})), None)
    assert not verdict.is_trusted and verdict.log.to_text() == queries.verifier_key()


def test_an_entry_that_is_not_there_is_missing(shipment):
    with pytest.raises(queries.EntryMissing):
        bundles.make(indices=[10_000], chains={}, bodies={})


def test_no_file_is_made_of_a_chain_that_does_not_follow_or_a_body_that_is_another(shipment):
    secret, linked, bodies = shipment
    with pytest.raises(LogBroken):
        bundles.make(indices=[], chains={secret: linked[1:]}, bodies={})
    with pytest.raises(LogBroken):
        bundles.make(indices=[], chains={secret: linked}, bodies={linked[0]: bodies[linked[1]]})


def test_the_roots_and_the_logs_own_keys_are_shown_as_they_are_registered(log, grower):
    verdict = verified(bundles.make(indices=[2], chains={}, bodies={}))
    by_role = {key.role: key.key_id for key in verdict.keys}
    assert by_role["log"] == queries.head().log_key_id
    assert by_role["root"] == key_id(bytes(keystore.signer_in_role("root").verify_key))
    assert parse_statement(verdict.entries[0].entry.leaf.payload).type == "key.register"
