"""Print an access token for the first API client of the demo: `token.py DEMO_JSON`."""

import json
import sys
import urllib.parse
import urllib.request
from pathlib import Path


def main(path: str) -> None:
    demo = json.loads(Path(path).read_text())
    client = demo["api_clients"][0]
    form = {
        "grant_type": "client_credentials",
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
    }
    request = urllib.request.Request(f"{demo['url']}/oauth/token/", data=urllib.parse.urlencode(form).encode())
    with urllib.request.urlopen(request) as answer:
        sys.stdout.write(json.load(answer)["access_token"] + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
