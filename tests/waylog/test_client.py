"""The partners' client, against a server that listens."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey

from ledger import queries
from supplychain import operations
from supplychain.epcis import builders
from supplychain.epcis.events import Quantity
from supplychain.models import KeyRequest
from tests.cast import APPLES_LOT, World, make_world, sscc
from tests.supplychain.api.conftest import make_client
from waylog import Client, Unreachable, WaylogError, load_key, new_key
from waylog.__main__ import main
from waylog.sending import capture_file

UNIT = sscc(1)


@pytest.fixture
def world(live_server: Any, settings: Any, tmp_path: Path) -> World:
    settings.WAYLOG_SECRETS = tmp_path / "secrets"
    settings.ALLOWED_HOSTS = ["*"]
    return make_world()


@pytest.fixture
def environment(world: World, live_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the grower's, with its variables set and a key that is registered."""
    client, secret = make_client(world.grower)
    path = tmp_path / "partner.jwk"
    write_key(path, operations.held_key(world.grower.id))
    for name, value in {
        "URL": live_server.url,
        "CLIENT_ID": client.client_id,
        "CLIENT_SECRET": secret,
        "KEY": path,
    }.items():
        monkeypatch.setenv(f"WAYLOG_{name}", str(value))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_key(path: Path, key: SigningKey) -> None:
    from ledger.tlog.text import encode_base64url

    jwk = {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": encode_base64url(bytes(key.verify_key)),
        "d": encode_base64url(bytes(key)),
    }
    path.write_text(json.dumps(jwk))
    path.chmod(0o600)


@pytest.fixture
def client(environment: Path) -> Iterator[Client]:
    names = ("CLIENT_ID", "CLIENT_SECRET")
    known = {name.lower(): os.environ[f"WAYLOG_{name}"] for name in names}
    made = Client(os.environ["WAYLOG_URL"], attempts=1, **known)
    yield made
    made.connection.close()


def way(world: World, unit: str = UNIT) -> list[dict[str, Any]]:
    packed = builders.pack_event(
        unit=unit, contents=[Quantity(APPLES_LOT, 50)], event_time=world.later(), event_id=f"urn:x:pack:{unit}"
    )
    dispatched = builders.dispatch_event(
        units=[unit],
        giver=world.grower.uri,
        taker=world.carrier.uri,
        event_time=world.later(),
        event_id=f"urn:x:dispatch:{unit}",
    )
    return [dict(packed), dict(dispatched)]


def document(path: Path, events: list[dict[str, Any]]) -> Path:
    context = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"]
    path.write_text(json.dumps({"@context": context, "type": "EPCISDocument", "epcisBody": {"eventList": events}}))
    return path


def test_a_document_is_captured_fetched_and_verified(
    world: World, environment: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document(environment / "events.json", way(world))
    assert main(["capture", "events.json"]) == 0
    assert "2 of 2 events are in the log" in capsys.readouterr().out
    shipment = world.shipment(UNIT)
    assert (shipment.status, shipment.offered_to) == ("dispatched", world.carrier.id)

    assert main(["bundle", str(shipment.id), "-o", "way.json"]) == 0
    assert main(["proof", str(queries.tree_size() - 1), "-o", "last.tlog-proof"]) == 0
    vkey = queries.verifier_key()
    for name in ("way.json", "last.tlog-proof"):
        assert main(["verify", name, "--vkey", vkey]) == 0
        assert "verified" in capsys.readouterr().out
        assert main(["verify", name]) == 2
    capsys.readouterr()

    assert main(["follow", "--once", "--state", "last.txt"]) == 0
    seen = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["event_id"] for each in seen][-2:] == [f"urn:x:pack:{UNIT}", f"urn:x:dispatch:{UNIT}"]
    for kept in (None, str(seen[-1]["index"])):  # a place, and what an earlier release kept
        if kept:
            Path("last.txt").write_text(kept)
        assert main(["follow", "--once", "--state", "last.txt"]) == 0
        assert capsys.readouterr().out == ""
    assert main(["follow", "--once", "--after", "-1"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == seen


def test_what_is_opened_late_is_followed_too(
    world: World, environment: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed, own = world.carrier.pack(UNIT), world.grower.pack(sscc(9))
    assert main(["follow", "--once", "--state", "last.txt"]) == 0
    assert [json.loads(line)["index"] for line in capsys.readouterr().out.splitlines()] == [own.index]
    sent = world.carrier.dispatch(UNIT, world.grower)
    assert main(["follow", "--once", "--state", "last.txt"]) == 0
    assert [json.loads(line)["index"] for line in capsys.readouterr().out.splitlines()] == [packed.index, sent.index]
    assert Path("last.txt").read_text() == f"{sent.index}.{sent.index}"


def test_a_second_run_sends_nothing_and_doubles_nothing(world: World, environment: Path, client: Client) -> None:
    path, key = document(environment / "events.json", way(world)), load_key("partner.jwk")
    first = capture_file(client, path, key=key)
    size = queries.tree_size()
    again = capture_file(client, path, key=key)
    assert (first.captured, again.captured, queries.tree_size()) == (2, 2, size)


def test_after_a_crash_the_same_statements_are_sent_again(
    world: World, environment: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch reached the log, its answer did not reach us."""
    path, key = document(environment / "events.json", way(world)), load_key("partner.jwk")
    capture = Client.capture

    def lost(self: Client, items: Any) -> Any:
        capture(self, items)
        raise Unreachable("the line is cut")

    monkeypatch.setattr(Client, "capture", lost)
    with pytest.raises(Unreachable):
        capture_file(client, path, key=key)
    monkeypatch.setattr(Client, "capture", capture)
    size = queries.tree_size()
    with (environment / "events.json.waylog").open("ab") as journal:
        journal.write(b'{"positions":[0,')  # and the journal's last line was cut by the crash
    report = capture_file(client, path, key=key)
    assert [each["status"] for each in report.results.values()] == [200, 200]
    assert queries.tree_size() == size


def test_refusals_are_named_and_sent_again_only_when_asked(
    world: World, environment: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is refused today may be right tomorrow: the goods had not been dispatched yet."""
    [packed, dispatched] = way(world)
    wrong = {**packed, "bizStep": "paking"}
    document(environment / "wrong.json", [wrong, dispatched])
    assert main(["capture", "wrong.json"]) == 1
    shown = capsys.readouterr()
    assert "event 0: 422" in shown.err
    assert 'did you mean "packing"' in shown.err.lower()
    assert "1 of 2" in shown.out

    accepted = builders.accept_event(
        units=[sscc(3)],
        giver=world.carrier.uri,
        taker=world.grower.uri,
        event_time=world.later(),
        event_id="urn:x:accept",
    )
    document(environment / "early.json", [dict(accepted)])
    assert main(["capture", "early.json"]) == 1
    assert "no open shipment" in capsys.readouterr().err
    world.carrier.pack(sscc(3))
    world.carrier.dispatch(sscc(3), to=world.grower)
    assert main(["capture", "early.json"]) == 1
    assert main(["capture", "early.json", "--again"]) == 0
    assert world.shipment(sscc(3)).custodian == world.grower.id


def test_a_journal_of_another_file_is_refused(world: World, environment: Path, client: Client) -> None:
    key = load_key("partner.jwk")
    path = document(environment / "events.json", way(world))
    capture_file(client, path, key=key)
    document(path, way(world, sscc(2)))
    with pytest.raises(WaylogError, match="belongs to another file"):
        capture_file(client, path, key=key)


def test_a_key_is_made_asked_for_and_never_overwritten(
    world: World, environment: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["key", "new", "mine.jwk"]) == 0
    assert (environment / "mine.jwk").stat().st_mode & 0o777 == 0o600
    assert main(["key", "register", "--key", "mine.jwk", "--label", "ERP"]) == 0
    assert "waiting" in capsys.readouterr().out
    assert KeyRequest.objects.get(label="ERP").party_id == world.grower.id
    assert main(["key", "new", "mine.jwk"]) == 2
    (environment / "mine.jwk").chmod(0o644)
    assert main(["whoami"]) == 0
    with pytest.raises(WaylogError, match="chmod 600"):
        load_key("mine.jwk")


def test_a_strangers_key_signs_nothing_for_this_party(world: World, environment: Path, client: Client) -> None:
    key = new_key(environment / "foreign.jwk")
    report = capture_file(client, document(environment / "events.json", way(world)), key=key)
    assert [each["status"] for _, each in report.refused] == [403, 403]


def test_wrong_secrets_and_dead_servers_end_in_one_sentence(
    environment: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["whoami", "--client-secret", "wrong"]) == 2
    assert "knows no such client" in capsys.readouterr().err
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    dead = Client(url, client_id="a", client_secret="b", attempts=2)
    dead.connection._wait = 0.01
    with pytest.raises(Unreachable, match="does not answer"):
        dead.whoami()


def test_a_passing_trouble_is_waited_out() -> None:
    """503 twice, then an answer."""
    answers = [b"HTTP/1.1 503 x\r\nContent-Length: 0\r\nRetry-After: 0\r\n\r\n"] * 2
    answers.append(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=(server, answers), daemon=True).start()
        from waylog.connection import Connection

        made = Connection(f"http://127.0.0.1:{server.getsockname()[1]}", attempts=3, wait=0.01)
        assert made.request("GET", "/").status == 200
        made.close()


def serve(server: socket.socket, answers: list[bytes]) -> None:
    connection, _ = server.accept()
    with connection:
        for answer in answers:
            connection.recv(65_536)
            connection.sendall(answer)


def test_another_servers_address_is_never_followed(environment: Path, client: Client) -> None:
    with pytest.raises(WaylogError, match="points to another one"):
        client.get("https://elsewhere.example/api/v1/log")
