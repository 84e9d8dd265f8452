"""From submitting a signed event to holding its inclusion proof, while 500 events a second come in.

The clock of each event starts when it was due, not when a connection was free for it, so what waits is counted whole.
One proof in fifty is verified: leaf, path, root and the log's signature.
"""

from __future__ import annotations

import base64
import http.client
import json
import multiprocessing
import statistics
import threading
import time
import urllib.parse
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks import capture
from benchmarks.server import Server
from ledger.tlog import checkpoint, envelope, merkle, note

RATE = 500
SECONDS = 12
CONNECTIONS = 48
PROCESSES = 2
_PROVEN = 50
"""One in so many answers is kept and verified."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def measure(server: Server, *, rate: int = RATE, seconds: int = SECONDS) -> dict[str, Any]:
    """Milliseconds from when an event was due until its proof was there, at a steady rate from two other processes."""
    client = server.demo["api_clients"][0]
    bearer = capture.token(server, client)
    capture.posted(
        server, bearer, [json.dumps([item]).encode() for item in capture.items(client, 200)], clients=CONNECTIONS
    )
    made = capture.items(client, rate * seconds)
    context = multiprocessing.get_context("fork")
    gate, results = context.Barrier(PROCESSES), context.Queue()
    started = [
        context.Process(target=_submit, args=(server.url, bearer, made[at::PROCESSES], rate, at, gate, results))
        for at in range(PROCESSES)
    ]
    for process in started:
        process.start()
    gathered = [results.get(timeout=600) for _ in started]
    for process in started:
        process.join()
    wrong = [text for _, _, part in gathered for text in part]
    assert not wrong, wrong[:3]
    verifier = _verifier(server)
    proven = [each for _, answers, _ in gathered for each in answers]
    for item, answer in proven:
        _verify(item, answer, verifier)
    latencies = sorted(latency for part, _, _ in gathered for latency in part)
    cuts = statistics.quantiles(latencies, n=100)
    return {
        "events": len(latencies),
        "asked_per_second": rate,
        "p50_ms": round(statistics.median(latencies) * 1000, 1),
        "p95_ms": round(cuts[94] * 1000, 1),
        "p99_ms": round(cuts[98] * 1000, 1),
        "largest_ms": round(latencies[-1] * 1000, 1),
        "proofs_verified": len(proven),
    }


def _submit(url: str, bearer: str, made: list[dict[str, Any]], rate: int, offset: int, gate: Any, results: Any) -> None:
    """One process: connections that each take the next event that is due, wait for its time, and post it."""
    where = urllib.parse.urlsplit(url)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {bearer}"}
    bodies = [json.dumps([item]).encode() for item in made]
    waiting, lock = iter(range(len(bodies))), threading.Lock()
    latencies, proven, wrong = list[float](), list[tuple[dict[str, Any], bytes]](), list[str]()
    gate.wait()
    start = time.perf_counter() + 0.2

    def post() -> None:
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
        connection.connect()
        while True:
            with lock:
                number = next(waiting, None)
            if number is None:
                break
            due = start + (number * PROCESSES + offset) / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            connection.request("POST", "/api/v1/events", bodies[number], headers)
            answer = connection.getresponse()
            said = answer.read()
            latencies.append(time.perf_counter() - due)
            if answer.status != 201:
                wrong.append(f"{answer.status}: {said[:300]!r}")
            elif number % _PROVEN == 0:
                proven.append((made[number], said))
        connection.close()

    threads = [threading.Thread(target=post) for _ in range(CONNECTIONS // PROCESSES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put((latencies, proven, wrong))


def _verify(item: dict[str, Any], answer: bytes, verifier: note.VerifierKey) -> None:
    """The answer proves that the leaf made of this very envelope is under a checkpoint that the log signed."""
    said = json.loads(answer)
    [receipt] = said["items"]
    opened = envelope.parse_envelope(item["envelope"])
    moment = datetime.fromisoformat(receipt["record_time"])
    leaf = envelope.format_leaf(
        record_time_ms=(moment - _EPOCH) // timedelta(milliseconds=1),
        payload=opened.payload,
        key_id=json.loads(opened.payload)["key"],
        signature=opened.signature,
    )
    found = checkpoint.open_checkpoint(said["checkpoint"], verifiers=[verifier])
    path = tuple(base64.b64decode(each) for each in receipt["inclusion"]["path"])
    proof = merkle.InclusionProof(receipt["index"], found.tree_size, path)
    merkle.verify_inclusion(proof, leaf=merkle.leaf_hash(leaf), root=found.root_hash)


def _verifier(server: Server) -> note.VerifierKey:
    with urllib.request.urlopen(f"{server.url}/api/v1/log", timeout=30) as answer:
        return note.parse_verifier_key(json.loads(answer.read())["verifier_key"])
