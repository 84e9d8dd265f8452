"""Group commit: what several threads hand in at the same time is appended together, by one of them.

An append costs about the same for one event as for fifty: a lock, some thirty statements, a commit that waits for the
disk. So whoever finds nobody at work takes all that waits and appends it in one transaction, for everyone; whoever
comes meanwhile waits, and the first of those does the next. Alone, a request goes at once; where the group before had
company, the leader of the next waits a few thousandths of a second for more: a larger group costs each of them less.
What remains to be done after the commit (the checkpoint's file) keeps only those waiting whom it concerns: the next
group is on its way meanwhile.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ledger.admission import Outcome, Submission

MOST = 500
"""So many items go into one transaction; what is more waits for the next."""

LINGER = 0.004
"""So many seconds a leader waits for company, where there was company before."""

Finish = Callable[[], None]
Append = Callable[[Sequence[Submission], datetime, list[Finish]], list[Outcome]]
"""Appends, and leaves in the list what is to be done after the commit and before anybody is answered."""


@dataclass(slots=True)
class _Waiting:
    """One request in the queue. Woken, it has its outcomes, or leads the next group, or is to go alone."""

    submissions: Sequence[Submission]
    now: datetime
    leads: bool = False
    outcomes: list[Outcome] | None = None
    woken: threading.Event = field(default_factory=threading.Event)


class Grouping:
    """Takes the requests of all threads of a process to `append` in groups; each keeps the order of its items.

    A group that fails as a whole is taken apart: each of its requests then goes alone, in its own thread, so that an
    exception reaches those that it concerns, and all of them when the log itself cannot be written. What a commit had
    kept before the failure is found again, not doubled.
    """

    def __init__(self, append: Append) -> None:
        self._append = append
        self._lock = threading.Lock()
        self._queue: deque[_Waiting] = deque()
        self._is_led = False
        self._is_busy = False

    def append(self, submissions: Sequence[Submission], now: datetime) -> list[Outcome]:
        """Append with whatever else waits; return one outcome a submission, raise what the append raises.

        The log's time is the latest `now` of the group.
        """
        mine = _Waiting(submissions, now)
        with self._lock:
            self._queue.append(mine)
            mine.leads = not self._is_led
            self._is_led = True
        if not mine.leads:
            mine.woken.wait()
        if mine.leads:
            self._lead()
        return self._alone(mine) if mine.outcomes is None else mine.outcomes

    def _alone(self, mine: _Waiting) -> list[Outcome]:
        finish: list[Finish] = []
        outcomes = self._append(mine.submissions, mine.now, finish)
        for each in finish:
            each()
        return outcomes

    def _lead(self) -> None:
        if self._is_busy:
            time.sleep(LINGER)
        group, finish = self._take(), list[Finish]()
        try:
            try:
                self._append_all(group, finish)
            finally:
                self._hand_over()
            for each in finish:
                each()
        except BaseException as error:
            for waiting in group:
                waiting.outcomes = None
            if len(group) == 1 or not isinstance(error, Exception):
                raise
        finally:
            for waiting in group:
                waiting.woken.set()

    def _take(self) -> list[_Waiting]:
        """The first that waits (it leads) and those behind it, up to MOST items."""
        with self._lock:
            group = [self._queue.popleft()]
            count = len(group[0].submissions)
            while self._queue and count + len(self._queue[0].submissions) <= MOST:
                group.append(self._queue.popleft())
                count += len(group[-1].submissions)
            self._is_busy = len(group) > 1
        return group

    def _append_all(self, group: Sequence[_Waiting], finish: list[Finish]) -> None:
        together = [submission for each in group for submission in each.submissions]
        outcomes = iter(self._append(together, max(each.now for each in group), finish))
        for each in group:
            each.outcomes = [next(outcomes) for _ in each.submissions]

    def _hand_over(self) -> None:
        """Let the next lead, if one waits."""
        with self._lock:
            heir = self._queue[0] if self._queue else None
            self._is_led = heir is not None
            if heir is not None:
                heir.leads = True
        if heir is not None:
            heir.woken.set()
