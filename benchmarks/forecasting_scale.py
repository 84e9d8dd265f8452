"""A night of forecasts at scale: a synthetic verified history, a first night, and one on which a tenth has changed.

    python -m benchmarks.forecasting_scale [--series 3000] [--periods 104] [--told N] [--workers 2] [--week]

Makes a log of its own in a folder that is thrown away. Each site tells once a week, in one signed event, what it got of
fifty products; the events are captured like any others, as attested history. With `--told N` only the last N weeks are
told so, and the weeks before them are put into the kept observations by SQL: at 100,000 series they would be 208,000
signed events. Then it measures: the verification and taking in of what was told, a choice, a night that computes every
series, and one before which one site in ten has told something new. Shards are claimed and done by `--workers`
processes as a Celery worker does them at each ring of the doorbell; wall and processor time of each part are told
apart, for on a shared machine only the second is the work's own. What is printed for 100,000 series is measured where
there are as many, and else scaled by the number of series; more workers are simulated from the shards' own times.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

ROOT = Path(__file__).parent.parent
PRODUCTS = 50
TARGET = 100_000
CHANGED = 0.1
BATCH = 200
END = datetime(2026, 3, 2, 3, tzinfo=UTC)  # a Monday: a week has just ended for everybody


def main() -> None:
    """Measure in a folder of its own, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=3_000)
    parser.add_argument("--periods", type=int, default=104)
    parser.add_argument("--told", type=int, help="weeks that are told by signed events (default: all)")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--week", action="store_true", help="also the night after a week, which scores what came")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wl-") as folder:
        environment = {**os.environ, "WAYLOG_DATA": folder, "WAYLOG_DEMO": "0", "WAYLOG_NO_VENV": "1"}
        told = min(asked.told or asked.periods, asked.periods)
        given = f"{asked.series}, {asked.periods}, told_weeks={told}, workers={asked.workers}, week={asked.week}"
        call = f"from benchmarks import forecasting_scale; forecasting_scale.inside({given})"
        manage = [sys.executable, str(ROOT / "manage.py")]
        subprocess.run([*manage, "migrate", "-v", "0"], env=environment, check=True)
        done = subprocess.run(
            [*manage, "shell", "--no-imports", "-c", call],
            env=environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    found = json.loads(done.stdout.splitlines()[-1])
    print(json.dumps(found, indent=1))
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n")


def inside(series: int, periods: int, *, told_weeks: int, workers: int, week: bool) -> None:
    """Everything, where Django is set up; prints one line of JSON."""
    from forecasting import jobs, observing, operations
    from ledger import tenancy

    jobs.ring = lambda job_id, kind: None  # type: ignore[assignment]  # no worker is asked: every job is done here
    sites = max(1, series // PRODUCTS)
    start = time.perf_counter()
    party = history(sites, told_weeks)
    filled = time.perf_counter() - start
    with tenancy.system():
        verify_and_take_in, entries = timed(observing.advance)
        start = time.perf_counter()
        put = older(party.id, sites, told_weeks, periods) if told_weeks < periods else 0
        filled += time.perf_counter() - start
        say(f"filled in {filled:.0f} s; what was told is taken in with {verify_and_take_in} s of processor time")
        choice = choose(END)
    say(f"chosen: {choice}")
    first = night(END, workers)
    say(f"first night: {first}")
    tell(party, range(math.ceil(sites * CHANGED)), END + timedelta(hours=2), seed=99)
    second = night(END + timedelta(days=1), workers)
    say(f"second night: {second}")
    run = second.pop("run")
    first.pop("run")
    third = a_week_later(party, sites, workers) if week else None
    with tenancy.system():
        # What was put in by SQL is not in the log, and reproducing reads the log.
        reproduced = operations.reproduce(run).holds if told_weeks == periods else None
    measured = {
        "series": sites * PRODUCTS,
        "periods": periods,
        "told_weeks": told_weeks,
        "observations_by_sql": put,
        "entries": entries.tree_size,
        "fill_seconds": round(filled, 1),
        "verify_and_take_in_cpu_seconds": verify_and_take_in,
        "choice": choice,
        "first_night": first,
        "second_night": second,
        "night_after_a_week": third,
        "second_night_reproduced": reproduced,
        "largest_rss_mb": largest_rss(),
    }
    print(json.dumps({**measured, "at_100,000": extrapolated(measured)}))


def a_week_later(party: Any, sites: int, workers: int) -> dict[str, Any]:
    """The night after everybody has told of another week: every series anew, and what came of the last forecasts."""
    from forecasting.models import Outcome
    from ledger import tenancy

    tell(party, range(sites), END + timedelta(hours=20), seed=100)
    found = night(END + timedelta(days=7), workers)
    found.pop("run")
    with tenancy.system():
        found["outcomes"] = Outcome.objects.count()
    say(f"night after a week: {found}")
    return found


def say(line: str) -> None:
    """Tell how far it is, beside the result."""
    print(time.strftime("%H:%M:%S"), line, file=sys.stderr, flush=True)


def largest_rss() -> int:
    """The most memory that this process ever had, in MB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


# --- the history -----------------------------------------------------------------------------------------------------


def history(sites: int, periods: int) -> Any:
    """A log with one party whose sites tell every week; the party."""
    from supplychain.operations.setup import set_up_log

    party = set_up_log(host="scale.example", operator_name="Scale", now=END)
    for week in range(periods, 0, -1):
        tell(party, range(sites), END - timedelta(days=7 * week, hours=-12), seed=week)
    return party


def tell(party: Any, sites: Any, at: datetime, *, seed: int) -> None:
    """One signed event of each of these sites: what it got of each product."""
    from ledger import queries as log
    from ledger.admission import Appended
    from supplychain.operations import EventSigner, capture, held_key

    signer, key = EventSigner(log.origin()), held_key(party.id)
    events = list(told(sites, at, seed))
    for first in range(0, len(events), BATCH):
        items = [signer.sign(event, signing_key=key).item for event in events[first : first + BATCH]]
        outcomes = capture(items, party=party.id, now=END + timedelta(seconds=first))
        assert all(isinstance(one, Appended) for one in outcomes), outcomes[:1]


def told(sites: Any, at: datetime, seed: int) -> Iterator[dict[str, Any]]:
    """Weekly receipts: a level a series, a season of the year, noise; one product in five is sold now and then."""
    import numpy as np

    from supplychain.epcis import builders
    from supplychain.epcis.events import Quantity

    year = 1 + 0.3 * math.sin(2 * math.pi * at.timetuple().tm_yday / 365)
    for site in sites:
        dice = np.random.default_rng([seed, site])
        levels = np.random.default_rng([7, site]).uniform(5, 60, PRODUCTS)
        amounts = dice.poisson(levels * year)
        amounts[::5] *= dice.random(amounts[::5].size) < 0.3
        lines = [
            Quantity(f"https://scale.example/products/{product}", int(amount))
            for product, amount in enumerate(amounts.tolist())
            if amount
        ]
        yield receipt(builders, f"https://scale.example/sites/{site}", lines, at)


def receipt(builders: Any, site: str, lines: Any, at: datetime) -> dict[str, Any]:
    """An observation of goods that were received, told after the fact."""
    return {
        "type": "ObjectEvent",
        "eventID": f"urn:uuid:{uuid4()}",
        "eventTime": builders.format_time(at),
        "eventTimeZoneOffset": "+00:00",
        "action": "OBSERVE",
        "bizStep": "receiving",
        "bizLocation": {"id": site},
        "quantityList": [{"epcClass": line.epc_class, "quantity": line.quantity} for line in lines],
        "waylog:knownAt": builders.format_time(at + timedelta(hours=1)),
    }


_SERIES = """
    INSERT INTO forecasting_observedseries (kind, product, site, unit, tenant, first_known_at, first_at, last_index)
    SELECT 'receipts', 'https://scale.example/products/' || product, 'https://scale.example/sites/' || site, '',
           %(party)s, %(end)s, %(end)s, 0
    FROM generate_series(0, %(sites)s - 1) site, generate_series(0, %(products)s - 1) product
    ON CONFLICT DO NOTHING
"""
_OLDER = """
    INSERT INTO forecasting_observed (series_id, index, at, known_at, quantity, attested, origin)
    SELECT id, 0, at, at + interval '1 hour', quantity, true, ''
    FROM (
        SELECT s.id, t.at,
               round(greatest(0, m.mean + sqrt(m.mean) * random_normal()))
               * (right(s.product, 1) NOT IN ('0', '5') OR random() < 0.3)::int AS quantity
        FROM forecasting_observedseries s,
             LATERAL (SELECT %(end)s - w * interval '7 days' + interval '12 hours' AS at
                      FROM generate_series(%(told)s + 1, %(periods)s) w) t,
             LATERAL (SELECT (5 + abs(hashtext(s.site || s.product)) %% 55)
                             * (1 + 0.3 * sin(2 * pi() * extract(doy FROM t.at) / 365)) AS mean) m
        ORDER BY s.id, t.at
    ) drawn WHERE quantity > 0
"""
_FIRST = "UPDATE forecasting_observedseries SET first_at = %(first)s, first_known_at = %(first)s + interval '1 hour'"


def older(party: UUID, sites: int, told_weeks: int, periods: int) -> int:
    """Put the weeks before the told ones into the kept observations, by SQL; how many."""
    from django.db import connection

    first = END - timedelta(days=7 * periods, hours=-12)
    given = {
        "party": party, "sites": sites, "products": PRODUCTS, "told": told_weeks, "periods": periods, "end": END,
        "first": first,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SELECT setseed(0.5)")
        cursor.execute(_SERIES, given)
        cursor.execute(_OLDER, given)
        put = cursor.rowcount
        cursor.execute(_FIRST, given)
        cursor.execute("ANALYZE forecasting_observed")
    return int(put)


# --- the nights ------------------------------------------------------------------------------------------------------


def timed(work: Any) -> tuple[float, Any]:
    """Processor seconds of this process, and what the work answered."""
    start = time.process_time()
    found = work()
    return round(time.process_time() - start, 2), found


def clocked(work: Any) -> tuple[dict[str, float], Any]:
    """Processor seconds of this process and wall seconds, and what the work answered."""
    start = time.perf_counter()
    cpu, found = timed(work)
    return {"cpu_seconds": cpu, "wall_seconds": round(time.perf_counter() - start, 2)}, found


def choose(now: datetime) -> dict[str, Any]:
    """A choice as of `now`, as the weekly one makes it once the log is read again: its time, and what it reached."""
    from django.db import transaction

    from forecasting.operations.choosing import Making
    from forecasting.runs import RunSettings

    def made() -> Any:
        making = Making(RunSettings(cutoff=now), now)
        making.choose(lambda: now)
        with transaction.atomic():
            return making.sign(now)

    took, run = clocked(made)
    return {**took, "reached": run.chosen.reached, "not_reached": run.chosen.not_reached}


def night(now: datetime, workers: int) -> dict[str, Any]:
    """One night: the plan here, the shards on so many processes, the signature here."""
    from forecasting import jobs, operations
    from forecasting.models import ForecastRun, Job
    from ledger import tenancy

    with tenancy.system():
        asked = operations.request_nightly_forecast(now=now)
        assert asked is not None
        plan, done = clocked(lambda: jobs.perform(asked.id, clock=lambda: now))
        assert done is not None and done.result is not None, done and done.error
        run = UUID(hex=done.result["run"])
        ids = list(Job.objects.filter(kind="forecast-shard", args__run=run.hex).values_list("pk", flat=True))
    start = time.perf_counter()
    told = on_processes(ids, now, workers)
    shards_wall = time.perf_counter() - start
    with tenancy.system():
        sign, signed = clocked(lambda: operations.drive(run, clock=lambda: now, heart=lambda claimed: nullcontext()))
        found = ForecastRun.objects.get(pk=run)
    computed, cpu = sum(one["series"] for one in told), sum(one["cpu_seconds"] for one in told)
    return {
        "run": signed,
        "computed": computed,
        "carried": found.carried_count,
        "forecast": found.forecast_count,
        "plan": plan,
        "shards": len(ids),
        "shards_cpu_seconds": round(cpu, 1),
        "shards_wall_seconds": round(shards_wall, 1),
        "shard_cpu_seconds_a_series": round(cpu / max(1, computed), 5),
        "worker_rss_mb": [one["rss_mb"] for one in told],
        "sign": sign,
    }


def on_processes(ids: list[UUID], now: datetime, workers: int) -> list[dict[str, Any]]:
    """Do these jobs in worker processes, each claiming what is free; what each did."""
    from django.db import connections

    connections.close_all()  # each process opens its own
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    processes = [context.Process(target=work_off, args=(ids, now, answers)) for _ in range(workers)]
    for one in processes:
        one.start()
    told = [answers.get() for _ in processes]
    for one in processes:
        one.join()
    return told


def work_off(ids: list[UUID], now: datetime, answers: Any) -> None:
    """Claim and do what is free of these jobs."""
    from forecasting import jobs
    from ledger import tenancy

    series, start = 0, time.process_time()
    with tenancy.system():
        for pk in ids:
            done = jobs.perform(pk, clock=lambda: now)
            if done is not None:
                assert done.status == "done" and done.result is not None, done.error
                series += done.result["series"]
    answers.put({"series": series, "cpu_seconds": time.process_time() - start, "rss_mb": largest_rss()})


# --- at 100,000 series -----------------------------------------------------------------------------------------------


def extrapolated(measured: dict[str, Any]) -> dict[str, Any]:
    """What two workers would need for 100,000 series, part by part, and how it grows with workers."""
    factor = TARGET / measured["series"]
    parts = {}
    for name, share in (("second_night", CHANGED), ("first_night", 1.0)):
        one = measured[name]
        plan, sign = one["plan"]["cpu_seconds"] * factor, one["sign"]["cpu_seconds"] * factor
        work = TARGET * share * one["shard_cpu_seconds_a_series"]
        parts["a tenth changed" if share < 1 else "all computed"] = {
            "plan_seconds_one_process": round(plan),
            "shards_cpu_seconds": round(work),
            "sign_seconds_one_process": round(sign),
            "wall_seconds": {str(n): round(simulated(plan, work, sign, share, n)) for n in (1, 2, 4, 8, 16, 32)},
            "next_bottleneck": "the plan, which verifies the log in one process" if plan > work / 8 else "the shards",
        }
    return parts


def simulated(plan: float, work: float, sign: float, share: float, workers: int) -> float:
    """The wall time: the plan, then shards of 500 on that many workers as each comes free, then the signature."""
    shards = max(1, math.ceil(TARGET * share / 500))
    free = [0.0] * workers
    for _ in range(shards):
        at = free.index(min(free))
        free[at] += work / shards
    return plan + max(free) + sign


if __name__ == "__main__":
    main()
