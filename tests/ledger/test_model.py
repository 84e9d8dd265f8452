"""The ledger against a plain model of itself: whatever is asked for, in whatever order, both must say the same.

The model is a list of leaves, a dictionary of keys and a few sets. Hypothesis chooses what happens: events (of valid
and of revoked keys, repeated, with a body that was used, in chains), keys registered by the right and by the wrong
party, revocations, also back-dated ones, attestations, checkpoints, a crash in the middle of a batch, a clock that goes
back.
"""

import hashlib
import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings, strategies
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from nacl.signing import SigningKey

from ledger import audit, keystore, operations, queries, tenancy
from ledger.admission import Appended, CommitmentReused, KeyNotValid, Refusal, Repeated, Submission
from ledger.models import Key, KeyRevocation
from ledger.tlog import envelope, keys, merkle, statement
from tests.ledger.conftest import START, Log, Member, made_log

some = strategies.integers(0, 10_000)
kinds = strategies.sampled_from(["plain", "chained", "revoked", "again"])
batches = strategies.lists(strategies.tuples(some, kinds), min_size=1, max_size=5)


class Crash(Exception):
    """The process dies here."""


@dataclass
class KnownKey:
    """A key as the model knows it."""

    signer: SigningKey
    owner: Member
    registered: int
    revoked: int | None = None
    last_valid: int | None = None


@dataclass
class Sent:
    """An event that was handed in, and its place if it has one."""

    item: Submission
    key: str
    chain: bytes | None = None
    link: bytes | None = None
    index: int | None = None


@dataclass
class Model:
    """What the log must be."""

    leaves: list[bytes] = field(default_factory=list)
    signed_with: dict[int, str] = field(default_factory=dict)
    keys: dict[str, KnownKey] = field(default_factory=dict)
    attested: set[int] = field(default_factory=set)
    heads: dict[bytes, bytes] = field(default_factory=dict)
    published: dict[int, bytes] = field(default_factory=dict)
    last_time: int = 0

    def disputed(self) -> set[int]:
        """Entries after their key's last valid index that nobody stands by."""
        found = set()
        for index, key_id in self.signed_with.items():
            key = self.keys.get(key_id)
            if key and key.last_valid is not None and index > key.last_valid:
                found.add(index)
        return found - self.attested

    def root(self) -> bytes:
        return merkle.root_of([hashlib.sha256(b"\0" + leaf).digest() for leaf in self.leaves])


class Ledger(RuleBasedStateMachine):
    """The real one and the model, side by side."""

    config: Any = None

    def __init__(self) -> None:
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()
        self.folder = tempfile.TemporaryDirectory()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.undo.__exit__(None, None, None)
        self.folder.cleanup()

    @initialize()
    def begin(self) -> None:
        self.log: Log = made_log(self.config, Path(self.folder.name))
        self.model, self.sent, self.now = Model(), list[Sent](), START
        for leaf in queries.leaves(0, 100):
            self.model.leaves.append(leaf)
            self.model.last_time = envelope.parse_leaf(leaf).record_time_ms
        self.members: list[Member] = []
        self.joins()
        self.joins()

    # --- hands

    def append(self, *items: Submission, atomic: bool = False) -> list[Any]:
        return operations.append_many(items, rule=self.log.rule, now=self.now, atomic=atomic)

    def took(self, item: Submission, outcome: Any, key_id: str) -> int:
        """The model takes what the log took, and says itself where and when."""
        time_ms = max(self.model.last_time, (self.now - queries.EPOCH) // queries.MILLISECOND)
        assert isinstance(outcome, Appended), outcome
        assert (outcome.index, outcome.record_time_ms) == (len(self.model.leaves), time_ms)
        leaf = envelope.format_leaf(
            record_time_ms=time_ms, payload=item.envelope.payload, key_id=key_id, signature=item.envelope.signature
        )
        self.model.leaves.append(leaf)
        self.model.signed_with[outcome.index] = key_id
        self.model.last_time = time_ms
        return outcome.index

    def register(self, owner: Member, signer: SigningKey, by: SigningKey, role: str = "external") -> None:
        said = operations.register_submission(signer, party=owner.party, role=role, origin=self.log.origin, by=by)
        [outcome] = self.append(said)
        key_id = keys.key_id(bytes(signer.verify_key))
        index = self.took(said, outcome, keys.key_id(bytes(by.verify_key)))
        self.model.keys[key_id] = KnownKey(signer, owner, index)

    def pick(self, number: int, *, revoked: bool) -> tuple[str, KnownKey] | None:
        """A key that signs events, valid or revoked."""
        signers = [(i, key) for i, key in self.model.keys.items() if key.signer is not key.owner.admin]
        found = [(i, key) for i, key in signers if (key.revoked is not None) == revoked]
        return found[number % len(found)] if found else None

    def say(self, kind: str, claims: dict[str, str | int], by: SigningKey) -> tuple[Submission, Any]:
        """Hand in a statement; return it with what became of it."""
        said = operations.submission(kind, claims, origin=self.log.origin, by=by)
        [outcome] = self.append(said)
        return said, outcome

    # --- what happens

    @rule()
    def joins(self) -> None:
        """A party comes in, with its admin key and one that signs."""
        if len(self.members) >= 4:
            return
        root = keystore.signer_in_role("root")
        admin, signer = SigningKey.generate(), SigningKey.generate()
        member = Member(uuid4(), admin, signer, keys.key_id(bytes(signer.verify_key)))
        self.register(member, admin, root, "admin")
        self.register(member, signer, admin)
        self.members.append(member)

    @rule(whose=some)
    def enrols_another_key(self, whose: int) -> None:
        owner = self.members[whose % len(self.members)]
        self.register(owner, SigningKey.generate(), owner.admin)

    @rule(whose=some)
    def enrols_a_key_for_another_party(self, whose: int) -> None:
        owner, other = self.members[whose % len(self.members)], self.members[(whose + 1) % len(self.members)]
        said = operations.register_submission(
            SigningKey.generate(), party=owner.party, role="external", origin=self.log.origin, by=other.admin
        )
        [outcome] = self.append(said)
        assert isinstance(outcome, Refusal)

    def event(self, number: int, kind: str) -> Sent | None:
        """Make one: plain, of a chain, of a revoked key, with a body that was used."""
        picked = self.pick(number, revoked=kind == "revoked")
        if picked is None:
            return None
        key_id, key = picked
        more: dict[str, Any] = {}
        chain = link = None
        if kind == "chained":
            chain = bytes([number % 3]) * 16
            link = statement.link(chain, self.model.heads.get(chain, statement.ZERO))
            more = {"links": (link,), "context": [chain]}
        body = b'{"n":%d}' % number
        item = operations.submission("event", {}, origin=self.log.origin, by=key.signer, body=body, **more)
        return Sent(item, key_id, chain, link)

    @rule(kinds=batches, atomic=strategies.booleans())
    def hands_in(self, kinds: list[tuple[int, str]], atomic: bool) -> None:
        """Several at once; each stands or falls alone, or all together."""
        batch: list[Sent] = []
        for number, kind in kinds:
            made = self.sent[number % len(self.sent)] if kind == "again" and self.sent else self.event(number, kind)
            chained = {each.chain for each in batch if each.index is None} - {None}
            if made is not None and (made.index is not None or made.chain not in chained):
                batch.append(made)
        if not batch:
            return
        outcomes = self.append(*[each.item for each in batch], atomic=atomic)
        expected = self._expected(batch)
        if atomic and "refused" in expected:
            assert not any(isinstance(each, Appended) for each in outcomes)
            for each, outcome in zip(batch, outcomes, strict=True):
                assert isinstance(outcome, Repeated if each.index is not None else Refusal)
            return
        for each, outcome, due in zip(batch, outcomes, expected, strict=True):
            if due == "refused":
                assert isinstance(outcome, Refusal) and isinstance(outcome.error, KeyNotValid), outcome
            elif each.index is not None:
                assert isinstance(outcome, Repeated) and outcome.index == each.index, (each.index, outcome)
            else:
                self._takes(each, outcome)

    def _expected(self, batch: list[Sent]) -> list[str]:
        """By each: refused, repeated or new; the log never forgets one that it took, whatever became of its key."""
        due = []
        for each in batch:
            key = self.model.keys[each.key]
            due.append("repeated" if each.index is not None else "refused" if key.revoked is not None else "new")
        return due

    def _takes(self, each: Sent, outcome: Any) -> None:
        each.index = self.took(each.item, outcome, each.key)
        if each not in self.sent:
            self.sent.append(each)
        if each.chain is not None:
            self.model.heads[each.chain] = outcome.statement_hash

    @precondition(lambda self: self.sent)
    @rule(number=some)
    def uses_a_body_twice(self, number: int) -> None:
        picked, old = self.pick(number, revoked=False), self.sent[number % len(self.sent)]
        if picked is None:
            return
        said = statement.parse_statement(old.item.envelope.payload)
        again = statement.Statement(1, said.log, "event", "ab" * 16, picked[0], (), said.body, {})
        fresh = statement.format_statement(again)
        item = Submission(envelope.parse_envelope(envelope.sign(fresh, picked[1].signer)), old.item.body, old.item.salt)
        [outcome] = self.append(item)
        assert isinstance(outcome, Refusal) and isinstance(outcome.error, CommitmentReused), outcome

    @rule(number=some, back=strategies.integers(0, 6))
    def revokes(self, number: int, back: int) -> None:
        picked = self.pick(number, revoked=False)
        if picked is None:
            return
        key_id, key = picked
        last = max(key.registered, len(self.model.leaves) - 1 - back)
        claims: dict[str, str | int] = {"key": key_id, "last_valid_index": last, "reason": "lost"}
        said, outcome = self.say("key.revoke", claims, key.owner.admin)
        index = self.took(said, outcome, keys.key_id(bytes(key.owner.admin.verify_key)))
        key.revoked, key.last_valid = index, last
        assert isinstance(self.say("key.revoke", claims, key.owner.admin)[1], Refusal)

    @rule(number=some)
    def attests(self, number: int) -> None:
        """A party stands by a disputed entry of its own; by any other, or twice, it may not."""
        index = number % len(self.model.leaves)
        disputed = self.model.disputed()
        if disputed and number % 3:
            index = sorted(disputed)[number % len(disputed)]
        key = self.model.keys.get(self.model.signed_with.get(index, ""))
        owner = key.owner if key and number % 5 else self.members[number % len(self.members)]
        said, outcome = self.say("key.attest", {"indices": str(index)}, owner.admin)
        if index in disputed and key is not None and key.owner is owner:
            self.took(said, outcome, keys.key_id(bytes(owner.admin.verify_key)))
            self.model.attested.add(index)
            assert isinstance(self.say("key.attest", {"indices": str(index)}, owner.admin)[1], Refusal)
        else:
            assert isinstance(outcome, Refusal), outcome

    @rule(number=some)
    def dies_in_a_batch(self, number: int) -> None:
        """Everything is written, and then the process dies before the commit."""
        batch = [made for made in (self.event(number + at, "plain") for at in range(3)) if made]
        if not batch:
            return

        def crash(admitted: list[Any]) -> None:
            raise Crash

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self.log.rule, "project", crash)
            with pytest.raises(Crash):
                self.append(*[each.item for each in batch])
        if number % 2:  # whoever was not answered sends it again
            for each, outcome in zip(batch, self.append(*[each.item for each in batch]), strict=True):
                self._takes(each, outcome)

    @rule(seconds=strategies.integers(-600, 600))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def publishes(self) -> None:
        size = operations.keep_checkpoint()
        assert size == len(self.model.leaves)
        self.model.published[size] = self.model.root()

    @rule()
    def is_verified(self) -> None:
        """The audit finds nothing, and knows the keys and the disputed entries that the model knows."""
        with tenancy.system():
            found = audit.check_log()
        assert found.holds, found.faults[:3]
        assert found.tree_size == len(self.model.leaves)
        assert found.root_hash == self.model.root()
        assert found.disputed == self.model.disputed()
        for key_id, known in self.model.keys.items():
            record = found.keys[key_id]
            assert (record.registered_index, record.revoked_index, record.last_valid_index) == (
                known.registered,
                known.revoked,
                known.last_valid,
            )

    @rule(number=some)
    def is_proven(self, number: int) -> None:
        """Any entry is in the tree, and every published tree is the beginning of this one."""
        index, root, size = number % len(self.model.leaves), self.model.root(), len(self.model.leaves)
        leaf = merkle.leaf_hash(self.model.leaves[index])
        merkle.verify_inclusion(queries.inclusion_proof(index), leaf=leaf, root=root)
        for old_size, old in self.model.published.items():
            merkle.verify_consistency(queries.consistency_proof(old_size, size), old_root=old, new_root=root)

    @invariant()
    def size_and_root_are_the_models(self) -> None:
        if hasattr(self, "model"):
            head = queries.head()
            assert (head.tree_size, bytes(head.root_hash)) == (len(self.model.leaves), self.model.root())
            revoked = {row.key_id: row.revoked_index for row in KeyRevocation.objects.all()}
            assert revoked == {i: key.revoked for i, key in self.model.keys.items() if key.revoked is not None}
            assert set(self.model.keys) <= set(Key.objects.values_list("key_id", flat=True))


@pytest.mark.django_db
def test_the_ledger_does_what_a_plain_model_of_it_does(settings: Any) -> None:
    Ledger.config = settings
    run_state_machine_as_test(Ledger, settings=STEPS)


STEPS = settings(
    max_examples=12,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
)
