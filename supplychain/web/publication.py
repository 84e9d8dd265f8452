"""How far the proof of an entry goes, in words: appended, published under a checkpoint, or verified by this server."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ledger import publishing, quorum, tenancy
from ledger import queries as log
from ledger.audit import alarm
from supplychain.web.shown import Chip


@dataclass(frozen=True, slots=True)
class Proofs:
    """What is known of the log as a page is made: how much this server verified, and how much is published."""

    size: int
    verified: int
    standing: publishing.Standing | None
    """None when the policy cannot be read: then nothing counts as published."""
    bad_from: int | None
    """The first entry that an alarm leaves in doubt."""

    def state(self, index: int, *, disputed: bool = False) -> Chip:
        """How far an entry's proof goes. A promise of others is not anticipated: what waits for a quorum says so."""
        if self.is_in_doubt(index):
            return Chip("in doubt", "bad")
        if disputed:
            return Chip("disputed", "warn")
        if waiting := self.waits_for(index):
            return Chip(waiting, "go")
        return Chip("✓ verified", "proof") if index < self.verified else Chip("published")

    def is_in_doubt(self, index: int) -> bool:
        """Whether an audit found, at this entry or before it, what nobody has explained."""
        return self.bad_from is not None and index >= self.bad_from

    def waits_for(self, index: int) -> str:
        """What an entry that is not published waits for, in words; empty once it is."""
        if self.standing is None:
            return "appended, not published"
        count = self.standing.waits_for(index)
        return f"appended, waiting for {count} witness{'es' if count > 1 else ''}" if count else ""

    def are_published(self, indices: Iterable[int]) -> bool:
        """Whether all of these entries are."""
        return not any(self.waits_for(index) for index in indices)

    def are_verified(self, indices: Iterable[int]) -> bool:
        """Whether this server has verified all of these entries, and all are published."""
        listed = list(indices)
        if not listed or self.is_in_doubt(max(listed)):
            return False
        return max(listed) < self.verified and self.are_published(listed)


def proofs() -> Proofs:
    """The state of all proofs now."""
    mark = log.verified_to()
    try:
        standing = publishing.standing()
    except quorum.PolicyUnreadable:
        standing = None
    with tenancy.system():
        bad_from = alarm.bad_from()
    return Proofs(log.tree_size(), mark.tree_size if mark else 0, standing, bad_from)
