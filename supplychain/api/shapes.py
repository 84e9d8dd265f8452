"""The shapes of requests and answers, as JSON Schema: what /api/v1/schema shows."""

from __future__ import annotations

from typing import Any

Shape = dict[str, Any]

TEXT: Shape = {"type": "string"}
TIME: Shape = {"type": "string", "format": "date-time"}
UUID: Shape = {"type": "string", "format": "uuid"}
YES_OR_NO: Shape = {"type": "boolean"}
COUNT: Shape = {"type": "integer", "minimum": 0}
HASH: Shape = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
BASE64: Shape = {"type": "string", "contentEncoding": "base64"}
KEY_ID: Shape = {"type": "string", "description": "RFC 7638 thumbprint.", "pattern": "^[A-Za-z0-9_-]{43}$"}


def maybe(shape: Shape) -> Shape:
    """The shape, or null."""
    return {**shape, "type": [shape["type"], "null"]}


def listed(shape: Shape, **more: Any) -> Shape:
    """A list of it."""
    return {"type": "array", "items": shape, **more}


def ref(name: str) -> Shape:
    """Point at a shared shape."""
    return {"$ref": f"#/components/schemas/{name}"}


def record(description: str, members: dict[str, Shape], *, optional: tuple[str, ...] = (), **more: Any) -> Shape:
    """An object with these members, all present but the optional ones."""
    return {
        "type": "object",
        "description": description,
        "properties": members,
        "required": [name for name in members if name not in optional],
        **more,
    }


def page(description: str, name: str) -> Shape:
    """A page of a list."""
    members = {"items": listed(ref(name)), "next": {"type": ["string", "null"], "format": "uri"}}
    return record(description, members)


FAULT = record(
    "One thing that is wrong.",
    {
        "pointer": {"type": "string", "description": "Where in the body (RFC 6901)."},
        "parameter": {"type": "string", "description": "Or which parameter of the address."},
        "message": TEXT,
        "value": {"description": "What stood there."},
        "allowed": listed(TEXT),
        "did_you_mean": TEXT,
    },
    optional=("pointer", "parameter", "value", "allowed", "did_you_mean"),
)
PROBLEM = record(
    "Why a request was refused (RFC 9457).",
    {
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": TEXT,
        "code": {"type": "string", "description": "A short stable word for programs."},
        "errors": listed(ref("Fault")),
    },
    optional=("code", "errors"),
    additionalProperties=True,
)
LOG = record(
    "Which log this is, and what it commits to.",
    {
        "origin": {"type": "string", "description": "The log's name; a statement for another log never fits."},
        "verifier_key": {"type": "string", "description": "What an outsider pins (C2SP signed-note)."},
        "tree_size": COUNT,
        "root_hash": HASH,
        "checkpoint": {"type": "string", "description": "The newest checkpoint, a signed note."},
    },
)
ENVELOPE = record(
    "DSSE v1 around a statement.",
    {
        "payload": {**BASE64, "description": "The statement's exact bytes."},
        "payloadType": {"type": "string", "const": "application/vnd.waylog.statement+json"},
        "signatures": listed(
            record("An Ed25519 signature.", {"keyid": KEY_ID, "sig": BASE64}, optional=("keyid",)),
            minItems=1,
            maxItems=1,
        ),
    },
    additionalProperties=False,
)
CAPTURE_ITEM = record(
    "A signed event: the envelope, and what its statement commits to.",
    {
        "envelope": ref("Envelope"),
        "body": {**BASE64, "description": "The exact bytes of the body, at most 1 MiB."},
        "salt": {**BASE64, "description": "32 random bytes."},
        "chains": {
            "type": "object",
            "description": "For a shipment that this event opens: its unit's identifier to the chain's secret.",
            "additionalProperties": {**BASE64, "description": "16 random bytes."},
        },
    },
    optional=("chains",),
    additionalProperties=False,
)
CAPTURE = {
    "description": "1 to 1,000 items as a list, as an object with `items`, or one item alone.",
    "oneOf": [
        listed(ref("CaptureItem"), minItems=1, maxItems=1000),
        record(
            "Items, and whether they are taken whole or not at all.",
            {"items": listed(ref("CaptureItem"), minItems=1, maxItems=1000), "atomic": YES_OR_NO},
            optional=("atomic",),
            additionalProperties=False,
        ),
        ref("CaptureItem"),
    ],
}
INCLUSION = record(
    "The hashes that lead from the entry to the root of the checkpoint beside it (RFC 9162, 2.1.3).",
    {"tree_size": COUNT, "path": listed(BASE64)},
)
CAPTURE_RESULT = record(
    "What became of one item: 201 appended, 200 in the log before, or a 4xx with its problem.",
    {
        "status": {"type": "integer"},
        "index": COUNT,
        "statement_hash": HASH,
        "record_time": TIME,
        "leaf": {**BASE64, "description": "The entry as it stands in the log."},
        "inclusion": ref("Inclusion"),
        "proof_url": {"type": "string", "format": "uri"},
        "problem": ref("Problem"),
    },
    optional=("index", "statement_hash", "record_time", "leaf", "inclusion", "proof_url", "problem"),
)
CAPTURED = record(
    "One result an item, in the order of the items, and the checkpoint that their proofs lead to.",
    {
        "checkpoint": {"type": ["string", "null"], "description": "A signed note; null when nothing was taken."},
        "items": listed(ref("CaptureResult")),
    },
)
KEY = record(
    "A registered public key. It is valid for entries after its registration, up to `last_valid_index` if revoked.",
    {
        "key_id": KEY_ID,
        "public_key": {"type": "string", "description": "32 bytes, base64url without padding."},
        "party": UUID,
        "role": TEXT,
        "registered_index": COUNT,
        "last_valid_index": maybe(COUNT),
        "revoked_index": maybe(COUNT),
    },
)
KEY_REQUEST = record(
    "A key that waits for its party's manager.",
    {
        "id": UUID,
        "key_id": KEY_ID,
        "role": TEXT,
        "label": TEXT,
        "state": {"type": "string", "enum": ["waiting", "approved", "refused"]},
        "requested_at": TIME,
    },
)
KEYS = record("The party's keys, and those that wait.", {"items": listed(ref("Key")), "waiting": listed(ref("KeyRequest"))})
NEW_KEY = {
    "oneOf": [
        record(
            "A public key with its proof of possession: Ed25519 by the new key over"
            " `waylog/pop/v1\\n<origin>\\n<party>\\n<role>\\n<key id>\\n<statement id>\\n`.",
            {
                "public_key": {"type": "string", "description": "32 bytes, base64url without padding."},
                "role": {"type": "string", "enum": ["external", "device"]},
                "statement_id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
                "pop": BASE64,
                "label": {"type": "string", "maxLength": 120},
            },
            optional=("label",),
            additionalProperties=False,
        ),
        record(
            "A `key.register`, `key.revoke` or `key.attest` statement signed by the party's own admin key.",
            {"envelope": ref("Envelope"), "body": BASE64, "salt": BASE64},
            optional=("body", "salt"),
            additionalProperties=False,
        ),
    ]
}
PROOF = record(
    "What a tlog-proof file says, as JSON.",
    {
        "index": COUNT,
        "leaf": BASE64,
        "inclusion": ref("Inclusion"),
        "checkpoint": TEXT,
    },
)

SHAPES: dict[str, Shape] = {
    "Capture": CAPTURE,
    "CaptureItem": CAPTURE_ITEM,
    "CaptureResult": CAPTURE_RESULT,
    "Captured": CAPTURED,
    "Envelope": ENVELOPE,
    "Fault": FAULT,
    "Inclusion": INCLUSION,
    "Key": KEY,
    "KeyRequest": KEY_REQUEST,
    "Keys": KEYS,
    "Log": LOG,
    "NewKey": NEW_KEY,
    "Problem": PROBLEM,
    "Proof": PROOF,
}
