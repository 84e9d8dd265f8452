"""The control tower: what moves, what waits, what is late or broken, and what to do first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from supplychain.queries import arrivals
from supplychain.queries import tower as figures
from supplychain.web import audits, keys, lanemap, recent, shown, volume
from supplychain.web.access import MemberRequest, member
from supplychain.web.words import span


@dataclass(frozen=True, slots=True)
class Card:
    """One number with what it counts, and where it leads."""

    label: str
    number: int
    note: str
    filter: str
    tone: str = ""


@member
def tower(request: MemberRequest) -> HttpResponse:
    """Show the whole tower; htmx asks again for the living part alone."""
    party, now = request.membership.party_id, timezone.now()  # noqa: TID251
    counts = figures.counts_for(party, now=now)
    context: dict[str, Any] = {
        "now": now,
        "cards": _cards(counts, len(arrivals.at_risk(party, now=now)), now),
        "urgent": shown.rows(figures.needs_first(party, now=now), party=party, now=now),
        "total": counts.open,
        "log_alarm": audits.alarm_words(now=now),
        "ending": keys.ending(request, now=now),
        "lanes": lanemap.lanes(party, now=now),
        "recent": recent.lines(figures.recent_events(party), party=party),
    }
    if request.headers.get("HX-Request"):
        return render(request, "tower/living.html", context)
    return render(request, "tower/page.html", context | {"volume": volume.card(party)})


def _cards(counts: figures.Counts, at_risk: int, now: datetime) -> list[Card]:
    oldest = f"oldest {span(now - counts.oldest_waiting)}" if counts.oldest_waiting else "nothing was handed to you"
    worst = "limit exceeded on the way" if counts.breached else "no limit exceeded"
    mine = f"{counts.discrepancies_mine} for you to answer" if counts.discrepancies_mine else "none is yours to answer"
    return [
        Card("On the move", counts.moving, f"{counts.due_today} promised for today (UTC)", "moving"),
        Card("Waiting for your acceptance", counts.waiting, oldest, "waiting"),
        Card("Late", counts.late, "promised time has passed", "late", "warn" if counts.late else ""),
        Card("At risk", at_risk, "more likely late than not", "risk", "warn" if at_risk else ""),
        Card("Temperature breaches", counts.breached, worst, "breached", "bad" if counts.breached else ""),
        Card("Discrepancies open", counts.discrepancies, mine, "discrepancy", "warn" if counts.discrepancies else ""),
    ]
