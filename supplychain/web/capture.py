"""Where a device hands in what it signed: the same capture as everybody's, with a session instead of a token."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_POST

from ledger.admission import Refusal
from ledger.tlog import strictjson
from ledger.tlog.envelope import parse_envelope
from ledger.tlog.errors import Malformed
from ledger.tlog.text import decode_base64
from supplychain.operations.capture import CaptureItem, capture
from supplychain.web import problems
from supplychain.web.access import MemberRequest, operator
from supplychain.web.acts import captured

MAX_BYTES = 2 * 1024 * 1024


@require_POST
@operator
def capture_signed(request: MemberRequest) -> HttpResponse:
    """Capture one event that this browser signed; the key must be one of the acting party's."""
    try:
        item = _read(request.body)
    except Malformed as malformed:
        return problems.refusal(f"What was sent cannot be read: {malformed}", status=400)
    now = timezone.now()  # noqa: TID251
    [outcome] = capture([item], party=request.membership.party_id, now=now)
    if isinstance(outcome, Refusal):
        return problems.refusals(outcome.error)
    return JsonResponse({"index": outcome.index, "url": captured(outcome)}, status=201)


def _read(body: bytes) -> CaptureItem:
    value: Any = strictjson.parse(body, max_bytes=MAX_BYTES)
    if not isinstance(value, dict) or not {"envelope", "body", "salt"} <= value.keys() <= {
        "envelope",
        "body",
        "salt",
        "chains",
        "disclosures",
    }:
        raise Malformed("an item has envelope, body and salt, and chains and disclosures where it has any")
    chains = value.get("chains", {})
    if not isinstance(chains, dict) or not all(isinstance(value[name], str) for name in ("body", "salt")):
        raise Malformed("body and salt are base64, chains an object")
    disclosures = value.get("disclosures", [])
    if not isinstance(disclosures, list) or not all(isinstance(each, str) for each in disclosures):
        raise Malformed("disclosures are a list of texts")
    return CaptureItem(
        envelope=parse_envelope(value["envelope"]),
        body=decode_base64(value["body"], "the body", pointer="/body"),
        salt=decode_base64(value["salt"], "the salt", pointer="/salt"),
        chains={unit: decode_base64(secret, "a chain secret", pointer="/chains") for unit, secret in chains.items()},
        disclosures=tuple(disclosures),
    )
