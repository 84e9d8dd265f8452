"""Making a log."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from ledger import keystore, tenancy
from ledger.admission import Admission, AdmissionRule, Admitted, Pending, Refusal, Refused
from ledger.models import LogHead
from ledger.operations.append import append_many
from ledger.operations.opening import lock
from ledger.operations.statements import register_submission
from ledger.operations.write import sign_checkpoint
from ledger.tlog import keys, merkle


class LogExists(RuntimeError):
    """There is a log already."""


class KeysOnly:
    """The admission rule that leaves everything to the ledger: key statements are admitted, others are not."""

    def load(self, pending: Sequence[Pending]) -> None:
        """Nothing to read."""

    def admit(self, pending: Pending) -> Admission:
        if not pending.statement.type.startswith("key."):
            raise Refused(f"a statement of the type {pending.statement.type} is not taken here")
        return Admission()

    def project(self, admitted: Sequence[Admitted]) -> None:
        """Nothing to write."""


def create_log(
    *, host: str, operator: UUID, operator_body: bytes, now: datetime, rule: AdmissionRule | None = None
) -> LogHead:
    """Make the log: its origin, its root, the operator's admin key, the log key and the forecaster's key.

    `operator_body` is the body of the admin key's registration (it holds the operator's name). Raises LogExists.
    """
    with tenancy.system(), transaction.atomic():
        lock()
        if LogHead.objects.exists():
            raise LogExists("this database holds a log already")
        origin = f"{host}/{secrets.token_hex(8)}"
        made = {role: keystore.make(party=operator, role=role) for role in ("root", "admin", "log", "forecaster")}
        empty = merkle.empty_root()
        log_key_id = keys.key_id(bytes(made["log"].verify_key))
        LogHead.objects.create(
            origin=origin,
            root_hash=empty,
            frontier=b"",
            log_key_id=log_key_id,
            checkpoint=sign_checkpoint(origin, 0, empty, made["log"]),
        )
        plan = (
            ("root", "root", None),
            ("admin", "root", operator_body),
            ("log", "admin", None),
            ("forecaster", "admin", None),
        )
        submissions = [
            register_submission(made[role], party=operator, role=role, origin=origin, by=made[by], body=body)
            for role, by, body in plan
        ]
        for outcome in append_many(submissions, rule=rule or KeysOnly(), now=now, atomic=True):
            if isinstance(outcome, Refusal):
                raise outcome.error
        return LogHead.objects.get()
