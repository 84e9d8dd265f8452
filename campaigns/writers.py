"""Many writers at once, and a key that is revoked in their midst: nothing it signed gets in afterwards, nothing forks.

    nice python -m campaigns.writers 32 --seconds 60 --seed 7

Each writer has a thread and a connection, signs with one of two parties' keys, hands in one to four events at a time,
and sends a tenth of them again. Half-way one key is revoked. Then the log must be without gaps, every answer true, the
revoked key silent from its revocation on, and the audit must find nothing. A short form runs in the test suite.
"""

from __future__ import annotations

import argparse
import random
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection

from ledger.admission import Appended, Refusal, Repeated, Submission


@dataclass
class Report:
    """What the writers saw, and what was wrong with it."""

    appended: dict[int, bytes] = field(default_factory=dict)
    """By index, the statement hash of what an answer said to be there."""
    by_revoked: list[int] = field(default_factory=list)
    repeated: int = 0
    refused: int = 0
    revoked_at: int = -1
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{len(self.appended)} appended, {self.repeated} repeated, {self.refused} refused after the revocation at"
            f" {self.revoked_at}, {len(self.wrong)} wrong"
        )


class _Writer:
    """One of them."""

    def __init__(self, log: Any, members: Sequence[Any], dice: random.Random, report: Report, lock: Any) -> None:
        self.log, self.members, self.dice, self.report, self.lock = log, members, dice, report, lock
        self.sent: list[tuple[Submission, int]] = []

    def run(self, is_over: Callable[[int], bool]) -> None:
        """Write until it is over."""
        rounds = 0
        try:
            while not is_over(rounds):
                rounds += 1
                if self.sent and self.dice.random() < 0.1:
                    self._again()
                else:
                    self._write()
        finally:
            connection.close()

    def _write(self) -> None:
        member = self.dice.choice(self.members)
        events = [self.log.event(member) for _ in range(self.dice.randrange(1, 5))]
        for event, outcome in zip(events, self.log.append(*events), strict=True):
            self._note(event, outcome, is_revoked=member is self.members[0])

    def _note(self, event: Submission, outcome: Any, *, is_revoked: bool) -> None:
        with self.lock:
            if isinstance(outcome, Appended):
                if outcome.index in self.report.appended:
                    self.report.wrong.append(f"two answers say that they are entry {outcome.index}")
                self.report.appended[outcome.index] = outcome.statement_hash
                self.sent.append((event, outcome.index))
                if is_revoked:
                    self.report.by_revoked.append(outcome.index)
            elif isinstance(outcome, Refusal) and is_revoked:
                self.report.refused += 1
            else:
                self.report.wrong.append(f"an honest event was answered with {outcome}")

    def _again(self) -> None:
        event, index = self.dice.choice(self.sent)
        [outcome] = self.log.append(event)
        with self.lock:
            self.report.repeated += 1
            if not isinstance(outcome, Repeated) or outcome.index != index:
                self.report.wrong.append(f"entry {index} sent again was answered with {outcome}")


def campaign(
    log: Any, members: Sequence[Any], *, writers: int, rounds: int = 0, seconds: float = 0, seed: int
) -> Report:
    """Let them write, revoke the first member's key half-way, and hold the log against what they were told."""
    from ledger import operations, queries, tenancy

    report, lock, start = Report(), threading.Lock(), time.monotonic()
    first, until = queries.tree_size(), start + seconds

    def is_over(done: int) -> bool:
        return done >= rounds if rounds else time.monotonic() > until

    def revoke() -> None:
        try:
            half = writers * rounds // 2
            while len(report.appended) < half if rounds else time.monotonic() < start + seconds / 2:
                time.sleep(0.005)
            claims = {"key": members[0].key_id, "last_valid_index": queries.tree_size() - 1, "reason": "stolen"}
            said = operations.submission("key.revoke", claims, origin=log.origin, by=members[0].admin)
            [outcome] = log.append(said)
            assert isinstance(outcome, Appended), outcome
            report.revoked_at = outcome.index
        finally:
            connection.close()

    with ThreadPoolExecutor(writers + 1) as pool:
        dice = random.Random(seed)
        each = [_Writer(log, members, random.Random(dice.random()), report, lock) for _ in range(writers)]
        for done in [pool.submit(revoke), *(pool.submit(one.run, is_over) for one in each)]:
            done.result()
    with tenancy.system():
        _hold_against(report, first)
    return report


def _hold_against(report: Report, first: int) -> None:
    """The entries are those that were answered for, each once, without a gap; and nothing of the revoked key later."""
    from ledger import audit
    from ledger.models import Entry

    found = audit.check_log()
    report.wrong += [str(fault) for fault in found.faults]
    stored = dict(Entry.objects.filter(index__gte=first).values_list("index", "statement_hash"))
    if sorted(stored) != list(range(first, found.tree_size)):
        report.wrong.append("the entries are not without a gap")
    answered = report.appended
    for index, hashed in stored.items():
        if index != report.revoked_at and answered.get(index) != bytes(hashed):
            report.wrong.append(f"nobody was told of entry {index}, or of another one there")
    report.wrong += [f"entry {index} was answered for and is not there" for index in answered.keys() - stored.keys()]
    late = [index for index in report.by_revoked if index > report.revoked_at]
    report.wrong += [f"entry {index} was signed with the revoked key" for index in late]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the long form; return the exit code."""
    from campaigns.place import database

    parser = argparse.ArgumentParser(prog="python -m campaigns.writers", description=__doc__)
    parser.add_argument("writers", nargs="?", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    with database() as folder:
        from django.conf import settings

        from tests.ledger.conftest import made_log

        log = made_log(settings, Path(folder) / "campaign")
        members = [log.member(), log.member()]
        report = campaign(log, members, writers=options.writers, seconds=options.seconds, seed=options.seed)
    for line in report.wrong[:20]:
        print(line)
    print(f"{options.writers} writers, {options.seconds:.0f} s, seed {options.seed}: {report}")
    return 1 if report.wrong or report.revoked_at < 0 else 0


if __name__ == "__main__":
    sys.exit(main())
