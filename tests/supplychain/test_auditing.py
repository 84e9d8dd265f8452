"""The nightly check of the log as a durable job, and where its alarm is seen: tower, ledger page, /healthz."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from forecasting import jobs
from forecasting import tasks as doorbells
from forecasting.models import Job
from ledger import queries, tenancy
from ledger.audit import alarm
from ledger.models import AuditPosition, AuditRun
from supplychain import tasks
from supplychain.operations import auditing
from supplychain.web import health
from tests.cast import World, sscc
from tests.people import People
from tests.supplychain.conftest import SignIn

pytestmark = pytest.mark.django_db
SUNDAY = datetime(2026, 5, 3, 3, 40, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "ring", lambda job_id, kind: None)


def do(job: Job | None, now: datetime = SUNDAY) -> Job:
    assert job is not None
    with tenancy.system():
        done = jobs.perform(job.id, clock=lambda: now)
    assert done is not None
    return done


def night(number: int) -> Job:
    now = SUNDAY + timedelta(days=number)
    with tenancy.system():
        return do(auditing.request_nightly_audit(now=now), now)


def test_the_first_night_checks_everything_and_the_next_ones_what_came_since(world: World) -> None:
    first = night(0)
    assert (first.status, first.result["holds"], first.result["from_index"]) == ("done", True, 0)
    size = queries.tree_size()
    world.packer.pack(sscc(1))
    second = night(1)
    assert (second.args, second.result["from_index"]) == ({"kind": "incremental"}, size)
    assert second.result["tree_size"] == queries.tree_size() > size
    kinds = [night(number).args["kind"] for number in range(2, 9)]
    assert kinds == ["incremental"] * 5 + ["full", "incremental"]  # once a week everything again
    assert {"projections", "forecasts", "cosignatures"} < set(AuditRun.objects.filter(kind="full").first().parts)


def test_it_is_asked_for_once_a_night_however_many_beats_strike(world: World) -> None:
    tasks.nightly_audit(added_later=True)
    tasks.nightly_audit()
    job = Job.objects.get()
    assert job.kind == "audit"
    doorbells.run_job(job_id=str(job.id))
    assert AuditRun.objects.get().holds


def test_without_a_log_nothing_is_asked_for(db: None) -> None:
    assert auditing.request_nightly_audit(now=SUNDAY) is None


def test_what_a_dead_worker_left_is_gone_on_with(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from ledger.audit import entries, runs

    monkeypatch.setattr(entries, "CHUNK", 2)
    monkeypatch.setattr(runs, "SAVE_EVERY", timedelta(0))
    with tenancy.system():
        job = auditing.request_nightly_audit(now=SUNDAY)
        assert job is not None
        claimed = jobs.claim(job.id, now=SUNDAY)
        assert claimed is not None

        def dies(done: int, total: int) -> None:
            if done >= 4:
                raise jobs.LeaseLost

        with pytest.raises(jobs.LeaseLost):
            auditing.audit(claimed, dies, lambda: SUNDAY)
    assert AuditPosition.objects.get().tree_size == 4
    later = SUNDAY + timedelta(minutes=5)
    assert do(job, later).result["holds"] is True
    assert AuditRun.objects.get().finished_at == later


# --- the alarm -------------------------------------------------------------------------------------------------------


@pytest.fixture
def broken(world: World) -> AuditRun:
    """A run that found something."""
    fault = {"index": 7, "what": "the stored leaf hash is not the hash of the leaf", "part": "entries"}
    return AuditRun.objects.create(
        kind="full",
        started_at=SUNDAY,
        finished_at=SUNDAY,
        tree_size=12,
        holds=False,
        first_bad_index=7,
        fault_count=3,
        faults=[fault],
    )


WORDS = "THE LOG DOES NOT HOLD at entry 7: the stored leaf hash is not the hash of the leaf, and 2 more faults"


@pytest.mark.parametrize("address", ["/", "/ledger/"])
def test_pages_say_what_is_wrong_and_where(people: People, sign_in: SignIn, broken: AuditRun, address: str) -> None:
    assert WORDS in sign_in(people.packer_viewer).get(address).content.decode()


def test_nothing_from_the_fault_on_is_called_verified_until_somebody_answers(
    world: World, people: People, sign_in: SignIn, broken: AuditRun
) -> None:
    world.packer.pack(sscc(1))
    with tenancy.system():
        size = queries.tree_size()
    assert size > 7
    client, address = sign_in(people.packer), f"/shipments/{world.shipment(sscc(1)).pk}/"
    text = client.get(address).content.decode()
    assert text.count(">in doubt</span>") == 1 and "</span>in doubt</a>" in text and "✓" not in text
    assert "the log does not hold</span><p>from entry 7 on" in text
    assert "in doubt" in client.get(f"/ledger/{size - 1}/").content.decode()
    assert "in doubt" not in client.get("/ledger/3/").content.decode()
    broken.acknowledged_by, broken.comment, broken.acknowledged_at = "Ada", "a disk failed", SUNDAY
    broken.save()
    assert "in doubt" not in client.get(address).content.decode()


def test_the_living_part_of_the_tower_brings_the_alarm_and_takes_it_away(
    people: People, sign_in: SignIn, broken: AuditRun
) -> None:
    client = sign_in(people.packer)
    living = client.get("/", headers={"HX-Request": "true"}).content.decode()
    assert WORDS in living and 'id="log-alarm" role="alert" hx-swap-oob="true"' in living
    broken.delete()
    living = client.get("/", headers={"HX-Request": "true"}).content.decode()
    assert "does not hold" not in living and 'id="log-alarm"' in living


def test_healthz_raises_the_alarm_without_taking_the_pages_away(broken: AuditRun, services: Any) -> None:
    answer = Client().get("/healthz")
    told = answer.json()
    assert "audit" in told["alarms"] and told["parts"]["audit"] == WORDS
    assert "audit" not in told["failing"]
    assert told["status"] in ("alarm", "unavailable")  # no worker lives in a test
    assert health.PARTS["witnesses"]() == "none"


def test_healthz_says_when_the_check_is_late(world: World) -> None:
    AuditRun.objects.create(kind="full", started_at=SUNDAY, finished_at=SUNDAY, tree_size=5, holds=True)
    with pytest.raises(health.Alarm, match="verified up to 5 entries at 2026-05-03 03:40 UTC; the next check is late"):
        health.PARTS["audit"]()


def test_only_who_manages_the_operator_answers_for_an_alarm(
    world: World, people: People, sign_in: SignIn, broken: AuditRun
) -> None:
    address, comment = "/ledger/audit/acknowledge/", {"comment": "a disk failed; restored from the backup of Friday"}
    for stranger in (people.packer_manager, people.stranger, people.packer_viewer):
        assert sign_in(stranger).post(address, comment).status_code == 403
        assert b"I answer for it" not in sign_in(stranger).get("/ledger/").content
    world.packer.party.is_operator = True
    world.packer.party.save()
    client = sign_in(people.packer_manager)
    assert b"I answer for it" in client.get("/ledger/").content
    assert client.get(address).status_code == 405
    client.post(address, {"comment": "  "})
    assert alarm.standing(now=SUNDAY).alarm is not None
    client.post(address, comment)
    broken.refresh_from_db()
    assert broken.acknowledged_by == f"{people.packer_manager.name} <{people.packer_manager.email}>"
    page = client.get("/ledger/").content.decode()
    assert WORDS not in page and "a disk failed" in page and people.packer_manager.name in page


def test_the_ledger_page_tells_of_the_last_checks(people: People, sign_in: SignIn) -> None:
    client = sign_in(people.packer)
    assert "No check has been kept yet" in client.get("/ledger/").content.decode()
    night(0)
    page = client.get("/ledger/").content.decode()
    assert "everything" in page and "holds" in page and "Nobody outside has cosigned" in page
