"""Runs of the audit: incremental, resumed, never by a forged position; the alarm that stays until it is answered."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from campaigns.tamper import Owner, Tampering
from ledger import audit, cosigning, operations, queries, sharing, tenancy
from ledger.admission import Appended
from ledger.audit import alarm, runs
from ledger.audit.runs import Kind
from ledger.models import AuditPosition, AuditRun, Entry, LogHead
from ledger.tlog import statement
from tests.ledger.conftest import Log, Member, made_log

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])
NOW = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)
CHAIN = b"0123456789abcdef"


class Clock:
    """Goes a second further with each look."""

    def __init__(self, at: datetime = NOW, step: float = 1) -> None:
        self.at, self.step = at, timedelta(seconds=step)

    def __call__(self) -> datetime:
        self.at += self.step
        return self.at


@pytest.fixture(autouse=True)
def only_cosignatures(monkeypatch: pytest.MonkeyPatch) -> dict[str, audit.Auditor]:
    """The bodies of these logs are no events: other rooms would derive nothing from them."""
    auditors = {"cosignatures": cosigning.audit_cosignatures}
    monkeypatch.setattr(audit.checking, "_auditors", auditors)
    return auditors


@pytest.fixture
def log(transactional_db: None, settings: Any, tmp_path: Any) -> Log:
    return made_log(settings, tmp_path)


@pytest.fixture
def prevs() -> list[bytes]:
    return [statement.ZERO]


@pytest.fixture
def grown(log: Log, grower: Member, prevs: list[bytes]) -> Log:
    linked(log, grower, prevs, 3)
    operations.keep_checkpoint()
    log.append(*[log.event(grower) for _ in range(300 - queries.tree_size())])
    return log


def linked(log: Log, member: Member, prevs: list[bytes], count: int) -> None:
    for _ in range(count):
        [outcome] = log.append(log.event(member, links=(statement.link(CHAIN, prevs[-1]),), context=[CHAIN]))
        assert isinstance(outcome, Appended)
        prevs.append(outcome.statement_hash)


@pytest.fixture
def perform() -> Iterator[Any]:
    def run(kind: Kind = Kind.FULL, **more: Any) -> runs.Outcome:
        with tenancy.system():
            return runs.perform(kind, **{"clock": Clock(), **more})

    yield run


def flipped(index: int, at: int = 60) -> Tampering:
    leaf = bytes(Entry.objects.get(index=index).leaf)
    return Tampering("ledger_entry", {"index": index}, "leaf", leaf, leaf[:at] + bytes([leaf[at] ^ 1]) + leaf[at + 1 :])


def test_a_run_is_a_row_that_says_what_was_checked(grown: Log, perform: Any) -> None:
    outcome = perform()
    run = AuditRun.objects.get()
    assert (run.kind, run.holds, run.tree_size, run.checked_to, run.fault_count) == ("full", True, 300, 300, 0)
    assert bytes(run.root_hash) == bytes(LogHead.objects.get().root_hash)
    assert run.parts["entries"] == {"checked": 300, "faults": 0}
    assert run.parts["links"]["checked"] == 3 and run.parts["tiles"]["checked"] == 1
    assert run.parts["checkpoints"]["checked"] == 2 and run.parts["keys"]["checked"] > 0
    assert set(run.parts) > {"cosignatures", "admission", "bodies"}
    assert outcome.run.pk == run.pk


def test_an_incremental_run_checks_what_came_since(
    grown: Log, grower: Member, prevs: list[bytes], perform: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    perform()
    linked(grown, grower, prevs, 2)
    operations.keep_checkpoint()
    read: list[tuple[int, int]] = []
    examine = audit.entries.examining.Examiner.examine
    monkeypatch.setattr(
        audit.entries.examining.Examiner,
        "examine",
        lambda self, first, end, pool=None: read.append((first, end)) or examine(self, first, end, pool),
    )
    outcome = perform(Kind.INCREMENTAL)
    assert outcome.found.holds, outcome.faults
    assert read == [(300, 302)]
    assert (outcome.run.from_index, outcome.run.tree_size, outcome.found.links) == (300, 302, 5)
    whole = audit.check_log()
    assert (whole.root_hash, whole.leaf_hashes, whole.keys) == (
        outcome.found.root_hash,
        outcome.found.leaf_hashes,
        outcome.found.keys,
    )


def test_an_incremental_run_goes_on_from_the_last_incremental_one(grown: Log, grower: Member, perform: Any) -> None:
    perform(Kind.INCREMENTAL)
    grown.append(grown.event(grower))
    assert perform(Kind.INCREMENTAL).run.from_index == 300
    assert perform(Kind.INCREMENTAL).run.from_index == 301


@pytest.mark.parametrize("index", [300, 301])
def test_an_incremental_run_finds_what_is_wrong_since(grown: Log, grower: Member, perform: Any, index: int) -> None:
    perform()
    grown.append(grown.event(grower), grown.event(grower))
    with Owner().tampered(flipped(index)):
        outcome = perform(Kind.INCREMENTAL)
    assert (outcome.run.holds, outcome.run.first_bad_index) == (False, index)
    assert perform(Kind.INCREMENTAL).run.from_index == 300  # nothing was built on the run that found faults


def test_an_incremental_run_finds_tiles_and_hashes_that_changed_below(grown: Log, grower: Member, perform: Any) -> None:
    perform()
    grown.append(grown.event(grower))
    owner = Owner()
    tile = owner.rows("ledger_tile")[0]
    hashes = bytes(tile["hashes"])
    change = Tampering("ledger_tile", {"level": 0, "index": 0}, "hashes", hashes, b"\x01" + hashes[1:])
    with owner.tampered(change):
        assert not perform(Kind.INCREMENTAL).found.holds
    with owner.tampered(Tampering("ledger_tile", {"level": 0, "index": 0}, "hashes", hashes, hashes[:-3])):
        assert not perform(Kind.INCREMENTAL).found.holds
    row = next(row for row in owner.rows("ledger_entry") if row["index"] == 280)
    stored = bytes(row["leaf_hash"])
    with owner.tampered(Tampering("ledger_entry", {"index": 280}, "leaf_hash", stored, b"\x01" + stored[1:])):
        assert not perform(Kind.INCREMENTAL).found.holds
    assert perform(Kind.INCREMENTAL).found.holds


def test_a_forged_position_is_as_if_it_were_not_there(grown: Log, perform: Any) -> None:
    perform()
    kept = AuditPosition.objects.get()
    for change in ({"state": bytes(kept.state).replace(b'"links":3', b'"links":2')}, {"mac": b"\0" * 32}):
        AuditPosition.objects.filter(pk=kept.pk).update(**change)
        assert perform(Kind.INCREMENTAL).run.from_index == 0


def test_the_position_of_an_unfinished_run_is_not_taken_for_a_verified_one(grown: Log, perform: Any) -> None:
    perform()
    kept = AuditPosition.objects.get()
    AuditPosition.objects.update(name="unfinished")
    assert perform(Kind.LOG, resume=True).run.pk != kept.run_id


def test_a_log_that_was_cut_since_the_last_run_is_found_though_it_holds_by_itself(grown: Log, perform: Any) -> None:
    perform()
    before = AuditPosition.objects.get()
    state = json.loads(bytes(before.state))
    from ledger.audit import position

    [found] = [position.kept(AuditPosition.Name.VERIFIED, grown.origin)]
    assert found is not None and state["size"] == 300
    larger = found[0].range.append(b"\x05" * 32)
    found[0].range = larger
    position.save(AuditPosition.Name.VERIFIED, found[1], found[0], now=NOW)
    for kind in (Kind.INCREMENTAL, Kind.FULL):
        outcome = perform(kind)
        assert (outcome.run.first_bad_index, "301 entries were verified" in outcome.faults[0].what) == (300, True)


def test_a_log_that_was_rewritten_since_the_last_run_is_found_though_it_holds_by_itself(
    grown: Log, perform: Any
) -> None:
    perform()
    from ledger.audit import position
    from ledger.tlog.merkle import CompactRange

    found = position.kept(AuditPosition.Name.VERIFIED, grown.origin)
    assert found is not None
    found[0].range = CompactRange().extend([b"\x05" * 32] * 299)
    position.save(AuditPosition.Name.VERIFIED, found[1], found[0], now=NOW)
    [fault] = perform(Kind.LOG).faults
    assert (fault.index, fault.what) == (299, "the entries below here are not those that were verified before")


# --- interrupted and resumed -----------------------------------------------------------------------------------------


class Interrupted(Exception):
    pass


def interrupt_at(wanted: int) -> Any:
    def progress(done: int, of: int) -> None:
        if done >= wanted:
            raise Interrupted

    return progress


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit.entries, "CHUNK", 40)


def test_an_interrupted_run_goes_on_where_it_stood(grown: Log, small: None, perform: Any) -> None:
    with pytest.raises(Interrupted):
        perform(Kind.LOG, clock=Clock(step=30), progress=interrupt_at(160))
    left = AuditRun.objects.get()
    assert (left.holds, left.checked_to) == (None, 160)
    seen: list[int] = []
    outcome = perform(Kind.LOG, resume=True, progress=lambda done, of: seen.append(done))
    assert outcome.run.pk == left.pk and seen[0] == 200 and outcome.found.holds
    assert outcome.found.links == 3 and outcome.run.from_index == 0
    assert not AuditPosition.objects.filter(name="unfinished").exists()


def test_a_fault_found_before_the_interruption_is_not_forgotten(grown: Log, small: None, perform: Any) -> None:
    with Owner().tampered(flipped(20)):
        with pytest.raises(Interrupted):
            perform(Kind.LOG, clock=Clock(step=30), progress=interrupt_at(160))
        outcome = perform(Kind.LOG, resume=True)
    assert (outcome.run.holds, outcome.run.first_bad_index) == (False, 20)


def test_a_run_of_another_kind_begins_anew(grown: Log, small: None, perform: Any) -> None:
    with pytest.raises(Interrupted):
        perform(Kind.LOG, clock=Clock(step=30), progress=interrupt_at(160))
    assert perform(Kind.FULL, resume=True).run.pk != AuditRun.objects.get(kind="log").pk


# --- the alarm -------------------------------------------------------------------------------------------------------


def stands(now: datetime = NOW + timedelta(hours=1)) -> alarm.Standing:
    return alarm.standing(now=now)


def test_nothing_is_late_before_the_first_run(grown: Log) -> None:
    assert stands().sentence() == "not verified yet" and not stands().is_late


def test_an_alarm_names_the_first_bad_index_in_words_and_stays(grown: Log, perform: Any) -> None:
    with Owner().tampered(flipped(42)):
        perform()
    perform(Kind.LOG, clock=Clock(NOW + timedelta(minutes=5)))  # clean, but not full
    perform(Kind.INCREMENTAL, clock=Clock(NOW + timedelta(minutes=10)))
    assert stands().sentence().startswith("THE LOG DOES NOT HOLD at entry 42: ")


def test_a_later_clean_full_run_ends_the_alarm(grown: Log, perform: Any) -> None:
    with Owner().tampered(flipped(42)):
        perform()
    assert stands().alarm is not None
    perform(clock=Clock(NOW + timedelta(minutes=5)))
    assert stands().alarm is None
    assert stands().sentence() == "verified up to 300 entries at 2026-05-04 03:05 UTC"


def test_somebody_answers_for_an_alarm_by_name_with_a_comment(grown: Log, perform: Any) -> None:
    with pytest.raises(alarm.NotAcknowledged, match="no alarm"):
        alarm.acknowledge(by="Ada", comment="restored", now=NOW)
    with Owner().tampered(flipped(42)):
        perform()
    for by, comment in (("", "x"), ("Ada", " ")):
        with pytest.raises(alarm.NotAcknowledged):
            alarm.acknowledge(by=by, comment=comment, now=NOW)
    call_command("ledger", "acknowledge", "--by", "Ada", "--comment", "disk fault, restored", stdout=StringIO())
    assert stands().alarm is None and "answered for by Ada" in stands().sentence()
    with pytest.raises(CommandError):
        call_command("ledger", "acknowledge", "--by", "Ada", "--comment", "again")
    with Owner().tampered(flipped(43)):
        perform(clock=Clock(NOW + timedelta(minutes=5)))
    assert "entry 43" in stands().sentence()  # another fault is another alarm


def test_a_check_that_does_not_come_is_late(grown: Log, perform: Any) -> None:
    perform()
    assert not stands(NOW + timedelta(hours=25)).is_late
    assert "late" in stands(NOW + timedelta(hours=31)).sentence()
    for day in range(1, 9):
        perform(Kind.INCREMENTAL, clock=Clock(NOW + timedelta(days=day)))
    assert stands(NOW + timedelta(days=8, hours=1)).is_late  # no full one for more than a week


def test_faults_are_told_by_part(grown: Log, perform: Any) -> None:
    owner = Owner()
    row = next(row for row in owner.rows("ledger_body") if row["index"] == 100)
    body = bytes(row["body"])
    with owner.tampered(Tampering("ledger_body", {"commitment": row["commitment"]}, "body", body, body + b" ")):
        outcome = perform()
    assert {name for name, part in outcome.run.parts.items() if part["faults"]} == {"bodies"}
    assert [each["part"] for each in outcome.run.faults] == ["bodies"]


def test_projections_are_checked_beside_the_log_in_processes_of_their_own(
    grown: Log, perform: Any, only_cosignatures: dict[str, audit.Auditor]
) -> None:
    audit.register_auditor("fails", lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    with pytest.raises(sharing.ApartFailed, match="fails: ZeroDivisionError"):
        perform(processes=2)
    del only_cosignatures["fails"]
    audit.register_auditor("told", lambda: iter([audit.Fault(7, "not what follows")]))
    outcome = perform(processes=2)
    assert [each.name for each in outcome.derived] == ["cosignatures", "told"]
    assert (outcome.run.holds, outcome.run.first_bad_index, outcome.run.parts["told"]["faults"]) == (False, 7, 1)
    with Owner().tampered(flipped(42)):
        assert perform(processes=2).derived == []  # what would follow from a broken log says nothing
