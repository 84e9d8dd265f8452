"""The keys that a copy's entries tell of, kept in a file so that the next run need not read them all again."""

import json
from dataclasses import asdict
from pathlib import Path

from ledger import durable
from ledger.tlog.approval import Act, Approval
from ledger.tlog.errors import Malformed
from ledger.tlog.keys import KeyRecord
from ledger.tlog.replay import Replay
from ledger.tlog.text import decode_base64url, encode_base64url


def write_keys(path: Path, replay: Replay, size: int) -> None:
    """Keep the keys as they stand after `size` entries."""
    rows = [
        [
            key.key_id,
            encode_base64url(key.public_key),
            key.party,
            key.role,
            key.registered_index,
            key.last_valid_index,
            key.revoked_index,
            key.expires_ms,
        ]
        for key in replay.keys.values()
    ]
    approvals = {hashed: asdict(approval) for hashed, approval in replay.approvals.items()}
    value = {
        "origin": replay.origin,
        "size": size,
        "record_time_ms": replay.record_time_ms,
        "keys": rows,
        "approvals": approvals,
    }
    durable.write(path, json.dumps(value).encode())


def read_keys(path: Path, origin: str, size: int) -> Replay | None:
    """What `write_keys` wrote for that size; None for anything else, which is then made again from the entries."""
    try:
        value = json.loads(durable.read(path) or b"")
        if value["origin"] != origin or value["size"] != size:
            return None
        rows = [(row[0], decode_base64url(row[1]), *row[2:]) for row in value["keys"]]
        keys = [KeyRecord(*row) for row in rows]
        approvals = {
            hashed: Approval(Act(**each["act"]), each["key_id"], each["party"])
            for hashed, each in value["approvals"].items()
        }
        return Replay(
            origin, keys=keys, approvals=approvals, last_index=size - 1, record_time_ms=value["record_time_ms"]
        )
    except (ValueError, KeyError, TypeError, Malformed):
        return None
