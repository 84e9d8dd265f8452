"""The shapes of what a manager does and of what is told of the log: a part of `shapes`."""

from __future__ import annotations

from oauth2_provider.settings import oauth2_settings

from supplychain.api.shapeparts import (
    COUNT,
    HASH,
    KEY_ID,
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

ROLE: Shape = {"type": "string", "enum": ["viewer", "operator", "planner", "manager", "auditor"]}
EMAIL: Shape = {"type": "string", "format": "email", "maxLength": 254}
SCOPE: Shape = {"type": "string", "enum": list(oauth2_settings.SCOPES)}
NAME: Shape = {"type": "string", "minLength": 1, "maxLength": 160}
URI: Shape = {
    "type": "string",
    "description": "Any of its forms; kept as a Digital Link.",
    "minLength": 1,
    "maxLength": 255,
}
PERSON_MEMBERS: dict[str, Shape] = {
    "id": {**COUNT, "description": "Their id at this party."},
    "email": TEXT,
    "name": TEXT,
    "role": ROLE,
    "since": TIME,
    "last_login": maybe(TIME),
}
CLIENT_MEMBERS: dict[str, Shape] = {
    "client_id": TEXT,
    "name": TEXT,
    "scopes": listed(TEXT),
    "created_at": TIME,
    "last_used_at": maybe(TIME),
}
ENTRY_MEMBERS: dict[str, Shape] = {
    "index": COUNT,
    "type": {"type": "string", "description": "What kind of statement: `event`, `key.register`, ..."},
    "statement_id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    "statement_hash": HASH,
    "record_time": TIME,
    "key_id": KEY_ID,
    "links": {**COUNT, "description": "How many shipments it moves; never which."},
    "claims": {"type": "object", "additionalProperties": {"type": ["string", "integer"]}},
}
SITE = record("A place.", {"uri": TEXT, "name": TEXT, "country": maybe(TEXT)})
PRODUCT = record("A product.", {"uri": TEXT, "name": TEXT, "uom": maybe(TEXT)})
NEW_SITE = record(
    "A place.",
    {
        "uri": URI,
        "name": NAME,
        "country": {"type": "string", "pattern": "^[A-Z]{2}$"},
        "latitude": {"type": "number", "minimum": -90, "maximum": 90},
        "longitude": {"type": "number", "minimum": -180, "maximum": 180},
    },
    optional=("country", "latitude", "longitude"),
    additionalProperties=False,
)

SHAPES: dict[str, Shape] = {
    "ApiClient": record("A program that acts for the party.", CLIENT_MEMBERS),
    "ApiClientAdded": record(
        "A program just made. Its secret is told once: the same request with the same Idempotency-Key gets null there.",
        {**CLIENT_MEMBERS, "client_secret": maybe(TEXT)},
    ),
    "ApiClients": record("The party's programs.", {"items": listed(ref("ApiClient"))}),
    "CheckOfLog": record(
        "One check of the log, computed again from the stored bytes.",
        {
            "kind": {"type": "string", "enum": ["full", "log", "incremental"]},
            "started_at": TIME,
            "finished_at": maybe(TIME),
            "from_index": COUNT,
            "tree_size": COUNT,
            "holds": maybe(YES_OR_NO),
            "first_bad_index": {"type": ["integer", "null"], "description": "-1: the log as a whole."},
            "faults": COUNT,
            "acknowledged_at": maybe(TIME),
        },
    ),
    "Checks": record(
        "How the log stands.",
        {
            "standing": {**TEXT, "description": "In words."},
            "alarm": YES_OR_NO,
            "is_late": YES_OR_NO,
            "runs": listed(ref("CheckOfLog")),
            "witnesses": listed(ref("WitnessStanding")),
        },
    ),
    "Entry": record("An entry of the log, as every party sees it.", ENTRY_MEMBERS),
    "EntryPage": page("Entries, newest first.", "Entry"),
    "EntryWithLeaf": record(
        "An entry with the bytes that its leaf hash is made of.",
        {**ENTRY_MEMBERS, "leaf": {"type": "string", "contentEncoding": "base64"}},
    ),
    "KeyDecided": record(
        "What became of a key that waited.",
        {"state": {"type": "string", "enum": ["approved", "refused"]}, "registered_index": maybe(COUNT)},
    ),
    "Erasure": record(
        "A body that was asked to be erased, and what became of it.",
        {
            "id": UUID,
            "event_index": COUNT,
            "act": TEXT,
            "party": {**UUID, "description": "Who signed the event, and asked."},
            "ground": TEXT,
            "state": {"type": "string", "enum": ["waiting", "done", "refused"]},
            "asked_index": {**COUNT, "description": "Where the `approval.request` stands in the log."},
            "asked_at": TIME,
            "notice_until": {**TIME, "description": "Until when the chain's other parties have time."},
            "decided_at": maybe(TIME),
            "erased_by": {**maybe(COUNT), "description": "Where the `body.erased` stands in the log."},
        },
    ),
    "Erasures": record("Erasures, the newest first.", {"items": listed(ref("Erasure"))}),
    "NewErasure": record(
        "Which event's body shall go, and why.",
        {
            "index": COUNT,
            "ground": {
                "type": "string",
                "minLength": 1,
                "maxLength": 200,
                "description": "One line; it stays in the log for ever, so it names no person.",
            },
            "envelope": {
                **ref("Envelope"),
                "description": "The `approval.request`, where the party signs it itself: no key of it is held here.",
            },
        },
        optional=("envelope",),
        additionalProperties=False,
    ),
    "NewApiClient": record(
        "A program to be made.",
        {"name": {"type": "string", "minLength": 1, "maxLength": 120}, "scopes": listed(SCOPE, minItems=1)},
        additionalProperties=False,
    ),
    "NewParty": record(
        "A partner to be registered: whom goods are handed to, or who hands them over.",
        {
            "name": NAME,
            "gln": {
                "type": "string",
                "pattern": "^[0-9]{13}$",
                "description": "Its GLN; without one it gets a private identifier.",
            },
            "manager": record(
                "Who signs in there first; nobody, where the partner shall only be named.",
                {"email": EMAIL, "name": {"type": "string", "minLength": 1, "maxLength": 120}},
                optional=("name",),
                additionalProperties=False,
            ),
            "sites": listed(NEW_SITE, minItems=1, maxItems=1000),
        },
        optional=("gln", "manager", "sites"),
        additionalProperties=False,
    ),
    "NewPerson": record(
        "Somebody who shall sign in.",
        {"email": EMAIL, "name": {"type": "string", "minLength": 1, "maxLength": 120}, "role": ROLE},
        optional=("name",),
        additionalProperties=False,
    ),
    "NewRole": record("Another role.", {"role": ROLE}, additionalProperties=False),
    "Parties": record("The party itself, then those it has met.", {"items": listed(ref("Party"))}),
    "Party": record(
        "A party, and what events name it, its places and its goods by.",
        {
            "id": UUID,
            "name": TEXT,
            "uri": TEXT,
            "identifiers": listed(TEXT),
            "prefixes": listed(TEXT),
            "is_own": YES_OR_NO,
            "sites": listed(SITE),
            "products": listed(PRODUCT),
        },
    ),
    "PartyRegistered": record(
        "A partner just registered. The password of its manager is told once, and null for who had an account.",
        {
            "id": UUID,
            "name": TEXT,
            "uri": TEXT,
            "managed_key": {**KEY_ID, "description": "Signs for it, until it brings keys of its own."},
            "sites": {**COUNT, "description": "How many places were named."},
            "manager": maybe(record("Who signs in there.", PERSON_MEMBERS)),
            "password": maybe(TEXT),
        },
    ),
    "RegisteredParty": record(
        "A party of this server.",
        {"id": UUID, "name": TEXT, "uri": TEXT, "is_own": YES_OR_NO, "people": COUNT, "sites": COUNT},
    ),
    "RegisteredParties": page("All registered parties, by name.", "RegisteredParty"),
    "People": record("Who signs in for the party.", {"items": listed(ref("Person"))}),
    "Person": record("Somebody who signs in for the party.", PERSON_MEMBERS),
    "PersonAdded": record(
        "Somebody just added. The password is told once, and null for who had an account.",
        {**PERSON_MEMBERS, "password": maybe(TEXT)},
    ),
    "EpcisDocument": record(
        "An EPCIS 2.0 document.",
        {
            "@context": {"type": "array"},
            "type": {"const": "EPCISDocument"},
            "schemaVersion": {"const": "2.0"},
            "creationDate": TIME,
            "epcisBody": record("Its events.", {"eventList": listed({"type": "object"})}),
        },
    ),
    "Sample": record(
        "A document to try capture with.",
        {
            "name": TEXT,
            "title": TEXT,
            "by": {"type": "string", "enum": ["sandbox", "partner"], "description": "Who captures it."},
            "outcome": TEXT,
        },
    ),
    "Samples": record("Samples, in the order in which they make a story.", {"items": listed(ref("Sample"))}),
    "HowMany": record("How many were taken.", {"count": COUNT}),
    "NewProducts": record(
        "Products to be named, all or none.",
        {
            "items": listed(
                record(
                    "A product.",
                    {
                        "uri": URI,
                        "name": NAME,
                        "uom": {"type": "string", "minLength": 1, "maxLength": 3},
                        "unit_name": {"type": "string", "minLength": 1, "maxLength": 20},
                    },
                    optional=("uom", "unit_name"),
                    additionalProperties=False,
                ),
                minItems=1,
                maxItems=1000,
            )
        },
        additionalProperties=False,
    ),
    "NewSites": record(
        "Places to be named, all or none.",
        {
            "items": listed(
                NEW_SITE,
                minItems=1,
                maxItems=1000,
            )
        },
        additionalProperties=False,
    ),
    "Prefix": record(
        "A GS1 company prefix.",
        {"prefix": {"type": "string", "pattern": "^[0-9]{6,12}$"}},
        additionalProperties=False,
    ),
    "WitnessStanding": record(
        "A witness: what it cosigned last, and what it answered when it was asked last.",
        {
            "name": TEXT,
            "verifier_key": TEXT,
            "is_asked": YES_OR_NO,
            "cosigned_size": COUNT,
            "cosigned_at": maybe(TIME),
            "answered_at": maybe(TIME),
            "refuses": {**YES_OR_NO, "description": "It has seen something that it must not cosign."},
            "why": maybe(TEXT),
        },
    ),
}
