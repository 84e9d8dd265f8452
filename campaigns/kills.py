"""PostgreSQL and the web server killed with -9 under load: what was acknowledged is there, where it was said, once.

    nice python -m campaigns.kills 200 --seed 7

starts Waylog as a user would, posts signed events over HTTP from several threads, sends a tenth of them again, and
kills the database, one of its backends, the web server or one of its workers, again and again. A post that fails is
sent again until it is answered. In the end every answer is held against the log, and the log is verified. A short form
runs in the test suite.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import os
import random
import re
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.capture import items
from ledger.tlog import envelope
from tests.up import Up

VICTIMS = ("postgres -D", "postgres: ", "granian", "granian worker|granian.*spawn|multiprocessing")
WRITERS = 4
MADE = 400
"""So many events are signed at a time."""
PATIENCE = 120.0
_QUICK = "import sys, supplychain.services.supervisor as s; s.SLOWEST = 0.3; sys.exit(s.main([]))"
"""The supervisor of `manage.py up`, without its growing pauses: a child that is killed on purpose is not at fault."""


@dataclass
class Report:
    """What was told, and what of it does not hold."""

    acknowledged: dict[str, int] = field(default_factory=dict)
    """By statement hash, the index that the first answer named."""
    kills: int = 0
    replayed: int = 0
    failed: int = 0
    """Posts that were not answered, or with a 5xx, and were sent again."""
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {len(self.acknowledged)} events acknowledged, {self.replayed} sent again, "
            f"{self.failed} posts failed on the way, {len(self.wrong)} wrong"
        )


class _Load:
    """Threads that post until they are stopped, and finish what they began."""

    def __init__(self, port: int, client: dict[str, Any], report: Report, seed: int) -> None:
        self.port, self.client, self.report = port, client, report
        self.lock, self.stopped, self.made = threading.Lock(), threading.Event(), list[dict[str, Any]]()
        self.bearer = ""
        self.threads = [threading.Thread(target=self._write, args=(random.Random(seed + n),)) for n in range(WRITERS)]

    def __enter__(self) -> _Load:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def _write(self, dice: random.Random) -> None:
        sent: list[dict[str, Any]] = []
        for number in itertools.count():
            if self.stopped.is_set():
                return
            is_again = number % 10 == 9
            batch = [dice.choice(sent)] if is_again else self._take(dice.choice((1, 1, 1, 5)))
            self._post(batch, is_again=is_again)
            sent += [] if is_again else batch

    def _take(self, count: int) -> list[dict[str, Any]]:
        with self.lock:
            while len(self.made) < count:
                self.made += items(self.client, MADE)
            return [self.made.pop() for _ in range(count)]

    def _post(self, batch: list[dict[str, Any]], *, is_again: bool) -> None:
        """Send it until it is answered; what is not answered in time is wrong too."""
        data, until = json.dumps(batch).encode(), time.monotonic() + PATIENCE
        while time.monotonic() < until:
            status, said = self._once(data)
            if status in (200, 201):
                self._note(batch, said["items"], is_again=is_again)
                return
            with self.lock:
                if status and status < 500 and status not in (401, 429):
                    self.report.wrong.append(f"an honest event was answered with {status}: {said}")
                    return
                self.report.failed += 1
            time.sleep(0.1)
        with self.lock:
            self.report.wrong.append(f"no answer in {PATIENCE:.0f} s")

    def _once(self, data: bytes) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        try:
            if not self.bearer:
                self.bearer = _token(connection, self.client)
            named = {"Content-Type": "application/json", "Authorization": f"Bearer {self.bearer}", "Host": "localhost"}
            connection.request("POST", "/api/v1/events", data, named)
            answer = connection.getresponse()
            said = json.loads(answer.read())
            if answer.status == 401:
                self.bearer = ""
            return answer.status, said
        except (OSError, http.client.HTTPException, ValueError):
            return 0, None
        finally:
            connection.close()

    def _note(self, batch: list[dict[str, Any]], answered: list[dict[str, Any]], *, is_again: bool) -> None:
        with self.lock:
            self.report.replayed += len(batch) if is_again else 0
            for item, found in zip(batch, answered, strict=True):
                mine = envelope.statement_hash(envelope.parse_envelope(item["envelope"]).payload).hex()
                if found.get("statement_hash") != mine:
                    self.report.wrong.append(f"{mine} was answered with {found}")
                elif self.report.acknowledged.setdefault(mine, found["index"]) != found["index"]:
                    self.report.wrong.append(f"{mine} was entry {self.report.acknowledged[mine]}, now {found['index']}")


def _token(connection: http.client.HTTPConnection, client: dict[str, Any]) -> str:
    form = "grant_type=client_credentials&scope=events:write&client_id={client_id}&client_secret={client_secret}"
    named = {"Content-Type": "application/x-www-form-urlencoded", "Host": "localhost"}
    connection.request("POST", "/oauth/token/", form.format(**client), named)
    return str(json.loads(connection.getresponse().read())["access_token"])


def campaign(up: Up, *, count: int, seed: int, between: int = 40) -> Report:
    """Kill `count` times under load, each time once `between` more were acknowledged; hold these against the log."""
    dice, report = random.Random(seed), Report()
    client = _shell(up, "from campaigns import kills; kills.make_client()")
    victims = dice.sample(VICTIMS, len(VICTIMS))
    with _Load(up.port, client, report, seed):
        for number in range(count):
            _wait_for_more(report, dice.randrange(between, 2 * between))
            _kill(up, victims[number % len(victims)], dice)
            report.kills += 1
            up.until(lambda: up.health()[0] == 200, seconds=PATIENCE)
        _wait_for_more(report, between)
    _hold_against(up, report)
    return report


def _wait_for_more(report: Report, more: int) -> None:
    wanted, until = len(report.acknowledged) + more, time.monotonic() + PATIENCE
    while len(report.acknowledged) < wanted and time.monotonic() < until:
        time.sleep(0.01)


def _kill(up: Up, words: str, dice: random.Random) -> None:
    family = up.family()
    found = [pid for pid, command in family.items() if re.search(words, command)]
    os.kill(dice.choice(found or [up.child("granian")]), signal.SIGKILL)


def _hold_against(up: Up, report: Report) -> None:
    stored = _shell(up, "from campaigns import kills; kills.print_entries()")
    if sorted(stored.values()) != list(range(len(stored))):
        report.wrong.append("the entries are not without a gap")
    for hashed, index in report.acknowledged.items():
        if stored.get(hashed) != index:
            report.wrong.append(f"{hashed} was acknowledged as entry {index}, and is {stored.get(hashed)}")
    verified = up.manage("ledger", "verify", "--json")
    if verified.returncode:
        report.wrong.append(f"the log does not hold: {verified.stdout[-500:]}{verified.stderr[-500:]}")


def _shell(up: Up, code: str) -> dict[str, Any]:
    done = up.manage("shell", "--no-imports", "-c", code)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


# --- run by the shell of the running server ---


def make_client() -> None:
    """Make the log with one company, and a program of it; print what it needs."""
    import base64
    import secrets
    from datetime import UTC, datetime

    from ledger import queries, tenancy
    from supplychain.models import ApiClient
    from supplychain.operations import held_key
    from supplychain.operations.setup import set_up_log

    with tenancy.system():
        now = datetime.now(UTC)
        party = set_up_log(host="localhost", operator_name="Orchard", operator_uri="", people=[], now=now)
        secret = secrets.token_urlsafe(32)
        client = ApiClient.objects.create(
            name="campaign",
            client_type="confidential",
            authorization_grant_type="client-credentials",
            client_secret=secret,
            party=party,
            granted_scopes="events:write",
        )
        made = {
            "origin": queries.origin(),
            "client_id": client.client_id,
            "client_secret": secret,
            "signing_key": base64.b64encode(bytes(held_key(party.id))).decode(),
        }
    print(json.dumps(made))


def print_entries() -> None:
    """Print the index of every statement hash."""
    from ledger.models import Entry

    print(
        json.dumps(
            {bytes(hashed).hex(): index for hashed, index in Entry.objects.values_list("statement_hash", "index")}
        )
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the long form; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m campaigns.kills", description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="waylog-kills-") as folder:
        up = Up(Path(folder), ("-c", _QUICK))
        try:
            up.start()
            report = campaign(up, count=options.count, seed=options.seed)
        finally:
            if up.process is not None:
                up.process.terminate()
                up.process.wait(60)
    for line in report.wrong[:20]:
        print(line)
    print(f"seed {options.seed}: {report}")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
