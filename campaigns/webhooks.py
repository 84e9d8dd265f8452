"""Many workers, few subscriptions, receivers that fail, workers that die: nothing is lost, nothing is reordered, and
never are two requests under way. Run by tests/supplychain/webhooks/test_workers.py, which brings the database;
WAYLOG_CAMPAIGN_EVENTS=300 makes it long.

A worker that dies is a thread that leaves in the middle of a request, before or after the receiver took it, without
releasing anything: what is left of it is what `kill -9` would leave, a row with a lease that runs out.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from unittest import mock
from uuid import UUID

from supplychain.operations.subscriptions import leases
from supplychain.operations.subscriptions.deliver import Source, Worker
from supplychain.webhooks.retrying import Answer


class Died(BaseException):
    """What `kill -9` is to a thread."""


@dataclass
class Receiver:
    """Takes or refuses what comes for one subscription, and notes whether two came at once."""

    chance: random.Random
    taken: list[list[int]] = field(default_factory=list)
    inside: int = 0
    most_inside: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, indexes: list[int]) -> Answer:
        """Answer a request that holds the events at these indexes."""
        with self.lock:
            self.inside += 1
            self.most_inside = max(self.most_inside, self.inside)
        try:
            threading.Event().wait(self.chance.random() * 0.01)
            status = self.chance.choice((204, 204, 204, 500, 413, 0))
            if status == 413 and len(indexes) == 1:
                status = 500
            if status == 204:
                self.taken.append(indexes)
            return Answer(status)
        finally:
            with self.lock:
                self.inside -= 1


@dataclass
class Clock:
    """A time that all workers share. It stands still while a request flies: none takes as long as a lease lasts."""

    now: datetime
    flying: int = 0
    lock: threading.Condition = field(default_factory=threading.Condition)

    def __call__(self) -> datetime:
        """What time it is."""
        with self.lock:
            self.now += timedelta(milliseconds=50)
            return self.now

    def pass_by(self, **span: float) -> None:
        """Let time pass, when nothing flies."""
        with self.lock:
            self.lock.wait_for(lambda: not self.flying)
            self.now += timedelta(**span)

    @contextmanager
    def flight(self) -> Iterator[None]:
        """Hold the time while a request flies."""
        with self.lock:
            self.flying += 1
        try:
            yield
        finally:
            with self.lock:
                self.flying -= 1
                self.lock.notify_all()


def run(
    subscriptions: Sequence[UUID],
    *,
    source: Source,
    clock: Clock,
    rounds: int,
    seed: int,
    threads: int = 4,
    done: Callable[[], bool],
    after: Callable[[], None] = lambda: None,
) -> dict[UUID, Receiver]:
    """Let workers work on the subscriptions until all is sent; return what each receiver took."""
    receivers = {each: Receiver(random.Random(f"{seed} {number}")) for number, each in enumerate(subscriptions)}
    faults: list[BaseException] = []

    def work(number: int) -> None:
        chance = random.Random(f"{seed} worker {number}")
        try:
            for _ in range(rounds):
                if done():
                    return
                _one_turn(chance, receivers, source, clock)
                clock.pass_by(seconds=chance.choice((1, 30, 90)))
        except BaseException as fault:
            faults.append(fault)
        finally:
            after()

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    with mock.patch.object(leases, "release", _release_unless_dead):
        for each in workers:
            each.start()
        for each in workers:
            each.join()
    if faults:
        raise faults[0]
    return receivers


def _one_turn(chance: random.Random, receivers: dict[UUID, Receiver], source: Source, clock: Clock) -> None:
    subscription = chance.choice(list(receivers))
    dies = chance.random() < 0.2
    is_late = chance.random() < 0.5

    def post(_url: str, body: bytes, *, headers: Any, before: Callable[[], None], **_: Any) -> Answer:
        with clock.flight():
            before()
            first, _, last = headers()["Waylog-Indexes"].partition("-")
            if dies and not is_late:
                raise Died
            answer = receivers[subscription](_indexes(body, int(first), int(last)))
            if dies:
                raise Died
            return answer

    _here.dies = dies
    try:
        Worker(source=source, clock=clock, post=post, random=chance.random).perform(subscription)
    except Died:
        return


_here = threading.local()
_release = leases.release


def _release_unless_dead(claimed: leases.Claim) -> None:
    if not getattr(_here, "dies", False):
        _release(claimed)


def _indexes(body: bytes, first: int, last: int) -> list[int]:
    count = body.count(b'"recordTime"')
    assert count <= last - first + 1
    return list(range(first, last + 1))


def verdict(receiver: Receiver, wanted: Sequence[int]) -> list[str]:
    """What was wrong: an event missing, one out of order, two requests at once."""
    found = []
    if receiver.most_inside > 1:
        found.append(f"{receiver.most_inside} requests at once")
    firsts: list[int] = []
    for batch in receiver.taken:
        firsts += [index for index in batch if index not in firsts]
        if batch != sorted(batch):
            found.append(f"{batch} is out of order")
    if firsts != list(wanted):
        found.append(f"taken {firsts}, wanted {list(wanted)}")
    return found
