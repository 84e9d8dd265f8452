"""The sandbox: each sample does what it says, as often as it is captured."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from ledger import queries
from supplychain.models import ApiClient, Party, Shipment
from supplychain.operations.sandbox import open_sandbox
from supplychain.sandbox import samples
from tests.cast import World
from tests.supplychain.api.conftest import Caller, caller_for, made_world, make_token, world  # noqa: F401
from tests.supplychain.epcis_api.conftest import EpcisClient

ALL = "events:read shipments:read epcis:capture epcis:query"


@pytest.fixture
def box(world: World) -> dict[str, EpcisClient]:  # noqa: F811
    made = open_sandbox(now=timezone.now())
    return {each.name: EpcisClient(make_token(each.made.client, ALL)) for each in made}


def sample(box: dict[str, EpcisClient], name: str, run: str) -> dict[str, Any]:
    answer = Caller(box["sandbox"].token).get(f"/samples/{name}?run={run}")
    assert answer.status_code == 200
    return answer.json()


def captured(box: dict[str, EpcisClient], name: str, run: str) -> dict[str, Any]:
    by = next(each.by for each in samples.SAMPLES if each.name == name)
    return box[by].job(sample(box, name, run))


def test_the_story_is_told_twice_and_goes_as_it_says(box: dict[str, EpcisClient]) -> None:
    for run in ("one", "two"):
        for name in ("pack-and-ship", "cold-chain", "receive", "correct", "transform"):
            before = queries.tree_size()
            job = captured(box, name, run)
            assert (job["success"], job["errors"]) == (True, []), name
            assert queries.tree_size() > before
    rows = Caller(box["sandbox"].token).get("/shipments").json()["items"]
    assert [row["temperature_max"] for row in rows] == [9.4, 9.4]
    assert {row["discrepancy"] for row in rows} == {"open"}
    assert len({row["unit"] for row in rows}) == 2


def test_the_same_run_again_changes_nothing(box: dict[str, EpcisClient], monkeypatch: pytest.MonkeyPatch) -> None:
    document = sample(box, "pack-and-ship", "one")
    assert box["sandbox"].job(document)["success"]
    size = queries.tree_size()
    assert box["sandbox"].job(document)["success"]
    assert queries.tree_size() == size


def test_the_faults_are_told_one_by_one(box: dict[str, EpcisClient]) -> None:
    job = box["sandbox"].job(sample(box, "faults", "one"))
    told = str(job["errors"])
    assert not job["success"]
    for word in ("bizStep", "eventTime", "action"):
        assert word in told, told
    assert not Shipment.objects.exists()


def test_without_a_run_each_answer_is_a_new_one(box: dict[str, EpcisClient]) -> None:
    caller = Caller(box["sandbox"].token)
    first, second = (caller.get("/samples/pack-and-ship") for _ in range(2))
    assert first["Waylog-Run"] != second["Waylog-Run"]
    units = {each.json()["epcisBody"]["eventList"][0]["parentID"] for each in (first, second)}
    assert len(units) == 2


@pytest.mark.parametrize(("path", "status"), [("nothing", 404), ("faults?run=", 400), ("faults?run=a%20b", 400)])
def test_what_is_no_sample_is_refused(box: dict[str, EpcisClient], path: str, status: int) -> None:
    assert Caller(box["sandbox"].token).get(f"/samples/{path}").status_code == status
    assert Caller(None).get("/samples").status_code == 401


def test_the_list_names_every_sample(box: dict[str, EpcisClient]) -> None:
    items = Caller(box["partner"].token).get("/samples").json()["items"]
    assert [each["name"] for each in items] == [each.name for each in samples.SAMPLES]


def test_the_command_again_gives_new_secrets_and_ends_the_old_ones(
    world: World,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_command("sandbox")
    first = json.loads(capsys.readouterr().out)
    parties, size = Party.objects.count(), queries.tree_size()
    call_command("sandbox")
    second = json.loads(capsys.readouterr().out)
    assert (Party.objects.count(), queries.tree_size()) == (parties, size)
    assert first["sandbox"]["client_secret"] != second["sandbox"]["client_secret"]
    assert not ApiClient.objects.filter(client_id=first["sandbox"]["client_id"]).exists()


def test_others_see_nothing_of_it(world: World, box: dict[str, EpcisClient]) -> None:  # noqa: F811
    captured(box, "pack-and-ship", "one")
    stranger = caller_for(world.grower)
    assert stranger.get("/events").json()["items"] == []
    assert stranger.get("/shipments").json()["items"] == []
