"""Grow a running Waylog's log by its own capture, without HTTP: `fill(server, up_to)`.

Every entry goes the way that any event goes, through `supplychain.operations.capture`: parse, commitment, signature,
the lock, the admission rule, tiles, projections and a signed checkpoint a batch. Only the network and the token are
left out, so what it leaves in the tables is what the same events would leave that came over HTTP.
"""

from __future__ import annotations

import base64
import gc
import json
import multiprocessing
import sys
import time
from datetime import UTC, datetime
from typing import Any

from benchmarks.capture import items
from benchmarks.server import Server
from ledger.tlog import envelope

BATCH = 1_000
PROCESSES = 3
"""Some sign and parse while another holds the lock."""


def fill(server: Server, up_to: int) -> dict[str, Any]:
    """Bring the log to `up_to` entries; say how many were missing and how long it took."""
    call = f"from benchmarks import filling; filling.run({server.demo['api_clients'][0]!r}, {up_to})"
    return dict(json.loads(server.manage("shell", "--no-imports", "-c", call).splitlines()[-1]))


def run(client: dict[str, Any], up_to: int) -> None:
    """Share the work among processes; runs where Django is set up, and prints what `fill` reads."""
    from ledger import queries

    missing = max(0, up_to - queries.tree_size())
    start, context = time.perf_counter(), multiprocessing.get_context("spawn")
    shares = [missing // PROCESSES + (number < missing % PROCESSES) for number in range(PROCESSES)]
    working = [context.Process(target=capture_all, args=(client, share)) for share in shares]
    for each in working:
        each.start()
    for each in working:
        each.join()
    if any(each.exitcode for each in working):
        sys.exit("a process failed to fill the log")
    took = time.perf_counter() - start
    print(json.dumps({"filled": missing, "seconds": round(took, 1), "tree_size": queries.tree_size()}))


def capture_all(client: dict[str, Any], count: int) -> None:
    """Sign and capture `count` observations."""
    import django

    django.setup()
    gc.collect()
    gc.set_threshold(50_000, 10, 10)  # as the web server does
    gc.freeze()
    from ledger.admission import Appended
    from supplychain.operations import CaptureItem, capture

    for at in range(0, count, BATCH):
        made = [
            CaptureItem(
                envelope.parse_envelope(each["envelope"]),
                base64.b64decode(each["body"]),
                base64.b64decode(each["salt"]),
            )
            for each in items(client, min(BATCH, count - at))
        ]
        outcomes = capture(made, party=None, now=datetime.now(UTC))
        refused = [each for each in outcomes if not isinstance(each, Appended)]
        assert not refused, refused[:3]
