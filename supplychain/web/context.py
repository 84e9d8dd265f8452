"""What the frame around every page shows: where one can go, for whom one acts, how the log is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from ledger import queries as log
from ledger import tenancy
from ledger.audit import alarm
from ledger.queries import LogMissing
from supplychain.models import KeyRequest, Membership
from supplychain.queries import subscriptions
from supplychain.queries.feeds import readable_shipments
from supplychain.web.accounts import membership_of

LOCAL = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class Item:
    """One place in the navigation."""

    name: str
    url: str
    current: bool
    short: str = ""
    icon: str = ""
    count: int = 0
    counts: str = ""
    tone: str = ""
    rule: bool = False


@dataclass(frozen=True, slots=True)
class LogHealth:
    """How large the log is, and how far this server has verified it."""

    tree_size: int
    verified_size: int
    bad_from: int | None = None

    @property
    def behind(self) -> int:
        """How many entries were appended since."""
        return self.tree_size - self.verified_size


class Shell:
    """Read when a template asks for it, so that fragments and sign-in pages cost nothing."""

    def __init__(self, request: HttpRequest, membership: Membership | None) -> None:
        self._request = request
        self._membership = membership
        self.now = timezone.now()  # noqa: TID251  # an edge: pages say how long ago something was

    @property
    def party_hex(self) -> str:
        return self._membership.party_id.hex if self._membership else ""

    @property
    def origin(self) -> str:
        try:
            return log.origin()
        except LogMissing:
            return ""

    @property
    def insecure(self) -> bool:
        """Whether browsers offer no WebCrypto here: neither https nor this very machine."""
        host = urlsplit(f"//{self._request.get_host()}").hostname or ""
        return not self._request.is_secure() and host not in LOCAL and not host.endswith(".localhost")

    @property
    def log(self) -> LogHealth | None:
        try:
            size = log.tree_size()
        except LogMissing:
            return None
        mark = log.verified_to()
        with tenancy.system():
            bad_from = alarm.bad_from()
        return LogHealth(size, mark.tree_size if mark else 0, bad_from)

    @property
    def others(self) -> list[Membership]:
        if self._membership is None:
            return []
        mine = Membership.objects.filter(user=self._membership.user_id).exclude(pk=self._membership.pk)
        return list(mine.select_related("party").order_by("party__name"))

    @property
    def items(self) -> list[Item]:
        return [*self.short, *self.more]

    @property
    def short(self) -> list[Item]:
        if self._membership is None:
            return []
        mine = readable_shipments(self._membership.party_id)
        open_ones = mine.filter(is_open=True).count()
        return [
            self._item("Control tower", "tower", short="Tower", icon="tower"),
            self._item("Shipments", "shipments", short="Shipments", icon="shipments", count=open_ones, counts="open"),
            self._item("Forecasts", "forecasts", short="Forecasts", icon="forecasts"),
            self._item("Ledger", "log", short="Ledger", icon="log"),
        ]

    @property
    def more(self) -> list[Item]:
        if self._membership is None:
            return []
        found = [self._item("Plan", "plan"), self._item("This device", "device", rule=True)]
        if self._membership.may_manage:
            waiting = KeyRequest.objects.filter(party=self._membership.party_id, state=KeyRequest.State.WAITING).count()
            found.append(self._item("Keys & people", "keys", count=waiting, counts="waiting", tone="go"))
            found.append(self._item("Products & sites", "names"))
            if self._membership.party.is_operator:
                found.append(self._item("Partners", "partners"))
            paused = subscriptions.paused_count(party=self._membership.party_id)
            found.append(self._item("Webhooks", "webhooks", count=paused, counts="paused", tone="bad"))
        found.append(Item("API", "/api/v1/docs", current=False))
        return found

    def _item(self, name: str, place: str, *, icon: str = "", **rest: Any) -> Item:
        url = reverse(place)
        path = self._request.path
        current = path == url or (url != "/" and path.startswith(url))
        return Item(name, url, current, icon=f"parts/icons/{icon}.html" if icon else "", **rest)


def shell(request: HttpRequest) -> dict[str, Any]:
    """The acting membership, and what the frame shows."""
    membership = membership_of(request) if hasattr(request, "user") else None
    return {"membership": membership, "shell": Shell(request, membership)}
