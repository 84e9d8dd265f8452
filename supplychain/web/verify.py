"""Check it yourself: a shipment's bundle to take away, and the page that checks bundles and proofs in the browser."""

from __future__ import annotations

from uuid import UUID

from csp.decorators import csp_replace
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ledger import queries as log
from supplychain.queries import bundles, feeds
from supplychain.web.access import MemberRequest, member

NOTHING_IS_SENT = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'"],
    "connect-src": ["'none'"],
    "form-action": ["'none'"],
}
"""What the page /verify may do: load its own scripts and styles, and then nothing more with any network."""


@require_safe
@csp_replace(NOTHING_IS_SENT)
def verify(request: HttpRequest) -> HttpResponse:
    """Show the page, to anyone. It shows this log's key to compare, and never takes it as trusted by itself."""
    try:
        key = log.verifier_key()
    except log.LogMissing:
        key = ""
    return render(request, "verify/page.html", {"verifier_key": key})


@member
def bundle(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The file of a shipment, for a party that may see it; 404 to everybody else."""
    party = request.membership.party_id
    try:
        found = feeds.shipment(pk, party=party)
    except feeds.Missing:
        raise Http404 from None
    try:
        data = bundles.bundle(found, party=party, disclose=request.GET.getlist("disclose"))
    except bundles.BundleTooLarge as fault:
        return HttpResponse(f"This shipment is too large for one file: {fault}.", status=413, content_type="text/plain")
    answer = HttpResponse(data, content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="{bundles.filename(found)}"'
    answer["Cache-Control"] = "private, no-store"
    return answer
