"""Entries a second of `manage.py ledger verify`, against bare PyNaCl verification in the same run."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from nacl.signing import SigningKey

from benchmarks.server import Server
from ledger.tlog import keys

MESSAGE_BYTES = 560
"""About the length of what is signed for a statement with one link."""


def bare(count: int, threads: int) -> float:
    """Verifications a second with nothing around them."""
    signer = SigningKey.generate()
    public_key = bytes(signer.verify_key)
    messages = [bytes([number % 251]) * MESSAGE_BYTES for number in range(256)]
    signatures = [signer.sign(message).signature for message in messages]

    def work(share: int) -> None:
        for number in range(share):
            at = number % 256
            keys.verify_signature(public_key, messages[at], signatures[at])

    start = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, [count // threads] * threads))
    return count / (time.perf_counter() - start)


def measure(server: Server) -> dict[str, Any]:
    """The audit's rate and its ratio to the floor."""
    one, two = bare(10_000, 1), bare(20_000, 2)
    said = json.loads(server.manage("ledger", "verify", "--json", "--no-projections"))
    assert said["holds"], said
    rate = said["entries_per_second"]
    return {
        "entries": said["tree_size"],
        "entries_per_second": rate,
        "bare_pynacl_one_thread_per_second": round(one),
        "bare_pynacl_two_threads_per_second": round(two),
        "ratio_to_one_thread": round(rate / one, 3),
        "ratio_to_two_threads": round(rate / two, 3),
    }
