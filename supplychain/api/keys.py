"""/api/v1/keys: register a key by proof of possession, or by a statement that the party's admin key signed."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ledger import queries as log
from ledger.admission import Appended, Invalid, KeyNotValid, Refusal, Submission
from ledger.tlog.envelope import Envelope, parse_envelope
from ledger.tlog.errors import Malformed
from ledger.tlog.statement import Statement, is_key_id, parse_statement
from ledger.tlog.text import decode_base64, decode_base64url
from supplychain import operations
from supplychain.api import schema, shown
from supplychain.api.base import EVENTS_READ, KEYS_WRITE, Endpoint, now
from supplychain.api.capturing import problem_of
from supplychain.api.errors import Fault, bad_request, not_found
from supplychain.api.items import unknown_members
from supplychain.api.schema import in_path
from supplychain.operations.parties import REQUESTABLE
from supplychain.queries import feeds

_ASKED = ("public_key", "role", "statement_id", "pop", "label")
_SIGNED = ("envelope", "body", "salt")
_TYPES = ("key.register", "key.revoke", "key.attest")
_LONGEST_LABEL = 120
_STATEMENT_ID = re.compile(r"[0-9a-f]{32}")


class Keys(Endpoint):
    """The party's keys."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": KEYS_WRITE + EVENTS_READ, "POST": KEYS_WRITE}

    @extend_schema(
        operation_id="list_keys",
        summary="The party's keys, and those that wait for its manager",
        tags=["keys"],
        responses=schema.answers({200: "Keys"}),
    )
    def get(self, request: Request) -> Response:
        """Answer both lists."""
        return Response(
            {
                "items": [shown.key(record) for record in log.keys_of(self.grant.party)],
                "waiting": [shown.key_request(row) for row in feeds.key_requests(self.grant.party)],
            }
        )

    @extend_schema(
        operation_id="register_key",
        summary="Ask for a key to be registered, or hand in a signed key statement",
        description=(
            "With a proof of possession the key waits for the party's manager: 202. A `key.register`, `key.revoke` or"
            " `key.attest` that the party's own admin key signed is appended at once: 201."
        ),
        tags=["keys"],
        request={"application/json": schema.ref("NewKey")},
        responses=schema.answers(
            {201: "Captured", 200: "Captured", 202: "KeyRequest"},
            problems=(400, 401, 403, 409, 411, 413, 415, 422, 503),
        ),
    )
    def post(self, request: Request) -> Response:
        """Take either form."""
        data = request.data
        if not isinstance(data, dict) or not data:
            raise bad_request([Fault("an object is wanted: a public key with its proof, or an envelope", pointer="")])
        try:
            return self._signed(data) if "envelope" in data else self._asked(data)
        except operations.KeyRequestRefused as refused:
            raise problem_of(refused, at="") from None

    def _asked(self, data: dict[str, Any]) -> Response:
        _check_members(data, _ASKED, optional=("label",))
        label = data.get("label", "")
        faults = []
        if data["role"] not in REQUESTABLE:
            fault = Fault("there is no such role to ask for", pointer="/role", value=data["role"], allowed=REQUESTABLE)
            faults.append(fault)
        if not _STATEMENT_ID.fullmatch(data["statement_id"]):
            faults.append(Fault("a statement id is 32 lower-case hex digits", pointer="/statement_id"))
        if len(label) > _LONGEST_LABEL:
            faults.append(Fault(f"a label has at most {_LONGEST_LABEL} characters", pointer="/label"))
        if faults:
            raise bad_request(faults, status=422)
        row = operations.request_key(
            party=self.grant.party,
            public_key=_decoded(decode_base64url, data, "public_key"),
            role=data["role"],
            statement_id=data["statement_id"],
            pop=_decoded(decode_base64, data, "pop"),
            label=label,
            now=now(),
        )
        return Response(shown.key_request(row), status=202)

    def _signed(self, data: dict[str, Any]) -> Response:
        _check_members(data, _SIGNED, optional=("body", "salt"))
        envelope, statement = _opened(data["envelope"])
        if statement.type not in _TYPES:
            raise Invalid(f"a statement of the type {statement.type} is not taken here", pointer="/envelope/payload")
        self._check_own(statement.key)
        body = _decoded(decode_base64, data, "body") if "body" in data else None
        salt = _decoded(decode_base64, data, "salt") if "salt" in data else None
        outcome = operations.append_key_statement(Submission(envelope, body, salt), party=self.grant.party, now=now())
        if isinstance(outcome, Refusal):
            raise problem_of(outcome.error, at="")
        checkpoint, receipts = log.receipts([outcome])
        status = 201 if isinstance(outcome, Appended) else 200
        proof_url = self.request.build_absolute_uri(reverse("api-proof", args=[outcome.index]))
        item = {"status": status, **shown.receipt(receipts[outcome.index]), "proof_url": proof_url}
        return Response({"checkpoint": checkpoint, "items": [item]}, status=status)

    def _check_own(self, key_id: str) -> None:
        """Only the party's own keys speak for it here; of others not even their existence is told."""
        signer = log.key(key_id)
        if signer is None or signer.party != self.grant.party.hex:
            raise KeyNotValid("the statement is not signed by a key of your party", pointer="/envelope/payload")


class Key(Endpoint):
    """One key."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": KEYS_WRITE + EVENTS_READ}

    @extend_schema(
        operation_id="read_key",
        summary="One key: the party's own, or one that signed an event it may read",
        tags=["keys"],
        parameters=[in_path("key_id", "RFC 7638 thumbprint.")],
        responses=schema.answers({200: "Key"}, problems=(401, 403, 404)),
    )
    def get(self, request: Request, key_id: str) -> Response:
        """Answer what the log says of it."""
        if not is_key_id(key_id) or not feeds.may_read_key(key_id, party=self.grant.party):
            raise not_found()
        record = log.key(key_id)
        assert record is not None
        return Response(shown.key(record))


def _check_members(data: dict[str, Any], known: tuple[str, ...], *, optional: tuple[str, ...]) -> None:
    faults = unknown_members(data, known, "")
    for name in known:
        kind = dict if name == "envelope" else str
        if name not in data:
            if name not in optional:
                faults.append(Fault(f"the member {name} is missing", pointer=""))
        elif not isinstance(data[name], kind):
            word = "an object" if kind is dict else "a text"
            faults.append(Fault(f"{word} is wanted", pointer=f"/{name}", value=data[name]))
    if faults:
        raise bad_request(faults)


def _opened(value: dict[str, Any]) -> tuple[Envelope, Statement]:
    try:
        envelope = parse_envelope(value)
    except Malformed as malformed:
        raise Invalid(malformed.reason, pointer=f"/envelope{malformed.pointer}") from None
    try:
        return envelope, parse_statement(envelope.payload)
    except Malformed as malformed:
        raise Invalid(f"the statement is malformed: {malformed}", pointer="/envelope/payload") from None


def _decoded(decode: Any, data: dict[str, Any], name: str) -> bytes:
    try:
        found: bytes = decode(data[name], f"the {name}")
    except Malformed as malformed:
        raise Invalid(malformed.reason, pointer=f"/{name}") from None
    return found
