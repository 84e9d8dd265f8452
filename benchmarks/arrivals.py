"""`python -m benchmarks.arrivals FILE [--json OUT]`: delay risk and lead times on the SCMS delivery history.

All tables and models in one run. What each journey may use is what was known at its decision: an outcome counts from
max(recorded, delivered) on. The scheduled date is re-promised after the fact: it says what late means and when the
delay decision falls, and is a feature of nothing. Weight, freight and insurance are known after shipping, so neither.
Choices (groups, windows, weights) were made on decisions of 2012 and orders from 2012 to mid-2013.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from datetime import date, datetime
from math import inf, log1p, nan
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when the libraries load: on shared cores threads only wait

import numpy as np

from forecasting.leadtime.journeys import Journeys, Mask, Vector
from forecasting.leadtime.models import BoostedSettings, boosted_method, log_normal_method, table_method
from forecasting.leadtime.promotion import calibrated, champion, held, out_of_time, score
from forecasting.leadtime.risk import RiskSettings, auc, lateness
from forecasting.leadtime.running import Grouping

LABELS = {
    "vendor": "Vendor",
    "country": "Country",
    "mode": "Shipment Mode",
    "site": "Manufacturing Site",
    "molecule": "Molecule/Test Type",
    "project": "Project Code",
    "order": "PO / SO #",
    "quote": "PQ #",
    "terms": "Vendor INCO Term",
}
RISK_FROM = date(2014, 1, 1)
DAYS_AHEAD = 30
ORDERS_FROM, ORDERS_TO = date(2013, 1, 1), date(2015, 1, 1)
"""The last two whole years whose outcomes the file can hold: of later orders it has only those that came quickly."""
WARM_UP = date(2010, 7, 1)
PROMOTED = "promoted, spread as it was wrong before"
"""What the product says: the three ways it has, the choice and the spread made anew from the past alone."""
RISK = RiskSettings(
    lane=("vendor", "country"),
    groupings=(
        Grouping(("vendor",)),
        Grouping(("country",)),
        Grouping(("project",)),
        Grouping(("vendor", "country"), 0),
        Grouping(("vendor", "country"), 1),
        Grouping(("vendor", "mode", "country"), 3),
        Grouping(("order",)),
        Grouping(("quote",)),
        Grouping(("country", "mode"), 1),
        Grouping(("vendor", "mode"), 0),
    ),
    numbers=("quantity", "first", "air", "truck", "ocean", "unknown"),
)
LEAD = BoostedSettings(
    groupings=(
        Grouping(()),
        *(Grouping((name,)) for name in LABELS),
        Grouping(("vendor", "country"), 1),
        Grouping(("vendor", "mode"), 1),
        Grouping(("country", "mode"), 2),
        Grouping(("site", "country"), 2),
        Grouping(("vendor", "mode", "country"), 1),
    ),
    numbers=("quantity", "value", "first", "since_quote", "month", "air", "truck", "ocean", "unknown"),
)
TABLES: dict[str, list[tuple[str, ...]]] = {
    "all": [],
    "vendor": [("vendor",)],
    "country": [("country",)],
    "mode": [("mode",)],
    "country > vendor x country": [("country",), ("vendor", "country")],
    "vendor > vendor x country": [("vendor",), ("vendor", "country")],
    "vendor x mode > vendor x mode x country": [("vendor", "mode"), ("vendor", "mode", "country")],
}


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One line of the file, its dates read."""

    fields: dict[str, str]
    scheduled: date
    delivered: date
    recorded: date
    ordered: date | None
    quoted: date | None

    @property
    def known(self) -> float:
        return day(max(self.recorded, self.delivered))


class Unreadable(ValueError):
    """The file is not the delivery history that the harness reads."""


def day(at: date) -> float:
    """Days, as a float."""
    return float(at.toordinal())


def a_date(text: str) -> date | None:
    """A date where there is one; the file has words in its date columns."""
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%d").date()
    except ValueError:
        return None


def read(path: Path) -> list[Row]:
    """The lines that have a scheduled, a delivered and a recorded date. Raises Unreadable."""
    found = []
    with path.open(newline="", encoding="utf-8") as lines:
        for fields in csv.DictReader(lines):
            try:
                dates = [
                    a_date(fields[f"{n} Date"])
                    for n in ("Scheduled Delivery", "Delivered to Client", "Delivery Recorded")
                ]
                more = a_date(fields["PO Sent to Vendor Date"]), a_date(fields["PQ First Sent to Client Date"])
            except (KeyError, AttributeError) as missing:
                raise Unreadable(f"{path} has no column {missing}") from missing
            if all(dates):
                found.append(Row(fields, *dates, *more))  # type: ignore[arg-type]
    if not found:
        raise Unreadable(f"{path} has no line with all dates")
    return found


def journeys(rows: list[Row], start: list[float], duration: list[float]) -> Journeys:
    """The rows as columns; they must be in order of `start`."""
    modes = [row.fields["Shipment Mode"] for row in rows]
    numbers = {
        "quantity": [log1p(float(row.fields["Line Item Quantity"] or 0)) for row in rows],
        "value": [log1p(float(row.fields["Line Item Value"] or 0)) for row in rows],
        "first": [float(row.fields["First Line Designation"] == "Yes") for row in rows],
        "since_quote": [at - day(row.quoted) if row.quoted else nan for row, at in zip(rows, start, strict=True)],
        "month": [float(date.fromordinal(int(at)).month) for at in start],
        "air": [float(mode == "Air") for mode in modes],
        "truck": [float(mode == "Truck") for mode in modes],
        "ocean": [float(mode == "Ocean") for mode in modes],
        "unknown": [float(mode in ("", "N/A")) for mode in modes],
    }
    return Journeys(
        np.array(start),
        np.array([row.known for row in rows]),
        np.array(duration),
        {name: tuple(row.fields[column] for row in rows) for name, column in LABELS.items()},
        {name: np.array(values) for name, values in numbers.items()},
    )


def delay_risk(rows: list[Row]) -> dict[str, Any]:
    """AUC of each way on decisions from 2014 on; late = delivered after scheduled, decided 30 days before."""
    ordered = sorted(rows, key=lambda row: (row.scheduled, int(row.fields["ID"])))
    start = [day(row.scheduled) - DAYS_AHEAD for row in ordered]
    late = np.array([float(row.delivered > row.scheduled) for row in ordered])
    made = journeys(ordered, start, [max(row.known - at, 0.0) for row, at in zip(ordered, start, strict=True)])
    began = time.process_time()
    risks = lateness(made, late, RISK, since=day(RISK_FROM))
    judged = made.start >= day(RISK_FROM)
    return {
        "rows": int(judged.sum()),
        "late": float(late[judged].mean()),
        "auc": {
            "running vendor x country rate": auc(late[judged], risks.rate[judged]),
            "boosted": auc(late[judged], risks.boosted[judged]),
            "combined": auc(late[judged], risks.combined[judged]),
        },
        "brier": {
            name: float(((each[judged] - late[judged]) ** 2).mean())
            for name, each in (("running vendor x country rate", risks.rate), ("combined", risks.combined))
        },
        "seconds": time.process_time() - began,
    }


def lead_time(rows: list[Row]) -> dict[str, Any]:
    """Pinball (days, twice the loss over .1 to .9) and coverage of every table and model, order to delivered."""
    with_order = [row for row in rows if row.ordered is not None]
    clean = [row for row in with_order if row.ordered is not None and row.delivered > row.ordered]
    clean.sort(key=lambda row: (row.ordered, int(row.fields["ID"])))
    start = [day(row.ordered) for row in clean if row.ordered]
    made = journeys(clean, start, [day(row.delivered) - at for row, at in zip(clean, start, strict=True)])
    since = day(WARM_UP)
    began, given = time.process_time(), {}
    for name, chain in TABLES.items():
        given[f"table: {name}"] = out_of_time(made, table_method(made, chain), since=since, every=60)
    given["censored log-normal"] = out_of_time(
        made, log_normal_method(made, [("vendor", "country")]), since=since, every=90
    )
    given["boosted"] = out_of_time(made, boosted_method(made, LEAD), since=since, every=90)
    best_chain = "table: country > vendor x country"
    given["mean of boosted and table"] = np.exp((np.log(given["boosted"]) + np.log(given[best_chain])) / 2)
    for name in ("boosted", "mean of boosted and table", "censored log-normal", best_chain):
        given[f"{name}, conformal shift"] = calibrated(made, given[name], since=since)
    shifted = f"{best_chain}, conformal shift"
    challengers = ("mean of boosted and table, conformal shift", "censored log-normal, conformal shift")
    ways = {name: given[name] for name in (shifted, *challengers)}
    promoted, choices = champion(made, ways, baseline=shifted, since=since, every=90)
    given["promoted anew every 90 days"] = promoted
    told = np.asarray((given[shifted] != given[best_chain]).any(axis=1))
    given[PROMOTED] = held(made, promoted, told=told, since=since)
    judged = _between(made.start, ORDERS_FROM, ORDERS_TO)
    return {
        "rows": int(judged.sum()),
        "left_out": {
            "no order date": len(rows) - len(with_order),
            "delivered no later than ordered": len(with_order) - len(clean),
        },
        "promoted": choices,
        "scores": {name: _score(made, each, judged) for name, each in given.items()},
        "by_year": {
            str(year): {
                name: _score(made, given[name], _between(made.start, date(year, 1, 1), date(year + 1, 1, 1)))
                for name in (PROMOTED, "promoted anew every 90 days", "boosted, conformal shift", best_chain)
            }
            for year in (2011, 2012, 2013, 2014, 2015)
        },
        "seconds": time.process_time() - began,
    }


def _score(made: Journeys, quantiles: Vector, judged: Mask) -> dict[str, float] | None:
    found = score(made, quantiles, judged=judged)
    return None if found is None else asdict(found)


def _between(start: Vector, first: date, end: date) -> Mask:
    return np.asarray((start >= day(first)) & (start < day(end)))


def show(found: dict[str, Any]) -> None:
    """Both parts as tables."""
    risk, lead = found["delay_risk"], found["lead_time"]
    print(f"delay risk: {risk['rows']:,} decisions from {RISK_FROM}, {risk['late']:.1%} late")
    for name, value in risk["auc"].items():
        print(f"  {name:48} AUC {value:.4f}" + (f"  Brier {risk['brier'][name]:.4f}" if name in risk["brier"] else ""))
    print(
        f"order to delivered: {lead['rows']:,} orders from {ORDERS_FROM} to before {ORDERS_TO};"
        f" left out {lead['left_out']}"
    )
    for name, one in lead["scores"].items():
        print(f"  {name:58} pinball {one['pinball']:8.3f}  80 % {one['cover80']:.3f}  95 % {one['cover95']:.3f}")
    for year, names in lead["by_year"].items():
        for name, one in names.items():
            print(f"  {year} {name:53} pinball {one['pinball']:8.3f}  80 % {one['cover80']:.3f}  n {one['journeys']}")
    print(f"  promoted before each block: {', '.join(lead['promoted'])}")
    print(f"processor seconds: {risk['seconds']:.0f} and {lead['seconds']:.0f}")


def run(path: Path) -> dict[str, Any]:
    """All figures of the file. Raises Unreadable."""
    rows = read(path)
    return {"delay_risk": delay_risk(rows), "lead_time": lead_time(rows)}


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; 2 when the file is refused."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.arrivals", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--json", type=Path, help="write all figures here")
    given = parser.parse_args(arguments)
    try:
        found = run(given.file)
    except (Unreadable, OSError, UnicodeDecodeError) as refused:
        print(refused, file=sys.stderr)
        return 2
    show(found)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1, default=lambda value: None if value == inf else value) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
