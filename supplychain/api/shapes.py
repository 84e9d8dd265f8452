"""The shapes of requests and answers, as JSON Schema: what /api/v1/schema shows."""

from __future__ import annotations

from supplychain.api import forecastshapes, partyshapes, planshapes, webhookshapes
from supplychain.api.shapeparts import (
    BASE64,
    COUNT,
    HASH,
    KEY_ID,
    NUMBER,
    TEXT,
    TIME,
    UUID,
    YES_OR_NO,
    Shape,
    listed,
    maybe,
    page,
    record,
    ref,
)

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
        "next_verifier_key": {
            "type": ["string", "null"],
            "description": "While the log key is changed: the new one, which signs beside the old.",
        },
        "tree_size": COUNT,
        "root_hash": HASH,
        "checkpoint": {"type": "string", "description": "The newest checkpoint, a signed note."},
        "cosigners": listed(ref("Cosigner")),
    },
)
COSIGNER = record(
    "A witness, and the newest checkpoint that it cosigned.",
    {
        "name": TEXT,
        "verifier_key": {"type": "string", "description": "Its key for cosignatures (C2SP tlog-cosignature)."},
        "tree_size": COUNT,
        "cosigned_at": {**TIME, "description": "The time that the cosignature names."},
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
DISCLOSURE: Shape = {
    "type": "string",
    "description": "base64url of [salt, name, value]; the body names its SHA-256 in `waylog:_sd` (RFC 9901).",
}
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
        "disclosures": listed(DISCLOSURE, maxItems=200),
    },
    optional=("chains", "disclosures"),
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
        "state": {
            "type": ["string", "null"],
            "enum": ["published", "appended", None],
            "description": "Appended: in the log for good, and not cosigned yet by those whom the log's policy asks"
            " for; published: under a checkpoint that is. Null when nothing was taken.",
        },
        "checkpoint": {"type": ["string", "null"], "description": "A signed note; null when nothing was taken."},
        "items": listed(ref("CaptureResult")),
    },
)
CLIENT = record(
    "The calling client.",
    {
        "client_id": TEXT,
        "party": UUID,
        "party_name": maybe(TEXT),
        "scopes": listed(TEXT),
        "expires_at": {**TIME, "description": "When its token ends."},
    },
)
PREPARE = record(
    "Bodies in the order in which they are going to be signed and sent.",
    {"bodies": listed({**BASE64, "description": "The exact bytes of a body."}, minItems=1, maxItems=1000)},
    additionalProperties=False,
)
NEEDED_LINK = record(
    "What the link for one unit is made of: HMAC-SHA-256(chain, head).",
    {
        "unit": TEXT,
        "shipment": maybe(UUID),
        "chain": {**maybe(BASE64), "description": "The secret of the open chain."},
        "head": {**maybe(HASH), "description": "The statement hash to link to, where it is known already."},
        "after": {**maybe(COUNT), "description": "The body of this request whose statement hash is the head."},
        "opened_by": {**maybe(COUNT), "description": "The body of this request that opens the chain."},
        "opens": {"type": "boolean", "description": "Make a secret; link to 32 zero bytes; send it in `chains`."},
    },
)
NEEDED = record(
    "What one event does, and the links that its statement needs, in order; or its problem.",
    {"act": TEXT, "links": listed(ref("NeededLink")), "problem": ref("Problem")},
    optional=("act", "links", "problem"),
)
PREPARED = record("One result a body, in order.", {"items": listed(ref("Needed"))})
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
        "expires_at": {**maybe(TIME), "description": "From then on the log key may revoke it."},
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
KEYS = record(
    "The party's keys, and those that wait.", {"items": listed(ref("Key")), "waiting": listed(ref("KeyRequest"))}
)
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

EVENT_MEMBERS: dict[str, Shape] = {
    "index": {**COUNT, "description": "Its entry's index in the log."},
    "event_id": TEXT,
    "event_type": TEXT,
    "action": maybe(TEXT),
    "act": {"type": "string", "description": "What it does in custody: dispatch, accept, observe, ..."},
    "event_time": TIME,
    "event_time_zone_offset": TEXT,
    "record_time": TIME,
    "known_at": {**TIME, "description": "Record time, or for attested history the source's own recorded date."},
    "attested": YES_OR_NO,
    "biz_step": maybe(TEXT),
    "disposition": maybe(TEXT),
    "read_point": maybe(TEXT),
    "biz_location": maybe(TEXT),
    "party": {**UUID, "description": "Who signed it."},
    "key_id": KEY_ID,
    "key_role": {"type": "string", "description": "The kind of key that signed: device, external, managed or admin."},
    "disputed": {
        **YES_OR_NO,
        "description": "Signed after its key's last valid entry; its party has not stood by it (`key.attest`) since.",
    },
    "erased_by": {
        **maybe(COUNT),
        "description": "The entry that erased its body: of what it said, nothing is left, and the times are the log's.",
    },
    "shipments": listed(UUID),
    "is_error_declaration": YES_OR_NO,
    "declared_in_error_by": maybe(COUNT),
}
EVENT = record(
    "An event's dimensions.",
    {
        **EVENT_MEMBERS,
        "position": {
            "type": "string",
            "pattern": r"^[0-9]+\.[0-9]+$",
            "description": "With `after` a place: its own, to go on from.",
        },
    },
    optional=("position",),
)
SIGNED_EVENT = record(
    "An event as it was signed. Body and salt are null once they were erased; all proofs still hold.",
    {
        **EVENT_MEMBERS,
        "body": {**maybe(BASE64), "description": "The exact bytes of the body."},
        "salt": maybe(BASE64),
        "disclosures": listed(DISCLOSURE),
        "statement": {**BASE64, "description": "The exact bytes that were signed (inside the DSSE encoding)."},
        "statement_hash": HASH,
        "signature": BASE64,
        "proof_url": {"type": "string", "format": "uri"},
    },
)
SHIPMENT_MEMBERS: dict[str, Shape] = {
    "id": UUID,
    "unit": {"type": "string", "description": "The logistic unit: an SSCC as Digital Link, or a private URI."},
    "status": {
        "type": "string",
        "enum": ["commissioned", "packed", "dispatched", "accepted", "unpacked", "void", "erased"],
    },
    "is_open": YES_OR_NO,
    "attested": YES_OR_NO,
    "shipper": UUID,
    "custodian": maybe(UUID),
    "offered_to": maybe(UUID),
    "consignee": maybe(TEXT),
    "from_location": maybe(TEXT),
    "to_location": maybe(TEXT),
    "references": listed(TEXT),
    "seal": maybe(TEXT),
    "temperature_limit": maybe(NUMBER),
    "temperature_max": maybe(NUMBER),
    "discrepancy": maybe(TEXT),
    "packed_at": maybe(TIME),
    "dispatched_at": maybe(TIME),
    "promised_at": maybe(TIME),
    "accepted_at": maybe(TIME),
    "closed_at": maybe(TIME),
    "last_event_at": TIME,
    "opened_index": COUNT,
    "last_index": COUNT,
}
SHIPMENT = record("A shipment as it stands.", SHIPMENT_MEMBERS)
LINE = record(
    "One line of a shipment's contents.",
    {
        "epc": TEXT,
        "product": TEXT,
        "quantity": NUMBER,
        "uom": maybe(TEXT),
        "counted": maybe(NUMBER),
        "damaged": maybe(NUMBER),
    },
)
CHAIN = record(
    "A shipment's chain. The next act's link is HMAC-SHA-256(chain, head).",
    {
        "shipment": UUID,
        "unit": TEXT,
        "is_open": YES_OR_NO,
        "chain": {**BASE64, "description": "The secret, 16 bytes."},
        "head": HASH,
        "entries": listed(
            record(
                "One act.",
                {
                    "index": COUNT,
                    "statement_hash": HASH,
                    "act": TEXT,
                    "event_id": TEXT,
                    "event_time": TIME,
                    "record_time": TIME,
                    "party": UUID,
                    "key_id": KEY_ID,
                    "key_role": TEXT,
                    "declared_in_error_by": maybe(COUNT),
                },
            )
        ),
    },
)
BUNDLE = record(
    "All that shows what happened to a shipment, checked without this server. It is read by writing it again.",
    {
        "format": {"const": "waylog/bundle/v1"},
        "origin": TEXT,
        "checkpoint": {**TEXT, "description": "A signed note, with the cosignatures it has."},
        "policy": {**TEXT, "description": "Whom the log proposes to trust; the reader decides (C2SP tlog-policy)."},
        "says": {**TEXT, "description": "What the log says of keys and chains, under its signature."},
        "entries": listed(
            record(
                "An entry of the log with the hashes that lead to the root, in the order of the log.",
                {
                    "index": COUNT,
                    "leaf": BASE64,
                    "proof": {**BASE64, "description": "Hashes of 32 bytes, one after the other."},
                    "body": maybe({**BASE64, "description": "Null where the reader may not see it."}),
                    "salt": maybe(BASE64),
                    "disclosures": listed(DISCLOSURE, minItems=1),
                },
                optional=("disclosures",),
            )
        ),
        "chains": listed(
            record("A shipment's secret and its linked statements.", {"secret": BASE64, "entries": listed(COUNT)})
        ),
    },
)
SHAPES: dict[str, Shape] = {
    "Capture": CAPTURE,
    "CaptureItem": CAPTURE_ITEM,
    "CaptureResult": CAPTURE_RESULT,
    "Captured": CAPTURED,
    "Bundle": BUNDLE,
    "Chain": CHAIN,
    "Client": CLIENT,
    "Envelope": ENVELOPE,
    "Event": EVENT,
    "EventPage": page("Events, newest first.", "Event"),
    "Fault": FAULT,
    "Inclusion": INCLUSION,
    "Key": KEY,
    "KeyRequest": KEY_REQUEST,
    "Keys": KEYS,
    "Cosigner": COSIGNER,
    "Log": LOG,
    "Needed": NEEDED,
    "NeededLink": NEEDED_LINK,
    "NewKey": NEW_KEY,
    "Prepare": PREPARE,
    "Prepared": PREPARED,
    "Problem": PROBLEM,
    "Proof": PROOF,
    "Shipment": SHIPMENT,
    "ShipmentLine": LINE,
    "ShipmentPage": page("Shipments, the one that moved last first.", "Shipment"),
    "ShipmentWithLines": record(
        "A shipment with its contents.", {**SHIPMENT_MEMBERS, "lines": listed(ref("ShipmentLine"))}
    ),
    "SignedEvent": SIGNED_EVENT,
    **partyshapes.SHAPES,
    **webhookshapes.SHAPES,
    **forecastshapes.SHAPES,
    **planshapes.SHAPES,
}
