"""Print the demo's first API client as shell variables: `eval "$(python demo_client.py .waylog/demo.json)"`."""

import json
import shlex
import sys
from pathlib import Path


def main(path: str) -> None:
    demo = json.loads(Path(path).read_text())
    client = demo["api_clients"][0]
    values = {
        "WAYLOG_URL": demo["url"],
        "CLIENT_ID": client["client_id"],
        "CLIENT_SECRET": client["client_secret"],
        "SIGNING_KEY": client["signing_key"],
    }
    for name, value in values.items():
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")


if __name__ == "__main__":
    main(sys.argv[1])
