"""A witness on 127.0.0.1 and an operator that lies to it in every way there is; then the side that asks witnesses."""

import signal
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from ledger import audit, cosigning, durable, keystore, operations, queries, tasks
from ledger.models import Cosignature, LogHead
from ledger.tlog import policy
from ledger.tlog.__main__ import main as tlog
from ledger.tlog.errors import KeyRefused, Malformed, PolicyUnmet, ProofInvalid, SignatureInvalid, TlogError
from ledger.tlog.evidence import compare, parse_evidence, state, verify_evidence
from ledger.tlog.note import COSIGNATURE, SignerKey, VerifierKey, parse_note, parse_verifier_key, verify_note
from ledger.witness.__main__ import main as run_witness
from ledger.witness.__main__ import read_key
from ledger.witness.client import Cosigned, NotCosigned, WitnessAt, collect, parse_witnesses
from ledger.witness.protocol import Request, format_request, parse_request
from tests.conftest import ROOT
from tests.ledger.witnessing import LOG, LOG_KEY, NOW, ORIGIN, View, get, key, listening, post, signer

VKEY = LOG_KEY.to_text()
TRUTH = View.of(40)
ASKED = datetime(2026, 2, 2, 2, 41, tzinfo=UTC)


@pytest.fixture
def server(tmp_path):
    with listening(tmp_path / "witness") as running:
        yield running


def findings(server):
    """What a third party, with nothing but the log's and the witness's public keys, finds in the kept evidence."""
    observers = [server.witness.signer.verifier_key()]
    paths = sorted(server.witness.folder.glob("*/evidence/*.json"))
    return [verify_evidence(parse_evidence(path.read_bytes()), [LOG_KEY], observers=observers) for path in paths]


def only_finding(server):
    [found] = findings(server)
    assert found.observer is not None and found.observer.name == server.witness.signer.name
    return found


def cosigned_size(server):
    return int(get(server, "/").body.split()[-1])


# --- what an honest log gets -----------------------------------------------------------------------------------------


def test_a_log_that_grows_is_cosigned_step_by_step(server):
    old = 0
    for size in (1, 7, 8, 8, 40):
        answer = post(server, TRUTH.request(old, size))
        assert answer.status == 200
        note = parse_note(TRUTH.note(size) + answer.body.decode())
        _, mine = verify_note(note, [LOG_KEY, server.witness.signer.verifier_key()])
        assert mine.time == NOW
        old = size
    assert findings(server) == []


def test_the_cosigned_checkpoint_is_on_disk_before_the_answer(server, tmp_path):
    line = post(server, TRUTH.request(0, 7)).body.decode()
    [latest] = server.witness.folder.glob("*/latest")
    assert latest.read_text() == TRUTH.note(7) + line
    assert get(server, f"/checkpoint/{ORIGIN}").body.decode() == TRUTH.note(7) + line


def test_a_witness_that_starts_again_remembers(tmp_path):
    with listening(tmp_path) as server:
        post(server, TRUTH.request(0, 7))
    with listening(tmp_path) as server:
        assert post(server, TRUTH.request(0, 8)).status == 409
        assert post(server, TRUTH.request(7, 8)).status == 200


def test_a_log_that_lost_count_is_told_the_size_and_leaves_no_evidence(server):
    post(server, TRUTH.request(0, 7))
    answer = post(server, TRUTH.request(0, 9))
    assert (answer.status, answer.body, answer.content_type) == (409, b"7\n", "text/x.tlog.size")
    assert findings(server) == []


def test_an_empty_log_is_cosigned(server):
    assert post(server, View.of(0).request(0)).status == 200
    assert post(server, TRUTH.request(0, 3)).status == 200


def test_of_two_requests_at_once_no_tree_is_rolled_back(server):
    post(server, TRUTH.request(0, 3))
    statuses = []
    threads = [
        threading.Thread(target=lambda n=n: statuses.append(post(server, TRUTH.request(3, n)).status))
        for n in range(4, 20)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert statuses.count(200) == 1 and set(statuses) == {200, 409}


def test_evidence_is_there_for_anybody_to_fetch_and_check(server):
    post(server, TRUTH.request(0, 7))
    assert get(server, f"/evidence/{ORIGIN}").body == b""
    post(server, View.of(30, other_from=3).request(7))
    [name] = get(server, f"/evidence/{ORIGIN}").body.decode().split()
    found = verify_evidence(parse_evidence(get(server, f"/evidence/{ORIGIN}/{name}").body), [LOG_KEY])
    assert found.is_proven
    for path in (f"/evidence/{ORIGIN}/none.json", f"/evidence/{ORIGIN}/../latest", "/evidence/other", "/evidence/"):
        assert get(server, path).status == 404


# --- eight attacks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [7, 12, 13])
def test_attack_1_a_fork_is_refused_and_proven(server, size):
    """The operator shows the witness a second history that parted from the first before what was cosigned."""
    post(server, TRUTH.request(0, size))
    fork = View.of(30, other_from=size - 2)
    assert post(server, fork.request(size)).status == 422
    found = only_finding(server)
    assert (found.kind, found.is_proven) == ("rewrite", True)
    assert cosigned_size(server) == size


def test_attack_2_a_rewrite_of_an_old_entry_is_refused_and_proven(server):
    """One old entry is another; everything else, before and after, is the same."""
    post(server, TRUTH.request(0, 21))
    rewritten = View([*TRUTH.leaves[:3], b"another", *TRUTH.leaves[4:]])
    assert post(server, rewritten.request(21)).status == 422
    assert only_finding(server).is_proven


def test_attack_3_a_tail_that_was_cut_and_grown_again_is_refused_and_proven(server):
    """The last entries are cut off and others put in their place; the log comes back larger than it was."""
    post(server, TRUTH.request(0, 21))
    regrown = View.of(33, other_from=15)
    assert post(server, regrown.request(15)).status == 409
    assert findings(server) == []  # so far it only asks from a size that was never cosigned
    assert post(server, regrown.request(21)).status == 422
    assert only_finding(server).is_proven


def test_attack_3_a_cut_tail_by_itself_is_refused_and_the_witness_states_it(server):
    post(server, TRUTH.request(0, 21))
    answer = post(server, TRUTH.request(0, 15))
    assert (answer.status, answer.body) == (409, b"21\n")
    assert post(server, TRUTH.request(21, 15)).status == 400
    found = only_finding(server)
    assert (found.kind, found.is_proven) == ("stale", False)
    assert "showed 15 entries after it had shown 21" in found.sentence


def test_attack_4_a_stale_checkpoint_replayed_is_refused_and_kept_once(server):
    for old, size in ((0, 7), (7, 9)):
        post(server, TRUTH.request(old, size))
    for _ in range(3):
        assert post(server, TRUTH.request(0, 7)).status == 409
    assert only_finding(server).kind == "stale"
    assert cosigned_size(server) == 9


@pytest.mark.parametrize("old", [7, 0])
def test_attack_5_the_same_size_with_another_root_is_refused_and_proven(server, old):
    post(server, TRUTH.request(0, 7))
    answer = post(server, Request(old, (), View.of(7, other_from=6).note()))
    assert (answer.status, answer.body) == (409, b"7\n")
    found = only_finding(server)
    assert (found.kind, found.is_proven) == ("fork", True)


def test_attack_5_a_second_root_for_any_size_ever_cosigned_is_proven(server):
    for old, size in ((0, 7), (7, 20)):
        post(server, TRUTH.request(old, size))
    assert post(server, Request(20, (), View.of(7, other_from=6).note())).status == 400
    assert only_finding(server).kind == "fork"


def test_attack_6_a_checkpoint_under_another_origin_is_refused_and_proven(server):
    other = "log.example/ffffffffffffffff"
    assert post(server, Request(0, (), TRUTH.note(7, origin=other))).status == 404
    found = only_finding(server)
    assert (found.kind, found.is_proven) == ("misnamed", True)
    assert other in found.sentence


def test_attack_7_a_bad_consistency_proof_is_refused_and_the_witness_states_it(server):
    post(server, TRUTH.request(0, 8))  # a power of two: no proof names the old root
    honest = TRUTH.request(8, 13)
    for path in ((), honest.path[1:], (*honest.path, bytes(32)), (bytes(32), *honest.path[1:])):
        assert post(server, replace(honest, path=path)).status == 422
    assert {(found.kind, found.is_proven) for found in findings(server)} == {("unproven", False)}
    assert post(server, honest).status == 200


def test_attack_8_a_split_view_meets_no_quorum_and_two_witnesses_together_prove_it(tmp_path):
    """Each witness sees a log that only grows; but not the same one."""
    split = View.of(20, other_from=10)
    with (
        listening(tmp_path / "1", name="witness.example/w1") as one,
        listening(tmp_path / "2", name="witness.example/w2") as two,
    ):
        lines = [post(each, view.request(0, 20)).body.decode() for each, view in ((one, TRUTH), (two, split))]
        both = policy.Policy(
            (LOG_KEY,),
            {"1": signer("witness.example/w1").verifier_key(), "2": signer("witness.example/w2").verifier_key()},
            {"both": policy.Group(2, ("1", "2"))},
            "both",
        )
        for view, line in zip((TRUTH, split), lines, strict=True):
            with pytest.raises(PolicyUnmet):
                policy.verify_checkpoint(both, view.note(20) + line)
        with pytest.raises(SignatureInvalid):
            policy.verify_checkpoint(both, TRUTH.note(20) + "".join(lines))
        notes = [get(each, f"/checkpoint/{ORIGIN}").body.decode() for each in (one, two)]
        evidence = compare(*notes, time=NOW)
        assert evidence is not None
        found = verify_evidence(evidence, [LOG_KEY])
        assert (found.kind, found.is_proven) == ("fork", True)
        assert post(one, Request(20, (), split.note(20))).status == 409  # whoever passes it on is answered the same
        assert only_finding(one).kind == "fork"


LIES = {
    "a fork at the same size": (View.of(21, other_from=20), 21),
    "a rewrite that grew": (View([*TRUTH.leaves[:3], b"another", *TRUTH.leaves[4:30]]), 21),
    "a tail cut and grown again": (View.of(33, other_from=15), 21),
    "a tail cut": (View.of(15), 15),
}


@pytest.mark.parametrize("lie", LIES)
def test_without_a_witness_no_reader_notices_and_with_one_every_reader_does(server, lie):
    """The reader holds the log's key alone, then a policy that asks for the witness too."""
    view, old = LIES[lie]
    honest = post(server, TRUTH.request(0, 21)).body.decode()
    alone = policy.Policy((LOG_KEY,))
    witnessed = policy.Policy((LOG_KEY,), {"w1": server.witness.signer.verifier_key()}, {}, "w1")
    policy.verify_checkpoint(alone, view.note())  # it reads like any other
    answer = post(server, view.request(old))
    assert answer.status in (400, 409, 422)
    with pytest.raises(PolicyUnmet):
        policy.verify_checkpoint(witnessed, view.note())
    with pytest.raises(SignatureInvalid):  # nor does the cosignature of the true tree fit
        policy.verify_checkpoint(witnessed, view.note() + honest)
    policy.verify_checkpoint(witnessed, TRUTH.note(21) + honest)
    assert len(findings(server)) == 1


# --- what evidence is worth ------------------------------------------------------------------------------------------


@pytest.fixture
def proven(server):
    post(server, TRUTH.request(0, 7))
    post(server, View.of(30, other_from=5).request(7))
    [path] = server.witness.folder.glob("*/evidence/*.json")
    return path


def test_evidence_is_checked_by_one_command(proven, capsys):
    witness = signer().verifier_key().to_text()
    assert tlog(["evidence", str(proven), "--vkey", VKEY, "--observer", witness]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"proven: the log {ORIGIN} rewrote its history")
    assert "witness.example/w1" in said


def test_evidence_against_a_log_that_is_not_named_or_another_proves_nothing(proven, capsys):
    assert tlog(["evidence", str(proven)]) == 2
    stranger = SignerKey(ORIGIN, key("stranger")).verifier_key().to_text()
    assert tlog(["evidence", str(proven), "--vkey", stranger]) == 1
    assert "proven" not in capsys.readouterr().out


def test_no_byte_of_evidence_can_be_changed_and_still_prove_something_else(proven):
    data = proven.read_bytes()
    genuine = verify_evidence(parse_evidence(data), [LOG_KEY])
    for at in range(0, len(data), 3):
        mutant = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        try:
            found = verify_evidence(parse_evidence(mutant), [LOG_KEY])
        except TlogError:
            continue
        assert (found.kind, found.sentence) == (genuine.kind, genuine.sentence)


def test_two_honest_checkpoints_are_no_evidence():
    assert compare(TRUTH.note(7), TRUTH.note(9), time=NOW) is None
    assert compare(TRUTH.note(7), TRUTH.note(7), time=NOW) is None


def test_an_honest_log_cannot_be_accused_by_whoever_makes_up_a_path(server):
    base = compare(TRUTH.note(7), View.of(7, other_from=6).note(), time=NOW)
    forged = replace(base, offered=TRUTH.note(13))
    for path in (View.of(13, other_from=3).path(7), TRUTH.path(7, 13)[::-1], (bytes(32),), ()):
        found = verify_evidence(replace(forged, path=path), [LOG_KEY])
        assert not found.is_proven
    with pytest.raises(ProofInvalid):
        verify_evidence(replace(forged, path=TRUTH.path(7, 13)), [LOG_KEY])


def test_a_statement_signed_over_other_evidence_is_refused(proven):
    evidence = parse_evidence(proven.read_bytes())
    with pytest.raises(Malformed):
        verify_evidence(replace(evidence, reason="another reason"), [LOG_KEY])
    assert state(evidence, signer()).observer == evidence.observer


# --- what a witness refuses of anybody -------------------------------------------------------------------------------


def test_a_checkpoint_that_its_log_has_not_signed_is_refused_and_not_kept(server):
    forged = TRUTH.note(7, signer=SignerKey(ORIGIN, key("stranger")))
    assert post(server, Request(0, (), forged)).status == 403
    broken = TRUTH.note(7).replace("\n\n— ", "\n\n— ", 1)[:-6] + "AAA=\n"
    assert post(server, Request(0, (), broken)).status in (400, 403)
    assert list(server.witness.folder.glob("**/*.json")) == [] and cosigned_size(server) == 0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"old 0",
        b"old 00\n\n" + TRUTH.note(3).encode(),
        b"old -1\n\n" + TRUTH.note(3).encode(),
        b"old +0\n\n" + TRUTH.note(3).encode(),
        b"old 9223372036854775808\n\n" + TRUTH.note(3).encode(),
        b"old 0\nAAAA\n\n" + TRUTH.note(3).encode(),
        b"old 0\n" + b"A" * 43 + b"=\n" * 64 + b"\n" + TRUTH.note(3).encode(),
        b"old 0\r\n\r\n" + TRUTH.note(3).encode(),
        b"old 0\n" + TRUTH.note(3).encode(),
        b"old 0\n\n" + TRUTH.note(3).encode()[:-1],
        b"old 0\n\n" + TRUTH.note(3).replace("\n3\n", "\n03\n").encode(),
        b"old 0\n\n\xff\xfe",
        b"\0" * 1000,
    ],
)
def test_a_request_that_is_not_written_as_requests_are_is_a_400(server, data):
    assert post(server, data).status == 400


def test_a_proof_from_nothing_must_be_empty(server):
    assert post(server, Request(0, (bytes(32),), TRUTH.note(3))).status == 422


def test_a_request_survives_writing_and_reading():
    given = TRUTH.request(7, 21)
    assert parse_request(format_request(given)) == given


def raw(server, data):
    with socket.create_connection(server.server_address, timeout=5) as connection:
        connection.sendall(data)
        return connection.recv(4096)


def test_requests_that_do_not_say_how_long_they_are_or_are_too_long_are_refused(server):
    assert b" 411 " in raw(server, b"POST /witness/add-checkpoint HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b" 413 " in raw(
        server, b"POST /witness/add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n"
    )
    assert b" 404 " in raw(server, b"POST /elsewhere HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
    assert get(server, "/").status == 200


# --- the command -----------------------------------------------------------------------------------------------------


def test_one_command_makes_a_key_and_serves_without_django(tmp_path):
    code = (
        "import sys, threading; from ledger.witness.__main__ import main\n"
        "assert main(sys.argv[1:]) == 0 and 'django' not in sys.modules"
    )
    arguments = ["--key", str(tmp_path / "key"), "--name", "witness.example/w9", "--log", VKEY]
    arguments += ["--dir", str(tmp_path / "dir"), "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        verifier = parse_verifier_key(process.stdout.readline().split()[1])
        assert verifier.name == "witness.example/w9" and verifier.type == COSIGNATURE
        process.stdout.readline()
        url = process.stdout.readline().split()[1].removesuffix(",").removesuffix("/add-checkpoint")
        [found] = collect(
            TRUTH.note(7), tree_size=7, witnesses=[WitnessAt(verifier, url)], known={}, prove=lambda old, new: ()
        )
        assert isinstance(found, Cosigned)
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 0, errors
    assert oct((tmp_path / "key").stat().st_mode)[-3:] == "600"


def test_two_witnesses_do_not_share_a_folder(tmp_path, capsys):
    (tmp_path / "key").write_text(signer().to_text())
    with durable.locked(tmp_path / "dir"):
        code = run_witness(["--key", str(tmp_path / "key"), "--log", VKEY, "--dir", str(tmp_path / "dir")])
    assert code == 1 and "another process" in capsys.readouterr().err


def test_a_logs_key_is_not_taken_for_a_witnesss(tmp_path):
    (tmp_path / "key").write_text(LOG.to_text())
    with pytest.raises(Malformed):
        read_key(tmp_path / "key")


# --- the side that asks ----------------------------------------------------------------------------------------------


def at(server):
    return WitnessAt(server.witness.signer.verifier_key(), server.url)


def ask(*servers, size=20, known=None, view=TRUTH, **more):
    witnesses = [each if isinstance(each, WitnessAt) else at(each) for each in servers]
    return collect(
        view.note(size),
        tree_size=size,
        witnesses=witnesses,
        known=known or {},
        prove=lambda old, new: view.path(old, new),
        **more,
    )


def test_cosignatures_are_collected_whatever_the_witness_has_seen_before(server):
    post(server, TRUTH.request(0, 7))
    [found] = ask(server)
    assert isinstance(found, Cosigned) and found.time == NOW
    note = parse_note(TRUTH.note(20) + found.line)
    assert len(verify_note(note, [LOG_KEY, server.witness.signer.verifier_key()])) == 2
    [again] = ask(server, known={"witness.example/w1": 7})
    assert isinstance(again, Cosigned)


def test_a_witness_that_is_away_or_never_answers_holds_nobody_up(server):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        verifier = signer("witness.example/w2").verifier_key()
        mute = WitnessAt(verifier, f"http://127.0.0.1:{silent.getsockname()[1]}")
        away = WitnessAt(signer("witness.example/w3").verifier_key(), "http://127.0.0.1:9")
        results = ask(server, mute, away, seconds=1.0)
    kinds = {each.witness.verifier.name[-2:]: type(each) for each in results}
    assert kinds == {"w1": Cosigned, "w2": NotCosigned, "w3": NotCosigned}
    assert not any(each.is_refusal for each in results if isinstance(each, NotCosigned))


def test_a_witness_that_signs_with_another_key_is_not_believed(server):
    other = WitnessAt(VerifierKey("witness.example/w1", bytes(key("x").verify_key), COSIGNATURE), server.url)
    [found] = ask(other)
    assert isinstance(found, NotCosigned) and "does not hold" in found.why


@pytest.mark.parametrize("seen", [View.of(20, other_from=3), View.of(30, other_from=3)])
def test_a_witness_that_has_seen_another_log_is_a_refusal(server, seen):
    post(server, seen.request(0))
    [found] = ask(server)
    assert isinstance(found, NotCosigned) and found.is_refusal


def test_witnesses_are_configured_as_keys_and_addresses():
    vkey = signer().verifier_key().to_text()
    [found] = parse_witnesses(f"# ours\n\n{vkey} http://127.0.0.1:8700/witness/\n")
    assert found.url == "http://127.0.0.1:8700/witness"
    for line in (vkey, f"{VKEY} http://x", f"{vkey} ftp://x", f"{vkey} http://x;{vkey} http://y", "x y"):
        with pytest.raises((Malformed, KeyRefused)):
            parse_witnesses(line)


# --- with the log's database -----------------------------------------------------------------------------------------


@pytest.fixture
def witnessed(log, tmp_path, settings):
    """The log of these tests, asked for by one witness that listens."""
    log_key = parse_verifier_key(queries.verifier_key())
    with listening(tmp_path / "witness", logs=[log_key]) as server:
        settings.WAYLOG_WITNESSES = f"{server.witness.signer.verifier_key().to_text()} {server.url}"
        yield server


def shown(path="/log/checkpoint"):
    return Client(headers={"host": "localhost"}).get(path)


def test_a_cosignature_is_kept_and_shown_under_the_checkpoint(witnessed, log, grower):
    [found] = cosigning.collect_cosignatures(now=ASKED)
    assert isinstance(found, Cosigned)
    verifiers = [parse_verifier_key(queries.verifier_key()), witnessed.witness.signer.verifier_key()]
    for text in (shown().content, shown("/log/checkpoint/cosigned").content):
        assert len(verify_note(parse_note(text), verifiers)) == 2
    [cosigner] = queries.cosigners()
    assert cosigner.tree_size == queries.tree_size() and cosigner.at == datetime.fromtimestamp(NOW, UTC)
    assert cosigning.collect_cosignatures(now=ASKED) == []  # nobody is asked twice for one size
    log.append(log.event(grower))
    assert isinstance(cosigning.collect_cosignatures(now=ASKED)[0], Cosigned)
    assert Cosignature.objects.count() == 2


def test_the_tag_of_the_checkpoint_changes_when_it_is_cosigned(witnessed):
    before = shown()["ETag"]
    cosigning.collect_cosignatures(now=ASKED)
    client = Client(headers={"host": "localhost"})
    assert client.get("/log/checkpoint", headers={"If-None-Match": before}).status_code == 200
    assert client.get("/log/checkpoint", headers={"If-None-Match": shown()["ETag"]}).status_code == 304


def test_with_a_quorum_only_what_was_cosigned_is_shown(witnessed, log, grower, settings):
    settings.WAYLOG_WITNESS_QUORUM = 1
    assert shown().status_code == 404
    cosigning.collect_cosignatures(now=ASKED)
    size = queries.tree_size()
    log.append(log.event(grower))
    assert f"\n{size}\n" in shown().content.decode()
    settings.WAYLOG_WITNESS_QUORUM = 2
    assert shown().status_code == 404


def test_without_a_witness_appends_and_checkpoints_go_on(log, grower, settings):
    settings.WAYLOG_WITNESSES = f"{signer().verifier_key().to_text()} http://127.0.0.1:9/witness"
    [found] = cosigning.collect_cosignatures(now=ASKED, seconds=1)
    assert isinstance(found, NotCosigned)
    log.append(log.event(grower))
    assert shown().status_code == 200 and shown("/log/checkpoint/cosigned").status_code == 404


def test_the_minutes_task_rings_for_cosignatures_only_where_witnesses_are_named(log, settings, monkeypatch):
    rung = []
    monkeypatch.setattr(tasks.collect_cosignatures, "delay", lambda: rung.append(1))
    tasks.publish_checkpoint()
    settings.WAYLOG_WITNESSES = f"{signer().verifier_key().to_text()} http://127.0.0.1:9/witness"
    tasks.publish_checkpoint()
    assert rung == [1]


def test_it_is_told_what_each_witness_cosigned_and_when_and_where_one_that_refuses_keeps_evidence(
    witnessed, log, grower, settings
):
    [before] = cosigning.standings()
    assert (before.cosigned_size, before.cosigned_at, before.answer, before.evidence_url) == (0, None, None, "")
    cosigning.collect_cosignatures(now=ASKED)
    [found] = cosigning.standings()
    assert (found.cosigned_size, found.cosigned_at) == (queries.tree_size(), datetime.fromtimestamp(NOW, UTC))
    assert (found.answer.at, found.answer.why, found.refuses, found.evidence_url) == (ASKED, "", False, "")
    other = View.of(queries.tree_size() + 1)
    seen = witnessed.witness.logs[log.origin].store
    signed = SignerKey(log.origin, keystore.signing_key(LogHead.objects.get().log_key_id))
    seen.put(other.note(origin=log.origin, signer=signed))  # it was shown another log, by whoever holds the log's key
    log.append(log.event(grower))
    cosigning.collect_cosignatures(now=ASKED)
    [found] = cosigning.standings()
    assert found.refuses and found.answer.refused_at == ASKED
    assert found.evidence_url == f"{witnessed.url}/evidence/{log.origin}"
    names = get(witnessed, found.evidence_url.removeprefix(witnessed.url)).body.decode().split()
    files = [get(witnessed, f"/evidence/{log.origin}/{name}").body for name in names]
    assert files and all(verify_evidence(parse_evidence(each), [signed.verifier_key()]).is_proven for each in files)
    settings.WAYLOG_WITNESSES = ""
    [found] = cosigning.standings()
    assert (found.url, found.evidence_url, found.cosigned_size > 0) == ("", "", True)


def test_cosignatures_cannot_be_changed_and_a_false_one_is_found(witnessed):
    cosigning.collect_cosignatures(now=ASKED)
    assert list(cosigning.audit_cosignatures()) == []
    for statement in ("UPDATE ledger_cosignature SET line = ''", "DELETE FROM ledger_cosignature"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    row = Cosignature.objects.get()
    operations.keep_checkpoint()
    Cosignature.objects.create(
        tree_size=row.tree_size, witness="other", verifier_key=row.verifier_key, line=row.line, at=row.at
    )
    [fault] = cosigning.audit_cosignatures()
    assert fault.index == row.tree_size
    assert "cosignatures" in dict(audit.check_projections())
