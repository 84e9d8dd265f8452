"""Events a second that get into the log over HTTP: one a request, and 500 a request, from other processes.

Everything is signed before the clock starts. The floor in the same run is `benchmarks.bare`, over the same items: one
script that parses, verifies, hashes and inserts, before and after, so that what else the machine does cancels.
"""

from __future__ import annotations

import base64
import http.client
import json
import multiprocessing
import secrets
import statistics
import threading
import time
import urllib.parse
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from nacl.signing import SigningKey

from benchmarks import bare
from benchmarks.server import Server
from ledger.tlog import envelope, keys, statement

CONTEXT = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"]


def token(server: Server, client: dict[str, Any]) -> str:
    """An access token for capturing."""
    where = urllib.parse.urlsplit(server.url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port)
    form = urllib.parse.urlencode(
        {
            "grant_type": "client_credentials",
            "client_id": client["client_id"],
            "client_secret": client["client_secret"],
            "scope": "events:write",
        }
    )
    connection.request("POST", "/oauth/token/", form, {"Content-Type": "application/x-www-form-urlencoded"})
    answer = connection.getresponse()
    said = json.loads(answer.read())
    assert answer.status == 200, said
    return str(said["access_token"])


def items(client: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """Signed observations of goods on a shelf, each its own statement."""
    signer = SigningKey(base64.b64decode(client["signing_key"]))
    key_id = keys.key_id(bytes(signer.verify_key))
    now = datetime.now(UTC)
    made = []
    for number in range(count):
        at = (now - timedelta(seconds=number % 3600)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        event = {
            "type": "ObjectEvent",
            "eventID": f"urn:uuid:{uuid.uuid4()}",
            "eventTime": at,
            "eventTimeZoneOffset": "+00:00",
            "action": "OBSERVE",
            "bizStep": "cycle_counting",
            "disposition": "in_progress",
            "quantityList": [{"epcClass": "urn:epc:idpat:sgtin:9521321.012345.*", "quantity": number % 50 + 1}],
        }
        body = json.dumps({"@context": CONTEXT, "event": event}, separators=(",", ":")).encode()
        salt = secrets.token_bytes(32)
        said = statement.Statement(
            v=1,
            log=client["origin"],
            type="event",
            id=secrets.token_hex(16),
            key=key_id,
            links=(),
            body=statement.commitment(salt, body),
            claims={},
        )
        made.append(
            {
                "envelope": envelope.sign(statement.format_statement(said), signer),
                "body": base64.b64encode(body).decode(),
                "salt": base64.b64encode(salt).decode(),
            }
        )
    return made


def _client_process(url: str, bearer: str, shares: list[list[bytes]], gate: Any, results: Any) -> None:
    """One process with one thread a share; posts its bodies, notes each latency."""
    where = urllib.parse.urlsplit(url)
    latencies: list[float] = []
    wrong: list[str] = []
    lock = threading.Lock()

    def post_all(share: list[bytes]) -> None:
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=120)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {bearer}"}
        for body in share:
            start = time.perf_counter()
            connection.request("POST", "/api/v1/events", body, headers)
            answer = connection.getresponse()
            said = answer.read()
            took = time.perf_counter() - start
            with lock:
                latencies.append(took)
                if answer.status not in (200, 201):
                    wrong.append(f"{answer.status}: {said[:300]!r}")
        connection.close()

    threads = [threading.Thread(target=post_all, args=(share,)) for share in shares]
    gate.wait()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put((latencies, wrong))


def posted(server: Server, bearer: str, bodies: list[bytes], *, clients: int) -> tuple[float, list[float]]:
    """Post all bodies with `clients` connections from other processes; seconds it took and each latency."""
    processes = 2
    shares: list[list[list[bytes]]] = [[[] for _ in range(clients // processes)] for _ in range(processes)]
    for number, body in enumerate(bodies):
        shares[number % processes][number // processes % (clients // processes)].append(body)
    context = multiprocessing.get_context("fork")
    gate, results = context.Barrier(processes + 1), context.Queue()
    started = [
        context.Process(target=_client_process, args=(server.url, bearer, share, gate, results)) for share in shares
    ]
    for process in started:
        process.start()
    gate.wait()
    start = time.perf_counter()
    gathered = [results.get(timeout=600) for _ in started]
    took = time.perf_counter() - start
    for process in started:
        process.join()
    wrong = [text for _, part in gathered for text in part]
    assert not wrong, wrong[:3]
    return took, [latency for part, _ in gathered for latency in part]


def measure(server: Server, *, single: int = 4_000, bulk: int = 12_000, batch: int = 500) -> dict[str, Any]:
    """Single and bulk capture, and the bare floor of the same items; a thousand singles before them are not counted."""
    client = server.demo["api_clients"][0]
    bearer = token(server, client)
    public_key = bytes(SigningKey(base64.b64decode(client["signing_key"])).verify_key)
    first = [json.dumps([item]).encode() for item in items(client, 1_000)]
    posted(server, bearer, first, clients=32)  # connections, plans, threads
    made = items(client, single + bulk)
    one_each = [json.dumps([item]).encode() for item in made[:single]]
    batches = [json.dumps(made[at : at + batch]).encode() for at in range(single, single + bulk, batch)]
    took_single, latencies = posted(server, bearer, one_each, clients=32)
    floors = [bare.inserted(server, made[:3_000], public_key)]
    took_bulk, bulk_latencies = posted(server, bearer, batches, clients=4)
    floors.append(bare.inserted(server, made[:3_000], public_key))
    floor = statistics.mean(floors)
    return {
        "single_events_per_second": round(single / took_single),
        "single_clients": 32,
        "single_p50_ms": round(statistics.median(latencies) * 1000, 1),
        "single_p99_ms": round(statistics.quantiles(latencies, n=100)[98] * 1000, 1),
        "bulk_events_per_second": round(bulk / took_bulk),
        "bulk_batch": batch,
        "bulk_clients": 4,
        "bulk_p50_ms": round(statistics.median(bulk_latencies) * 1000, 1),
        "bare_script_events_per_second": round(floor),
        "bulk_share_of_bare_script": round(bulk / took_bulk / floor, 3),
        "bare_loop_without_insert_per_second": round(bare.checked(made[:3_000], public_key)),
    }
