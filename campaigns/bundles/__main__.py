"""The long form, in Chromium: see `campaigns.bundles`."""

import http.server
import os
import shutil
import sys
import threading
from pathlib import Path

from campaigns.bundles.case import JUDGE, MODULE, differences
from campaigns.bundles.generating import generate

STATIC = Path(__file__).resolve().parents[2] / "supplychain" / "static"
BATCH = 250


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *arguments: object, **more: object) -> None:
        super().__init__(*arguments, directory=str(STATIC), **more)  # type: ignore[misc,arg-type]

    def log_message(self, *_arguments: object) -> None:
        """Say nothing of each request."""


def main(count: int) -> int:
    """Run `count` cases in Chromium; say where verdicts differ."""
    from playwright.sync_api import sync_playwright

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found, verdicts = [], {"verified": 0, "consistent": 0, "not valid": 0}
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        path = os.environ.get("WAYLOG_CHROMIUM") or shutil.which("chromium")
        page = playwright.chromium.launch(executable_path=path, args=sandbox).new_page()
        page.goto(f"http://localhost:{server.server_port}/img/icon.svg")
        for first in range(0, count, BATCH):
            cases = list(generate(min(BATCH, count - first), seed=first))
            said = page.evaluate(JUDGE, {"module": f"/{MODULE}", "cases": [case.value() for case in cases]})
            found += differences(cases, said)
            for text in said:
                verdicts[next((word for word in verdicts if text.startswith(word)), "not valid")] += 1
    for each in found[:20]:
        print(each, end="\n\n")
    print(f"{count} cases: {verdicts}, {len(found)} differ")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
