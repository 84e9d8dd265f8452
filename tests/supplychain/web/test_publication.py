"""What a page says of an entry that waits for witnesses: never more than is so, and it looks again by itself."""

import pytest

from ledger import queries as log
from ledger.publishing import publish
from ledger.tlog.note import parse_verifier_key
from tests.ledger.witnessing import listening, signer

AWAY = f"{signer('witness.example/away').verifier_key().to_text()} http://127.0.0.1:9/witness"


@pytest.fixture
def shipment(sign_in, people, on_the_way):
    """Reads the page of the shipment as the packer's operator."""
    return lambda: sign_in(people.packer).get(f"/shipments/{on_the_way.pk}/").content.decode()


def test_without_a_policy_everything_is_published_and_nothing_asks_again(shipment):
    text = shipment()
    assert "published" in text and "waiting for" not in text and "hx-select" not in text


def test_what_waits_for_a_quorum_says_for_how_many_and_asks_again(world, shipment, settings):
    settings.WAYLOG_WITNESSES, settings.WAYLOG_WITNESS_QUORUM = AWAY, 1
    text = shipment()
    assert text.count("appended, waiting for 1 witness<") == 3  # two entries and the card of the proof
    assert 'hx-select="#way"' in text and "published</span>" not in text


def test_a_cosignature_publishes_it_and_the_page_rests(world, shipment, settings, tmp_path):
    with listening(tmp_path / "witness", logs=[parse_verifier_key(log.verifier_key())]) as witness:
        vkey = witness.witness.signer.verifier_key().to_text()
        settings.WAYLOG_WITNESSES = f"{vkey} {witness.url}; {AWAY}"
        settings.WAYLOG_WITNESS_QUORUM = 1
        settings.WAYLOG_PUBLISH_SECONDS = 30
        publish(log.tree_size(), now=world.later())
    assert "waiting for" not in shipment() and "hx-select" not in shipment()
    settings.WAYLOG_WITNESS_QUORUM = 2
    assert "appended, waiting for 1 witness<" in shipment()


def test_the_entrys_page_says_the_same(world, people, sign_in, on_the_way, settings):
    settings.WAYLOG_WITNESSES, settings.WAYLOG_WITNESS_QUORUM = AWAY, 1
    text = sign_in(people.packer).get(f"/ledger/{log.tree_size() - 1}/").content.decode()
    assert "appended, waiting for 1 witness" in text and "have not cosigned yet" in text


def test_an_unreadable_policy_publishes_nothing(shipment, settings, tmp_path):
    settings.WAYLOG_POLICY = str(tmp_path / "absent")
    assert shipment().count("appended, not published") == 3
