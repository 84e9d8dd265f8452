"""A key that lies elsewhere signs by a command; and disputed entries are stood by from the command line."""

import sys
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from ledger import queries as log
from ledger.tlog.bundle import parse_bundle, verify_bundle
from ledger.tlog.text import encode_base64
from supplychain import operations
from tests.cast import World
from tests.waylog.test_client import client, document, environment, way, world  # noqa: F401
from waylog.__main__ import main
from waylog.errors import WaylogError
from waylog.signercommand import CommandKey

SCRIPT = """
import base64, sys
from nacl.signing import SigningKey
key = SigningKey(base64.b64decode("{seed}"))
if sys.argv[1] == "public-key":
    print(base64.b64encode(bytes(key.verify_key)).decode())
elif sys.argv[1] == "sign":
    print(base64.b64encode({signs}).decode())
"""
GOOD = "key.sign(sys.stdin.buffer.read()).signature"


def signer(folder: Path, key: SigningKey, signs: str = GOOD) -> str:
    path = folder / "kms.py"
    path.write_text(SCRIPT.format(seed=encode_base64(bytes(key)), signs=signs))
    return f"{sys.executable} {path}"


def test_events_are_captured_with_a_key_that_lies_elsewhere(world: World, environment: Path) -> None:  # noqa: F811
    held = operations.held_key(world.grower.id)
    (environment / "partner.jwk").unlink()
    events = document(environment / "events.json", way(world))
    assert main(["capture", str(events), "--signer", signer(environment, held)]) == 0
    assert log.entry(log.tree_size() - 1).statement.type == "event"


def test_a_signer_that_answers_wrongly_is_named(tmp_path: Path) -> None:
    key = SigningKey.generate()
    for signs, why in (
        ("bytes(64)", "its key has not signed"),
        ("bytes(63)", "must write 64 bytes"),
        ("sys.exit(3)", "failed"),
    ):
        with pytest.raises(WaylogError, match=why):
            CommandKey(signer(tmp_path, key, signs)).sign(b"statement")
    assert CommandKey(signer(tmp_path, key)).sign(b"statement").signature == key.sign(b"statement").signature
    with pytest.raises(WaylogError, match="cannot be run"):
        CommandKey(str(tmp_path / "nothing-here"))
    with pytest.raises(WaylogError, match="not to be had"):
        bytes(CommandKey(signer(tmp_path, key)))


def test_disputed_entries_are_stood_by_from_the_command_line(
    world: World,  # noqa: F811
    environment: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["capture", str(document(environment / "events.json", way(world)))])
    last = log.tree_size() - 1
    old = log.entry(last).key_id
    new = operations.rotate_managed_key(party=world.grower.id, now=world.later())
    operations.revoke_key(old, party=world.grower.id, now=world.later(), last_valid_index=last - 1)
    assert log.disputed_of(world.grower.id) == [last]
    assert main(["key", "attest", str(last)]) == 2  # the revoked key stands by nothing
    from tests.waylog.test_client import write_key

    write_key(environment / "partner.jwk", operations.held_key(world.grower.id))
    capsys.readouterr()
    assert main(["key", "attest", str(last)]) == 0
    assert f"stand by {last}" in capsys.readouterr().out
    assert log.disputed_of(world.grower.id) == [] and log.key(new).revoked_index is None


def test_a_member_is_signed_apart_and_shown_when_asked_for(world: World, environment: Path) -> None:  # noqa: F811
    events = way(world)
    events[0] |= {"@context": {"ex": "https://example.org/ex/"}, "ex:driver": "Jane"}
    assert main(["capture", str(document(environment / "events.json", events)), "--hide", "ex:driver"]) == 0
    shipment = str(world.shipment(events[0]["parentID"]).pk)
    assert main(["bundle", shipment, "-o", "plain.json"]) == 0
    assert main(["bundle", shipment, "--disclose", "ex:driver", "-o", "told.json"]) == 0
    names = []
    for name in ("plain.json", "told.json"):
        bundle = parse_bundle((environment / name).read_bytes())
        [opened] = [each.opened for each in verify_bundle(bundle, None).entries if each.opened]
        names.append(opened.names)
    assert names == [(), ("ex:driver",)]
