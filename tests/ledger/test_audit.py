"""The audit finds every change, names the right place, and finds nothing where nothing was changed."""

import json
import random
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from campaigns.tamper import Owner, Tampering, every_column
from ledger import audit, keystore, operations, queries, tenancy, verified
from ledger.admission import Appended, scope_of
from ledger.models import Entry
from ledger.tlog import statement
from tests.ledger.conftest import Log, Member

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])
CHAIN = b"0123456789abcdef"


@pytest.fixture
def log(transactional_db: None, settings: Any, tmp_path: Any) -> Log:
    from uuid import uuid4

    from tests.ledger.conftest import START, Rule

    settings.WAYLOG_SECRETS = tmp_path / "secrets"
    keystore.forget_cached()
    operator = uuid4()
    head = operations.create_log(host="log.example", operator=operator, operator_body=b'{"party":{}}', now=START)
    return Log(head.origin, operator, Rule())


@pytest.fixture
def full(log: Log, grower: Member, carrier: Member) -> Log:
    """A log with everything in it: 270 entries, links, a revocation, an attestation, kept checkpoints."""
    prev = statement.ZERO
    for _ in range(3):
        item = log.event(grower, links=(statement.link(CHAIN, prev),), context=[CHAIN])
        [outcome] = log.append(item)
        assert isinstance(outcome, Appended)
        prev = outcome.statement_hash
    operations.keep_checkpoint()
    [last] = log.append(log.event(carrier))
    claims = {"key": grower.key_id, "last_valid_index": last.index - 1, "reason": "lost"}
    [late] = log.append(log.event(grower))
    log.append(operations.submission("key.revoke", claims, origin=log.origin, by=grower.admin))
    log.append(operations.submission("key.attest", {"indices": str(late.index)}, origin=log.origin, by=grower.admin))
    log.append(*[log.event(carrier) for _ in range(270 - queries.tree_size())])
    operations.keep_checkpoint()
    return log


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


def test_every_change_of_every_column_is_found(full: Log, check: Any) -> None:
    owner, dice = Owner(), random.Random(7)
    tried = 0
    for change in every_column(owner, dice, rows_a_table=3):
        with owner.tampered(change):
            assert not check().holds, f"not found: {change}"
        tried += 1
    assert tried > 60
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
