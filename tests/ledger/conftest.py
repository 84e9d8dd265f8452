"""A small log with two parties, and the hands to write in it."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from nacl.signing import SigningKey

from ledger import keystore, operations
from ledger.admission import Admission, Admitted, Appended, Outcome, Pending, Refused, Submission

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


@pytest.fixture
def log(db: None, settings: Any, tmp_path: Path) -> Log:
    return made_log(settings, tmp_path)


@pytest.fixture
def grower(log: Log) -> Member:
    return log.member()


@pytest.fixture
def carrier(log: Log) -> Member:
    return log.member()
