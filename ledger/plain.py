"""Events as nearly all of them are, looked at quickly: written as we write them, every column as it follows.

A leaf is read by writing it again from its parts: where that gives the same bytes, there is nothing else in it. What is
not as expected, for whatever reason, is left to the careful reading, which names the fault or knows the other form.
"""

from __future__ import annotations

import hashlib
from binascii import Error, a2b_base64, b2a_base64, hexlify, unhexlify
from collections.abc import Mapping
from typing import Any

from ledger import sent
from ledger.tlog import envelope, statement
from ledger.tlog.errors import Malformed
from ledger.tlog.statement import EVENT_FORM, MAX_BYTES, MAX_LINKS, parse_statement

Plain = tuple[bytes, bytes, bytes, str, int, tuple[bytes, ...], bytes, tuple[bytes, ...]]
"""Public key, what is signed, the signature; key id, record time, links, the body's tenant, its chains."""

_SIGNATURE = slice(-len('"}]}') - 88, -len('"}]}'))
_TIME = slice(len('{"recordTime":"'), len('{"recordTime":"2026-01-31T08:15:00.123Z'))
_BARE_LEAF = envelope.LEAF_FORM % (bytes(24), b"", bytes(43), bytes(88))
_PAYLOAD_AT = _BARE_LEAF.index(b'"payload":"') + len('"payload":"')
_PAYLOAD = slice(_PAYLOAD_AT, _PAYLOAD_AT - len(_BARE_LEAF))
_LINKS_AFTER = 32 + len('","key":"') + 43 + len('","links":[')
_HEX = b"0123456789abcdef"
_SOURCE_FORM = b'{"source":"%b"}'
_SOURCED = slice(-len(_SOURCE_FORM % bytes(64)) - 1, -1)
_LONGEST_CACHE = 4_096
_sha256 = hashlib.sha256


class Look:
    """Reads plain events of one log that are signed by keys which are known."""

    def __init__(self, origin: str, public_keys: Mapping[str, bytes]) -> None:
        self._origin = origin.encode()
        self._keys = {each: (each, each.encode(), public_key) for each, public_key in public_keys.items()}
        self._times: dict[bytes, tuple[int, bytes]] = {}
        self._chains: dict[bytes, tuple[tuple[bytes, ...], bytes]] = {}
        self._tenants: dict[bytes, bytes] = {}
        self._at = EVENT_FORM.index(b"%b") + len(self._origin) + len('","type":"event","id":"')
        if not self._fits():
            self._keys = {}

    def _fits(self) -> bool:
        """Tell whether the form can be trusted to write this origin: the strict reader is asked once."""
        tried = EVENT_FORM % (self._origin, b"0" * 32, b"A" * 43, b"", b"0" * 64, b"{}")
        try:
            return parse_statement(tried).log.encode() == self._origin
        except Malformed:
            return False

    def at(self, row: Any, body: Any) -> Plain | None:
        """Read an entry and its body; None unless everything about them holds but the signature, not verified here."""
        _, leaf, leaf_hash, statement_hash, committed, kind, key_id, recorded = row
        if body is None or kind != "event" or committed is None or (key := self._keys.get(key_id)) is None:
            return None
        try:
            payload, signature = a2b_base64(leaf[_PAYLOAD]), a2b_base64(leaf[_SIGNATURE])
        except Error:
            return None
        named, key_text, public_key = key
        when = leaf[_TIME]
        known = self._times.get(when) or self._time(when)
        written = (when, b2a_base64(payload, newline=False), key_text, b2a_base64(signature, newline=False))
        if leaf != envelope.LEAF_FORM % written or known is None or len(signature) != 64:
            return None
        _, filed, salt, data, tenant, listed, scopes = body
        chains = self._chains_of(listed, scopes) if scopes is not None else () if listed is None else None
        if chains is None or filed != committed or len(salt) != 32:
            return None
        links = self._statement(payload, key_text, committed, len(chains))
        if links is None:
            return None
        signed = envelope.signed_bytes(payload)
        if (
            known[1] != recorded
            or _sha256(b"\0" + leaf).digest() != leaf_hash
            or _sha256(signed).digest() != statement_hash
            or _sha256(statement.BODY_CONTEXT + salt + data).digest() != committed
        ):
            return None
        tenant = self._tenants.setdefault(tenant, tenant)  # one object for all: it is written once for a range
        return public_key, signed, signature, named, known[0], links, tenant, chains

    def _statement(self, payload: bytes, key: bytes, committed: bytes, count: int) -> tuple[bytes, ...] | None:
        """The links of an event's statement that has so many; None where it is not written as expected."""
        at = self._at
        id_ = payload[at : at + 32]
        claims = payload[_SOURCED] if payload[-3:] != b"{}}" else b"{}"
        if id_.translate(None, _HEX) or len(payload) > MAX_BYTES:
            return None
        if len(claims) > 2:
            source = claims[11:-2]
            if len(source) != 64 or source.translate(None, _HEX) or claims != _SOURCE_FORM % source:
                return None
        links: tuple[bytes, ...] = ()
        linked = b""
        if count:
            begin = at + _LINKS_AFTER
            try:
                raw = unhexlify(payload[begin : begin + 67 * count - 1].translate(None, b'",'))
            except Error:
                return None
            links = (raw,) if count == 1 else tuple([raw[at : at + 32] for at in range(0, len(raw), 32)])
            linked = b'"%b"' % b'","'.join([hexlify(each) for each in links])
        if payload != EVENT_FORM % (self._origin, id_, key, linked, hexlify(committed), claims):
            return None
        return links if count < 2 or len(set(links)) == count else None

    def _time(self, text: bytes) -> tuple[int, bytes] | None:
        try:
            milliseconds = envelope.parse_time(text)
        except Malformed:
            return None
        if len(self._times) >= _LONGEST_CACHE:
            self._times.clear()
        return self._times.setdefault(text, (milliseconds, sent.time(milliseconds)))

    def _chains_of(self, listed: bytes | None, scopes: bytes) -> tuple[bytes, ...] | None:
        """The chains, where the scopes are theirs."""
        if listed is None:
            return None
        known = self._chains.get(listed)
        if known is not None and known[1] == scopes:
            return known[0]
        found = sent.elements(listed)
        chains = tuple([each for each in found if each is not None and len(each) == 16])
        if len(chains) != len(found) or len(chains) > MAX_LINKS or sent.scopes(chains) != scopes:
            return None
        if len(self._chains) >= _LONGEST_CACHE:
            self._chains.clear()
        self._chains[listed] = chains, scopes
        return chains
