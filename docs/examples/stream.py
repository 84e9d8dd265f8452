"""Follow a query as a stream, and go on where it stopped: Python, with `websockets` and nothing else.

TOKEN=... python stream.py wss://waylog.example/epcis/queries/shipped/events [lastIndex]
"""

import json
import os
import sys
import time

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect


def follow(address: str, token: str, last_index: str = "") -> None:
    """Print each event, for ever; after a break, go on behind the last one that was printed."""
    while True:
        place = f"{address}?lastIndex={last_index}" if last_index else address
        try:
            with connect(place, additional_headers={"Authorization": f"Bearer {token}"}) as stream:
                last_index = stream.response.headers["Waylog-Last-Index"]
                for text in stream:
                    document = json.loads(text)
                    for event in document["epcisBody"]["queryResults"]["resultsBody"]["eventList"]:
                        print(event["eventID"], event.get("bizStep", ""), flush=True)
                    last_index = document["waylog:lastIndex"]
        except InvalidStatus as refused:
            sys.exit(refused.response.body.decode())
        except (ConnectionClosed, OSError) as lost:
            print(f"again in 5 seconds: {lost}", file=sys.stderr)
            time.sleep(5)


if __name__ == "__main__":
    follow(sys.argv[1], os.environ["TOKEN"], *sys.argv[2:])
