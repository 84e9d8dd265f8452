"""A night of forecasts at scale: a synthetic verified history, a first night, and one on which a tenth has changed.

    python -m benchmarks.forecasting_scale [--series 3000] [--periods 104] [--json OUT]

Makes a log of its own in a folder that is thrown away. Each site tells once a week, in one signed event, what it got of
fifty products; the events are captured like any others, as attested history. Then it measures, by processor time of one
process: the verification and taking in of the whole log, a choice, a night that computes every series, and one before
which one site in ten has told something new. What it prints for 100,000 series is that scaled by the number of series,
and it says which part is which; workers are simulated from the shards' own times.
"""

from __future__ import annotations

import argparse
import json
import math
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
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wl-") as folder:
        environment = {**os.environ, "WAYLOG_DATA": folder, "WAYLOG_DEMO": "0", "WAYLOG_NO_VENV": "1"}
        call = f"from benchmarks import forecasting_scale; forecasting_scale.inside({asked.series}, {asked.periods})"
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


def inside(series: int, periods: int) -> None:
    """Everything, where Django is set up; prints one line of JSON."""
    from forecasting import jobs, observing, operations
    from ledger import tenancy

    jobs.ring = lambda job_id: None  # type: ignore[assignment]  # no worker is asked: every job is done here
    sites = max(1, series // PRODUCTS)
    start = time.perf_counter()
    party = history(sites, periods)
    filled = time.perf_counter() - start
    with tenancy.system():
        verify_and_take_in, entries = timed(observing.advance)
        chosen, _ = timed(lambda: choose(END))
        first = night(END)
        tell(party, range(math.ceil(sites * CHANGED)), END + timedelta(hours=2), seed=99)
        second = night(END + timedelta(days=1))
        reproduced = operations.reproduce(second.pop("run"))
        first.pop("run")
    measured = {
        "series": sites * PRODUCTS,
        "periods": periods,
        "entries": entries.tree_size,
        "fill_seconds": round(filled, 1),
        "verify_and_take_in_cpu_seconds": verify_and_take_in,
        "choice_cpu_seconds": chosen,
        "first_night": first,
        "second_night": second,
        "second_night_reproduced": reproduced.holds,
        "largest_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    print(json.dumps({**measured, "at_100,000": extrapolated(measured)}))


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


# --- the nights ------------------------------------------------------------------------------------------------------


def timed(work: Any) -> tuple[float, Any]:
    """Processor seconds of this process, and what the work answered."""
    start = time.process_time()
    found = work()
    return round(time.process_time() - start, 2), found


def choose(now: datetime) -> None:
    """A choice as of `now`."""
    from forecasting import jobs, operations
    from forecasting.runs import RunSettings

    job = operations.request_choice(cause=uuid4().hex, settings=RunSettings(cutoff=now, choosing=500), now=now)
    done = jobs.perform(job.id, clock=lambda: now)
    assert done is not None and done.status == "done", done and done.error


def night(now: datetime) -> dict[str, Any]:
    """One night, job by job."""
    from forecasting import jobs, operations
    from forecasting.models import ForecastRun, Job

    asked = operations.request_nightly_forecast(now=now)
    assert asked is not None
    plan, done = timed(lambda: jobs.perform(asked.id, clock=lambda: now))
    assert done is not None and done.result is not None, done and done.error
    run = UUID(hex=done.result["run"])
    shards = []
    for pk in Job.objects.filter(kind="forecast-shard", args__run=run.hex).values_list("pk", flat=True):
        took, one = timed(lambda pk=pk: jobs.perform(pk, clock=lambda: now))  # type: ignore[misc]
        assert one.status == "done", one.error
        shards.append((took, one.result["series"]))
    sign, signed = timed(lambda: operations.drive(run, clock=lambda: now, heart=lambda claimed: nullcontext()))
    found = ForecastRun.objects.get(pk=run)
    each = sum(took for took, _ in shards) / max(1, sum(count for _, count in shards))
    return {
        "run": signed,
        "computed": sum(count for _, count in shards),
        "carried": found.carried_count,
        "plan_cpu_seconds": plan,
        "shards": len(shards),
        "shard_cpu_seconds_a_series": round(each, 5),
        "sign_cpu_seconds": sign,
    }


# --- at 100,000 series -----------------------------------------------------------------------------------------------


def extrapolated(measured: dict[str, Any]) -> dict[str, Any]:
    """What two workers would need for 100,000 series, part by part, and how it grows with workers."""
    factor = TARGET / measured["series"]
    parts = {}
    for name, share in (("second_night", CHANGED), ("first_night", 1.0)):
        one = measured[name]
        plan, sign = one["plan_cpu_seconds"] * factor, one["sign_cpu_seconds"] * factor
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
