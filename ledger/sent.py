"""Values as PostgreSQL sends them in its binary form, so that they are compared as they come and seldom read."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache

from ledger.tlog.statement import scope

_YEAR_2000 = 946_684_800_000_000
_BYTES, _UUID = 17, 2950
"""PostgreSQL's numbers for the types bytea and uuid."""
_HEAD = struct.Struct("!iiI")
_DIMENSION = struct.Struct("!ii")
_LENGTH = struct.Struct("!i")


@lru_cache(maxsize=64)
def time(milliseconds: int) -> bytes:
    """A time: microseconds since the year 2000."""
    return (milliseconds * 1_000 - _YEAR_2000).to_bytes(8, "big", signed=True)


def scopes(chains: Sequence[bytes]) -> bytes:
    """The scopes of these chains as an array: one dimension, no nulls, type uuid."""
    if len(chains) == 1:  # nearly always
        return _ONE_SCOPE + _scope(chains[0])
    return _array(_UUID, [_scope(chain) for chain in chains])


def elements(raw: bytes) -> list[bytes | None]:
    """What an array of bytea holds; a null, and any array of more than one dimension, is a None."""
    if len(raw) == len(_ONE_CHAIN) + 16 and raw.startswith(_ONE_CHAIN):  # nearly always
        return [raw[-16:]]
    dimensions, _, _ = _HEAD.unpack_from(raw)
    if dimensions != 1:
        return [None] * dimensions
    count, _ = _DIMENSION.unpack_from(raw, _HEAD.size)
    at, found = _HEAD.size + _DIMENSION.size, list[bytes | None]()
    for _ in range(count):
        [length] = _LENGTH.unpack_from(raw, at)
        at += _LENGTH.size
        found.append(raw[at : at + length] if length >= 0 else None)
        at += max(length, 0)
    return found


def _array(kind: int, values: Sequence[bytes]) -> bytes:
    if not values:
        return _HEAD.pack(0, 0, kind)
    head = _HEAD.pack(1, 0, kind) + _DIMENSION.pack(len(values), 1)
    return head + b"".join([_LENGTH.pack(len(value)) + value for value in values])


_ONE_CHAIN, _ONE_SCOPE = _array(_BYTES, [bytes(16)])[:-16], _array(_UUID, [bytes(16)])[:-16]


@lru_cache(maxsize=4_096)
def _scope(chain: bytes) -> bytes:
    return scope(chain)
