"""What is measured: plain events a second end to end, the peer with the same events, a large document, a bad one."""

from __future__ import annotations

import http.client
import json
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.bare import owner_url
from benchmarks.epcis import material, peer
from benchmarks.server import Server

_GB = 1024 * 1024


def measure(
    server: Server, *, count: int = 12_000, batch: int = 500, peer_count: int = 3_000, large: int = 100_000
) -> dict[str, Any]:
    """All figures of the bindings."""
    client = server.demo["api_clients"][0]
    token = _token(server, client)
    found: dict[str, Any] = {"batch": batch, "clients": 4}
    for name, epcs in (("one_item", 1), ("five_items", 5)):
        listed = material.events(count, serials_from=epcs * 100_000_000, epcs=epcs)
        ours = count / _posted(
            server, token, [material.json_document(part) for part in _parts(listed, batch)], clients=4
        )
        xml = [material.xml_document(part) for part in _parts(listed[:peer_count], batch)]
        theirs = peer_count / peer.loaded(xml, events=peer_count, owner_url=owner_url(server))
        found |= {
            f"{name}_events_per_second": round(ours),
            f"{name}_quartet_epcis_per_second": round(theirs),
            f"{name}_times_quartet_epcis": round(ours / theirs, 1),
        }
    return found | _large(server, token, large) | _bad(server, token)


def _parts(listed: list[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    return (listed[at : at + size] for at in range(0, len(listed), size))


def _token(server: Server, client: dict[str, Any]) -> str:
    form = {
        "grant_type": "client_credentials",
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
        "scope": "epcis:capture epcis:query",
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    status, _, said = _request(server, "POST", "/oauth/token/", urllib.parse.urlencode(form).encode(), headers)
    assert status == 200, said
    return str(json.loads(said)["access_token"])


def _request(
    server: Server, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    where = urllib.parse.urlsplit(server.url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=300)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    found = answer.status, dict(answer.getheaders()), answer.read()
    connection.close()
    return found


def _named(headers: dict[str, str], wanted: str) -> str:
    return next(value for name, value in headers.items() if name.lower() == wanted)


def _posted(server: Server, token: str, documents: list[bytes], *, clients: int) -> float:
    """Seconds until all documents are captured, from so many connections; every event must be in."""
    waiting, lock, wrong = list(documents), threading.Lock(), []
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def post() -> None:
        while True:
            with lock:
                if not waiting:
                    return
                data = waiting.pop()
            status, _, said = _request(server, "POST", "/epcis/capture", data, headers)
            job = json.loads(said)
            if status != 202 or job["running"] or not job["success"] or job["captured"] != job["events"]:
                wrong.append(said[:500])

    threads = [threading.Thread(target=post) for _ in range(clients)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - start
    assert not wrong, wrong[:2]
    return took


# --- one large document ----------------------------------------------------------------------------------------------


def _large(server: Server, token: str, count: int) -> dict[str, Any]:
    """Seconds from the first byte of a large document until its job is done, and the most memory that any of the
    server's own processes held meanwhile: the database is left out, and so is the worker of forecasts, which has no
    part in it and holds what the demo's first forecast loaded."""
    data = material.json_document(material.events(count, serials_from=10_000_000))
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with _watched(server) as peak:
        start = time.perf_counter()
        status, answered, said = _request(server, "POST", "/epcis/capture", data, headers)
        accepted = time.perf_counter() - start
        assert status == 202, said
        where = urllib.parse.urlsplit(_named(answered, "location")).path
        while True:
            job = json.loads(_request(server, "GET", where, None, headers)[2])
            if not job["running"]:
                break
            time.sleep(0.25)
        took = time.perf_counter() - start
    assert job["success"] and job["captured"] == count, job
    return {
        "large_document_events": count,
        "large_document_megabytes": round(len(data) / _GB, 1),
        "large_document_seconds": round(took, 1),
        "large_document_accepted_seconds": round(accepted, 1),
        "large_document_peak_megabytes": round(max(peak.values()) / 1024),
        "large_document_peak_of": max(peak, key=lambda name: peak[name]),
    }


@contextmanager
def _watched(server: Server) -> Iterator[dict[str, int]]:
    """The most kilobytes that each Python process of the server holds, looked at ten times a second."""
    peak: dict[str, int] = {"": 0}
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(0.1):
            for pid in _processes(server):
                try:
                    status = (Path("/proc") / pid / "status").read_text()
                    words = (Path("/proc") / pid / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                except OSError:
                    continue
                kilobytes = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")), 0)
                name = next((each for each in ("granian", "captures@", "webhooks@", "streams") if each in words), "")
                if name:
                    peak[name] = max(peak.get(name, 0), kilobytes)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield peak
    finally:
        stop.set()
        watcher.join()


def _processes(server: Server) -> list[str]:
    """The processes whose environment names the server's data folder."""
    wanted = f"WAYLOG_DATA={server.data}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                if wanted in (folder / "environ").read_bytes():
                    found.append(folder.name)
            except OSError:
                continue
    return found


# --- a bad one -------------------------------------------------------------------------------------------------------


def _bad(server: Server, token: str, count: int = 10_000) -> dict[str, Any]:
    """Seconds until the first hundred faults of a document that has one in every event are listed."""
    listed = [event | {"bizStep": "departin"} for event in material.events(count, serials_from=90_000_000)]
    data = material.json_document(listed)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    start = time.perf_counter()
    status, answered, said = _request(server, "POST", "/epcis/capture", data, headers)
    assert status == 202, said
    where = urllib.parse.urlsplit(_named(answered, "location")).path
    while True:
        job = json.loads(_request(server, "GET", where, None, headers)[2])
        if not job["running"]:
            break
        time.sleep(0.02)
    took = time.perf_counter() - start
    assert len(job["errors"]) == 100 and not job["captured"], job
    return {"bad_document_events": count, "bad_document_faults": 100, "bad_document_seconds": round(took, 2)}
