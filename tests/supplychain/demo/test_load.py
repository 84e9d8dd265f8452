"""The demo world comes through the doors that everyone uses, once, and leaves a log that holds."""

import base64
import json
import stat
from datetime import UTC, datetime
from typing import Any

import pytest
from nacl.signing import SigningKey

from ledger import audit, keystore, queries, tenancy
from ledger.tlog import keys
from supplychain.demo import load
from supplychain.models import ApiClient, Event, Party, Product, Shipment, Site, User
from supplychain.operations.setup import NewPerson, set_up_log

NOW = datetime(2026, 7, 22, 11, 30, tzinfo=UTC)


@pytest.fixture
def secrets_folder(settings: Any, tmp_path: Any) -> None:
    settings.WAYLOG_SECRETS = tmp_path / "secrets"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]
    keystore.forget_cached()


@pytest.fixture
def made(db: None, secrets_folder: None) -> load.Made:
    return load.make_demo(now=NOW, host="demo.example", days=8)


def test_the_demo_fills_the_log_and_the_log_holds(made):
    with tenancy.system():
        found = audit.check_log()
        assert found.holds, found.faults
        assert Event.objects.count() == len(made.world.acts)
        assert Event.objects.filter(attested=False).exists() and Event.objects.filter(attested=True).exists()
        assert Shipment.objects.filter(status="dispatched", promised_at__lt=NOW).count() >= 2
    assert Party.objects.count() == 6 + len(made.sandbox) == 8
    assert Party.objects.get(is_operator=True).name == "Aare Frische Verteilzentrum AG"
    assert Site.objects.count() == 7 + 2 and Product.objects.count() == 8 + 3


def test_what_was_tried_in_vain_was_refused_and_is_told(made):
    claimed, never, forged = made.notes
    assert "only Aare Frische Verteilzentrum AG can accept it" in claimed
    assert "No shipment" in never
    assert "the signature does not hold" in forged
    with tenancy.system():
        tried = [act.event_id for act in (*made.world.attempts, *(act for act, _ in made.world.forged))]
        assert not Event.objects.filter(event_id__in=tried).exists()


def test_everybody_in_the_file_can_sign_in_and_sign(made, tmp_path):
    path = tmp_path / "data" / "demo.json"
    load.write_down(made, path, url="http://localhost:8000")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    told = json.loads(path.read_text())
    assert told["url"] == "http://localhost:8000"
    for user in told["users"]:
        found = User.objects.get(email=user["email"])
        assert found.check_password(user["password"])
        [membership] = found.memberships.all()
        assert (membership.role, membership.party.name) == (user["role"], user["party"])
    assert {user["role"] for user in told["users"]} == {"manager", "operator", "planner", "auditor", "viewer"}
    for client in told["api_clients"]:
        signing_key = SigningKey(base64.b64decode(client["signing_key"]))
        assert keys.key_id(bytes(signing_key.verify_key)) == client["key_id"]
        record = queries.key(client["key_id"])
        assert record is not None and record.role == "external"
        assert client["origin"] == queries.origin()
        assert ApiClient.objects.get(client_id=client["client_id"]).party.name == client["party"]
    assert any("epcis:capture" in client["scopes"] for client in told["api_clients"])


def test_the_demo_is_made_once(made):
    with pytest.raises(load.DemoRefused, match="there is a log already"):
        load.make_demo(now=NOW, host="demo.example", days=8)


def test_the_first_run_makes_a_log_a_party_and_its_manager(db, secrets_folder):
    manager = NewPerson("Ada", "Ada@Example.org", "manager", password="correct horse battery")
    party = set_up_log(host="logs.example", operator_name="Ada Ltd", now=NOW, people=[manager])
    assert queries.origin().startswith("logs.example/")
    assert party.is_operator and party.uri.startswith("urn:uuid:")
    user = User.objects.get(email__iexact="ada@example.org")
    assert user.check_password("correct horse battery")
    assert keystore.signer_for(party=party.id) is not None
