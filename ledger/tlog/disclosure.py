"""Parts of a body that it only names by a digest, so that each can be shown or left out (RFC 9901, our namespace).

Where a body holds a member `waylog:_sd`, a list of digests, each stands for a member of the same object told apart:

    disclosure  base64url of the UTF-8 of ["<salt, base64url, 16 bytes or more>", "ex:driver", "Jane"]
    digest      base64url of SHA-256 over the disclosure's own letters

A value may hold `waylog:_sd` itself. Digests without a disclosure say that something is not shown, or nothing at all:
whoever signs may add some of the latter. All digests of a body differ; a disclosure that none of them names is refused.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ledger.tlog import strictjson
from ledger.tlog.errors import Malformed, ProofInvalid
from ledger.tlog.text import decode_base64url, encode_base64url

DIGESTS, ALGORITHM = "waylog:_sd", "waylog:_sd_alg"
ONLY_ALGORITHM = "sha-256"
RESERVED = frozenset({DIGESTS, ALGORITHM, "_sd", "_sd_alg", "..."})
MAX_DISCLOSURES = 200
MAX_BYTES = 1024 * 1024
MAX_DEPTH = 64
_DIGEST = re.compile(r"[A-Za-z0-9_-]{43}")
_SALT = re.compile(r"[A-Za-z0-9_-]{22,}")
_NAME = re.compile(r"[^\x00-\x1f\x7f]+")
_MARK = DIGESTS.encode()


@dataclass(frozen=True, slots=True)
class Disclosure:
    """A member of an object in a body, told apart."""

    text: str
    name: str
    value: Any

    @property
    def digest(self) -> str:
        """What the body names it by."""
        return digest_of(self.text)


@dataclass(frozen=True, slots=True)
class Opened:
    """A body with what was disclosed in its place, the names disclosed, and how many digests stay closed."""

    value: Any
    names: tuple[str, ...]
    closed: int


def digest_of(text: str) -> str:
    """Return the digest of a disclosure: over its letters, so that nobody need write it again to check it."""
    return encode_base64url(hashlib.sha256(text.encode()).digest())


def make_disclosure(name: str, value: Any) -> Disclosure:
    """Tell a member apart, with a fresh salt; raise Malformed for a name that cannot be."""
    salt = encode_base64url(secrets.token_bytes(16))
    told = json.dumps([salt, name, value], ensure_ascii=False, separators=(",", ":")).encode()
    return parse_disclosure(encode_base64url(told))


def parse_disclosure(text: str) -> Disclosure:
    """Read a disclosure strictly; raise Malformed."""
    data = decode_base64url(text, "a disclosure")
    told = strictjson.parse(data, max_bytes=MAX_BYTES)
    if not isinstance(told, list) or len(told) != 3 or not isinstance(told[0], str) or not isinstance(told[1], str):
        raise Malformed("a disclosure is a list of a salt, a name and a value")
    salt, name, value = told
    if not _SALT.fullmatch(salt):
        raise Malformed("the salt of a disclosure is base64url of 16 bytes or more")
    if name in RESERVED or name.startswith("@") or not _NAME.fullmatch(name):
        raise Malformed("a disclosure has a name that none may have")
    return Disclosure(text, name, value)


def hide(members: Mapping[str, Any], names: Iterable[str]) -> tuple[dict[str, Any], tuple[Disclosure, ...]]:
    """Put digests in the place of these members of an object; return it and their disclosures. Raise Malformed."""
    told = tuple(make_disclosure(name, members[name]) for name in names)
    hidden = {each.name for each in told}
    left = {name: value for name, value in members.items() if name not in hidden}
    digests = sorted([*left.pop(DIGESTS, []), *(each.digest for each in told)])  # their order tells nothing
    return {**left, DIGESTS: digests} if told else dict(members), told


def has_digests(body: bytes) -> bool:
    """Tell whether a body may name digests: whoever signs writes the name as it is."""
    return _MARK in body


def open_body(body: bytes, disclosures: Iterable[str]) -> Opened:
    """Read a body and put what is disclosed in its place.

    Raises Malformed, and ProofInvalid for a digest that appears twice, a disclosure that none names, or one that would
    take another member's place.
    """
    told: dict[str, Disclosure] = {}
    for text in disclosures:
        found = parse_disclosure(text)
        if told.setdefault(found.digest, found) is not found:
            raise ProofInvalid("a disclosure appears twice")
    if len(told) > MAX_DISCLOSURES:
        raise Malformed(f"a body has at most {MAX_DISCLOSURES} disclosures")
    opening = _Opening(told)
    value = opening.open(strictjson.parse(body, max_bytes=MAX_BYTES), 0)
    if len(opening.used) < len(told):
        raise ProofInvalid("a disclosure matches no digest of its body")
    return Opened(value, tuple(each.name for each in told.values()), len(opening.seen) - len(opening.used))


def select(body: bytes, disclosures: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """Return those of a body's disclosures that have one of these names and can be shown: what is inside another
    comes with it alone. Raise Malformed."""
    wanted = set(names)
    told = [each for text in disclosures if (each := parse_disclosure(text)).name in wanted]
    named = _digests_in(strictjson.parse(body, max_bytes=MAX_BYTES))
    shown: list[Disclosure] = []
    while fresh := [each for each in told if each.digest in named and each not in shown]:
        shown += fresh
        named |= {digest for each in fresh for digest in _digests_in(each.value)}
    return tuple(each.text for each in told if each in shown)


def _digests_in(value: Any) -> set[str]:
    if isinstance(value, list):
        return {digest for each in value for digest in _digests_in(each)}
    if not isinstance(value, dict):
        return set()
    own = {each for each in value.get(DIGESTS, ()) if isinstance(each, str)}
    return own | {digest for name, each in value.items() if name != DIGESTS for digest in _digests_in(each)}


class _Opening:
    """One walk through a body and the values disclosed in it."""

    def __init__(self, told: Mapping[str, Disclosure]) -> None:
        self.told = told
        self.seen: set[str] = set()
        self.used: set[str] = set()

    def open(self, value: Any, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise Malformed(f"what is disclosed is nested deeper than {MAX_DEPTH}")
        if isinstance(value, list):
            return [self.open(each, depth + 1) for each in value]
        if not isinstance(value, dict):
            return value
        if value.get(ALGORITHM, ONLY_ALGORITHM) != ONLY_ALGORITHM:
            raise Malformed(f"the digests of a body are {ONLY_ALGORITHM}")
        opened = {name: self.open(each, depth + 1) for name, each in value.items() if name not in (DIGESTS, ALGORITHM)}
        for digest in self._digests(value):
            if digest in self.told:
                self._put(opened, digest, depth)
        return opened

    def _digests(self, value: dict[str, Any]) -> list[str]:
        if DIGESTS not in value:
            return []
        found = value[DIGESTS]
        if not isinstance(found, list) or not found:
            raise Malformed(f"{DIGESTS} is a list of digests")
        for each in found:
            if not isinstance(each, str) or not _DIGEST.fullmatch(each):
                raise Malformed("a digest is 43 letters of base64url")
            if each in self.seen:
                raise ProofInvalid("a digest appears twice")
            self.seen.add(each)
        return found

    def _put(self, opened: dict[str, Any], digest: str, depth: int) -> None:
        found = self.told[digest]
        if found.name in opened:
            raise ProofInvalid("a disclosure would take another member's place")
        self.used.add(digest)
        opened[found.name] = self.open(found.value, depth + 1)
