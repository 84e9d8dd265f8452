"""The audit's work shared among processes: ranges of entries examined in order, and what is done beside them."""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from django.db import connection, connections

from ledger import tenancy
from ledger.examined import Examined, FaultOf, Run, Said
from ledger.examining import Examiner

_Done = TypeVar("_Done")
_DEATH_SIGNAL, _KILL = 1, 9  # prctl's PR_SET_PDEATHSIG, SIGKILL


class Crew:
    """Those who examine ranges: threads of this process."""

    def __init__(self, examiner: Examiner) -> None:
        self._examiner = examiner

    def examined(self, ranges: Sequence[tuple[int, int]]) -> Iterator[Examined]:
        """Examine each range, and yield the results in the ranges' order."""
        with ThreadPoolExecutor(2) as threads:
            yield from (self._examiner.examine(first, end, threads) for first, end in ranges)

    def begin(self, work: Callable[..., _Done], *values: Any) -> Callable[[], _Done]:
        """Let a function of a module do its work beside the ranges; return what waits for its result."""
        return lambda: work(*values)


class _Processes(Crew):
    """Those who examine ranges: processes of their own."""

    def __init__(self, examiner: Examiner, pool: Executor, ahead: int) -> None:
        super().__init__(examiner)
        self._pool, self._ahead = pool, ahead

    def examined(self, ranges: Sequence[tuple[int, int]]) -> Iterator[Examined]:
        waiting: deque[Future[_Sent]] = deque()
        for part in ranges:
            waiting.append(self._pool.submit(_examine, *part))
            if len(waiting) > self._ahead:
                yield _received(waiting.popleft().result())
        while waiting:
            yield _received(waiting.popleft().result())

    def begin(self, work: Callable[..., _Done], *values: Any) -> Callable[[], _Done]:
        return self._pool.submit(work, *values).result


@contextmanager
def crew(examiner: Examiner, *, processes: int = 1) -> Iterator[Crew]:
    """Those who share the work: other processes where there are to be more than one."""
    if processes <= 1:
        yield Crew(examiner)
        return
    context = multiprocessing.get_context("fork")
    gc.freeze()  # what was there before is not looked through again and again, here or in a child
    try:
        with ProcessPoolExecutor(processes, context, _begin, (examiner, os.getpid())) as pool:
            yield _Processes(examiner, pool, ahead=3 * processes)
    finally:
        gc.unfreeze()


@contextmanager
def apart(
    work: Callable[[str], _Done], names: Sequence[str], *, processes: int = 1
) -> Iterator[Callable[[], list[_Done]]]:
    """Begin `work` for each name, and yield what waits for the results, in the order of the names.

    Where there may be more than one of `processes`, each name has a process of its own, which works meanwhile; else the
    work is done when its results are asked for. Raises what `work` raises, from another process ApartFailed.
    """
    if processes <= 1 or not names:
        yield lambda: [work(name) for name in names]
        return
    context = multiprocessing.get_context("fork")
    begun = []
    for name in names:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_apart, args=(work, name, theirs, os.getpid()))
        process.start()
        theirs.close()
        begun.append((process, ours))
    try:
        yield lambda: [_result(ours) for _, ours in begun]
    finally:
        for process, ours in begun:
            process.terminate()  # nobody waits any more
            process.join()
            ours.close()


class ApartFailed(RuntimeError):
    """A process that took part in the audit failed; the message says with what."""


def _apart(work: Callable[[str], _Done], name: str, theirs: Connection, parent: int) -> None:
    _begin(None, parent)
    try:
        with tenancy.system():
            theirs.send((work(name), ""))
    except Exception as failure:  # it is raised where the result is asked for
        theirs.send((None, f"{name}: {type(failure).__name__}: {failure}"))


def _result(ours: Connection) -> Any:
    try:
        done, failure = ours.recv()
    except EOFError:
        done, failure = None, "it ended without a result"
    if failure:
        raise ApartFailed(failure)
    return done


_Sent = tuple[int, int, bytes, list[bytes], list[tuple[Any, ...]], list[FaultOf]]
"""What a process sends back: plain values, which cost the least to write and to read."""

_inherited: list[Any] = []
"""In a child: connections of the parent, kept and never used, so that nothing here closes them."""
_examiner: list[Examiner] = []
_open = ExitStack()
"""What lasts as long as a child that examines."""


def _begin(examiner: Examiner | None, parent: int) -> None:
    """Make a forked process ready: it ends with its parent and has connections of its own."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, _KILL)
        if os.getppid() != parent:
            os._exit(1)
    for alias in list(connections):
        _inherited.append(connections[alias])
        del connections[alias]
    if examiner is None:
        return
    _examiner.append(examiner)
    _open.enter_context(tenancy.system())
    connection.connection.prepare_threshold = 0  # the tables are full by now: a plan that is made once serves for all
    gc.disable()  # a range leaves no cycles, and is gone once it is sent


def _examine(first: int, end: int) -> _Sent:
    found = _examiner[0].examine(first, end)
    said = [tuple(each) for each in found.said]
    return first, end, b"".join(found.leaf_hashes), found.tile_roots, said, found.faults


def _received(sent: _Sent) -> Examined:
    first, end, raw, tile_roots, said, faults = sent
    hashes = [raw[at : at + 32] for at in range(0, len(raw), 32)]
    return Examined(first, end, hashes, tile_roots, [_RECEIVED[len(each)](each) for each in said], faults)


_RECEIVED = {len(kind._fields): kind._make for kind in (Said, Run)}
