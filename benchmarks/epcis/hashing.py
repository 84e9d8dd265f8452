"""Event hash ids a second on one core: `python -m benchmarks.epcis.hashing [--events N]`.

Beside them stand the floor, SHA-256 of each event's bytes as they came, and parsing, which hashing needs before.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.epcis import material
from supplychain.epcis.event_hash import event_digest
from supplychain.epcis.parsing import parse_body

COUNT = 20_000


def measure(*, count: int = COUNT) -> dict[str, Any]:
    """Events a second, with one EPC each and with five."""
    found: dict[str, Any] = {"events": count}
    for name, epcs in (("one_item", 1), ("five_items", 5)):
        listed = material.events(count, serials_from=1, epcs=epcs)
        bodies = [json.dumps({"@context": material.CONTEXT, "event": each}).encode() for each in listed]
        parsed = [parse_body(body) for body in bodies]
        found |= {
            f"{name}_hashes_per_second": _rate(event_digest, parsed),
            f"{name}_parsed_per_second": _rate(parse_body, bodies),
            f"{name}_bare_sha256_per_second": _rate(hashlib.sha256, bodies),
        }
    return found


def _rate(call: Callable[[Any], Any], values: Iterable[Any]) -> int:
    listed = list(values)
    start = time.process_time()
    for each in listed:
        call(each)
    return round(len(listed) / (time.process_time() - start))


def main() -> None:
    """Measure, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=COUNT)
    print(json.dumps(measure(count=parser.parse_args().events), indent=1))


if __name__ == "__main__":
    main()
