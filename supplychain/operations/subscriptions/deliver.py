"""Sends what a subscription has not had yet: in the order in which its party came to read it, which is the log's but
for what was opened late; at least once, forward only after a 2xx.

A *run* goes from the position up to a target, the size of the log when the run began; a stream has one run after the
other, a schedule one each time it says. What failed is tried again later, and nothing behind it is sent before.
"""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from forecasting.jobs import Clock, LeaseLost
from ledger import keystore, tenancy
from ledger import queries as log
from supplychain.epcis import answers
from supplychain.epcis.answers import Answered
from supplychain.epcis.translation import Translation
from supplychain.models import Delivery, Subscription
from supplychain.operations.subscriptions import leases, notices, sending, signing
from supplychain.operations.subscriptions.leases import Claim
from supplychain.queries import prefixes
from supplychain.queries.candidates import Opened
from supplychain.webhooks import retrying, signatures
from supplychain.webhooks.retrying import Answer, Verdict
from supplychain.webhooks.schedule import parse_schedule

MOST = 100
"""Events in one request."""
MOST_BYTES = 2 * 1024 * 1024
"""Of one request's body, unless a single event is longer."""
TURN = timedelta(seconds=30)
"""After which a worker lets other subscriptions have their turn."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Matched:
    """An event that the query finds, and where it stands in the order of what the party came to read."""

    opened: Opened
    answered: Answered

    @property
    def index(self) -> int:
        return self.opened.index


@dataclass(frozen=True, slots=True)
class Looked:
    """The events that were found, in the order in which the party came to read them; all before `end` was looked at."""

    events: Sequence[Matched]
    end: Opened


def place_of(row: Subscription) -> Opened:
    """Where a subscription goes on."""
    return Opened(row.position, row.within)


Source = Callable[[Subscription, int], Looked]
"""Finds the first events of a subscription's query that its party may read, from its position on, at most so many."""
Post = Callable[..., Answer]


@dataclass(frozen=True, slots=True)
class Worker:
    """What a worker works with; tests put their own in."""

    source: Source
    clock: Clock
    post: Post = sending.post
    random: Callable[[], float] = random.random
    allow: Sequence[str] | None = None

    def perform(self, subscription: UUID) -> bool:
        """Send what there is to send, for a turn; return whether there is more. Nothing is raised for the receiver's
        faults: they stand in the delivery log."""
        with tenancy.system():
            claimed = leases.claim(subscription, now=self.clock())
            if claimed is None:
                return False
            try:
                self._turn(claimed)
            except LeaseLost:
                logger.warning("subscription %s was taken from this worker", subscription)
            finally:
                leases.release(claimed)
            return leases.is_due(subscription, now=self.clock())  # it may have become so while nobody else could look

    def _turn(self, claimed: Claim) -> None:
        until = self.clock() + TURN
        while self._step(claimed) and self.clock() < until:
            pass

    def _step(self, claimed: Claim) -> bool:
        """Do one thing; return whether there may be another."""
        now = self.clock()
        leases.keep(claimed, now=now)
        row = leases.held(claimed).select_related("query").first()
        if row is None:
            raise leases.lost(claimed)
        if row.test_asked_at is not None:
            self._send_test(claimed, row)
            return True
        if row.is_paused or (row.next_at is not None and row.next_at > now):
            return False
        if row.target is None:
            return self._begin(claimed, row, now)
        return self._go_on(claimed, row, row.target)

    def _begin(self, claimed: Claim, row: Subscription, now: datetime) -> bool:
        size = log.tree_size()
        if row.stream and row.position >= size:
            return False
        leases.held(claimed).update(target=max(size, row.position), run_at=now)
        return True

    def _go_on(self, claimed: Claim, row: Subscription, target: int) -> bool:
        with tenancy.acting_for(row.tenant):
            looked = self.source(row, row.batch) if row.position < target else Looked((), place_of(row))
            body, found = _body(row, list(looked.events), now=self.clock())
        if found:
            is_all = len(found) == len(looked.events)
            return self._send(claimed, row, body, found, looked.end if is_all else found[-1].opened.next)
        if row.position < target:
            return self._leave_out(claimed, row, looked.end)
        if row.report_if_empty and not row.stream and not _was_notified(row):
            return self._send(claimed, row, body, found, place_of(row))
        return self._end(claimed, row)

    def _leave_out(self, claimed: Claim, row: Subscription, end: Opened) -> bool:
        """Go past entries of which none is for this subscriber."""
        assert end > place_of(row), "whoever looks gets on"
        where_it_was = leases.held(claimed).filter(position=row.position, within=row.within)
        where_it_was.update(position=end.at, within=end.index)
        return True

    def _end(self, claimed: Claim, row: Subscription) -> bool:
        """The run is over: a stream waits for the log to grow, a schedule for its next time."""
        next_at = None if row.schedule is None else parse_schedule(row.schedule).next_after(self.clock())
        leases.held(claimed).update(target=None, run_at=None, next_at=next_at)
        return row.stream

    # --- sending ---------------------------------------------------------------------------------------------------

    def _send(self, claimed: Claim, row: Subscription, body: bytes, found: Sequence[Matched], end: Opened) -> bool:
        """Send a batch; at `end` it goes on once that is taken."""
        made = Delivery(
            subscription=row,
            tenant=row.tenant,
            kind=Delivery.Kind.EVENTS if found else Delivery.Kind.EMPTY,
            first_index=min((each.index for each in found), default=None),
            last_index=max((each.index for each in found), default=None),
            events=len(found),
            size=len(body),
            attempt=row.failures + 1,
        )
        answer = self._post(claimed, row, made, body)
        made.verdict = retrying.verdict(answer)
        with transaction.atomic():
            current = leases.held(claimed).select_for_update().first()
            if current is None:
                raise leases.lost(claimed)
            is_where_it_was = place_of(current) == place_of(row)  # else somebody asked for a replay meanwhile
            goes_on = self._note(current, made, answer, end) if is_where_it_was else True
            made.save(force_insert=True)
        return goes_on

    def _note(self, row: Subscription, made: Delivery, answer: Answer, end: Opened) -> bool:
        """Write into the row what the answer means; return whether to go on at once."""
        now = self.clock()
        match made.verdict:
            case Verdict.DELIVERED:
                row.position, row.within = end.at, end.index
                row.failures, row.failing_since, row.next_at, row.stuck_at, row.told_at = 0, None, None, None, None
                row.last_notified_at, row.batch = now, min(row.batch + max(1, row.batch // 4), MOST)
                row.save(update_fields=_PROGRESS)
                return True
            case Verdict.TOO_LARGE if made.events > 1:
                Subscription.objects.filter(pk=row.pk).update(batch=max(1, made.events // 2))
                return True
            case Verdict.TOO_LARGE if made.events == 1:
                notices.pause(row, _too_large(made), now=now, stuck_at=made.first_index)
                return False
            case Verdict.GONE:
                notices.pause(row, "The receiver says that it is gone for good (410).", now=now)
                return False
        row.failures += 1
        row.failing_since = row.failing_since or now
        verdict = Verdict(made.verdict)
        if now - row.failing_since >= retrying.paused_after(verdict):
            said = f"It failed since {row.failing_since:%Y-%m-%d %H:%M} UTC, {row.failures} times in a row."
            notices.pause(row, f"{said}{_last_word(made)}", now=now)
            return False
        if verdict is Verdict.REFUSED and row.failures >= retrying.TOLD_AFTER_REFUSALS and row.told_at is None:
            notices.warn(row, f"It was refused {row.failures} times in a row.{_last_word(made)}", now=now)
        made.next_at = row.next_at = retrying.next_try(answer, failures=row.failures, now=now, random=self.random)
        row.save(update_fields=["failures", "failing_since", "next_at", "told_at"])
        return False

    def _send_test(self, claimed: Claim, row: Subscription) -> None:
        """Send a document without events, whatever the state; nothing else follows from the answer."""
        body, _ = _body(row, [], now=self.clock())
        made = Delivery(subscription=row, tenant=row.tenant, kind=Delivery.Kind.TEST, size=len(body), attempt=1)
        asked_at = row.test_asked_at
        answer = self._post(claimed, row, made, body)
        made.verdict = retrying.verdict(answer)
        with transaction.atomic():
            if leases.held(claimed).select_for_update().first() is None:
                raise leases.lost(claimed)
            leases.held(claimed).filter(test_asked_at=asked_at).update(test_asked_at=None)
            made.save(force_insert=True)

    def _post(self, claimed: Claim, row: Subscription, made: Delivery, body: bytes) -> Answer:
        token = None if row.sealed_token is None else keystore.unseal(bytes(row.sealed_token))
        made.at = self.clock()
        began = time.monotonic()

        def before() -> None:
            leases.keep(claimed, now=self.clock())

        def headers() -> Mapping[str, str]:
            now = self.clock()
            key_id, key = signing.current(now=now)
            signed = signatures.sign(now=now, destination=row.dest, body=body, key=key, key_id=key_id, token=token)
            return _headers(row, made) | {signatures.HEADER: signed}

        allow = settings.WAYLOG_WEBHOOK_ALLOW if self.allow is None else self.allow
        answer = self.post(row.dest, body, headers=headers, allow=allow, before=before)
        made.latency_ms = int(1000 * (time.monotonic() - began))
        made.status, made.said = answer.status, answer.said
        return answer


_PROGRESS = (
    "position",
    "within",
    "failures",
    "failing_since",
    "next_at",
    "stuck_at",
    "told_at",
    "last_notified_at",
    "batch",
)


def _was_notified(row: Subscription) -> bool:
    """Whether anything was sent in the run that is under way."""
    return row.last_notified_at is not None and row.run_at is not None and row.last_notified_at >= row.run_at


def _last_word(made: Delivery) -> str:
    """What the receiver said in the end, where it said anything."""
    return f" The last answer was {made.status}{f': {made.said[:160]}' if made.said else ''}." if made.status else ""


def _too_large(made: Delivery) -> str:
    return (
        f"The receiver says that the event at index {made.first_index} is too large for it ({made.size:,} bytes, 413)."
        " Let it take larger bodies and resume, or step over this event."
    )


def _headers(row: Subscription, made: Delivery) -> dict[str, str]:
    found = {
        "Content-Type": "application/json",
        "User-Agent": "Waylog/1",
        "GS1-EPCIS-Version": "2.0",
        "GS1-CBV-Version": "2.0",
        "GS1-EPC-Format": row.epc_format,
        "Waylog-Delivery": str(made.number),
        "Waylog-Kind": made.kind,
    }
    if made.first_index is not None:
        found["Waylog-Indexes"] = f"{made.first_index}-{made.last_index}"
    return found


def _body(row: Subscription, found: list[Matched], *, now: datetime) -> tuple[bytes, list[Matched]]:
    """The document to send, and the events in it: fewer than were found where the document would be too long."""
    while True:
        body = _document(row, found, now=now)
        if len(body) <= MOST_BYTES or len(found) <= 1:
            return body, found
        found = found[: len(found) // 2]


def _document(row: Subscription, found: Sequence[Matched], *, now: datetime) -> bytes:
    document: dict[str, Any] = answers.query_document(
        (each.answered for each in found),
        created_at=now,
        query_name=row.query.name,
        subscription_id=str(row.id),
        translation=Translation(row.epc_format, prefixes.prefix_length()),
    )
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
