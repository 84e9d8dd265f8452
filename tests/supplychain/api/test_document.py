"""The API examined from its own OpenAPI document: every phase of schemathesis, every check."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.cast import make_world, sscc
from tests.supplychain.api.conftest import make_client, make_token

SETTINGS = Path(__file__).with_name("schemathesis.toml")
PHASES = "examples,coverage,fuzzing,stateful"


def test_the_api_keeps_what_its_document_promises(live_server: Any, settings: Any, tmp_path: Path) -> None:
    settings.WAYLOG_SECRETS = tmp_path / "secrets"
    settings.ALLOWED_HOSTS = ["*"]
    world = make_world()
    world.grower.pack(sscc(1))
    world.grower.dispatch(sscc(1), world.carrier)
    type(world.grower.party).objects.filter(pk=world.grower.id).update(is_operator=True)  # who may do the most
    token = make_token(make_client(world.grower)[0])
    program = str(Path(sys.executable).with_name("schemathesis"))
    asked = [program, "--config-file", str(SETTINGS), "run", f"{live_server.url}/api/v1/schema"]
    asked += ["--header", "Connection: close"]  # on a kept one each answer waits 40 ms for an acknowledgement
    asked += ["--header", f"Authorization: Bearer {token}", "--phases", PHASES, "--checks", "all", "--no-color"]
    asked += ["--max-examples", "3", "--seed", "1", "--continue-on-failure"]
    done = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
