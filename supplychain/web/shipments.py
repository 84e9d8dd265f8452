"""The list of shipments: search by any identifier, filters, pages."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from supplychain.queries import shipmentlist
from supplychain.web import shown
from supplychain.web.access import MemberRequest, member

FILTERS = (
    ("open", "Open"),
    ("waiting", "Waiting for you"),
    ("moving", "On the move"),
    ("late", "Late"),
    ("risk", "At risk"),
    ("breached", "Breached"),
    ("discrepancy", "Discrepancies"),
    ("held", "Held by you"),
    ("closed", "Closed"),
    ("all", "All"),
)
PAGE = 25


@member
def shipments(request: MemberRequest) -> HttpResponse:
    """Show one page of the shipments that match; htmx asks for the table alone while somebody types."""
    query = request.GET.get("q", "").replace("\0", "").strip()[:200]
    state = request.GET.get("state", "all" if query else "open")
    if state not in dict(FILTERS):
        state = "all"
    party, now = request.membership.party_id, timezone.now()  # noqa: TID251
    found = shipmentlist.search(party=party, text=query, state=state, now=now)
    page = shipmentlist.page(found, number=request.GET.get("page", "1"), size=PAGE)
    context = {
        "now": now,
        "query": query,
        "state": state,
        "tabs": [(key, name, _address(query, key)) for key, name in FILTERS],
        "page": page,
        "rows": shown.rows(page.object_list, party=party, now=now),
        "address": _address(query, state),
    }
    again = request.headers.get("HX-Target") == "found"
    return render(request, "shipments/table.html" if again else "shipments/list.html", context | {"again": again})


def _address(query: str, state: str) -> str:
    return "?" + urlencode({"q": query, "state": state} if query else {"state": state})
