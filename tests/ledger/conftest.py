"""A small log with two parties, and the hands to write in it."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from nacl.signing import SigningKey

from ledger import kept, keystore, operations, queries, tenancy
from ledger.admission import Admission, Admitted, Appended, Outcome, Pending, Refused, Submission, scope_of
from ledger.models import Cosignature
from ledger.tlog import disclosure, statement
from ledger.tlog.checkpoint import cosign_checkpoint
from ledger.tlog.envelope import statement_of
from tests.ledger.witnessing import signer

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


@dataclass
class Rule:
    """An admission rule that admits every event, files it under the chains in its context, and counts."""

    refuse: Callable[[Pending], bool] = lambda pending: False
    projected: list[int] = field(default_factory=list)

    def load(self, pending: list[Pending]) -> None:
        pass

    def admit(self, pending: Pending) -> Admission:
        if self.refuse(pending):
            raise Refused("the rule says no")
        return Admission(chains=tuple(pending.context or ()))

    def project(self, admitted: list[Admitted]) -> None:
        self.projected += [item.index for item in admitted]


@dataclass
class Member:
    """A party with its admin key and one key that signs events."""

    party: UUID
    admin: SigningKey
    signer: SigningKey
    key_id: str


@dataclass
class Log:
    origin: str
    operator: UUID
    rule: Rule
    minutes: int = 0

    @property
    def now(self) -> datetime:
        self.minutes += 1
        return START + timedelta(minutes=self.minutes)

    def append(self, *submissions: Submission, atomic: bool = False) -> list[Outcome]:
        return operations.append_many(submissions, rule=self.rule, now=self.now, atomic=atomic)

    def event(self, member: Member, *, body: bytes | None = None, **more: Any) -> Submission:
        data = body if body is not None else b'{"n":"%s"}' % secrets.token_hex(6).encode()
        return operations.submission("event", {}, origin=self.origin, by=member.signer, body=data, **more)

    def member(self) -> Member:
        party, admin, signer = uuid4(), SigningKey.generate(), SigningKey.generate()
        root = keystore.signer_in_role("root")
        first = operations.register_submission(admin, party=party, role="admin", origin=self.origin, by=root)
        second = operations.register_submission(signer, party=party, role="external", origin=self.origin, by=admin)
        outcomes = self.append(first, second)
        assert all(isinstance(outcome, Appended) for outcome in outcomes), outcomes
        from ledger.tlog.keys import key_id

        return Member(party, admin, signer, key_id(bytes(signer.verify_key)))


def made_log(settings: Any, folder: Path) -> Log:
    """A log of its own in the test's database, with secrets of its own."""
    settings.WAYLOG_SECRETS = folder / "secrets"
    keystore.forget_cached()
    operator = uuid4()
    head = operations.create_log(host="log.example", operator=operator, operator_body=b'{"party":{}}', now=START)
    return Log(head.origin, operator, Rule())


CHAIN = b"0123456789abcdef"


def filled(log: Log, grower: Member, carrier: Member) -> Log:
    """The log with everything in it: 270 entries, links, a revocation, an attestation, an erasure, disclosures, kept
    checkpoints."""
    prev = statement.ZERO
    for _ in range(3):
        item = log.event(grower, links=(statement.link(CHAIN, prev),), context=[CHAIN])
        [outcome] = log.append(item)
        assert isinstance(outcome, Appended)
        prev = outcome.statement_hash
    operations.keep_checkpoint()
    [last] = log.append(log.event(carrier))
    assert isinstance(last, Appended)
    claims = {"key": grower.key_id, "last_valid_index": last.index - 1, "reason": "lost"}
    [late] = log.append(log.event(grower))
    assert isinstance(late, Appended)
    log.append(operations.submission("key.revoke", claims, origin=log.origin, by=grower.admin))
    log.append(operations.submission("key.attest", {"indices": str(late.index)}, origin=log.origin, by=grower.admin))
    log.append(told_apart(log, carrier, "driver", "seal", "temperature"))
    erased(log, carrier)
    log.append(*[log.event(carrier) for _ in range(270 - queries.tree_size())])
    operations.keep_checkpoint()
    return log


def told_apart(log: Log, member: Member, *names: str, **more: Any) -> Submission:
    """An event whose body names members by digests alone, with their disclosures."""
    body, told = disclosure.hide(dict.fromkeys(names, secrets.token_hex(4)), names)
    item = log.event(member, body=json.dumps(body).encode(), **more)
    return replace(item, disclosures=tuple(each.text for each in told))


def erased(log: Log, member: Member) -> None:
    """A linked event of `member` that one other could read, and its erasure: asked for, done, the body gone."""
    chain, reader = secrets.token_bytes(16), uuid4()
    with tenancy.system():
        kept.add_readers([(scope_of(chain), reader)])
    item = told_apart(log, member, "driver", links=(statement.link(chain, statement.ZERO),), context=[chain])
    [outcome] = log.append(item)
    assert isinstance(outcome, Appended)
    claims = {"commitment": statement_of(item.envelope).body.hex(), "ground": "the driver asked"}  # type: ignore[union-attr]
    asked = {"act": "body.erased", **claims}
    [approval] = log.append(operations.submission("approval.request", asked, origin=log.origin, by=member.signer))
    assert isinstance(approval, Appended)
    root, named = keystore.signer_in_role("root"), {**claims, "approval": approval.statement_hash.hex()}
    log.append(operations.submission("body.erased", named, origin=log.origin, by=root))
    with tenancy.system():
        assert kept.erase(bytes.fromhex(claims["commitment"])) == outcome.index


def full_log(settings: Any, folder: Path) -> Log:
    """A new log with everything in it, cosigned too."""
    log = made_log(settings, folder)
    filled(log, log.member(), log.member())
    cosign(queries.checkpoint(), queries.tree_size())
    return log


def cosign(checkpoint: str, tree_size: int) -> None:
    """Keep what a witness answers for a checkpoint."""
    witness, second = signer(), 1_770_000_000
    [line] = cosign_checkpoint(checkpoint, witness, time=second).removeprefix(checkpoint).splitlines(keepends=True)
    row = Cosignature(
        tree_size=tree_size,
        witness=witness.name,
        verifier_key=witness.verifier_key().to_text(),
        line=line,
        at=datetime.fromtimestamp(second, UTC),
    )
    operations.keep_cosignatures([row])


@pytest.fixture
def log(db: None, settings: Any, tmp_path: Path) -> Log:
    return made_log(settings, tmp_path)


@pytest.fixture
def grower(log: Log) -> Member:
    return log.member()


@pytest.fixture
def carrier(log: Log) -> Member:
    return log.member()
