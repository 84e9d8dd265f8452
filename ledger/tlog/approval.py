"""Acts that take two people: one asks by a statement, and the other's act names the hash of that statement.

approval.request  {"act":"key.revoke","key":"<key id>","last_valid_index":7}
key.revoke        {"key":"<key id>","last_valid_index":7,"approval":"<64 hex>"}

approval.request  {"act":"body.erased","commitment":"<64 hex>","ground":"request of the person"}
body.erased       {"commitment":"<64 hex>","ground":"request of the person","approval":"<64 hex>"}
"""

import re
from dataclasses import dataclass

from ledger.tlog.statement import Statement

_HASH = re.compile(r"[0-9a-f]{64}")
_GROUND = re.compile(r"[^\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class Act:
    """What is done, to what, and how: to a key from an index on, or to a body on a ground."""

    type: str
    subject: str
    detail: str | int


@dataclass(frozen=True, slots=True)
class Approval:
    """What was asked for, by which key of which party."""

    act: Act
    key_id: str
    party: str


def read_act(statement: Statement) -> Act | None:
    """Return what a statement does or asks for; None when its claims name no act that two people may do."""
    claims = statement.claims
    kind = claims.get("act") if statement.type == "approval.request" else statement.type
    if kind == "key.revoke":
        key, last = claims.get("key"), claims.get("last_valid_index")
        if isinstance(key, str) and key and isinstance(last, int) and last >= 0:
            return Act(kind, key, last)
    elif kind == "body.erased":
        commitment, ground = claims.get("commitment"), claims.get("ground")
        if (
            isinstance(commitment, str)
            and isinstance(ground, str)
            and is_hash(commitment)
            and _GROUND.fullmatch(ground)
        ):
            return Act(kind, commitment, ground)
    return None


def is_hash(text: str) -> bool:
    """Tell whether `text` is 64 lower-case hex digits."""
    return _HASH.fullmatch(text) is not None
