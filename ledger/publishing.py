"""When an appended entry is published: at once, or where the policy has a quorum, once that many have cosigned.

An append never waits for a witness. Who answers for it may: `publish` asks the witnesses for the newest checkpoint,
once for all threads of a process that wait, and ends with the time it is given.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings

from ledger import cosigning, queries, quorum, tenancy
from ledger.models import Checkpoint
from ledger.tlog.note import VerifierKey, parse_verifier_key
from ledger.tlog.policy import Policy

APPENDED, PUBLISHED = "appended", "published"
log = logging.getLogger("waylog.witness")


def published_size() -> int:
    """How many entries are published. Raises LogMissing, PolicyUnreadable."""
    if not quorum.is_set():
        return queries.tree_size()
    found = queries.cosigned_checkpoint(quorum.is_met_by)
    return found.tree_size if found else 0


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the log is published, and who has cosigned how much of it."""

    size: int
    policy: Policy
    cosigned: tuple[tuple[VerifierKey, int], ...]

    def waits_for(self, index: int) -> int:
        """How many witnesses more must cosign at least before the entry is published; 0 once it is."""
        if index < self.size:
            return 0
        lacking = self.policy.lacks({verifier for verifier, size in self.cosigned if index < size})
        return max(lacking, 1)  # where enough have cosigned it, but no one checkpoint yet


def standing() -> Standing:
    """How far the log is published now. Raises LogMissing, PolicyUnreadable."""
    size = published_size()
    cosigned = tuple((parse_verifier_key(each.verifier_key), each.tree_size) for each in queries.cosigners())
    return Standing(size, quorum.policy(), cosigned)


def publish(tree_size: int, *, now: datetime) -> tuple[str, Checkpoint | None]:
    """Say whether the first `tree_size` entries are published, and under which cosigned checkpoint if one is asked for.

    Without a quorum they are. With one the witnesses are asked and waited for, at most WAYLOG_PUBLISH_SECONDS: one
    that is away costs the answer a delay and the word *published*, never the entry.
    """
    try:
        if not quorum.is_set():
            return PUBLISHED, None
    except quorum.PolicyUnreadable as fault:
        log.error("nothing is published: %s", fault)
        return APPENDED, None
    found = _turns.wait(tree_size, time.monotonic() + settings.WAYLOG_PUBLISH_SECONDS, now)
    return (APPENDED, None) if found is None else (PUBLISHED, found)


@dataclass(slots=True)
class _Turns:
    """Threads that wait for cosignatures: one asks, for all whose entries were there when it began."""

    condition: threading.Condition = field(default_factory=threading.Condition)
    is_asking: bool = False
    round: int = 0

    def wait(self, tree_size: int, deadline: float, now: datetime) -> Checkpoint | None:
        while (rest := deadline - time.monotonic()) > 0:
            if self._enter(rest):
                try:
                    with tenancy.system():
                        cosigning.collect_cosignatures(now=now, seconds=rest, only_enough=True)
                finally:
                    self._leave()
                return _published(tree_size)
            if found := _published(tree_size):
                return found
        return None

    def _enter(self, seconds: float) -> bool:
        """True when this thread is to ask; else wait until the one that asks is done."""
        with self.condition:
            if not self.is_asking:
                self.is_asking = True
                return True
            seen = self.round
            self.condition.wait_for(lambda: self.round != seen, timeout=seconds)
            return False

    def _leave(self) -> None:
        with self.condition:
            self.is_asking = False
            self.round += 1
            self.condition.notify_all()


def _published(tree_size: int) -> Checkpoint | None:
    with tenancy.system():
        found = queries.cosigned_checkpoint(quorum.is_met_by)
    return found if found is not None and found.tree_size >= tree_size else None


_turns = _Turns()
