"""The walk of a real history: 10,324 public deliveries of health goods come in, and every one is accounted for."""

import hashlib
from datetime import UTC, datetime
from io import StringIO
from typing import Any
from uuid import UUID

import pandas as pd
import pytest
from django.core.management import call_command
from django.db.models import Sum
from django.db.models.functions import TruncMonth

from forecasting import queries as forecasts
from forecasting import runproof
from ledger import audit, keystore, queries, tenancy
from ledger.verified import verified_entries
from supplychain.importing import run
from supplychain.importing.mapping import parse_mapping
from supplychain.models import Event, EventObject, Party, Product, Site
from supplychain.observations import Observation, choose_kinds, decode
from supplychain.operations.setup import set_up_log
from tests.conftest import ROOT, shared

SCMS = shared("shipments/scms.csv")
NOW = datetime(2026, 7, 22, 9, 0, tzinfo=UTC)
KEYS = ["Country", "Product Group", "month"]


@pytest.fixture
def imported(db: None, settings: Any, tmp_path: Any) -> run.Report:
    settings.WAYLOG_SECRETS = tmp_path / "secrets"
    keystore.forget_cached()
    party = set_up_log(host="scms.example", operator_name="Supply Chain Management System", now=NOW)
    mapping = parse_mapping((ROOT / "docs/examples/scms.toml").read_bytes())
    report = run.report_on(SCMS, mapping, party, dry_run=False)
    run.import_file(SCMS, mapping, party=party, now=NOW, report=report)
    return report


def table() -> pd.DataFrame:
    read = pd.read_csv(SCMS, dtype=str, keep_default_na=False)
    read["month"] = read["Delivered to Client Date"].str[:7]
    read["quantity"] = read["Line Item Quantity"].astype(int)
    return read


def test_the_whole_history_is_imported_says_what_the_file_says_and_is_forecast_from(imported):
    file = table()
    assert imported.sha256 == hashlib.sha256(SCMS.read_bytes()).hexdigest()
    assert imported.rows_read == len(file) == 10_324
    assert imported.rows_imported + imported.rows_refused == 10_324
    assert imported.rows_refused == 0 and imported.refusals == []
    assert imported.events_captured == 2 * 10_324

    with tenancy.system():
        checked = audit.check_log()
        assert checked.holds, checked.faults
        assert checked.tree_size == queries.tree_size() == 5 + 2 * 10_324

        expected = {key: int(sum_) for key, sum_ in file.groupby(KEYS)["quantity"].sum().items()}
        assert demand_in_tables() == expected
        assert demand_in_the_log() == expected

        known = known_at_by_row()
        for row in file.itertuples():
            assert known[str(row.ID)] == max(row[file.columns.get_loc(name) + 1] for name in DATES)

    forecast_as_of_september_2015()


def forecast_as_of_september_2015() -> None:
    """Per country and product group, as planners would have seen it then: what was recorded later is not known yet."""
    call_command("forecast", "run", "--cutoff", "2015-09-01", "--frequency", "MS", stdout=StringIO())
    with tenancy.system():
        made = forecasts.latest_run()
        assert made is not None and queries.tree_size() == made.tree_size + 1
        rows = list(forecasts.series_of(made, party=Party.objects.get().pk))
        file = table()
        known_then = file[file[list(DATES)].max(axis=1) <= "2015-09-01"]
        assert len(rows) == len(known_then.groupby(["Country", "Product Group"]))
        told = [row for row in rows if row.method]
        assert len(told) >= 30 and all(row.reason for row in rows if not row.method)
        assert all(len(row.steps) > 0 and (row.demand_class or row.method == "cold_start") for row in told)
        assert not any("prophet" in row.method for row in told if row.demand_class in ("intermittent", "lumpy"))
        assert audit.check_log().holds
        assert not list(runproof.faults())


DATES = ("Delivered to Client Date", "Delivery Recorded Date")


def demand_in_tables() -> dict[tuple[str, str, str], int]:
    """What was accepted, by country, product group and month, from the rows that pages read."""
    sites = dict(Site.objects.values_list("uri", "name"))
    products = dict(Product.objects.values_list("uri", "name"))
    accepted = Event.objects.filter(act="accept").annotate(month=TruncMonth("event_time"))
    events = {index: (place, month) for index, place, month in accepted.values_list("index", "biz_location", "month")}
    found: dict[tuple[str, str, str], int] = {}
    lines = EventObject.objects.filter(index__in=accepted.values("index"), quantity__isnull=False)
    for index, product, quantity in lines.values_list("index", "epc").annotate(Sum("quantity")):
        place, month = events[index]
        key = sites[place], products[product], f"{month:%Y-%m}"
        found[key] = found.get(key, 0) + int(quantity)
    return found


def demand_in_the_log() -> dict[tuple[str, str, str], int]:
    """The same as forecasts read it: observations of nothing but verified entries."""
    sites = dict(Site.objects.values_list("uri", "name"))
    products = dict(Product.objects.values_list("uri", "name"))
    told = (each for entry in verified_entries() for each in decode(entry, signer=UUID(entry.key.party)))
    found: dict[tuple[str, str, str], int] = {}
    for each in choose_kinds(each for each in told if isinstance(each, Observation)):
        assert (each.kind, each.unit, each.attested) == ("receipts", "", True)
        assert each.known_at >= each.at
        key = sites[each.site], products[each.product], f"{each.at:%Y-%m}"
        found[key] = found.get(key, 0) + int(each.quantity)
    return found


def known_at_by_row() -> dict[str, str]:
    rows = EventObject.objects.filter(place="epc", quantity__isnull=True).values_list("index", "epc")
    keys = {index: unit.rpartition("/")[2] for index, unit in rows}
    accepted = Event.objects.filter(act="accept").values_list("index", "known_at")
    return {keys[index]: f"{known:%Y-%m-%d}" for index, known in accepted}
