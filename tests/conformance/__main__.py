"""`python -m tests.conformance URL --token TOKEN`: examine a server and print a table; exit 1 when a check fails."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.conformance import discovery, documents, events, parameters, resources, subscriptions
from tests.conformance.server import Server
from tests.conformance.suite import Verdict, run

PARTS = (discovery, documents, events, parameters, resources, subscriptions)
"""In this order; each registers its checks."""


def main(argv: list[str] | None = None) -> int:
    """Run the checks; 0 when none fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("url", help="the base of the bindings, such as https://epcis.example/epcis")
    parser.add_argument("--token", default="", help="a bearer token that may capture and query")
    parser.add_argument("--only", default="", metavar="ID", help="only checks whose id begins so, such as query")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the verdicts there too")
    options = parser.parse_args(argv)
    verdicts = run(Server(options.url, options.token), only=options.only, heard=lambda each: print(line(each)))
    counts = {word: sum(each.outcome == word for each in verdicts) for word in ("pass", "fail", "left out")}
    print(f"\n{len(verdicts)} checks: " + ", ".join(f"{count} {word}" for word, count in counts.items()))
    if options.json:
        rows = [
            {"id": v.check.id, "clause": v.check.clause, "title": v.check.title, "outcome": v.outcome, "why": v.why}
            for v in verdicts
        ]
        options.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    return 1 if counts["fail"] else 0


def line(verdict: Verdict) -> str:
    """A row of the table."""
    each = verdict.check
    why = f"\n{'':11}{verdict.why}" if verdict.why else ""
    return f"{verdict.outcome:9}  {each.id:32} {each.clause:12} {each.title}{why}"


if __name__ == "__main__":
    sys.exit(main())
