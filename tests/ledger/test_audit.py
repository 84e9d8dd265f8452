"""The audit finds every change, names the right place, and finds nothing where nothing was changed."""

import functools
import json
import random
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from campaigns import tamper
from campaigns.deck import BESIDE, Deck, tables
from campaigns.tamper import Owner, Tampering
from ledger import audit, bundles, comparing, examining, keystore, operations, queries, tenancy, verified
from ledger.admission import scope_of
from ledger.models import Entry, LogHead
from ledger.tlog import keys, note
from ledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from tests.ledger.conftest import CHAIN, Log, Member, cosign, filled, made_log

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


@pytest.fixture
def log(transactional_db: None, settings: Any, tmp_path: Any) -> Log:
    return made_log(settings, tmp_path)


@pytest.fixture
def full(log: Log, grower: Member, carrier: Member) -> Log:
    return filled(log, grower, carrier)


@pytest.fixture
def check() -> Iterator[Any]:
    def run() -> audit.Found:
        with tenancy.system():
            return audit.check_log()

    yield run


def test_a_clean_log_holds(full: Log, check: Any) -> None:
    found = check()
    assert found.holds, found.faults
    assert (found.tree_size, found.links) == (270, 3)
    assert not found.disputed  # attested


def test_500_tamperings_are_found_with_the_right_first_bad_index_and_nothing_else_is(
    full: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    cosign(queries.checkpoint(), queries.tree_size())
    monkeypatch.setattr(keys, "verify_signature", functools.cache(keys.verify_signature))  # it says the same each time
    report = tamper.campaign(500, seed=7, steps=100)
    assert not report.missed, report.missed[:5]
    assert (report.tried.total(), report.clean) == (500, 6)
    assert set(report.tried) == {"column", "delete", "reorder", "replay", "truncate"}
    deck = Deck({table: Owner().rows(table) for table in tables()}, random.Random(7))
    assert 40 < deck.columns < 400  # they come first: so each of them was changed once at least


def test_every_table_of_the_ledger_is_tampered_with_or_known_not_to_be_the_log() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'ledger\\_%'")
        there = {name for [name] in cursor.fetchall()}
    assert there == {*tables(), *BESIDE} and not BESIDE.keys() & tables().keys()
    assert {"ledger_entry", "ledger_body", "ledger_tombstone", "ledger_disclosure"} <= tables().keys()
    assert tables()["ledger_disclosure"] == ("index", "position")


def test_a_log_that_grows_while_it_is_checked_holds(full: Log, carrier: Member, check: Any) -> None:
    def grow(_: Any) -> None:
        full.append(*[full.event(carrier) for _ in range(300)])
        operations.keep_checkpoint()
        cosign(queries.checkpoint(), queries.tree_size())

    with tenancy.system():
        found = audit.check_log(reached=grow)
    assert found.holds, found.faults[:3]
    assert (found.tree_size, queries.tree_size()) == (270, 570)
    assert check().holds


@pytest.mark.parametrize("index", [0, 5, 255, 256, 269])
def test_the_first_bad_index_is_the_one_that_was_changed(full: Log, check: Any, index: int) -> None:
    owner = Owner()
    leaf = bytes(Entry.objects.get(index=index).leaf)
    middle = len(leaf) // 2
    bad = leaf[:middle] + bytes([leaf[middle] ^ 1]) + leaf[middle + 1 :]
    with owner.tampered(Tampering("ledger_entry", {"index": index}, "leaf", leaf, bad)):
        assert check().first_bad_index() == index


def test_two_entries_that_change_places_are_found(full: Log, check: Any) -> None:
    owner = Owner()
    rows = {row["index"]: row for row in owner.rows("ledger_entry") if row["index"] in (100, 101)}
    for index in rows:
        owner.delete("ledger_entry", {"index": index})
    for index, other in ((100, 101), (101, 100)):
        owner.insert("ledger_entry", {**rows[other], "index": index})
    assert check().first_bad_index() == 100


def test_a_cut_tail_is_found(full: Log, check: Any) -> None:
    owner = Owner()
    owner.delete("ledger_entry", {"index": 269})
    assert check().first_bad_index() == 269


def test_an_entry_smuggled_in_behind_the_end_is_found(full: Log, check: Any) -> None:
    owner = Owner()
    row = next(row for row in owner.rows("ledger_entry") if row["index"] == 269)
    owner.insert(
        "ledger_entry", {**row, "index": 270, "leaf_hash": b"1" * 32, "statement_hash": b"2" * 32, "commitment": None}
    )
    assert check().first_bad_index() == 270


def test_ledger_verify_prints_the_first_bad_index_and_exits_1(full: Log) -> None:
    out = StringIO()
    call_command("ledger", "verify", "--no-projections", stdout=out)
    assert "the log holds" in out.getvalue()
    owner = Owner()
    leaf = bytes(Entry.objects.get(index=42).leaf)
    with owner.tampered(Tampering("ledger_entry", {"index": 42}, "leaf", leaf, leaf[:-1] + b"]")):
        out = StringIO()
        with pytest.raises(SystemExit) as stopped:
            call_command("ledger", "verify", "--no-projections", "--json", stdout=out)
        assert stopped.value.code == 1
        assert json.loads(out.getvalue())["first_bad_index"] == 42


def test_status_says_whether_the_roles_are_split(full: Log) -> None:
    out = StringIO()
    call_command("ledger", "status", "--json", stdout=out)
    said = json.loads(out.getvalue())
    assert said["roles_split"] is True and said["tree_size"] == 270


# --- several processes; what was kept outside ------------------------------------------------------------------------


def verify(*more: str) -> tuple[int, dict[str, Any]]:
    out, code = StringIO(), 0
    try:
        call_command("ledger", "verify", "--no-projections", "--json", *more, stdout=out)
    except SystemExit as stopped:
        code = int(str(stopped.code))
    return code, json.loads(out.getvalue())


def test_several_processes_find_what_one_finds(full: Log, check: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit.entries, "CHUNK", 40)
    owner = Owner()
    one = verify("--processes", "1")[1]
    code, two = verify("--processes", "2")
    assert (code, two["holds"], two["root_hash"], two["links"]) == (0, True, one["root_hash"], 3)
    assert two["bodies"] == one["bodies"] > 250
    leaf = bytes(Entry.objects.get(index=123).leaf)
    with owner.tampered(Tampering("ledger_entry", {"index": 123}, "leaf", leaf, leaf[:-1] + b"]")):
        found = [verify("--processes", count)[1] for count in ("1", "2")]
    assert [each["first_bad_index"] for each in found] == [123, 123]
    assert found[0]["faults"] == found[1]["faults"]


def test_an_error_in_another_process_is_an_error_here(full: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(examining, "_read", fail)
    with tenancy.system(), pytest.raises(OSError, match="the disk is gone"):
        audit.check_log(processes=2)


def test_a_checkpoint_from_outside_is_held_against_the_log(full: Log, grower: Member, tmp_path: Path) -> None:
    kept, foreign = tmp_path / "kept", tmp_path / "foreign"
    kept.write_text(queries.checkpoint())
    assert verify("--checkpoint", str(kept))[0] == 0
    full.append(full.event(full.member()))
    assert verify("--checkpoint", str(kept))[0] == 0
    size = queries.tree_size()
    signer = note.SignerKey(full.origin, keystore.signing_key(LogHead.objects.get().log_key_id))
    for tree_size, first, words in ((size + 5, size, "are missing"), (200, 200, "another root")):
        said = Checkpoint(full.origin, tree_size, b"\x07" * 32)
        kept.write_text(sign_checkpoint(said, signer))
        code, told = verify("--checkpoint", str(kept))
        assert (code, told["first_bad_index"]) == (1, first)
        assert words in told["faults"][0]["what"] and "kept:" in told["faults"][0]["what"]
    foreign.write_text(queries.checkpoint().replace(full.origin, "log.example/another"))
    assert "none that this log has signed" in verify("--checkpoint", str(foreign))[1]["faults"][0]["what"]


def test_a_proof_from_outside_is_held_against_the_log(full: Log, tmp_path: Path) -> None:
    kept = tmp_path / "100.tlog-proof"
    kept.write_text(queries.tlog_proof(100))
    assert verify("--bundle", str(kept))[0] == 0
    with tenancy.system():
        found = audit.check_log()
    found.leaf_hashes[100 * 32] ^= 1
    assert [fault.index for fault in comparing.against_bundle(found, kept.read_bytes())] == [100, 270]
    kept.write_text("nothing")
    assert verify("--bundle", str(kept))[0] == 1


def test_a_bundle_from_outside_is_held_against_the_log(full: Log, tmp_path: Path) -> None:
    kept = tmp_path / "bundle.json"
    kept.write_bytes(bundles.make(indices=[3, 100], chains={}, bodies={}))
    assert verify("--bundle", str(kept))[0] == 0
    with tenancy.system():
        found = audit.check_log()
    del found.leaf_hashes[50 * 32 :]
    found.tree_size = 50
    assert [fault.index for fault in comparing.against_bundle(found, kept.read_bytes())] == [50, 100]


def test_an_earlier_run_is_a_hint_and_no_more(full: Log) -> None:
    assert verify("--continue")[1]["signatures_taken_as_checked"] == 0
    full.append(full.event(full.member()))
    assert verify("--continue")[1]["signatures_taken_as_checked"] == 270
    owner = Owner()
    leaf = bytes(Entry.objects.get(index=42).leaf)
    with owner.tampered(Tampering("ledger_entry", {"index": 42}, "leaf", leaf, leaf[:-1] + b"]")):
        code, told = verify("--continue")
        assert (code, told["first_bad_index"], told["signatures_taken_as_checked"]) == (1, 42, 0)


# --- verified entries -----------------------------------------------------------------------------------------------


def test_verified_entries_are_all_entries_with_their_bodies(full: Log) -> None:
    entries = list(verified.verified_entries())
    assert [entry.index for entry in entries] == list(range(270))
    assert all(entry.checkpoint.tree_size == 270 for entry in entries)
    assert sum(entry.body is not None for entry in entries) > 250


def test_nothing_is_yielded_from_a_broken_log(full: Log) -> None:
    owner = Owner()
    leaf = bytes(Entry.objects.get(index=200).leaf)
    with (
        owner.tampered(Tampering("ledger_entry", {"index": 200}, "leaf", leaf, leaf[:-1])),
        pytest.raises(verified.LogBroken, match="entry 200"),
    ):
        next(verified.verified_entries())


def test_what_was_verified_before_is_not_trusted_when_it_changed_since(full: Log) -> None:
    list(verified.verified_entries())
    owner = Owner()
    row = next(row for row in owner.rows("ledger_entry") if row["index"] == 200)
    leaf = bytes(row["leaf"])
    at = leaf.index(b'"sig":"') + 10
    bad = leaf[:at] + (b"A" if leaf[at : at + 1] != b"A" else b"B") + leaf[at + 1 :]
    with (
        owner.tampered(Tampering("ledger_entry", {"index": 200}, "leaf", leaf, bad)),
        pytest.raises(verified.LogBroken),
    ):
        next(verified.verified_entries())


def test_an_older_tree_size_gives_the_log_as_it_was(full: Log) -> None:
    entries = list(verified.verified_entries(tree_size=20))
    assert len(entries) == 20
    assert entries[0].checkpoint.root_hash == queries.root_at(20)


def test_scopes_follow_from_chains(full: Log) -> None:
    with tenancy.system():
        from ledger.models import Body

        assert Body.objects.filter(scopes__contains=[scope_of(CHAIN)]).count() == 3


def test_a_statement_without_a_body_that_stands_twice_is_found(full: Log) -> None:
    """Nothing else tells of an approval that is filed again: its key may sign it, and no rule looks back at it."""
    asked = next(row for row in Owner().rows("ledger_entry") if row["type"] == "approval.request")
    again = asked | {"index": 269}
    with tamper.as_owner() as cursor:
        cursor.execute("DROP INDEX ledger_entry_without_body_once")
        cursor.execute("DELETE FROM ledger_entry WHERE index = 269")
        cursor.execute(f"INSERT INTO ledger_entry VALUES ({', '.join(['%s'] * len(again))})", list(again.values()))
        assert (269, "the statement stands at an earlier entry already") in tamper.find()
    assert tamper.find() == []


def test_an_erased_entry_that_is_replayed_is_found_where_it_stands_again(full: Log) -> None:
    """Not where the body was erased: the body beside the later place is another's."""
    rows = {row["index"]: row for row in Owner().rows("ledger_entry")}
    [erased] = [row["index"] for row in Owner().rows("ledger_tombstone")]
    again = rows[erased] | {"index": 139}
    with tamper.as_owner() as cursor:
        cursor.execute("SELECT campaign_drop_unique('ledger_entry', 'commitment')")
        cursor.execute("DELETE FROM ledger_entry WHERE index = 139")
        cursor.execute(f"INSERT INTO ledger_entry VALUES ({', '.join(['%s'] * len(again))})", list(again.values()))
        assert tamper.find()[0][0] == 139
