"""What grows with the log: proofs, capture, stored bytes and the audit, at the demo's size and at a million entries.

The log is filled by its own capture (`benchmarks.filling`). Capture at both sizes stands beside the bare loop of the
same run, so that what else the machine does meanwhile cancels out. `python -m benchmarks scale`; a million entries take
ten minutes on two cores that do nothing else, and some 8 GB. `SCALE_ENTRIES` asks for another number.
"""

from __future__ import annotations

import base64
import http.client
import json
import multiprocessing
import os
import random
import statistics
import time
import urllib.parse
from typing import Any

import psycopg
from nacl.signing import SigningKey

from benchmarks import bare, capture, filling
from benchmarks.server import Server
from benchmarks.verify import bare_processes
from ledger.tlog import proof

ENTRIES = int(os.environ.get("SCALE_ENTRIES", "1000000"))
PROOFS = 2_000
BATCH = 500
TOUCHED = 40_000
"""Captured between filling and counting: PostgreSQL writes each page whole the first time it is touched after a
checkpoint, at this rate in the first seconds of the quarter of an hour between two. What comes first is told apart."""


def measure(server: Server, *, entries: int = ENTRIES) -> dict[str, Any]:
    """All figures; the log has `entries` entries in the end, and some more for what capture was measured with."""
    _captured(server, 4_000)  # the first requests make connections and plans
    before = status(server)["tree_size"]
    small = [_captured(server, 8_000) for _ in range(2)]
    filled = filling.fill(server, entries)
    vacuumed(server)
    first = _captured(server, 8_000)
    _captured(server, TOUCHED)
    large = [_captured(server, 8_000) for _ in range(2)]
    found = _growth(small, large) | {"small_entries": before, "large_entries": filled["tree_size"]}
    found["capture_large_right_after_filling_per_second"] = round(first["rate"])
    return {
        "filled_entries_per_second": round(filled["filled"] / filled["seconds"]) if filled["seconds"] else None,
        **found,
        "proof": proofs(server),
        "stored": stored(server),
        "verify": audit(server),
    }


def status(server: Server) -> dict[str, Any]:
    """The log as `manage.py ledger status` tells."""
    return dict(json.loads(server.manage("ledger", "status", "--json")))


def _captured(server: Server, count: int) -> dict[str, float]:
    """Bulk capture over HTTP, 4 clients, and the bare loop over the same items just before and after it."""
    client = server.demo["api_clients"][0]
    public_key = bytes(SigningKey(base64.b64decode(client["signing_key"])).verify_key)
    made = capture.items(client, count)
    batches = [json.dumps(made[at : at + BATCH]).encode() for at in range(0, count, BATCH)]
    floors = [bare.checked(made[:2_000], public_key)]
    took, _ = capture.posted(server, capture.token(server, client), batches, clients=4)
    floors.append(bare.checked(made[:2_000], public_key))
    floor = statistics.mean(floors)
    return {"rate": count / took, "share": count / took / floor}


def _growth(small: list[dict[str, float]], large: list[dict[str, float]]) -> dict[str, float]:
    mean = {
        (size, name): statistics.mean(each[name] for each in found)
        for size, found in (("small", small), ("large", large))
        for name in ("rate", "share")
    }
    return {
        "capture_small_per_second": round(mean["small", "rate"]),
        "capture_large_per_second": round(mean["large", "rate"]),
        "capture_large_over_small": round(mean["large", "rate"] / mean["small", "rate"], 3),
        "capture_large_over_small_by_bare_loop": round(mean["large", "share"] / mean["small", "share"], 3),
    }


# --- proofs


def proofs(server: Server, *, count: int = PROOFS) -> dict[str, Any]:
    """Milliseconds of GET /log/proof/<index> for random indices, one client in another process, the proofs verified."""
    size = int(status(server)["tree_size"])
    bearer = capture.token(server, server.demo["api_clients"][0])
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        latencies, read = pool.apply(_ask, (server.url, bearer, size, count))
    for text in read:
        proof.verify_in_itself(proof.parse_proof(text))
    cuts = statistics.quantiles(latencies, n=100)
    return {
        "entries": size,
        "count": count,
        "p50_ms": round(statistics.median(latencies) * 1000, 2),
        "p99_ms": round(cuts[98] * 1000, 2),
    }


def _ask(url: str, bearer: str, size: int, count: int) -> tuple[list[float], list[str]]:
    where, dice = urllib.parse.urlsplit(url), random.Random(7)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
    latencies, read = [], []
    for number in range(count + 50):
        index = dice.randrange(size)
        start = time.perf_counter()
        connection.request("GET", f"/log/proof/{index}", headers={"Authorization": f"Bearer {bearer}"})
        answer = connection.getresponse()
        text = answer.read().decode()
        took = time.perf_counter() - start
        assert answer.status == 200, text
        if number >= 50:  # the first are not counted
            latencies.append(took)
        if number % 100 == 0:
            read.append(text)
    return latencies, read


# --- bytes


_SIZES = """
from django.db import connection
from ledger import tenancy
import json
with tenancy.system(), connection.cursor() as cursor:
    cursor.execute("SELECT c.relname, pg_table_size(c.oid), pg_indexes_size(c.oid) FROM pg_class c"
                   " WHERE c.relkind = 'r' AND c.relname LIKE 'ledger_%'")
    sizes = {name: [table, indexes] for name, table, indexes in cursor.fetchall()}
    cursor.execute("SELECT count(*), sum(length(leaf)) FROM ledger_entry")
    entries, leaves = cursor.fetchone()
    cursor.execute("SELECT sum(length(body)) FROM ledger_body")
    print(json.dumps({"sizes": sizes, "entries": entries, "leaves": int(leaves), "bodies": int(cursor.fetchone()[0])}))
"""


def stored(server: Server) -> dict[str, Any]:
    """Bytes an entry that the log's tables take, over the leaf's size; indexes apart, and bodies apart."""
    told = json.loads(server.manage("shell", "--no-imports", "-c", _SIZES).splitlines()[-1])
    count, leaves, sizes = told["entries"], told["leaves"], told["sizes"]
    tables = sum(sizes[name][0] for name in ("ledger_entry", "ledger_tile"))
    indexes = sum(sizes[name][1] for name in ("ledger_entry", "ledger_tile"))
    return {
        "entries": count,
        "leaf_bytes": round(leaves / count, 1),
        "table_bytes": round(tables / count, 1),
        "index_bytes": round(indexes / count, 1),
        "tables_over_leaf": round(tables / leaves, 3),
        "tables_and_indexes_over_leaf": round((tables + indexes) / leaves, 3),
        "bodies_over_body": round(sum(sizes["ledger_body"]) / told["bodies"], 3),
    }


def vacuumed(server: Server) -> None:
    """Let PostgreSQL do what it would do by itself within minutes, so that it does not do it meanwhile.

    As the owner: for the application's role VACUUM and ANALYZE leave out all tables, with a warning that nobody sees.
    """
    with psycopg.connect(bare.owner_url(server), autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")


# --- the audit


def audit(server: Server) -> dict[str, Any]:
    """The whole log verified, and again only what came since, beside bare PyNaCl on all cores."""
    cores = os.cpu_count() or 1
    floors = [bare_processes(20_000, cores)]
    whole = json.loads(server.manage("ledger", "verify", "--json", "--no-projections"))
    floors.append(bare_processes(20_000, cores))
    start = time.perf_counter()
    again = json.loads(server.manage("ledger", "verify", "--json", "--incremental"))
    assert whole["holds"] and again["holds"], (whole, again)
    return {
        "entries": whole["tree_size"],
        "entries_per_second": whole["entries_per_second"],
        "bare_pynacl_processes_per_second": round(statistics.mean(floors)),
        "ratio": round(whole["entries_per_second"] / statistics.mean(floors), 3),
        "incremental_seconds_with_start": round(time.perf_counter() - start, 1),
    }
