"""The examples of docs/api.md, run as they stand against a server that listens."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ledger import queries
from ledger.tlog import proof
from supplychain import operations
from tests.cast import World, make_world, sscc
from tests.conftest import ROOT
from tests.supplychain.api.conftest import make_client

EXAMPLES = ROOT / "docs" / "examples"
UNIT = sscc(1)


@pytest.fixture
def listening(live_server: Any, settings: Any, tmp_path: Path) -> tuple[World, dict[str, str]]:
    """A world behind a server, and what a program of the grower's needs to know of it."""
    settings.WAYLOG_SECRETS = tmp_path / "secrets"
    settings.ALLOWED_HOSTS = ["*"]
    world = make_world()
    client, secret = make_client(world.grower)
    known = {
        "WAYLOG_URL": live_server.url,
        "CLIENT_ID": client.client_id,
        "CLIENT_SECRET": secret,
        "SIGNING_KEY": base64.b64encode(bytes(operations.held_key(world.grower.id))).decode(),
    }
    return world, known


COMMANDS = pytest.mark.parametrize(
    "command",
    [
        pytest.param([sys.executable, str(EXAMPLES / "capture.py")], id="python"),
        pytest.param(["bash", str(EXAMPLES / "capture.sh")], id="curl"),
        pytest.param(["node", str(EXAMPLES / "capture.mjs")], id="javascript"),
        pytest.param(["java", str(EXAMPLES / "Capture.java")], id="java"),
    ],
)


def run(command: list[str], known: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    if command[0] == "bash" and not (shutil.which("curl") and shutil.which("openssl")):
        pytest.skip("curl and openssl are not installed: type `apt-get install curl openssl`")
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed; the JavaScript runs in Chromium too (tests/browser)")
    env = {**os.environ, **known}
    return subprocess.run([*command, UNIT], env=env, cwd=folder, capture_output=True, text=True, timeout=60)


@COMMANDS
def test_an_example_signs_and_captures(
    listening: tuple[World, dict[str, str]], tmp_path: Path, command: list[str]
) -> None:
    world, known = listening
    done = run(command, known, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    proven = proof.verify_in_itself(proof.parse_proof((tmp_path / "event.tlog-proof").read_bytes()))
    assert proven.index == queries.tree_size() - 1
    shipment = world.shipment(UNIT)
    assert (shipment.status, shipment.custodian) == ("packed", world.grower.id)
    assert bytes(shipment.head) == queries.entry(proven.index).statement_hash


@COMMANDS
def test_an_example_says_why_it_was_refused(
    listening: tuple[World, dict[str, str]], tmp_path: Path, command: list[str]
) -> None:
    world, known = listening
    other = base64.b64encode(bytes(operations.held_key(world.stranger.id))).decode()
    done = run(command, {**known, "SIGNING_KEY": other}, tmp_path)
    assert done.returncode != 0
    assert "403" in done.stderr
    assert "another party" in done.stderr
