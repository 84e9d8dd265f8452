"""Where a check stood, kept so that another goes on from there, and authenticated: the secret is not in the database.

Whoever can write the tables could otherwise say that everything was checked. What cannot be read or authenticated is as
if it were not there: the check begins at entry 0.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.conf import settings

from ledger import keyrules
from ledger.audit.entries import Position
from ledger.audit.found import Fault
from ledger.models import AuditPosition, AuditRun
from ledger.secretfiles import read_or_make
from ledger.tlog.errors import TlogError
from ledger.tlog.keys import KeyRecord
from ledger.tlog.merkle import CompactRange
from ledger.tlog.statement import format_statement, parse_statement

_CONTEXT = b"waylog/audit-position/v1\n"


def save(name: AuditPosition.Name, run: AuditRun, at: Position, *, now: datetime) -> None:
    """Keep the position under that name, in the place of the one before."""
    state = _format(at)
    kept = {"run": run, "tree_size": at.range.size, "state": state, "mac": _mac(name, state), "saved_at": now}
    AuditPosition.objects.update_or_create(name=name, defaults=kept)


def kept(name: AuditPosition.Name, origin: str) -> tuple[Position, AuditRun] | None:
    """The position under that name and the run it belongs to; None where there is none that we made of this log."""
    row = AuditPosition.objects.select_related("run").filter(name=name).first()
    if row is None or not hmac.compare_digest(_mac(name, bytes(row.state)), bytes(row.mac)):
        return None
    try:
        found = _parse(bytes(row.state))
    except (ValueError, KeyError, TypeError, TlogError):
        return None
    return (found, row.run) if found.origin == origin else None


def forget(name: AuditPosition.Name) -> None:
    """Keep no position under that name."""
    AuditPosition.objects.filter(name=name).delete()


def _mac(name: str, state: bytes) -> bytes:
    secret = read_or_make(settings.WAYLOG_SECRETS / "audit.key")
    return hmac.digest(secret, _CONTEXT + name.encode() + b"\n" + state, "sha256")


def _format(at: Position) -> bytes:
    return json.dumps(
        {
            "origin": at.origin,
            "size": at.range.size,
            "range": at.range.to_bytes().hex(),
            "last_time": at.last_time,
            "keys": [asdict(each) | {"public_key": each.public_key.hex()} for each in at.table.known.values()],
            "approvals": {key.hex(): format_statement(value).decode() for key, value in at.table.approvals.items()},
            "attested": list(at.attested.items()),
            "heads": _hex(at.heads),
            "hidden": _hex(at.hidden),
            "lacking": {key.hex(): value for key, value in at.lacking.items()},
            "erased": {key.hex(): value for key, value in at.erased.items()},
            "roots_at": [(size, root.hex()) for size, root in at.roots_at.items()],
            "faults": [(each.index, each.what, each.part) for each in at.faults],
            "links": at.links,
            "bodies": at.bodies,
        },
        separators=(",", ":"),
    ).encode()


def _parse(state: bytes) -> Position:
    read: dict[str, Any] = json.loads(state)
    table = keyrules.KeyTable()
    for each in read["keys"]:
        table.known[each["key_id"]] = KeyRecord(**(each | {"public_key": bytes.fromhex(each["public_key"])}))
    for key, value in read["approvals"].items():
        table.approvals[bytes.fromhex(key)] = parse_statement(value.encode())
    return Position(
        origin=read["origin"],
        range=CompactRange.from_bytes(read["size"], bytes.fromhex(read["range"])),
        last_time=read["last_time"],
        table=table,
        attested=dict(read["attested"]),
        heads=_bytes(read["heads"]),
        hidden=_bytes(read["hidden"]),
        lacking={bytes.fromhex(key): value for key, value in read["lacking"].items()},
        erased={bytes.fromhex(key): value for key, value in read["erased"].items()},
        roots_at={size: bytes.fromhex(root) for size, root in read["roots_at"]},
        faults=[Fault(index, what, part) for index, what, part in read["faults"]],
        links=read["links"],
        bodies=read["bodies"],
    )


def _hex(values: Mapping[bytes, bytes]) -> dict[str, str]:
    return {key.hex(): value.hex() for key, value in values.items()}


def _bytes(values: Mapping[str, str]) -> dict[bytes, bytes]:
    return {bytes.fromhex(key): bytes.fromhex(value) for key, value in values.items()}
