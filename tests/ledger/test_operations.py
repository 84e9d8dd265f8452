"""Appending: what holds gets a place, what does not gets a reason, and nothing lies in between."""

import dataclasses
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from ledger import audit, bulk, keystore, operations, queries, tenancy
from ledger.admission import Appended, Refusal, Repeated, Submission, scope_of
from ledger.models import Body, Entry, LogHead, ScopeReader, Tile
from ledger.operations.append import _parse
from ledger.tlog import envelope, keys, merkle, statement
from tests.ledger.conftest import Log, Member


def code(outcome: object) -> str:
    assert isinstance(outcome, Refusal), outcome
    return outcome.error.code


def test_the_first_entries_register_root_admin_log_and_forecaster(log: Log) -> None:
    assert [record.role for record in queries.keys_of()] == ["root", "admin", "log", "forecaster"]
    assert queries.entry(0).statement.type == "key.register"


def test_a_log_is_made_only_once(log: Log) -> None:
    with pytest.raises(operations.LogExists):
        operations.create_log(host="log.example", operator=log.operator, operator_body=b"{}", now=log.now)


def test_an_event_gets_the_next_index_and_its_proof_holds(log: Log, grower: Member) -> None:
    before = queries.tree_size()
    [outcome] = log.append(log.event(grower))
    assert isinstance(outcome, Appended) and outcome.index == before
    head = queries.head()
    [proof] = queries.inclusion_proofs([outcome.index])
    merkle.verify_inclusion(proof, leaf=merkle.leaf_hash(queries.entry(outcome.index).leaf), root=bytes(head.root_hash))


def test_the_same_statement_again_answers_with_the_first_place(log: Log, grower: Member) -> None:
    item = log.event(grower)
    [first] = log.append(item)
    [again] = log.append(item)
    assert isinstance(again, Repeated) and again.index == first.index
    outcomes = log.append(twice := log.event(grower), twice)
    assert isinstance(outcomes[0], Appended) and isinstance(outcomes[1], Repeated)


def test_a_flipped_signature_bit_is_refused_and_leaves_nothing(log: Log, grower: Member) -> None:
    item, before = log.event(grower), queries.tree_size()
    bad = bytes([item.envelope.signature[0] ^ 1]) + item.envelope.signature[1:]
    [outcome] = log.append(dataclasses.replace(item, envelope=dataclasses.replace(item.envelope, signature=bad)))
    assert code(outcome) == "signature"
    assert queries.tree_size() == before


def test_a_body_that_the_statement_does_not_commit_to_is_refused(log: Log, grower: Member) -> None:
    item = log.event(grower)
    assert code(log.append(dataclasses.replace(item, body=b"{}"))[0]) == "invalid"
    assert code(log.append(dataclasses.replace(item, salt=bytes(32)))[0]) == "invalid"
    assert code(log.append(dataclasses.replace(item, body=None, salt=None))[0]) == "invalid"


def test_a_statement_for_another_log_is_refused(log: Log, grower: Member) -> None:
    foreign = operations.submission("event", {}, origin="log.example/0000000000000000", by=grower.signer, body=b"{}")
    assert code(log.append(foreign)[0]) == "invalid"


def test_a_key_that_nobody_registered_may_not_sign(log: Log, grower: Member) -> None:
    stranger = Member(grower.party, keystore.SigningKey.generate(), keystore.SigningKey.generate(), "")
    assert code(log.append(log.event(stranger))[0]) == "key"


def test_a_commitment_is_never_used_twice(log: Log, grower: Member) -> None:
    first = log.event(grower)
    log.append(first)
    said = _parse(first, log.origin)
    again = envelope.sign(statement.format_statement(dataclasses.replace(said, id="0" * 32)), grower.signer)
    outcome = log.append(Submission(envelope.parse_envelope(again), first.body, first.salt))[0]
    assert code(outcome) == "commitment"


def test_the_database_itself_takes_no_statement_twice(log: Log, grower: Member) -> None:
    outcomes = log.append(log.event(grower), ask(log, grower, grower.key_id, queries.tree_size() - 1))
    for outcome in outcomes:
        assert isinstance(outcome, Appended)
        row = Entry.objects.get(index=outcome.index)
        row.index += 1_000
        with pytest.raises(IntegrityError), transaction.atomic():
            row.save(force_insert=True)


def test_a_statement_without_a_body_again_answers_with_the_first_place(log: Log, grower: Member) -> None:
    item = ask(log, grower, grower.key_id, queries.tree_size() - 1)
    [first] = log.append(item)
    assert isinstance(first, Appended)
    event, again = log.append(log.event(grower), item)
    assert isinstance(event, Appended)
    assert isinstance(again, Repeated) and again.index == first.index


def test_items_stand_or_fall_alone_unless_the_batch_is_atomic(log: Log, grower: Member) -> None:
    log.rule.refuse = lambda pending: pending.body == b'{"bad":1}'
    batch = [log.event(grower), log.event(grower, body=b'{"bad":1}'), log.event(grower)]
    before = queries.tree_size()
    outcomes = log.append(*batch, atomic=True)
    assert [code(outcome) for outcome in outcomes] == ["batch", "refused", "batch"]
    assert queries.tree_size() == before and log.rule.projected[-1:] != [before]
    outcomes = log.append(*batch)
    assert [type(outcome) for outcome in outcomes] == [Appended, Refusal, Appended]
    assert [outcomes[0].index, outcomes[2].index] == [before, before + 1]


def test_an_item_repeated_inside_a_refused_atomic_batch_gets_no_place(log: Log, grower: Member) -> None:
    log.rule.refuse = lambda pending: pending.body == b'{"bad":1}'
    [before] = log.append(earlier := log.event(grower))
    twice = log.event(grower)
    outcomes = log.append(earlier, twice, twice, log.event(grower, body=b'{"bad":1}'), atomic=True)
    assert isinstance(outcomes[0], Repeated) and outcomes[0].index == before.index
    assert [code(outcome) for outcome in outcomes[1:]] == ["batch", "batch", "refused"]


def test_record_times_never_decrease_even_when_the_clock_does(log: Log, grower: Member) -> None:
    [first] = log.append(log.event(grower))
    log.minutes = -500
    [second] = log.append(log.event(grower))
    assert second.record_time_ms == first.record_time_ms


@pytest.mark.parametrize("size", [255, 256, 257, 600])
def test_tiles_roots_and_proofs_agree_with_the_naive_tree(log: Log, grower: Member, size: int) -> None:
    missing = size - queries.tree_size()
    for at in range(0, missing, 190):
        log.append(*[log.event(grower) for _ in range(min(190, missing - at))])
    leaves = [merkle.leaf_hash(bytes(leaf)) for leaf in Entry.objects.order_by("index").values_list("leaf", flat=True)]
    assert len(leaves) == size and Tile.objects.count() == size // 256
    root = merkle.root_of(leaves)
    assert bytes(LogHead.objects.get().root_hash) == root
    for index in (0, 1, 254, size - 1):
        proof = queries.inclusion_proof(index)
        merkle.verify_inclusion(proof, leaf=leaves[index], root=root)
    for old in (1, 4, 128, 255, size):
        assert queries.root_at(old) == merkle.root_of(leaves[:old])
        merkle.verify_consistency(queries.consistency_proof(old, size), old_root=queries.root_at(old), new_root=root)


# --- keys ---


def revoke(log: Log, by: Member, key_id: str, last: int) -> Submission:
    claims = {"key": key_id, "last_valid_index": last, "reason": "lost"}
    return operations.submission("key.revoke", claims, origin=log.origin, by=by.admin)


def test_a_revoked_key_signs_nothing_more_not_even_later_in_the_same_batch(log: Log, grower: Member) -> None:
    [first] = log.append(log.event(grower))
    outcomes = log.append(log.event(grower), revoke(log, grower, grower.key_id, first.index), log.event(grower))
    assert [type(outcome) for outcome in outcomes] == [Appended, Appended, Refusal]
    assert code(outcomes[2]) == "key"
    assert queries.is_disputed(outcomes[0].index, grower.key_id)
    assert not queries.is_disputed(first.index, grower.key_id)


def test_a_party_attests_its_own_disputed_entries_and_nobody_elses(log: Log, grower: Member, carrier: Member) -> None:
    outcomes = log.append(
        log.event(grower), revoke(log, grower, grower.key_id, queries.key(grower.key_id).registered_index)
    )
    disputed = outcomes[0].index
    claims = {"indices": str(disputed)}
    foreign = operations.submission("key.attest", claims, origin=log.origin, by=carrier.admin)
    assert code(log.append(foreign)[0]) == "invalid"
    [own] = log.append(operations.submission("key.attest", claims, origin=log.origin, by=grower.admin))
    assert isinstance(own, Appended) and not queries.is_disputed(disputed, grower.key_id)


def test_a_key_is_revoked_by_its_own_party_only(log: Log, grower: Member, carrier: Member) -> None:
    assert code(log.append(revoke(log, carrier, grower.key_id, queries.tree_size()))[0]) == "key"


def ask(log: Log, by: Member, key_id: str, last: int) -> Submission:
    claims = {"act": "key.revoke", "key": key_id, "last_valid_index": last}
    return operations.submission("approval.request", claims, origin=log.origin, by=by.admin)


def revoke_as_root(log: Log, key_id: str, last: int, approval: str | None) -> Submission:
    claims = {"key": key_id, "last_valid_index": last} | ({"approval": approval} if approval else {})
    return operations.submission("key.revoke", claims, origin=log.origin, by=keystore.signer_in_role("root"))


def test_the_root_revokes_another_partys_key_only_with_a_second_persons_approval(
    log: Log, grower: Member, carrier: Member
) -> None:
    last = queries.tree_size() - 1
    assert code(log.append(revoke_as_root(log, grower.key_id, last, None))[0]) == "key"
    assert code(log.append(revoke_as_root(log, grower.key_id, last, "0" * 64))[0]) == "key"
    assert code(log.append(revoke_as_root(log, grower.key_id, last, "words"))[0]) == "invalid"
    [asked] = log.append(ask(log, carrier, grower.key_id, last))
    assert isinstance(asked, Appended)
    approval = asked.statement_hash.hex()
    assert code(log.append(revoke_as_root(log, carrier.key_id, last, approval))[0]) == "key"
    assert code(log.append(revoke_as_root(log, grower.key_id, last + 1, approval))[0]) == "key"
    [revoked] = log.append(revoke_as_root(log, grower.key_id, last, approval))
    assert isinstance(revoked, Appended)
    assert code(log.append(log.event(grower))[0]) == "key"
    with tenancy.system():
        assert audit.check_log().holds


def test_an_approval_and_the_act_it_is_for_may_come_together(log: Log, grower: Member, carrier: Member) -> None:
    last = queries.tree_size() - 1
    asked = ask(log, carrier, grower.key_id, last)
    approval = envelope.statement_hash(asked.envelope.payload).hex()
    outcomes = log.append(asked, revoke_as_root(log, grower.key_id, last, approval))
    assert [type(outcome) for outcome in outcomes] == [Appended, Appended]


def test_an_approval_of_nothing_in_particular_is_refused(log: Log, carrier: Member) -> None:
    vague = operations.submission("approval.request", {"act": "anything"}, origin=log.origin, by=carrier.admin)
    assert code(log.append(vague)[0]) == "invalid"


def test_a_key_is_registered_once_and_by_its_own_party(log: Log, grower: Member, carrier: Member) -> None:
    again = operations.register_submission(
        grower.signer, party=carrier.party, role="external", origin=log.origin, by=carrier.admin
    )
    assert code(log.append(again)[0]) == "key"
    fresh = keystore.SigningKey.generate()
    foreign = operations.register_submission(
        fresh, party=grower.party, role="external", origin=log.origin, by=carrier.admin
    )
    assert code(log.append(foreign)[0]) == "key"
    second_admin = operations.register_submission(
        fresh, party=grower.party, role="admin", origin=log.origin, by=keystore.signer_in_role("root")
    )
    assert code(log.append(second_admin)[0]) == "key"


def test_a_proof_of_possession_for_another_statement_is_refused(log: Log, grower: Member) -> None:
    fresh = keystore.SigningKey.generate()
    good = operations.register_submission(fresh, party=grower.party, role="device", origin=log.origin, by=grower.admin)
    said = _parse(good, log.origin)
    moved = operations.submission("key.register", said.claims, origin=log.origin, by=grower.admin)
    assert code(log.append(moved)[0]) == "invalid"
    assert isinstance(log.append(good)[0], Appended)


def test_a_device_key_registers_no_keys(log: Log, grower: Member) -> None:
    fresh = keystore.SigningKey.generate()
    asked = operations.register_submission(
        fresh, party=grower.party, role="device", origin=log.origin, by=grower.signer
    )
    assert code(log.append(asked)[0]) == "key"


def test_a_key_statement_that_the_rule_refuses_leaves_the_key_unknown(log: Log, grower: Member) -> None:
    log.rule.refuse = lambda pending: pending.statement.type == "key.register"
    fresh = keystore.SigningKey.generate()
    asked = operations.register_submission(fresh, party=grower.party, role="device", origin=log.origin, by=grower.admin)
    outcomes = log.append(asked, log.event(dataclasses.replace(grower, signer=fresh)))
    assert [code(outcome) for outcome in outcomes] == ["refused", "key"]
    assert queries.key(keys.key_id(bytes(fresh.verify_key))) is None


# --- walls ---

TABLES = ("entry", "tile", "checkpoint", "key", "keyrevocation", "attestation", "body")


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("verb", ["UPDATE ledger_{0} SET {1} = {1}", "DELETE FROM ledger_{0}", "TRUNCATE ledger_{0}"])
def test_the_application_may_not_change_the_log(log: Log, grower: Member, table: str, verb: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s LIMIT 1", [f"ledger_{table}"]
        )
        [column] = cursor.fetchone()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(verb.format(table, column))


def test_only_named_columns_of_the_head_can_be_updated(log: Log) -> None:
    for sql in (
        "UPDATE ledger_head SET origin = 'x'",
        "DELETE FROM ledger_head",
        "UPDATE ledger_head SET tree_size = 0",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)


def test_a_body_is_seen_by_its_tenant_and_the_readers_of_its_scopes_alone(
    log: Log, grower: Member, carrier: Member
) -> None:
    chain = b"c" * 16
    [outcome] = log.append(log.event(grower, context=[chain]))
    seen = Body.objects.filter(index=outcome.index)
    assert not seen.exists()
    with tenancy.acting_for(grower.party):
        assert seen.exists()
    with tenancy.acting_for(carrier.party):
        assert not seen.exists()
    with tenancy.system():
        bulk.insert(ScopeReader, ("party", "scope"), [(carrier.party, scope_of(chain))])
    with tenancy.acting_for(carrier.party):
        assert seen.exists()


def test_receipts_of_one_batch_read_no_table_and_equal_those_from_the_tables(
    log: Log, grower: Member, django_assert_num_queries: Any
) -> None:
    log.append(*(log.event(grower) for _ in range(5)))
    outcomes = log.append(*(log.event(grower) for _ in range(6)))
    with django_assert_num_queries(0):
        checkpoint, receipts = queries.receipts(outcomes[2:4])
    assert checkpoint == queries.checkpoint()
    assert [each.inclusion for each in receipts.values()] == queries.inclusion_proofs([o.index for o in outcomes[2:4]])
    [later] = log.append(log.event(grower))
    again, together = queries.receipts([outcomes[0], later])
    assert again == queries.checkpoint()
    assert together[later.index].inclusion.tree_size == queries.tree_size()
