"""One check of the log from beginning to end, and of what other rooms derive from it."""

from __future__ import annotations

import time
from collections.abc import Iterator

from ledger.audit import entries, keytables, tree
from ledger.audit.entries import Position, Progress
from ledger.audit.found import Auditor, Derived, Fault, Found
from ledger.models import LogHead

_auditors: dict[str, Auditor] = {}


def register_auditor(name: str, auditor: Auditor) -> None:
    """Let another room check what it derives from the log: its auditor yields a Fault for whatever differs."""
    _auditors[name] = auditor


def auditors() -> list[str]:
    """The names of the registered auditors."""
    return list(_auditors)


def check_projections() -> Iterator[tuple[str, list[Fault]]]:
    """Run the registered auditors, one after the other."""
    for name in _auditors:
        yield name, run_auditor(name).faults


def run_auditor(name: str) -> Derived:
    """Run one auditor."""
    start = time.perf_counter()
    faults = sorted(Fault(each.index, each.what, name) for each in _auditors[name]())
    return Derived(name, faults, time.perf_counter() - start)


def check_log(
    *,
    tree_size: int | None = None,
    trusted_size: int = 0,
    start: Position | None = None,
    progress: Progress = lambda check: None,
    processes: int = 1,
    reached: Progress = lambda check: None,
) -> Found:
    """Check the log from its stored bytes; stop at `tree_size` if given.

    Signatures below `trusted_size` are taken as checked before; the caller compares the root it had then. With `start`
    the check goes on where an earlier one stood: the caller has made sure that we wrote that position ourselves.
    `progress` is called after each range of entries, and `reached` once after the last.
    More than one of `processes` are for a command of its own: a process that serves or works does not fork.
    """
    head = LogHead.objects.get()
    size = head.tree_size if tree_size is None else min(tree_size, head.tree_size)
    check = entries.Check(Found(head.origin, size, head.checkpoint), trusted_size)
    if start is not None:
        check.go_on(start)
    check.entries(progress, processes)
    reached(check)
    check.bodies()
    tree.check_tree(check, head)
    keytables.check_key_tables(check)
    check.found.faults.sort()
    return check.found
