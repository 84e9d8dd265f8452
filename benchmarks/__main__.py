"""`python -m benchmarks [NAME ...]`: run the figures and write benchmarks/results.json with machine and commit."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import capture, epcis, forecasts, imports, verify
from benchmarks.server import ROOT, running

RESULTS = Path(__file__).parent / "results.json"
NAMES = ("start", "capture", "epcis", "import", "verify", "forecasts")


def machine() -> dict[str, Any]:
    """What it ran on, and which code."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    changed = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=False)
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    return {
        "commit": commit.stdout.strip() + ("+changes" if changed.stdout.strip() else ""),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": model,
        "cores": os.cpu_count(),
        "load_before": [round(value, 2) for value in os.getloadavg()],
        "python": platform.python_version(),
    }


def main(wanted: list[str]) -> None:
    """Run what is wanted (all by default); keep the other figures of the last results."""
    names = wanted or list(NAMES)
    if unknown := set(names) - set(NAMES):
        sys.exit(f"no such figure: {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results["machine"] = machine()
    if set(names) - {"forecasts"}:
        with running() as server:
            figures = {
                "start": lambda: {"first_start_with_demo_seconds": round(server.ready_seconds, 1)},
                "capture": lambda: capture.measure(server),
                "epcis": lambda: epcis.measure(server),
                "import": lambda: imports.measure(server),
                "verify": lambda: verify.measure(server),
            }
            for name, figure in figures.items():
                if name in names:
                    results[name] = figure()
                    print(name, json.dumps(results[name]), flush=True)
    if "forecasts" in names:
        results["forecasts"] = forecasts.measure()
        print("forecasts", json.dumps(results["forecasts"]), flush=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
