"""The floor that capture stands beside: one plain script that does for the same items what no log can leave out.

It parses the JSON, checks the commitment, verifies the signature and hashes the leaf; with a database it inserts as
well, 500 a durable transaction, index, leaf, hash, salt and body into one table with one key. No rules, no tree, no
projections, no network, nobody to answer.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.server import Server
from ledger.tlog import envelope, keys, merkle, statement, strictjson
from supplychain.services.datafolder import DataFolder

BATCH = 500
_TABLE = "CREATE TABLE bench_bare (index bigint PRIMARY KEY, leaf bytea, leaf_hash bytea, salt bytea, body bytea)"
_INSERT = (
    "INSERT INTO bench_bare SELECT * FROM unnest(%b::bigint[], %b::bytea[], %b::bytea[], %b::bytea[], %b::bytea[])"
)

Row = tuple[bytes, bytes, bytes, bytes]


def checked(made: list[dict[str, Any]], public_key: bytes) -> float:
    """Items a second: parse, check, verify, hash."""
    raw = [json.dumps(item).encode() for item in made]
    start = time.perf_counter()
    for _ in _rows(raw, public_key):
        pass
    return len(raw) / (time.perf_counter() - start)


def inserted(server: Server, made: list[dict[str, Any]], public_key: bytes) -> float:
    """Items a second: parse, check, verify, hash, insert, into the server's own PostgreSQL."""
    raw = [json.dumps(item).encode() for item in made]
    with psycopg.connect(owner_url(server)) as connection:
        connection.execute("DROP TABLE IF EXISTS bench_bare")
        connection.execute(_TABLE)
        connection.commit()
        start = time.perf_counter()
        for at in range(0, len(raw), BATCH):
            columns = [list(column) for column in zip(*_rows(raw[at : at + BATCH], public_key), strict=True)]
            indices = list(range(at, at + len(columns[0])))
            connection.execute(_INSERT, [indices, *columns])
            connection.commit()
        took = time.perf_counter() - start
        connection.execute("DROP TABLE bench_bare")
    return len(raw) / took


def owner_url(server: Server) -> str:
    """The address of the server's database for the role that may make tables."""
    running = DataFolder(Path(server.data)).running()
    assert running is not None
    return running.env["DATABASE_OWNER_URL"]


def _rows(raw: list[bytes], public_key: bytes) -> Iterator[Row]:
    for data in raw:
        item = strictjson.parse(data, max_bytes=1 << 20)
        opened = envelope.parse_envelope(item["envelope"])
        said = statement.parse_statement(opened.payload)
        body, salt = base64.b64decode(item["body"]), base64.b64decode(item["salt"])
        assert statement.commitment(salt, body) == said.body
        strictjson.parse(body, max_bytes=1 << 20)
        keys.verify_signature(public_key, envelope.signed_bytes(opened.payload), opened.signature)
        leaf = envelope.format_leaf(
            record_time_ms=0, payload=opened.payload, key_id=said.key, signature=opened.signature
        )
        yield leaf, merkle.leaf_hash(leaf), salt, body
