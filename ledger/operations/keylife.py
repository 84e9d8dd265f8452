"""What happens to keys in time: the log key is changed, and keys whose registration names an end come to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from ledger import keystore, tenancy
from ledger.admission import Outcome, Refusal, Refused
from ledger.models import Key, KeyRevocation, LogHead
from ledger.operations.append import append_many
from ledger.operations.create import KeysOnly
from ledger.operations.opening import lock
from ledger.operations.statements import register_submission, submission
from ledger.operations.write import EPOCH, sign_head
from ledger.tlog import keys


class LogKeyNotChanged(Refused):
    """The log key cannot be changed as things stand."""

    code = "log_key"


def begin_log_key(*, now: datetime) -> str:
    """Make and register a new log key; from here on checkpoints are signed by the old and the new one. Return its id.

    Raises LogKeyNotChanged, and KeyNotHeld when the operator's admin key is not held here.
    """
    with tenancy.system(), transaction.atomic():
        lock()
        head = LogHead.objects.select_for_update().get()
        if head.next_log_key_id is not None:
            raise LogKeyNotChanged(f"the log key is being changed already, to {head.next_log_key_id}")
        operator = _operator()
        made = keystore.make(party=operator, role="log")
        admin = keystore.signer_for(party=operator, roles=("admin",))
        asked = register_submission(made, party=operator, role="log", origin=head.origin, by=admin)
        _appended(append_many([asked], rule=KeysOnly(), now=now, atomic=True))
        head = LogHead.objects.get()
        head.next_log_key_id = keys.key_id(bytes(made.verify_key))
        head.checkpoint = sign_head(head)
        head.save(update_fields=["next_log_key_id", "checkpoint"])
        return head.next_log_key_id


def finish_log_key(*, now: datetime) -> str:
    """Let the new log key sign alone and revoke the old one; return the new one's id.

    Raises LogKeyNotChanged when there is no new one, and KeyNotHeld.
    """
    with tenancy.system(), transaction.atomic():
        lock()
        head = LogHead.objects.select_for_update().get()
        if head.next_log_key_id is None:
            raise LogKeyNotChanged("there is no new log key: begin with one, and let others get to know it")
        old, head.log_key_id, head.next_log_key_id = head.log_key_id, head.next_log_key_id, None
        head.save(update_fields=["log_key_id", "next_log_key_id"])
        claims: dict[str, str | int] = {"key": old, "last_valid_index": head.tree_size}
        admin = keystore.signer_for(party=_operator(), roles=("admin",))
        asked = submission("key.revoke", claims, origin=head.origin, by=admin)
        _appended(append_many([asked], rule=KeysOnly(), now=now, atomic=True))
        return head.log_key_id


def expire_keys(*, now: datetime) -> list[str]:
    """Append, signed by the log key, the revocation of every key whose end has come; return their ids.

    Whoever calls this at the same time waits, and then finds nothing left to do.
    """
    with tenancy.system():
        if not _due(now):
            return []
        with transaction.atomic():
            lock()
            head, due = LogHead.objects.get(), _due(now)
            signer = keystore.signing_key(head.log_key_id)
            asked = [
                submission(
                    "key.revoke", {"key": key_id, "last_valid_index": head.tree_size - 1}, origin=head.origin, by=signer
                )
                for key_id in due
            ]
            _appended(append_many(asked, rule=KeysOnly(), now=now, atomic=True))
            return due


def _due(now: datetime) -> list[str]:
    millis = (now - EPOCH) // timedelta(milliseconds=1)
    ended = Key.objects.filter(expires_ms__lte=millis).exclude(key_id__in=KeyRevocation.objects.values("key_id"))
    return list(ended.order_by("registered_index").values_list("key_id", flat=True))


def _operator() -> UUID:
    """The party that runs this log: the root is its."""
    return Key.objects.get(role="root").party


def _appended(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, Refusal):
            raise outcome.error
