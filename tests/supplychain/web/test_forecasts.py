"""The pages of forecasts: whose series, what people enter beside them, and what a stranger gets."""

import csv
import io
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import openpyxl
import pytest
from django.apps import apps
from django.urls import reverse

from forecasting import history, jobs, operations, queries
from forecasting.history import Observation, SeriesKey
from forecasting.runs import RunSettings
from ledger import tenancy
from supplychain import sheets
from supplychain.models import Site
from supplychain.web import volume
from tests.cast import APPLES, PEARS, World, sscc
from tests.people import People

NOW = datetime.now(UTC).replace(hour=3, minute=0, second=0, microsecond=0)
PAGES = ["/forecasts/", "/forecasts/totals/", "/forecasts/accuracy/", "/forecasts/days/", "/forecasts/runs/"]


@pytest.fixture
def site(people: People, world: World) -> str:
    return str(Site.objects.get(party=world.packer.party).uri)


@pytest.fixture
def forecast(world: World, people: People, site: str, monkeypatch: Any) -> Any:
    """A signed run of two series of the packer's, from observations that its first entry is said to tell of."""
    party, done = world.packer.id, []

    def decode(entry: Any) -> Any:
        if not done:
            done.append(entry.index)
        if entry.index != done[0]:
            return
        for product, size in ((APPLES, 40), (PEARS, 12)):
            for day in range(112, 0, -1):
                at = NOW - timedelta(days=day)
                quantity = float(size + day % 7 * 3 + day % 3)
                key = SeriesKey("receipts", product, site, "", party)
                yield Observation(key, at, at, quantity, True, entry.index, origin="https://id.gs1.org/414/farm")

    monkeypatch.setattr(history, "_start", [lambda: decode])
    monkeypatch.setattr(jobs, "ring", lambda job_id, kind: None)
    world.packer.pack(sscc(1))
    return run(RunSettings(cutoff=NOW, chained=True))


def run(settings: RunSettings) -> Any:
    with tenancy.system():
        job = operations.request_forecast(cause=uuid4().hex, settings=settings, now=NOW)
        done = jobs.perform(job.id, clock=lambda: NOW)
        assert done is not None and done.result is not None, done and done.error
        made = UUID(hex=done.result["run"])
        return operations.drive(made, clock=lambda: NOW, heart=lambda claimed: nullcontext())


def row(party: UUID, product: str = APPLES) -> Any:
    with tenancy.system():
        rows = apps.get_model("forecasting", "SeriesForecast").objects
        return rows.filter(tenant=party, product=product).latest("pk")


def test_every_page_shows_its_own_and_a_stranger_nothing(forecast, people, sign_in):
    own, stranger = sign_in(people.packer_viewer), sign_in(people.stranger)
    for address in PAGES:
        text = own.get(address).content
        assert b"<h1>" in text and b"style=" not in text and b"<script>" not in text, address
        answer = stranger.get(address)
        assert answer.status_code == 200 and b"Apples" not in answer.content, address


def test_the_tower_shows_the_sum_with_its_own_interval(forecast, people, sign_in, world):
    with tenancy.acting_for(world.packer.id):
        found = volume.card(world.packer.id)
    assert (found.series, found.periods) == (2, 14) and found.wide is not None
    apples, pears = row(world.packer.id), row(world.packer.id, PEARS)
    at, total, low, high = found.rows[0]
    assert at.isoformat() == apples.steps[0]["period"]
    assert total == pytest.approx(apples.steps[0]["point"] + pears.steps[0]["point"], abs=1e-6)
    assert low < total < high and volume.card(world.stranger.id) is None
    assert "with the intervals of the sum" in sign_in(people.packer).get("/").content.decode()


def test_the_list_is_searched_by_name(forecast, people, sign_in):
    client = sign_in(people.packer)
    assert "Pears at" in client.get("/forecasts/").content.decode()
    found = client.get("/forecasts/?q=apple").content.decode()
    assert "Apples at" in found and "Pears at" not in found
    assert "Nothing found" in client.get("/forecasts/?q=zebra").content.decode()


def test_a_series_shows_its_parts_lanes_backtest_and_candidates(forecast, people, sign_in, world):
    text = sign_in(people.packer).get(reverse("forecast_series", args=[row(world.packer.id).pk])).content.decode()
    for said in (
        "What it is made of",
        "Day of the week",
        "Where it came from lately",
        "Backtest",
        "candidates",
        "Entry",
    ):
        assert said.lower() in text.lower(), said


def test_what_is_flagged_is_said_with_what_the_forecast_does_about_it(forecast, people, sign_in, world):
    one, at = row(world.packer.id), {"period": "2026-03-03", "told": 1200.0}
    flags = [{**at, "used": 300.0, "kind": "capped"}, {**at, "used": 1200.0, "kind": "jump"}]
    with tenancy.system():
        type(one).objects.filter(pk=one.pk).update(flags=flags)
    text = sign_in(people.packer).get(reverse("forecast_series", args=[one.pk])).content.decode()
    assert "2 days to look at" in text
    assert "Tue 3 Mar 2026: 1,200, used as 300; it lies far above everything else of this series." in text
    assert "Tue 3 Mar 2026: 1,200; further above the usual for that time than ever before; it counts in full" in text


def test_a_series_whose_numbers_were_let_go_says_so(forecast, people, sign_in, world):
    one = row(world.packer.id)
    with tenancy.system():
        type(one).objects.filter(pk=one.pk).update(history=[], steps=[], levels=[], components={}, last=forecast.number)
    answer = sign_in(people.packer).get(reverse("forecast_series", args=[one.pk]))
    assert answer.status_code == 200 and "Its numbers were let go" in answer.content.decode()


def test_a_series_of_others_is_a_404_whatever_is_asked_of_it(forecast, people, sign_in, world):
    pk, client = row(world.packer.id).pk, sign_in(people.stranger)
    assert client.get(reverse("forecast_series", args=[pk])).status_code == 404
    told = {"period": "2026-01-01", "quantity": "5", "reason": "mine"}
    assert client.post(reverse("override", args=[pk]), told).status_code == 404
    assert client.post(reverse("end_override", args=[pk, 1])).status_code == 404


def test_an_override_is_kept_beside_the_model_with_author_and_reason(forecast, people, sign_in, world):
    one, client = row(world.packer.id), sign_in(people.packer)
    period = one.steps[2]["period"]
    address = reverse("override", args=[one.pk])
    for quantity in ("90", "95"):
        client.post(address, {"period": period, "quantity": quantity, "reason": "Easter market"})
    first, second = queries.overrides_of(one)[::-1]
    assert first.ended_at is not None and second.ended_at is None and second.quantity == 95
    assert second.model_quantity == one.steps[2]["point"] and second.author == str(people.packer)
    text = client.get(reverse("forecast_series", args=[one.pk])).content.decode()
    assert "Easter market" in text and "95" in text and row(world.packer.id).steps == one.steps
    client.post(reverse("end_override", args=[one.pk, second.pk]))
    assert [each for each in queries.overrides_of(one) if each.ended_at is None] == []


WRONG = [{"quantity": "-1"}, {"quantity": "nan"}, {"quantity": "1e300"}, {"reason": " "}, {"period": "1999-01-01"}]


def test_a_senseless_override_is_refused_with_a_sentence(forecast, people, sign_in, world):
    one, client = row(world.packer.id), sign_in(people.packer)
    for wrong in WRONG:
        told = {"period": one.steps[0]["period"], "quantity": "5", "reason": "why", **wrong}
        answer = client.post(reverse("override", args=[one.pk]), told, follow=True)
        assert answer.status_code == 200 and queries.overrides_of(one) == [], wrong


def test_a_viewer_enters_and_overrides_nothing(forecast, people, sign_in, world):
    client, pk = sign_in(people.packer_viewer), row(world.packer.id).pk
    for address in (reverse("override", args=[pk]), "/forecasts/days/", "/forecasts/freeze/", "/forecasts/run/"):
        assert client.post(address, {}).status_code == 403, address


def test_a_promotion_is_entered_listed_and_withdrawn_and_strangers_see_none(forecast, people, sign_in):
    client = sign_in(people.packer)
    told = {"kind": "promotion", "name": "half price", "start": "2031-01-01", "end": "2031-01-02"}
    assert client.post("/forecasts/days/", told).status_code == 400  # more than three years ahead
    soon = (NOW + timedelta(days=5)).date().isoformat()
    assert client.post("/forecasts/days/", {**told, "start": soon, "end": soon, "product": APPLES}).status_code == 302
    assert "half price" in client.get("/forecasts/days/").content.decode()
    stranger = sign_in(people.stranger)
    assert "half price" not in stranger.get("/forecasts/days/").content.decode()
    with tenancy.system():
        [known] = apps.get_model("forecasting", "Known").objects.all()
    assert stranger.post(reverse("withdraw_known", args=[known.pk])).status_code == 404
    assert client.post(reverse("withdraw_known", args=[known.pk])).status_code == 302
    assert "half price" not in client.get("/forecasts/days/").content.decode()


def test_a_stockout_is_entered_once_it_has_happened(forecast, people, sign_in):
    day = (NOW + timedelta(days=3)).date().isoformat()
    told = {"kind": "stockout", "name": "empty", "start": day, "end": day}
    answer = sign_in(people.packer).post("/forecasts/days/", told)
    assert answer.status_code == 400 and "not over yet" in answer.content.decode()


def test_a_frozen_forecast_stays_under_its_name(forecast, people, sign_in, world):
    client = sign_in(people.packer)
    day = (NOW - timedelta(days=30)).date()
    client.post("/forecasts/freeze/", {"label": "Meeting of March", "cutoff": day.isoformat()})
    with tenancy.system():
        job = apps.get_model("forecasting", "Job").objects.get(requested_by=world.packer.id)
    with tenancy.system():
        done = jobs.perform(job.id, clock=lambda: NOW)
        made = operations.drive(UUID(hex=done.result["run"]), clock=lambda: NOW, heart=lambda claimed: nullcontext())
    assert made.label == "Meeting of March" and made.cutoff.date() == day and made.choice.cutoff <= made.cutoff
    assert "Meeting of March" in client.get("/forecasts/").content.decode()
    assert "frozen as of" in client.get(f"/forecasts/?run={made.id.hex}").content.decode()
    assert queries.latest_run(world.packer.id) == forecast, "what is frozen is not the latest"
    assert "Meeting of March" not in sign_in(people.stranger).get("/forecasts/").content.decode()


def test_all_quantiles_are_taken_away_with_the_root_they_were_made_from(forecast, people, sign_in):
    client = sign_in(people.packer)
    rows = list(csv.DictReader(io.StringIO(client.get("/forecasts/export.csv").content.decode())))
    assert len(rows) == 56 and {each["product name"] for each in rows} == {"Apples", "Pears"}
    assert float(rows[0]["q0.1"]) <= float(rows[0]["forecast"]) <= float(rows[0]["q0.975"])
    assert {each["root hash"] for each in rows} == {bytes(forecast.root_hash).hex()}
    book = openpyxl.load_workbook(io.BytesIO(client.get("/forecasts/export.xlsx").content))
    assert book.active.max_row == 57 and book.active["B2"].value in {"Apples", "Pears"}
    stranger = sign_in(people.stranger).get("/forecasts/export.csv").content.decode()
    assert stranger.count("\r\n") == 1, "a head and nothing under it"


EVIL = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =cmd|' /C calc'!A0", "\n=1", "%0A=1"]


@pytest.mark.parametrize("evil", EVIL)
def test_no_cell_is_a_formula(evil):
    [line] = sheets.csv_lines([[evil, 1.5, None]])
    [cell, number, nothing] = next(csv.reader([line]))
    assert not cell.lstrip().startswith(("=", "+", "-", "@", "|", "%")) and (number, nothing) == ("1.5", "")
    book = openpyxl.load_workbook(io.BytesIO(sheets.excel([[evil, -2.5]])))
    assert book.active["A1"].data_type == "s" and book.active["B1"].value == -2.5


def test_runs_are_called_off_by_who_asked_and_nobody_else(forecast, people, sign_in, world):
    client = sign_in(people.packer)
    client.post("/forecasts/run/")
    with tenancy.system():
        job = apps.get_model("forecasting", "Job").objects.get(requested_by=world.packer.id)
        made = jobs.perform(job.id, clock=lambda: NOW).result["run"]
    assert "of 1 shards" in client.get("/forecasts/runs/").content.decode()
    address = reverse("forecast_cancel", args=[UUID(hex=made)])
    assert sign_in(people.stranger).post(address).status_code == 404
    assert client.post(address).status_code == 302
    text = client.get("/forecasts/runs/").content.decode()
    assert "called off by" in text


def test_the_load_is_for_whoever_runs_the_server(people, sign_in, world, settings):
    assert sign_in(people.stranger).get("/forecasts/load/").status_code == 404
    world.stranger.party.is_operator = True
    world.stranger.party.save()
    assert b"Workers needed" in sign_in(people.stranger).get("/forecasts/load/").content


def test_metrics_are_for_whoever_shows_the_token(client, db, settings):
    assert client.get("/metrics").status_code == 404
    settings.WAYLOG_METRICS_TOKEN = "secret"
    assert client.get("/metrics", headers={"Authorization": "Bearer other"}).status_code == 404
    answer = client.get("/metrics", headers={"Authorization": "Bearer secret"})
    assert "waylog_workers_needed 1" in answer.content.decode() and answer["Cache-Control"] == "no-store"
