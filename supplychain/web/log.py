"""The log as its parties see it: entries, checkpoint, keys. Bodies of others stay closed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from ledger import kept, queries, tenancy
from ledger.tlog.envelope import parse_leaf
from ledger.tlog.keys import KeyRecord
from supplychain.models import Event
from supplychain.queries import partners
from supplychain.web import audits, erasures, publication, words
from supplychain.web.access import MemberRequest, member
from supplychain.web.names import Names

PAGE = 40
KEYS = 200
TYPES = {
    "event": "Event",
    "key.register": "Key registered",
    "key.revoke": "Key revoked",
    "key.attest": "Entries attested",
    "approval.request": "Approval asked for",
    "body.erased": "Body erased",
    "forecast": "Forecast",
}


@member
def log(request: MemberRequest) -> HttpResponse:
    """Show the checkpoint, the verifier key and a page of entries, the newest first."""
    try:
        size = queries.tree_size()
    except queries.LogMissing:
        return render(request, "log/none.html")
    before = _number(request.GET.get("before"))
    found = queries.entries(before=before, limit=PAGE)
    mark = queries.verified_to()
    context = {
        "size": size,
        "verified": mark.tree_size if mark else 0,
        "checkpoint": queries.checkpoint(),
        "verifier_key": queries.verifier_key(),
        "next_verifier_key": [*queries.verifier_keys(), ""][1],
        "rows": _rows(found, request.membership.party_id.hex),
        "older": found[-1].index if found and found[-1].index > 0 else None,
        "newer": before is not None,
    }
    context |= audits.context(request, now=timezone.now())  # noqa: TID251
    return render(request, "log/log.html", context)


@member
def entry(request: MemberRequest, index: int) -> HttpResponse:
    """Show one entry: what everybody who reads the log sees, and the event where it may be seen."""
    try:
        found = queries.entry(index)
    except queries.EntryMissing:
        raise Http404 from None
    key = queries.key(found.key_id)
    disputed, proofs = queries.is_disputed(index, found.key_id), publication.proofs()
    context = {
        "entry": found,
        "row": _rows([found], request.membership.party_id.hex)[0],
        "statement_hash": found.statement_hash.hex(),
        "statement": json.dumps(json.loads(parse_leaf(found.leaf).payload), indent=2, ensure_ascii=False),
        "key": key,
        "kind": words.key_kind(key.role) if key else "",
        "disputed": disputed,
        "proof": proofs.state(index, disputed=disputed),
        "published": not proofs.waits_for(index),
        "verified": index < proofs.verified,
        "in_doubt": proofs.is_in_doubt(index),
        "size": proofs.size,
        "may_erase": erasures.may_ask(index, request.membership),
        "body": "" if found.statement.type == "forecast" else _body(index),  # a manifest names everybody's series
    }
    return render(request, "log/entry.html", context)


@member
def keys(request: MemberRequest) -> HttpResponse:
    """List the keys that the log knows, those of the acting party first."""
    records = queries.keys_of()
    mine = request.membership.party_id
    records.sort(key=lambda record: (record.party != mine.hex, -record.registered_index))
    known = {mine} | partners.ids(mine)
    names = Names(parties=known)
    rows = [key_row(record, names) for record in records[:KEYS]]
    for row in rows:
        if UUID(row["key"].party) not in known:
            row["party"] = "another party"
    return render(request, "log/keys.html", {"rows": rows, "total": len(records), "shown": len(rows)})


def key_row(record: KeyRecord, names: Names) -> dict[str, Any]:
    """A key as a table shows it."""
    ends = datetime.fromtimestamp(record.expires_ms / 1000, UTC) if record.expires_ms is not None else None
    return {"key": record, "party": names.party(UUID(record.party)), "kind": words.key_kind(record.role), "ends": ends}


def _rows(found: list[queries.EntryView], own: str) -> list[dict[str, Any]]:
    listed = Event.objects.filter(index__in=[each.index for each in found])
    visible = {event.index: event for event in tenancy.readable_by(listed, UUID(own))}
    signers = {each.key_id: queries.key(each.key_id) for each in found}
    names = Names(parties={UUID(key.party) for key in signers.values() if key})
    rows = []
    for each in found:
        key, event = signers[each.key_id], visible.get(each.index)
        rows.append(
            {
                "entry": each,
                "type": TYPES.get(each.statement.type, each.statement.type),
                "event": event,
                "act": words.act(event.act, event.biz_step) if event else "",
                "shipment": event.scopes[0] if event and event.scopes else None,
                "kind": words.key_kind(key.role) if key else "",
                "signer": names.party(UUID(key.party)) if key and (event or key.party == own) else "",
                "recorded": datetime.fromtimestamp(each.record_time_ms / 1000, UTC),
            }
        )
    return rows


def _body(index: int) -> str:
    """The event's body where the acting party may read it (row-level security decides), else nothing."""
    found = kept.bodies([index]).get(index)
    return json.dumps(json.loads(found.body), indent=2, ensure_ascii=False) if found else ""


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None


@member
def proof(request: MemberRequest, index: int) -> HttpResponse:
    """The proof file of an entry (C2SP tlog-proof): checked offline, without this server."""
    try:
        text = queries.tlog_proof(index)
    except queries.EntryMissing:
        raise Http404 from None
    answer = HttpResponse(text, content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="entry-{index}.tlog-proof"'
    return answer
