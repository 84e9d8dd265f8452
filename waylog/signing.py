"""From a body to an item that can be captured: salt, commitment, links, statement, signature."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nacl.signing import SigningKey

from ledger.tlog import disclosure, envelope, statement, strictjson
from ledger.tlog.errors import Malformed
from ledger.tlog.keys import key_id, pop_message
from ledger.tlog.statement import ZERO, Statement
from ledger.tlog.text import decode_base64, encode_base64, encode_base64url
from waylog.errors import WaylogError

Item = dict[str, Any]


@dataclass(slots=True)
class Signer:
    """Signs the bodies of one request in order; what one opens, a later one follows."""

    origin: str
    key: SigningKey
    claims: Mapping[str, str | int] = field(default_factory=dict)
    _chains: dict[tuple[int, str], bytes] = field(default_factory=dict)
    _hashes: dict[int, bytes] = field(default_factory=dict)

    def sign(self, position: int, body: bytes, links: Sequence[Mapping[str, Any]]) -> Item:
        """Sign the body at `position` of its request, linked as `POST /api/v1/events/prepare` said."""
        opened = {link["unit"]: secrets.token_bytes(16) for link in links if link["opens"]}
        for unit, chain in opened.items():
            self._chains[position, unit] = chain
        salt = secrets.token_bytes(32)
        payload = statement.format_statement(
            Statement(
                v=1,
                log=self.origin,
                type="event",
                id=secrets.token_hex(16),
                key=key_id(bytes(self.key.verify_key)),
                links=tuple(self._link(link, opened) for link in links),
                body=statement.commitment(salt, body),
                claims=dict(self.claims),
            )
        )
        self._hashes[position] = envelope.statement_hash(payload)
        item = {
            "envelope": envelope.sign(payload, self.key),
            "body": encode_base64(body),
            "salt": encode_base64(salt),
        }
        return item | ({"chains": {unit: encode_base64(each) for unit, each in opened.items()}} if opened else {})

    def _link(self, link: Mapping[str, Any], opened: Mapping[str, bytes]) -> bytes:
        unit = link["unit"]
        if unit in opened:
            return statement.link(opened[unit], ZERO)
        if link["opened_by"] is not None:
            chain = self._chains.get((link["opened_by"], unit))
        else:
            chain = decode_base64(link["chain"], "the chain") if link["chain"] else None
        head = self._hashes.get(link["after"]) if link["after"] is not None else _head(link)
        if chain is None or head is None:
            raise WaylogError(f"There is no open shipment of {unit} that you are a party to.")
        return statement.link(chain, head)


def _head(link: Mapping[str, Any]) -> bytes | None:
    return bytes.fromhex(link["head"]) if link["head"] else None


def hidden(body: bytes, names: Sequence[str]) -> tuple[bytes, list[str]]:
    """The body with digests in the place of those of these members that its event has, and their disclosures."""
    if not names:
        return body, []
    value = strictjson.parse(body, max_bytes=1024 * 1024)
    try:
        event, told = disclosure.hide(value["event"], [name for name in names if name in value["event"]])
    except Malformed as fault:
        raise WaylogError(f"This cannot be signed apart: {fault}") from None
    if not told:
        return body, []
    value = {**value, "@context": _with_prefix(value.get("@context")), "event": event}
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(), [each.text for each in told]


def _with_prefix(context: Any) -> list[Any]:
    """A `@context` that declares the prefix of the digests' name."""
    items = context if isinstance(context, list) else [context]
    declared = any(isinstance(each, dict) and "waylog" in each for each in items)
    return items if declared else [*items, {"waylog": "urn:waylog:epcis:"}]


def key_statement(kind: str, claims: Mapping[str, str | int], *, key: SigningKey, origin: str) -> dict[str, Any]:
    """The envelope of a statement about keys, signed by `key`."""
    made = Statement(1, origin, kind, secrets.token_hex(16), key_id(bytes(key.verify_key)), (), None, dict(claims))
    return envelope.sign(statement.format_statement(made), key)


def key_request(key: SigningKey, *, origin: str, party: str, role: str = "external", label: str = "") -> dict[str, Any]:
    """What asks for a key's registration, with the proof that its holder has it; `party` is 32 hex digits."""
    public_key, statement_id = bytes(key.verify_key), secrets.token_hex(16)
    message = pop_message(origin, party, role, key_id(public_key), statement_id)
    return {
        "public_key": encode_base64url(public_key),
        "role": role,
        "statement_id": statement_id,
        "pop": encode_base64(key.sign(message).signature),
        "label": label,
    }
