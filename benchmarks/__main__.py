"""`python -m benchmarks [NAME ...]`: run the figures and write benchmarks/results.json with machine and commit.

Without a name all are run but `scale` and `queries`, which need a million events. Figures that are not run stay as they
were, each with the commit, time and load that it was measured at.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import capture, epcis, forecasts, imports, scale, submit, verify
from benchmarks.epcis import querying
from benchmarks.server import ROOT, running

RESULTS = Path(__file__).parent / "results.json"
NAMES = ("start", "capture", "submit", "epcis", "import", "verify", "forecasts", "scale", "queries")
ON_REQUEST = ("scale", "queries")


def machine() -> dict[str, Any]:
    """What it ran on."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    return {"cpu": model, "cores": os.cpu_count(), "python": platform.python_version()}


def circumstances() -> dict[str, Any]:
    """Which code is measured, when, and how busy the machine was before."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    changed = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=False)
    return {
        "commit": commit.stdout.strip() + ("+changes" if changed.stdout.strip() else ""),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "load_before": [round(value, 2) for value in os.getloadavg()],
    }


def main(wanted: list[str]) -> None:
    """Run what is wanted; write after each figure, so that what was measured is kept if a later one fails."""
    names = wanted or [name for name in NAMES if name not in ON_REQUEST]
    if unknown := set(names) - set(NAMES):
        sys.exit(f"no such figure: {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    if set(names) - {"forecasts"}:
        with running() as server:
            figures: dict[str, Callable[[], dict[str, Any]]] = {
                "start": lambda: {"first_start_with_demo_seconds": round(server.ready_seconds, 1)},
                "capture": lambda: capture.measure(server),
                "submit": lambda: submit.measure(server),
                "epcis": lambda: epcis.measure(server),
                "import": lambda: imports.measure(server),
                "verify": lambda: verify.measure(server),
                "scale": lambda: scale.measure(server),
                "queries": lambda: querying.measure(server),  # the last: no log stands behind what it fills in
            }
            for name, figure in figures.items():
                if name in names:
                    _keep(name, figure)
    if "forecasts" in names:
        _keep("forecasts", forecasts.measure)


def _keep(name: str, figure: Callable[[], dict[str, Any]]) -> None:
    measured = circumstances()
    found = figure()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results |= {"machine": machine(), name: {**found, "measured": measured}}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print(name, json.dumps(found), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
