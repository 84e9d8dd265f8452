"""The small JSON that a party signs, and how it commits to a body and to a shipment's chain.

{"v":1,"log":"log.example/0123456789abcdef","type":"event","id":"<32 hex>","key":"<key id>",
 "links":["<64 hex>"],"body":"<64 hex>","claims":{}}
"""

import hashlib
import json
import re
from binascii import unhexlify
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ledger.tlog import strictjson
from ledger.tlog.errors import Malformed
from ledger.tlog.text import is_key_name

MAX_BYTES = 4_000
"""A cloud KMS signs no more (with the pre-authentication bytes around it)."""
MAX_NODES = 500
MAX_LINKS = 40
ZERO = bytes(32)
"""What stands for `prev` in the first link of a chain."""
TYPES = frozenset(
    {
        "event",
        "key.register",
        "key.revoke",
        "key.attest",
        "approval.request",
        "body.erased",
        "forecast",
        "agreement",
        "agreement.outcome",
    }
)
_NAMES = {"v", "log", "type", "id", "key", "links", "body", "claims"}
_ID = re.compile(r"[0-9a-f]{32}")
_HASH = re.compile(r"[0-9a-f]{64}")
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
_RANGES = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*", re.ASCII)
_COMPACT = re.compile(
    rb'\{"v":1,"log":"([!#-*,-\[\]-~]++)","type":"([a-z.]++)","id":"([0-9a-f]{32})","key":"('
    + _KEY_ID.pattern.encode()
    + rb')","links":\[((?:"[0-9a-f]{64}"(?:,"[0-9a-f]{64}")*+)?)\],"body":(?:"([0-9a-f]{64})"|null),'
    rb'"claims":\{(?:"source":"([0-9a-f]{64})")?\}\}'
)
"""A statement as `format_statement` writes it, in ASCII and without escapes, that claims nothing or the SHA-256 of the
document that its event came in: nearly every one there is.

It matches nothing that the strict reader refuses for its form; what the form leaves open is checked beside it.
"""
EVENT_FORM = b'{"v":1,"log":"%b","type":"event","id":"%b","key":"%b","links":[%b],"body":"%b","claims":%b}'
"""How `format_statement` writes an event's statement in ASCII: origin, id, key, links, body, claims."""
BODY_CONTEXT = b"waylog/body/v1\n"
_INNER, _OUTER = (bytes(each ^ pad for each in range(256)) for pad in (0x36, 0x5C))
_SCOPE_CONTEXT = b"waylog/scope/v1\n"


@dataclass(frozen=True, slots=True)
class Statement:
    """What a party says and signs; `links` and `body` are the 32 bytes themselves."""

    v: int
    log: str
    type: str
    id: str
    key: str
    links: tuple[bytes, ...]
    body: bytes | None
    claims: dict[str, str | int]


def is_key_id(text: Any) -> bool:
    """Tell whether `text` is an RFC 7638 thumbprint as we write it: 32 bytes, base64url, no padding."""
    return isinstance(text, str) and _KEY_ID.fullmatch(text) is not None


def is_statement_id(text: Any) -> bool:
    """Tell whether `text` is 32 lower-case hex digits."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def parse_statement(payload: bytes) -> Statement:
    """Read a statement strictly: every name present, none unknown, no floats; or raise Malformed."""
    return _parse_compact(payload) or _parse_any(payload)


def _parse_compact(payload: bytes) -> Statement | None:
    """Read a statement that is written as we write it; None for every other, whose faults `_parse_any` names."""
    found = _COMPACT.fullmatch(payload)
    if found is None or len(payload) > MAX_BYTES:
        return None
    origin, kind, id_, key, linked, body, source = found.groups()
    log, type_ = origin.decode(), kind.decode()
    if type_ not in TYPES or not is_key_name(log):
        return None
    links: tuple[bytes, ...] = ()
    if linked:
        raw = unhexlify(linked.translate(None, b'",'))
        links = tuple([raw[at : at + 32] for at in range(0, len(raw), 32)])
        if type_ != "event" or len(links) > MAX_LINKS or len(set(links)) != len(links):
            return None
    claims: dict[str, str | int] = {"source": source.decode()} if source else {}
    return Statement(1, log, type_, id_.decode(), key.decode(), links, unhexlify(body) if body else None, claims)


def _parse_any(payload: bytes) -> Statement:
    value = strictjson.parse(payload, max_bytes=MAX_BYTES, max_nodes=MAX_NODES, floats=False)
    if not isinstance(value, dict):
        raise Malformed("a statement is a JSON object")
    if value.keys() != _NAMES:
        raise _wrong_names(value)
    if type(value["v"]) is not int or value["v"] != 1:
        raise Malformed("the only version of a statement is 1", pointer="/v")
    if not isinstance(value["log"], str) or not is_key_name(value["log"]):
        raise Malformed("this is not the origin of a log", pointer="/log")
    if not isinstance(value["type"], str) or value["type"] not in TYPES:
        raise Malformed("there is no such type of statement", pointer="/type")
    if not is_statement_id(value["id"]):
        raise Malformed("an id is 32 lower-case hex digits", pointer="/id")
    if not is_key_id(value["key"]):
        raise Malformed("a key id is an RFC 7638 thumbprint", pointer="/key")
    return Statement(
        v=1,
        log=value["log"],
        type=value["type"],
        id=value["id"],
        key=value["key"],
        links=_links(value["links"], value["type"]),
        body=None if value["body"] is None else _hash(value["body"], "/body"),
        claims=_claims(value["claims"]),
    )


def format_statement(statement: Statement) -> bytes:
    """Write a statement compactly; raise Malformed when `parse_statement` would not read it back as it is."""
    members = {
        "v": statement.v,
        "log": statement.log,
        "type": statement.type,
        "id": statement.id,
        "key": statement.key,
        "links": [each.hex() for each in statement.links],
        "body": None if statement.body is None else statement.body.hex(),
        "claims": statement.claims,
    }
    try:
        payload = json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError):
        raise Malformed("a statement holds strings and integers only") from None
    if parse_statement(payload) != statement:
        raise Malformed("a statement would not be read back as it is")
    return payload


def commitment(salt: bytes, body: bytes) -> bytes:
    """Return the salted hash that binds a statement to its body; raise Malformed unless the salt is 32 bytes."""
    if len(salt) != 32:
        raise Malformed("a salt is 32 bytes")
    return hashlib.sha256(BODY_CONTEXT + salt + body).digest()


def link(chain: bytes, prev: bytes) -> bytes:
    """Return the link of a statement that follows `prev` (a statement hash, or ZERO) in the chain of that secret.

    Raises Malformed unless `chain` is 16 bytes and `prev` 32.
    """
    if len(chain) != 16 or len(prev) != 32:
        raise Malformed("a chain secret is 16 bytes and a statement hash is 32")
    key = chain.ljust(64, b"\0")  # HMAC (RFC 2104) by two hashes: setting OpenSSL's up costs five times as much
    inner = hashlib.sha256(key.translate(_INNER) + prev).digest()
    return hashlib.sha256(key.translate(_OUTER) + inner).digest()


def scope(chain: bytes) -> bytes:
    """Return the 16 bytes that name a chain in public: who knows them cannot follow it. Raise Malformed."""
    if len(chain) != 16:
        raise Malformed("a chain secret is 16 bytes")
    return hashlib.sha256(_SCOPE_CONTEXT + chain).digest()[:16]


def format_indices(indices: Iterable[int]) -> str:
    """Write indices as ascending ranges, such as `3,7-9`: claims hold strings and integers only."""
    ranges: list[tuple[int, int]] = []
    for index in sorted(set(indices)):
        if ranges and ranges[-1][1] == index - 1:
            ranges[-1] = (ranges[-1][0], index)
        else:
            ranges.append((index, index))
    return _format_ranges(ranges)


def parse_indices(text: str) -> tuple[tuple[int, int], ...]:
    """Read `3,7-9` as ((3, 3), (7, 9)), first and last; raise Malformed unless written as `format_indices` does."""
    if not _RANGES.fullmatch(text) or len(text) > MAX_BYTES:
        raise Malformed("indices are written as ascending ranges, such as 3,7-9")
    ends = [part.split("-") for part in text.split(",")]
    ranges = tuple((int(end[0]), int(end[-1])) for end in ends)
    apart = all(before[1] + 1 < after[0] for before, after in pairwise(ranges))
    if not apart or _format_ranges(ranges) != text or any(first > last for first, last in ranges):
        raise Malformed("indices are written as ascending ranges, such as 3,7-9")
    return ranges


def _format_ranges(ranges: Iterable[tuple[int, int]]) -> str:
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def _wrong_names(value: dict[str, Any]) -> Malformed:
    for name in value:
        if name not in _NAMES:
            step = name.replace("~", "~0").replace("/", "~1")
            return Malformed("a statement has no such name", pointer=f"/{step}")
    missing = sorted(_NAMES - value.keys())
    return Malformed(f"a statement lacks {', '.join(missing)}")


def _hash(value: Any, pointer: str) -> bytes:
    if not isinstance(value, str) or not _HASH.fullmatch(value):
        raise Malformed("a hash is 64 lower-case hex digits", pointer=pointer)
    return bytes.fromhex(value)


def _links(value: Any, type_: str) -> tuple[bytes, ...]:
    if not isinstance(value, list):
        raise Malformed("links are a list", pointer="/links")
    if not value:
        return ()
    if len(value) > MAX_LINKS:
        raise Malformed(f"a statement has at most {MAX_LINKS} links", pointer="/links")
    if type_ != "event":
        raise Malformed("only an event may carry links", pointer="/links")
    links = tuple([_hash(each, f"/links/{index}") for index, each in enumerate(value)])
    if len(set(links)) != len(links):
        raise Malformed("a link appears twice", pointer="/links")
    return links


def _claims(value: Any) -> dict[str, str | int]:
    if not isinstance(value, dict):
        raise Malformed("claims are a JSON object", pointer="/claims")
    for name, claim in value.items():
        if type(claim) not in (str, int):
            step = name.replace("~", "~0").replace("/", "~1")
            raise Malformed("a claim is a string or an integer", pointer=f"/claims/{step}")
    return value
