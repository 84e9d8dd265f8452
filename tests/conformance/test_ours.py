"""Our own server passes all of it, and the suite does find what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cast import make_world
from tests.conformance import suite
from tests.conformance.__main__ import PARTS, line
from tests.conformance.server import Answer, Server
from tests.supplychain.api.conftest import make_client, make_token

SCOPES = "epcis:capture epcis:query"


@pytest.fixture
def server(live_server: Any, settings: Any, tmp_path: Path) -> Server:
    settings.WAYLOG_SECRETS = tmp_path / "secrets"
    settings.ALLOWED_HOSTS = ["*"]
    world = make_world()
    client, _ = make_client(world.grower, SCOPES)
    return Server(f"{live_server.url}/epcis", make_token(client, SCOPES))


def test_our_server_meets_every_requirement(server: Server) -> None:
    assert len(suite.CHECKS) > 120 and len(PARTS) == 6
    verdicts = suite.run(server)
    failed = [line(each) for each in verdicts if each.outcome != "pass"]
    assert not failed, "\n".join(failed)


LIES: dict[str, Callable[[Answer], Answer]] = {
    "discovery.root": lambda a: Answer(a.status, {}, a.body),
    "discovery.no-token": lambda a: Answer(200, a.headers, b"[]"),
    "capture.broken": lambda a: Answer(202, {**a.headers, "location": "/x"}, b""),
    "events.no-such": lambda a: Answer(a.status, {**a.headers, "content-type": "text/html"}, a.body),
    "events.page-size": lambda a: Answer(200, a.headers, b"{}"),
    "query.unknown": lambda a: Answer(a.status, a.headers, a.body.replace(b"QueryParameter", b"Security")),
}


def test_a_check_fails_where_a_server_does_otherwise(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Server.__call__
    for name, lie in LIES.items():
        assert [each.outcome for each in suite.run(server, only=name)] == ["pass"], name
        with monkeypatch.context() as patch:
            patch.setattr(Server, "__call__", lambda *args, lie=lie, **more: lie(honest(*args, **more)))
            [verdict] = suite.run(server, only=name)
        assert (verdict.outcome, bool(verdict.why)) == ("fail", True), name
