"""The checkpoint outside the database: written before the answer, never backwards, and held against the database."""

import threading
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections

from campaigns.tamper import Owner
from ledger import audit, diskspace, durable, keystore, operations, outside, queries, tenancy
from ledger.admission import Appended, Repeated
from ledger.models import LogHead
from ledger.tlog import merkle
from ledger.tlog.checkpoint import Checkpoint, format_checkpoint, parse_checkpoint
from ledger.tlog.note import parse_note
from tests.ledger.conftest import START, Log, Member, Rule

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])
HEAD = ("tree_size", "root_hash", "frontier", "record_time_ms", "checkpoint")


@pytest.fixture
def log(transactional_db: None, settings: Any, tmp_path: Path) -> Log:
    settings.WAYLOG_SECRETS = tmp_path / "secrets"
    settings.WAYLOG_CHECKPOINT_FILE = tmp_path / "elsewhere" / "checkpoint"
    keystore.forget_cached()
    head = operations.create_log(host="log.example", operator=uuid4(), operator_body=b'{"party":{}}', now=START)
    return Log(head.origin, uuid4(), Rule())


def kept(log: Log) -> str:
    return outside.path_of(log.origin).read_text()


def restore(entries: int, head: dict[str, Any]) -> None:
    """Do what restoring an older dump does: the tables as they were at that size."""
    owner = Owner()
    for table in ("ledger_entry", "ledger_body"):
        for row in owner.rows(table):
            if row["index"] >= entries:
                owner.delete(table, {"index": row["index"]})
    for name in HEAD:
        owner.write("ledger_head", {"id": 1}, name, head[name])


def dump() -> dict[str, Any]:
    return LogHead.objects.values(*HEAD).get()


def test_the_newest_checkpoint_is_outside_when_the_answer_comes(log: Log, grower: Member) -> None:
    assert kept(log) == queries.checkpoint()
    log.append(log.event(grower))
    assert kept(log) == queries.checkpoint()
    assert outside.path_of(log.origin).name == "checkpoint." + log.origin.rpartition("/")[2]


def test_nothing_is_kept_of_a_batch_that_was_taken_back(log: Log, grower: Member) -> None:
    before = kept(log)
    bad = log.event(grower)
    log.rule.refuse = lambda pending: pending.index > queries.tree_size()
    log.append(log.event(grower), bad, atomic=True)
    assert kept(log) == before


def test_a_restored_older_dump_refuses_to_sign_and_names_the_missing_checkpoint(log: Log, grower: Member) -> None:
    older, size = dump(), queries.tree_size()
    event = log.event(grower)
    log.append(log.event(grower), event)
    root = bytes(LogHead.objects.get().root_hash).hex()
    restore(size, older)
    for again in (log.event(grower), event):
        with pytest.raises(outside.RolledBack, match=f"at {size + 2} entries with the root {root} is missing") as told:
            log.append(again)
        assert told.value.status == 503
    assert queries.tree_size() == size
    with pytest.raises(outside.RolledBack, match="accept-loss"):
        outside.check_now()


def test_the_log_goes_on_once_the_missing_entries_are_back(log: Log, grower: Member) -> None:
    older, size, owner = dump(), queries.tree_size(), Owner()
    log.append(log.event(grower))
    newer = dump()
    rows = {table: owner.rows(table) for table in ("ledger_entry", "ledger_body")}
    restore(size, older)
    for table, lost in rows.items():
        owner.insert(table, next(row for row in lost if row["index"] == size))
    for name in HEAD:
        owner.write("ledger_head", {"id": 1}, name, newer[name])
    assert all(isinstance(outcome, Appended) for outcome in log.append(log.event(grower)))


def test_another_history_of_the_same_size_refuses_to_sign(log: Log, grower: Member) -> None:
    older, size = dump(), queries.tree_size()
    log.append(log.event(grower))
    signed = outside.path_of(log.origin).read_bytes()
    restore(size, older)
    outside.path_of(log.origin).unlink()
    log.append(log.event(grower))
    durable.write(outside.path_of(log.origin), signed)
    with pytest.raises(outside.RolledBack, match="another history"):
        log.append(log.event(grower))


def test_another_history_that_is_longer_refuses_to_sign(log: Log, grower: Member) -> None:
    older, size = dump(), queries.tree_size()
    log.append(log.event(grower))
    signed = outside.path_of(log.origin).read_bytes()
    restore(size, older)
    outside.path_of(log.origin).unlink()
    log.append(log.event(grower), log.event(grower))
    durable.write(outside.path_of(log.origin), signed)
    with pytest.raises(outside.RolledBack, match="another history"):
        log.append(log.event(grower))


def test_a_file_behind_the_database_is_brought_up_by_the_next_answer(log: Log, grower: Member) -> None:
    behind = kept(log)
    event = log.event(grower)
    log.append(event)
    durable.write(outside.path_of(log.origin), behind.encode())  # the process died between commit and file
    [again] = log.append(event)
    assert isinstance(again, Repeated)
    assert kept(log) == queries.checkpoint()


def test_what_cannot_be_kept_outside_is_not_acknowledged(log: Log, grower: Member, settings: Any) -> None:
    event, good = log.event(grower), settings.WAYLOG_CHECKPOINT_FILE
    outside.path_of(log.origin).unlink()
    settings.WAYLOG_CHECKPOINT_FILE = Path("/proc/nothing/can/be/made/here")
    with pytest.raises(outside.NotKept, match="could not be kept outside the database"):
        log.append(event)
    settings.WAYLOG_CHECKPOINT_FILE = good
    [again] = log.append(event)
    assert isinstance(again, Repeated)
    assert kept(log) == queries.checkpoint()


@pytest.mark.parametrize("rubbish", [b"", b"\xff\xfe", b"nothing\n"])
def test_a_file_that_holds_no_checkpoint_is_said_so(log: Log, grower: Member, rubbish: bytes) -> None:
    outside.path_of(log.origin).write_bytes(rubbish)
    with pytest.raises(outside.NotKept, match="checkpoint"):
        log.append(log.event(grower))


def test_the_file_never_goes_backwards_whoever_writes(log: Log) -> None:
    origin, before = log.origin, queries.tree_size()
    signature = parse_note(kept(log))

    def note(size: int) -> str:
        text = format_checkpoint(Checkpoint(origin, size, merkle.leaf_hash(b"%d" % size)))
        return kept(log).replace(signature.text, text)

    notes = [note(before + size) for size in range(1, 41)]
    parts = [notes[at::4] for at in range(4)]
    threads = [threading.Thread(target=lambda part=part: [outside.keep(each) for each in part]) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert parse_checkpoint(parse_note(kept(log)).text).tree_size == before + 40
    outside.keep(notes[3])
    assert kept(log) == notes[-1]


def test_two_databases_that_write_one_log_are_found(log: Log) -> None:
    text = parse_note(kept(log)).text
    size = queries.tree_size()
    other = format_checkpoint(Checkpoint(log.origin, size, merkle.leaf_hash(b"other")))
    with pytest.raises(outside.RolledBack, match="two databases"):
        outside.keep(kept(log).replace(text, other))


def test_two_logs_have_two_files(log: Log) -> None:
    assert outside.path_of("log.example/0123456789abcdef") != outside.path_of(log.origin)
    outside.check_now()
    assert connections["default"].in_atomic_block is False


def test_after_a_failed_batch_everything_is_read_again(
    log: Log, grower: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, size, event = kept(log), queries.tree_size(), log.event(grower)

    def fail(admitted: Any) -> None:
        raise OSError("the disk is gone")

    outside._seen_as_prefix[log.origin] = float("inf")
    diskspace._measured[Path("/")] = (float("inf"), 50.0)
    with monkeypatch.context() as broken, pytest.raises(OSError, match="the disk is gone"):
        broken.setattr(log.rule, "project", fail)
        log.append(event)
    assert (kept(log), queries.tree_size()) == (before, size)
    assert not outside._seen_as_prefix and not diskspace._measured
    [outcome] = log.append(event)
    assert isinstance(outcome, Appended) and outcome.index == size
    with tenancy.system():
        assert audit.check_log().holds
