"""Identifiers in addresses, as the server that we run passes them on: %2F, Digital Links, ids that hold a query."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import pytest
from django.db import connection

from tests.cast import make_world
from tests.supplychain.api.conftest import make_client, make_token
from tests.supplychain.epcis_api.conftest import EpcisClient, document, event

LINK = "https://id.gs1.org/01/09521141012345/21/7%2F8"
URN = "urn:epc:id:sgtin:9521141.001234.7%2F8"
STRANGE = "https://example.org/events/a//b/events?c=d%20e#f"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def port() -> Iterator[int]:
    """Granian, as `manage.py up` runs it, on the database of the tests."""
    found = free_port()
    url = urlsplit(os.environ["DATABASE_URL"])
    database = urlunsplit(url._replace(path=f"/{connection.settings_dict['NAME']}"))
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws", "--host", "127.0.0.1"]
    command += ["--port", str(found), "--workers", "1", "--log-level", "warning", "supplychain.wsgi:application"]
    process = subprocess.Popen(command, env=os.environ | {"DATABASE_URL": database})
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", found)) == 0:
                    break
            assert process.poll() is None
            time.sleep(0.1)
        yield found
    finally:
        process.terminate()
        process.wait(20)


def test_identifiers_in_addresses_arrive_as_they_are(transactional_db: None, settings: Any, tmp_path: Any, port: int):
    settings.WAYLOG_SECRETS = tmp_path / "secrets"
    world = make_world()
    client, _ = make_client(world.grower, "epcis:capture epcis:query")
    token = make_token(client, "epcis:capture epcis:query")
    one = event(1, eventID=STRANGE, epcList=[URN], quantityList=None, bizStep="https://example.org/steps/x/events")
    assert EpcisClient(token).job(document(one))["success"]
    talk = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(path: str) -> tuple[int, Any]:
        talk.request("GET", f"/epcis{path}", headers={"Authorization": f"Bearer {token}", "Host": "localhost"})
        answer = talk.getresponse()
        return answer.status, json.loads(answer.read())

    for path in (
        f"/events/{quote(STRANGE, safe='')}",
        f"/epcs/{quote(LINK, safe='')}/events",
        f"/epcs/{quote(LINK, safe=':')}/events",
        "/epcs/https:%2f%2fexample.org%2fid%2f01%2f09521141012345%2f21%2f7%252F8/events",
        f"/epcs/{quote(URN, safe='')}/events",
        f"/bizSteps/{quote('https://example.org/steps/x/events', safe='')}/events",
        f"/events?MATCH_epc={quote(LINK, safe='')}",
    ):
        status, answer = ask(path)
        assert status == 200, (path, answer)
        [found] = answer["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
        assert found["eventID"] == STRANGE, path
    status, answer = ask(f"/epcs/{quote(LINK, safe='')}")
    assert (status, answer["member"]) == (200, ["events"])
    assert ask(f"/epcs/{quote(LINK + '9', safe='')}")[0] == 404
    talk.close()
