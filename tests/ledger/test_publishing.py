"""When what was appended counts as published: by the policy, and never at the cost of the entry."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client

from ledger import cosigning, publishing, queries, quorum
from ledger.models import WitnessAnswer
from ledger.tlog import policy
from ledger.tlog.note import parse_note, parse_verifier_key, verify_note
from ledger.witness.client import Cosigned
from supplychain import checks
from tests.ledger.conftest import made_log
from tests.ledger.witnessing import listening, signer

ASKED = datetime(2026, 2, 2, 2, 41, tzinfo=UTC)


@pytest.fixture
def three(log, grower, tmp_path):
    """Three witnesses that listen."""
    log_key = parse_verifier_key(queries.verifier_key())
    with ExitStack() as stack:
        yield [
            stack.enter_context(listening(tmp_path / name, name=f"witness.example/{name}", logs=[log_key]))
            for name in ("w1", "w2", "w3")
        ]


def lines(*servers, quorum_lines):
    """A policy file: each witness with its address, or one that is given as such."""
    found = [f"log {queries.verifier_key()}"]
    for number, server in enumerate(servers, 1):
        vkey, url = server if isinstance(server, tuple) else (server.witness.signer.verifier_key(), server.url)
        found.append(f"witness w{number} {vkey.to_text()} {url}")
    return "\n".join([*found, *quorum_lines]) + "\n"


@pytest.fixture
def write(settings, tmp_path):
    def written(text):
        path = tmp_path / "policy"
        path.write_text(text)
        settings.WAYLOG_POLICY = str(path)
        return path

    return written


TWO_OF_THREE = ("group two 2 w1 w2 w3", "quorum two")
AWAY = (signer("witness.example/away").verifier_key(), "http://127.0.0.1:9/witness")


def test_without_a_policy_what_is_appended_is_published(log, grower):
    assert publishing.publish(queries.tree_size(), now=ASKED) == ("published", None)
    assert publishing.published_size() == queries.tree_size()


def test_it_is_published_once_the_quorum_has_cosigned(log, grower, three, write):
    path = write(lines(*three, quorum_lines=TWO_OF_THREE))
    assert publishing.published_size() == 0
    size = queries.tree_size()
    state, found = publishing.publish(size, now=ASKED)
    assert (state, found.tree_size, publishing.published_size()) == ("published", size, size)
    note = queries.with_cosignatures(found.note, size)
    verified = policy.verify_checkpoint(policy.parse_policy(path.read_bytes()), note)  # the reader's file is the log's
    assert verified.checkpoint.tree_size == size and len(verified.cosignatures) >= 2
    log.append(log.event(grower))
    assert (publishing.published_size(), queries.tree_size()) == (size, size + 1)
    standing = publishing.standing()
    assert standing.size == size and [standing.waits_for(index) for index in (0, size - 1, size)] == [0, 0, 2]
    assert f"\n{size}\n" in Client(headers={"host": "localhost"}).get("/log/checkpoint").content.decode()


def test_a_witness_that_never_answers_costs_nothing_where_the_others_are_enough(log, three, write, settings):
    settings.WAYLOG_PUBLISH_SECONDS = 60  # the test would not end in time if it were waited for
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mute = (signer("witness.example/mute").verifier_key(), f"http://127.0.0.1:{silent.getsockname()[1]}")
        write(lines(three[0], three[1], mute, quorum_lines=TWO_OF_THREE))
        state, _ = publishing.publish(queries.tree_size(), now=ASKED)
    assert state == "published"
    assert set(WitnessAnswer.objects.values_list("witness", flat=True)) == {"witness.example/w1", "witness.example/w2"}


def test_without_the_quorum_it_stays_appended_and_is_published_when_the_witness_is_back(
    log, grower, three, write, settings
):
    settings.WAYLOG_PUBLISH_SECONDS = 0.5
    write(lines(three[0], AWAY, quorum_lines=("group both all w1 w2", "quorum both")))
    size = queries.tree_size()
    assert publishing.publish(size, now=ASKED) == ("appended", None)
    log.append(log.event(grower))  # nothing waits
    assert queries.tree_size() == size + 1
    write(lines(three[0], three[1], quorum_lines=("group both all w1 w2", "quorum both")))
    assert publishing.publish(size, now=ASKED)[0] == "published"


def test_a_repeated_one_is_published_by_an_older_checkpoint_that_holds_it(log, grower, three, write):
    write(lines(three[0], quorum_lines=("quorum w1",)))
    size = queries.tree_size()
    publishing.publish(size, now=ASKED)
    log.append(log.event(grower))
    _, found = publishing.publish(size, now=ASKED)
    assert found.tree_size == size + 1  # the newest is asked for in any case: it proves the older one too


@pytest.mark.django_db(transaction=True)
def test_threads_that_wait_share_the_asking_and_no_witness_sees_a_smaller_tree(
    transactional_db, settings, tmp_path, write
):
    log = made_log(settings, tmp_path)
    grower = log.member()
    asked, lock = [], threading.Lock()
    with listening(tmp_path / "w1", logs=[parse_verifier_key(queries.verifier_key())]) as server:
        decide = server.witness.add_checkpoint

        def counted(data):
            with lock:
                asked.append(int(data.split(b"\n\n", 1)[1].split(b"\n")[1]))
            return decide(data)

        server.witness.add_checkpoint = counted
        write(lines(server, quorum_lines=("quorum w1",)))
        events = [log.event(grower) for _ in range(24)]

        def one(number):
            try:
                [outcome] = log.append(events[number])
                return publishing.publish(outcome.index + 1, now=ASKED)[0]
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as pool:
            states = list(pool.map(one, range(24)))
    assert states == ["published"] * 24
    assert asked == sorted(asked) and len(asked) < 24
    assert not WitnessAnswer.objects.get().is_refusal


def test_witnesses_without_a_quorum_are_asked_each_minute_and_hold_nothing_up(log, grower, three, write):
    write(lines(*three, quorum_lines=("quorum none",)))
    assert publishing.publish(queries.tree_size(), now=ASKED) == ("published", None)
    assert all(isinstance(each, Cosigned) for each in cosigning.collect_cosignatures(now=ASKED))
    assert [each.cosigned_size for each in cosigning.standings()] == [queries.tree_size()] * 3


def test_the_newest_that_is_enough_is_found_however_far_back(log, grower, three, write, monkeypatch):
    monkeypatch.setattr(queries, "_PAGE", 2)
    write(lines(*three, quorum_lines=TWO_OF_THREE))
    size = queries.tree_size()
    cosigning.collect_cosignatures(now=ASKED)
    write(lines(three[0], quorum_lines=("quorum none",)))
    for _ in range(5):
        log.append(log.event(grower))
        cosigning.collect_cosignatures(now=ASKED)
    write(lines(*three, quorum_lines=TWO_OF_THREE))
    assert publishing.published_size() == size
    verifiers = [parse_verifier_key(queries.verifier_key()), *(each.witness.signer.verifier_key() for each in three)]
    assert len(verify_note(parse_note(queries.published_checkpoint(quorum.is_met_by)[0]), verifiers)) == 4
    write(lines(*three, AWAY, quorum_lines=("group four 4 w1 w2 w3 w4", "quorum four")))
    assert publishing.published_size() == 0


@pytest.mark.parametrize(
    "text",
    [
        "witness w1 nonsense http://127.0.0.1:1\nquorum w1\n",
        "quorum nobody\n",
        f"witness w1 {signer().verifier_key().to_text()} ftp://w\nquorum w1\n",
        "",
    ],
)
def test_a_policy_that_cannot_be_read_publishes_nothing_and_refuses_nothing(log, grower, write, text, caplog):
    write(text)
    assert publishing.publish(queries.tree_size(), now=ASKED) == ("appended", None)
    log.append(log.event(grower))
    assert "WAYLOG_POLICY cannot be read" in caplog.text
    assert [each.id for each in checks.policy_is_readable()] == ["waylog.E001"]
    answer = Client(headers={"host": "localhost"}).get("/log/checkpoint")
    assert answer.status_code == 503 and b"WAYLOG_POLICY" in answer.content


def test_a_policy_that_is_not_there_is_said_so(log, settings, tmp_path):
    settings.WAYLOG_POLICY = str(tmp_path / "nowhere")
    with pytest.raises(quorum.PolicyUnreadable, match="No such file"):
        quorum.policy()


def test_a_policy_is_read_again_when_it_changes(log, write):
    write(lines(AWAY, quorum_lines=("quorum none",)))
    assert not quorum.is_set()
    write(lines(AWAY, quorum_lines=("quorum w1",)))
    assert quorum.is_set()
