"""Queries in the language of EPCIS at a million events: `python -m benchmarks.epcis.querying [--events N]`.

The tables of events are filled by SQL, as a capture of such events would leave them, for filling them by capture takes
a quarter of an hour; no entry of the log stands behind these rows, and the server is thrown away afterwards. Six in ten
are the asker's own, one in twenty is of a shipment that is shared with it, the rest is other parties'. Each kind of
query is asked over HTTP by one client, with other values each time; beside it stands `GET /epcis/`, which asks nothing.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import statistics
import time
import urllib.parse
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.bare import owner_url
from benchmarks.epcis.measuring import _token
from benchmarks.server import Server, running

EVENTS = 1_000_000
REPEATS = 100
LOTS, ITEMS_A_LOT, PLACES, DAYS = 1_000, 400, 200, 1_000
STEPS = ("shipping", "receiving", "storing", "packing", "inspecting", "picking", "loading", "unloading")
BEGIN = datetime(2023, 1, 1, tzinfo=UTC)

_EVENTS = """
WITH made AS (
  SELECT %(first)s + n AS index, n,
    CASE WHEN n %% 10 < 6 THEN %(own)s::uuid ELSE %(other)s::uuid END AS tenant,
    CASE WHEN n %% 20 = 7 THEN ARRAY[md5('scope' || n / 200)::uuid] ELSE '{}'::uuid[] END AS scopes,
    timestamptz '2023-01-01 00:00:00+00' + n * interval '86 second' AS event_time,
    (%(steps)s::text[])[1 + (n::bigint * 7919) %% 8] AS biz_step,
    'https://example.org/places/' || (n::bigint * 104729) %% 200 AS place,
    'https://example.org/items/' || (n::bigint * 15485863) %% 400000 AS epc,
    'https://example.org/lots/' || (n::bigint * 15485863) %% 1000 AS lot
  FROM generate_series(%(from)s::int, %(to)s::int) n
), events AS (
  INSERT INTO supplychain_event (index, tenant, scopes, event_id, body_digest, event_hash, event_type, action, act,
    event_time, event_time_zone_offset, record_time, known_at, attested, biz_step, disposition, read_point,
    biz_location, key_id, is_error_declaration)
  SELECT index, tenant, scopes, 'urn:x:bench:' || n, sha256(n::text::bytea), sha256(('h' || n)::bytea), 'ObjectEvent',
    'OBSERVE', 'observe', event_time, '+00:00', now(), now(), false, biz_step, 'in_progress', place || '/gate', place,
    'bench', false FROM made
), objects AS (
  INSERT INTO supplychain_eventobject (index, position, tenant, scopes, place, epc, quantity, uom)
  SELECT index, 0, tenant, scopes, 'epc', epc, NULL, '' FROM made
  UNION ALL SELECT index, 1, tenant, scopes, 'epc', lot, 5, 'KGM' FROM made
), scoped AS (
  INSERT INTO supplychain_eventscope (scope, index) SELECT scopes[1], index FROM made WHERE scopes <> '{}'
)
INSERT INTO ledger_body (commitment, index, salt, body, tenant, chains, scopes)
SELECT sha256(('c' || n)::bytea), index, sha256(n::text::bytea), convert_to(format(
  '{"@context":["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",{"ex":"https://example.org/ex/"}],'
  '"event":{"type":"ObjectEvent","eventID":"urn:x:bench:%%s","eventTime":"%%s","eventTimeZoneOffset":"+00:00",'
  '"epcList":["%%s"],"quantityList":[{"epcClass":"%%s","quantity":5,"uom":"KGM"}],"action":"OBSERVE","bizStep":"%%s",'
  '"disposition":"in_progress","readPoint":{"id":"%%s/gate"},"bizLocation":{"id":"%%s"},"ex:grade":"%%s"}}',
  n, to_char(event_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), epc, lot, biz_step, place, place, n %% 50),
  'UTF8'), tenant, '{}', scopes FROM made
"""

_WORDS = (
    "CROSS JOIN LATERAL (VALUES ('eventType', e.event_type), ('bizStep', e.biz_step), ('disposition', e.disposition),"
    " ('readPoint', e.read_point), ('bizLocation', e.biz_location)) w (field, value)"
)


def fill(server: Server, count: int) -> float:
    """Fill the tables with so many events more; return the seconds that it took."""
    start = time.perf_counter()
    with psycopg.connect(owner_url(server), autocommit=True) as connection:
        row = connection.execute("SELECT tree_size FROM ledger_head").fetchone()
        assert row is not None
        name = server.demo["api_clients"][0]["party"]
        rows = connection.execute("SELECT id FROM supplychain_party ORDER BY name <> %s", [name]).fetchall()
        own, other = rows[0][0], rows[1][0]
        values = {"first": row[0], "own": own, "other": other, "steps": list(STEPS)}
        for begin in range(0, count, 50_000):
            connection.execute(_EVENTS, values | {"from": begin, "to": min(begin + 50_000, count) - 1})
        connection.execute(
            "INSERT INTO ledger_scopereader (party, scope) SELECT %s, scope FROM supplychain_eventscope"
            " WHERE scope IN (SELECT md5('scope' || n)::uuid FROM generate_series(0, %s) n) GROUP BY scope",
            [own, count // 200],
        )
        connection.execute(
            "INSERT INTO supplychain_eventreader (party, index, event_time) SELECT r.party, e.index, e.event_time"
            " FROM ledger_scopereader r JOIN supplychain_eventscope s ON s.scope = r.scope"
            " JOIN supplychain_event e ON e.index = s.index AND e.tenant <> r.party ON CONFLICT DO NOTHING"
        )
        connection.execute(
            "INSERT INTO supplychain_eventword (party, field, value) SELECT DISTINCT e.tenant, w.field, w.value"
            f" FROM supplychain_event e {_WORDS} UNION SELECT v.party, w.field, w.value FROM supplychain_eventreader v"
            f" JOIN supplychain_event e ON e.index = v.index {_WORDS} ON CONFLICT DO NOTHING"
        )
        connection.execute("UPDATE ledger_head SET tree_size = tree_size + %s", [count])
        connection.execute("ANALYZE")
    return time.perf_counter() - start


def _day(dice: random.Random, events: int) -> tuple[str, str]:
    at = BEGIN + timedelta(seconds=dice.randrange(max(1, events * 86 - 86_400)))
    return at.strftime("%Y-%m-%dT%H:%M:%SZ"), (at + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def kinds(events: int) -> dict[str, Callable[[random.Random], tuple[str, dict[str, str]]]]:
    """What is asked: for each kind of query an address and its parameters."""

    def within(dice: random.Random, **more: str) -> tuple[str, dict[str, str]]:
        since, until = _day(dice, events)
        return "/events", more | {"GE_eventTime": since, "LT_eventTime": until}

    def item(dice: random.Random) -> str:
        return f"https://example.org/items/{dice.randrange(LOTS * ITEMS_A_LOT)}"

    def place(dice: random.Random) -> str:
        return f"https://example.org/places/{dice.randrange(PLACES)}"

    return {
        "epc": lambda dice: ("/events", {"MATCH_anyEPC": item(dice)}),
        "class_of_many_events": lambda dice: (
            "/events",
            {"MATCH_epcClass": f"https://example.org/lots/{dice.randrange(LOTS)}"},
        ),
        "step_and_time": lambda dice: within(dice, EQ_bizStep=dice.choice(STEPS)),
        "location_and_time": lambda dice: within(dice, EQ_bizLocation=place(dice)),
        "read_point_and_time": lambda dice: within(dice, EQ_readPoint=f"{place(dice)}/gate"),
        "location_and_step": lambda dice: (
            "/events",
            {"EQ_bizLocation": place(dice), "EQ_bizStep": dice.choice(STEPS)},
        ),
        "newest": lambda dice: ("/events", {"LT_eventTime": _day(dice, events)[1]}),
        "record_order": lambda dice: ("/events", {"orderBy": "recordTime", "orderDirection": "ASC"}),
        "event_id": lambda dice: ("/events", {"EQ_eventID": f"urn:x:bench:{dice.randrange(events)}"}),
        "own_field_and_time": lambda dice: within(dice, **{"EQ_ex:grade": str(dice.randrange(50))}),
        "step_and_time_100_a_page": lambda dice: within(dice, EQ_bizStep=dice.choice(STEPS), perPage="100"),
        "one_epcs_events": lambda dice: (f"/epcs/{urllib.parse.quote(item(dice), safe='')}/events", {}),
        "list_of_event_types": lambda dice: ("/eventTypes", {}),
        "list_of_steps": lambda dice: ("/bizSteps", {}),
        "list_of_dispositions": lambda dice: ("/dispositions", {}),
        "list_of_locations": lambda dice: ("/bizLocations", {"perPage": "100"}),
        "list_of_read_points": lambda dice: ("/readPoints", {"perPage": "100"}),
        "list_of_epcs": lambda dice: ("/epcs", {}),
        "nothing_asked": lambda dice: ("/", {}),
    }


def measure(server: Server, *, events: int = EVENTS, repeats: int = REPEATS) -> dict[str, Any]:
    """Milliseconds of each kind of query, the middle one and the 95th of a hundred, and how many events a page had."""
    seconds = fill(server, events)
    token = _token(server, server.demo["api_clients"][0])
    found: dict[str, Any] = {"events": events, "filled_seconds": round(seconds, 1)}
    for name, kind in kinds(events).items():
        found[name] = _asked(server, token, kind, repeats)
        print(f"{name:28} {json.dumps(found[name])}", flush=True)
    return found


def _asked(
    server: Server, token: str, kind: Callable[[random.Random], tuple[str, dict[str, str]]], repeats: int
) -> dict[str, float]:
    where, dice = urllib.parse.urlsplit(server.url), random.Random(7)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
    latencies, sizes = [], []
    for number in range(repeats + 5):
        path, query = kind(dice)
        address = f"/epcis{path}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
        start = time.perf_counter()
        connection.request("GET", address, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        said = answer.read()
        if number >= 5:  # the first make connections and plans
            latencies.append((time.perf_counter() - start) * 1000)
        assert answer.status in (200, 404), said
        sizes.append(said.count(b'"recordTime"'))
    connection.close()
    cuts = statistics.quantiles(latencies, n=20)
    return {
        "p50_ms": round(statistics.median(latencies), 1),
        "p95_ms": round(cuts[18], 1),
        "events_a_page": round(statistics.mean(sizes), 1),
    }


def main() -> None:
    """Start a server, fill it, ask it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with running() as server:
        found = measure(server, events=given.events)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
