"""The key tables, row for row, held against what the log says of keys."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ledger.audit.entries import Check
from ledger.audit.found import Part
from ledger.models import Attestation, Entry, Key, KeyRevocation


def check_key_tables(check: Check) -> None:
    """Compare keys, revocations and attestations; then say which entries are disputed."""
    size, known = check.found.tree_size, check.table.known
    keys = {r.registered_index: (i, r.public_key, UUID(r.party), r.role, r.expires_ms) for i, r in known.items()}
    stored_keys = Key.objects.filter(registered_index__lt=size)
    _compare(
        check,
        "key",
        keys,
        {
            row.registered_index: (row.key_id, bytes(row.public_key), row.party, row.role, row.expires_ms)
            for row in stored_keys
        },
    )
    stored_revocations = KeyRevocation.objects.filter(revoked_index__lt=size)
    _compare(
        check,
        "revocation",
        {r.revoked_index: (i, r.last_valid_index) for i, r in known.items() if r.revoked_index is not None},
        {row.revoked_index: (row.key_id, row.last_valid_index) for row in stored_revocations},
    )
    stored_attestations = Attestation.objects.filter(by_index__lt=size)
    _compare(
        check,
        "attestation",
        {(by, attested): True for attested, by in check.attested.items()},
        dict.fromkeys(stored_attestations.values_list("by_index", "attested_index"), True),
    )
    check.found.keys = dict(known)
    check.found.disputed = _disputed(check)


def _compare(check: Check, what: str, computed: dict[Any, Any], stored: dict[Any, Any]) -> None:
    """Rows by the entry that says them, alone or before what else tells them apart."""
    check.found.checked[Part.KEYS] += len(computed)
    for place in sorted(computed.keys() | stored.keys()):
        if computed.get(place) != stored.get(place):
            index = place[0] if isinstance(place, tuple) else place
            check.fault(Part.KEYS, index, f"the {what} table is not what the log says")


def _disputed(check: Check) -> set[int]:
    """Entries after their key's last valid index that its party has not attested.

    Read from the column that each entry's own check has held against its leaf.
    """
    known, size = check.table.known, check.found.tree_size
    last = {i: r.last_valid_index for i, r in known.items() if r.last_valid_index is not None}
    if not last:
        return set()
    rows = Entry.objects.filter(key_id__in=list(last), index__gt=min(last.values()), index__lt=size)
    signed = rows.order_by().values_list("index", "key_id")
    return {index for index, key_id in signed if index > last[key_id] and index not in check.attested}
