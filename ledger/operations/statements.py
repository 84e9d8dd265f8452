"""Statements that are made and signed here, with keys that are held here."""

from __future__ import annotations

import secrets
from typing import Any
from uuid import UUID

from nacl.signing import SigningKey

from ledger.admission import Submission
from ledger.tlog import envelope as envelopes
from ledger.tlog import keys, statement
from ledger.tlog.statement import Statement
from ledger.tlog.text import encode_base64, encode_base64url


def register_submission(
    new: SigningKey,
    *,
    party: UUID,
    role: str,
    origin: str,
    by: SigningKey,
    body: bytes | None = None,
    expires_ms: int | None = None,
) -> Submission:
    """Make the `key.register` of `new`, signed by `by`, with the new key's proof of possession."""
    statement_id = secrets.token_hex(16)
    claims = keys.registration_claims(
        new, origin=origin, party=party.hex, role=role, statement_id=statement_id, expires_ms=expires_ms
    )
    return submission("key.register", claims, origin=origin, by=by, body=body, statement_id=statement_id)


def registration_submission(
    public_key: bytes,
    pop: bytes,
    *,
    party: UUID,
    role: str,
    origin: str,
    by: SigningKey,
    statement_id: str,
    body: bytes | None = None,
    expires_ms: int | None = None,
) -> Submission:
    """Make the `key.register` of a key whose owner has proved possession (`pop`) for this very statement id."""
    claims: dict[str, str | int] = {
        "public_key": encode_base64url(public_key),
        "party": party.hex,
        "role": role,
        "pop": encode_base64(pop),
        **({} if expires_ms is None else {"expires": expires_ms}),
    }
    return submission("key.register", claims, origin=origin, by=by, body=body, statement_id=statement_id)


def submission(
    kind: str,
    claims: dict[str, Any],
    *,
    origin: str,
    by: SigningKey,
    body: bytes | None = None,
    links: tuple[bytes, ...] = (),
    statement_id: str | None = None,
    context: Any = None,
) -> Submission:
    """Make and sign a statement of type `kind` with a key that is held here."""
    salt = secrets.token_bytes(32) if body is not None else None
    made = Statement(
        v=1,
        log=origin,
        type=kind,
        id=statement_id or secrets.token_hex(16),
        key=keys.key_id(bytes(by.verify_key)),
        links=links,
        body=statement.commitment(salt, body) if salt is not None and body is not None else None,
        claims=claims,
    )
    signed = envelopes.sign(statement.format_statement(made), by)
    return Submission(envelope=envelopes.parse_envelope(signed), body=body, salt=salt, context=context)
