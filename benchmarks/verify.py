"""Entries a second of `manage.py ledger verify`, against bare PyNaCl verification on all cores in the same run.

The two take turns: what else the machine does meanwhile touches both. Projections are reported apart, in entries whose
projections are made again a second.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import statistics
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

from nacl.signing import SigningKey

from benchmarks.server import Server
from ledger.tlog import keys

MESSAGE_BYTES = 310
"""About the length of what is signed for a statement with one link."""
ROUNDS = 3


def bare(count: int, threads: int = 1) -> float:
    """Verifications a second with nothing around them, by threads of this process."""
    start = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(_verify, [count // threads] * threads))
    return count / (time.perf_counter() - start)


def bare_processes(count: int, processes: int) -> float:
    """Verifications a second by so many processes, which nothing holds up; without the time that they take to start."""
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(_verify, [256] * processes))
        start = time.perf_counter()
        list(pool.map(_verify, [count // processes] * processes))
        return count / (time.perf_counter() - start)


def _verify(count: int) -> None:
    signer = SigningKey(bytes(range(32)))
    public_key = bytes(signer.verify_key)
    messages = [bytes([number % 251]) * MESSAGE_BYTES for number in range(256)]
    signatures = [signer.sign(message).signature for message in messages]
    for number in range(count):
        at = number % 256
        keys.verify_signature(public_key, messages[at], signatures[at])


def measure(server: Server, *, rounds: int = ROUNDS) -> dict[str, Any]:
    """The audit's rate and its ratio to the floor: the median of the rounds."""
    cores = os.cpu_count() or 1
    found: list[dict[str, float]] = []
    for _ in range(rounds):
        threads, processes = bare(20_000, cores), bare_processes(20_000, cores)
        said = json.loads(server.manage("ledger", "verify", "--json", "--no-projections"))
        assert said["holds"], said
        floor = (processes + bare_processes(20_000, cores)) / 2
        found.append({"rate": said["entries_per_second"], "threads": threads, "processes": floor})
    whole = json.loads(server.manage("ledger", "verify", "--json"))
    assert whole["holds"], whole
    return {
        "entries": said["tree_size"],
        "rounds": rounds,
        "entries_per_second": round(statistics.median(each["rate"] for each in found)),
        "bare_pynacl_one_thread_per_second": round(bare(10_000)),
        f"bare_pynacl_{cores}_threads_per_second": round(statistics.median(each["threads"] for each in found)),
        f"bare_pynacl_{cores}_processes_per_second": round(statistics.median(each["processes"] for each in found)),
        "ratio_to_threads": round(statistics.median(each["rate"] / each["threads"] for each in found), 3),
        "ratio_to_processes": round(statistics.median(each["rate"] / each["processes"] for each in found), 3),
        "projections_seconds": whole["projection_seconds"],
    }
