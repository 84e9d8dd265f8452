"""Every page: who sees it, who does not, what it says."""

import pytest
from django.test import Client

from ledger import queries as log
from ledger.tlog.bundle import parse_bundle, verify_bundle
from ledger.tlog.note import parse_verifier_key
from ledger.tlog.policy import Policy
from tests.cast import APPLES_LOT, sscc

OPEN_TO_MEMBERS = ["/", "/shipments/", "/forecasts/", "/ledger/", "/ledger/0/", "/ledger/keys/", "/device/"]
FOR_OPERATORS = ["/shipments/new/"]
FOR_MANAGERS = ["/keys/"]


@pytest.mark.parametrize("address", [*OPEN_TO_MEMBERS, *FOR_OPERATORS, *FOR_MANAGERS])
def test_a_page_asks_whoever_is_not_signed_in_to_sign_in(world, address):
    answer = Client().get(address)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("address", [*OPEN_TO_MEMBERS, *FOR_OPERATORS, *FOR_MANAGERS])
def test_a_manager_sees_every_page(people, sign_in, address):
    assert sign_in(people.packer_manager).get(address).status_code == 200


@pytest.mark.parametrize("address", OPEN_TO_MEMBERS)
def test_an_auditor_reads(people, sign_in, address):
    assert sign_in(people.packer_auditor).get(address).status_code == 200


@pytest.mark.parametrize("address", [*FOR_OPERATORS, *FOR_MANAGERS])
def test_a_viewer_is_told_that_acts_are_not_theirs(people, sign_in, address):
    answer = sign_in(people.packer_viewer).get(address)
    assert answer.status_code == 403
    assert b"Not yours to do" in answer.content


def test_an_operator_does_not_manage_keys(people, sign_in):
    assert sign_in(people.packer).get("/keys/").status_code == 403


def test_somebody_without_a_company_is_told_so(world, sign_in):
    from supplychain.models import User

    answer = sign_in(User.objects.create_user("nobody@example.org")).get("/")
    assert answer.status_code == 403
    assert b"You act for no company yet" in answer.content


def test_pages_carry_no_inline_script_or_style(people, sign_in, on_the_way):
    client = sign_in(people.packer_manager)
    for address in [*OPEN_TO_MEMBERS, *FOR_OPERATORS, *FOR_MANAGERS, f"/shipments/{on_the_way.pk}/"]:
        text = client.get(address).content.decode()
        assert " style=" not in text, address
        assert "<style" not in text, address
        assert "<script>" not in text, address
        assert " onclick=" not in text, address


def test_the_tower_counts_what_waits_for_the_taker(people, sign_in, on_the_way):
    text = sign_in(people.carrier).get("/").content.decode()
    assert "waiting for you" in text
    assert "Apples" in text or "2 products" in text


def test_the_tower_of_a_stranger_is_empty(people, sign_in, on_the_way):
    text = sign_in(people.stranger).get("/").content.decode()
    assert "Nothing waits" in text
    assert "No event was captured yet" in text
    assert sscc(1).rpartition("/")[2] not in text


def test_htmx_gets_the_living_part_of_the_tower_alone(people, sign_in, on_the_way):
    text = sign_in(people.carrier).get("/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in text
    assert 'hx-swap-oob="true"' in text


def test_a_shipment_is_seen_by_its_parties(people, sign_in, on_the_way):
    for user in (people.packer, people.packer_viewer, people.carrier):
        text = sign_in(user).get(f"/shipments/{on_the_way.pk}/").content.decode()
        assert "Dispatched" in text
        assert "signed with a managed key" in text


def test_a_foreign_shipment_and_an_absent_one_answer_alike(people, sign_in, on_the_way):
    client = sign_in(people.stranger)
    foreign = client.get(f"/shipments/{on_the_way.pk}/")
    absent = client.get("/shipments/00000000-0000-4000-8000-000000000000/")
    assert foreign.status_code == absent.status_code == 404
    assert foreign.content == absent.content


@pytest.mark.parametrize(("who", "acts"), [("carrier", {"accept"}), ("packer", {"correct"}), ("packer_viewer", set())])
def test_the_next_acts_follow_from_custody_and_role(people, sign_in, on_the_way, who, acts):
    text = sign_in(getattr(people, who)).get(f"/shipments/{on_the_way.pk}/").content.decode()
    names = ("accept", "dispatch", "unpack", "answer", "correct")
    assert {name for name in names if f"/{on_the_way.pk}/{name}/" in text} == acts


@pytest.mark.parametrize("query", ["A1", "apples", "APPLES pears", APPLES_LOT, "carrier"])
def test_search_finds_a_shipment_by_whatever_is_at_hand(people, sign_in, on_the_way, query):
    text = sign_in(people.packer).get("/shipments/", {"q": query}).content.decode()
    assert str(on_the_way.pk) in text


@pytest.mark.parametrize("query", ["(00)" + sscc(1).rpartition("/")[2], sscc(1), sscc(1).rpartition("/")[2][-7:]])
def test_search_finds_a_shipment_by_its_sscc_as_labels_links_and_people_write_it(people, sign_in, on_the_way, query):
    text = sign_in(people.packer).get("/shipments/", {"q": query}).content.decode()
    assert str(on_the_way.pk) in text


@pytest.mark.parametrize(
    "query", ["bananas", "A1 bananas", "https://id.gs1.org/00/999", "%", "'; DROP TABLE", "\x00bananas"]
)
def test_search_says_that_it_found_nothing(people, sign_in, on_the_way, query):
    answer = sign_in(people.packer).get("/shipments/", {"q": query})
    assert answer.status_code == 200
    assert str(on_the_way.pk) not in answer.content.decode()


def test_search_finds_nothing_for_a_stranger(people, sign_in, on_the_way):
    answer = sign_in(people.stranger).get("/shipments/", {"q": "apples", "state": "all"})
    assert str(on_the_way.pk) not in answer.content.decode()


@pytest.mark.parametrize(
    "state", ["open", "moving", "waiting", "late", "breached", "discrepancy", "held", "closed", "x"]
)
def test_every_filter_answers(people, sign_in, on_the_way, state):
    assert sign_in(people.packer).get("/shipments/", {"state": state, "page": "999"}).status_code == 200


def test_the_log_shows_own_bodies_and_keeps_those_of_others_closed(people, sign_in, on_the_way):
    index = on_the_way.last_index
    own = sign_in(people.packer).get(f"/ledger/{index}/").content.decode()
    other = sign_in(people.stranger).get(f"/ledger/{index}/").content.decode()
    assert "bizStep" in own
    assert "bizStep" not in other
    assert "is not shown to Stranger" in other
    assert "Packer" not in other.replace("data-party", "")


@pytest.mark.parametrize("index", [10**6, 2**63, 10**30])
def test_an_entry_that_is_not_there_answers_404(people, sign_in, index):
    assert sign_in(people.packer).get(f"/ledger/{index}/").status_code == 404


def test_a_proof_is_downloaded_as_a_file(people, sign_in, on_the_way):
    answer = sign_in(people.packer).get(f"/ledger/{on_the_way.last_index}/proof/")
    assert answer["Content-Disposition"] == f'attachment; filename="entry-{on_the_way.last_index}.tlog-proof"'
    assert answer.content.decode() == log.tlog_proof(on_the_way.last_index)


def test_forecasts_say_that_there_are_none_yet(people, sign_in):
    assert b"No forecast yet" in sign_in(people.packer).get("/forecasts/").content


def test_a_viewer_asks_for_no_forecast(people, sign_in):
    client = sign_in(people.packer_viewer)
    assert b"Run forecast now" not in client.get("/forecasts/").content
    assert client.post("/forecasts/run/").status_code == 403


def test_one_acts_only_for_a_party_that_one_belongs_to(people, sign_in):
    client = sign_in(people.packer)
    other = people.stranger.memberships.get()
    assert client.post("/act-for/", {"membership": other.pk}).status_code == 404
    assert client.post("/act-for/", {"membership": "x"}).status_code == 404
    assert client.post("/act-for/", {"membership": people.packer.memberships.get().pk}).status_code == 302


def test_an_unknown_address_gets_our_page(people, sign_in):
    answer = sign_in(people.packer).get("/nothing-here/")
    assert answer.status_code == 404
    assert b"nothing that your company may see" in answer.content


@pytest.mark.parametrize(("host", "warns"), [("waylog.example", True), ("localhost:8000", False), ("127.0.0.1", False)])
def test_pages_say_what_is_missing_without_https(people, sign_in, settings, host, warns):
    settings.ALLOWED_HOSTS = ["*"]
    text = sign_in(people.packer).get("/", headers={"host": host}).content.decode()
    assert ("Browsers then offer no WebCrypto" in text) is warns


def test_with_https_nothing_is_missing(people, sign_in, settings):
    settings.ALLOWED_HOSTS = ["*"]
    client = sign_in(people.packer)
    text = client.get("/", headers={"host": "waylog.example"}, secure=True).content.decode()
    assert "Browsers then offer no WebCrypto" not in text


def test_the_manifest_of_a_forecast_is_shown_to_nobody(world, people, sign_in):
    from forecasting.operations import ForecastsOnly
    from ledger import keystore
    from ledger.operations import append_many, submission
    from supplychain.models import Membership, User

    signer = keystore.signer_in_role("forecaster")
    claims = {"run": "0" * 32}
    made = submission("forecast", claims, origin=log.origin(), by=signer, body=b'{"series":"of everybody"}')
    [outcome] = append_many([made], rule=ForecastsOnly(), now=world.now)
    operator = User.objects.create_user("op@example.org")
    Membership.objects.create(user=operator, party=world.operator, role="manager")
    text = sign_in(operator).get(f"/ledger/{outcome.index}/").content.decode()
    assert "of everybody" not in text
    assert "names the series of every party" in text


def test_a_party_takes_the_bundle_of_its_shipment_away_and_a_stranger_finds_nothing(people, sign_in, on_the_way):
    address = f"/shipments/{on_the_way.pk}/bundle/"
    answer = sign_in(people.packer_viewer).get(address)
    assert answer["Content-Disposition"].startswith("attachment; ")
    assert answer["Cache-Control"] == "private, no-store"
    verdict = verify_bundle(parse_bundle(answer.content), Policy((parse_verifier_key(log.verifier_key()),)))
    assert [chain.scope for chain in verdict.chains] == [on_the_way.pk.hex]
    assert sign_in(people.stranger).get(address).status_code == 404
    assert Client().get(address).status_code == 302


def test_the_page_that_verifies_is_open_to_all_and_may_reach_no_network(world):
    answer = Client().get("/verify")
    assert answer.status_code == 200
    assert log.verifier_key() in answer.content.decode()
    policy = dict(each.split(" ", 1) for each in answer["Content-Security-Policy"].split("; "))
    assert (policy["default-src"], policy["connect-src"], policy["form-action"]) == ("'none'", "'none'", "'none'")
    assert (policy["script-src"], policy["style-src"]) == ("'self'", "'self'")


def test_the_page_that_verifies_needs_no_log(db):
    assert Client().get("/verify").status_code == 200


@pytest.mark.parametrize("address", ["/ledger/", "/ledger/1/"])
def test_the_ledger_leads_to_the_page_that_verifies(people, sign_in, address):
    assert 'href="/verify"' in sign_in(people.packer_viewer).get(address).content.decode()
