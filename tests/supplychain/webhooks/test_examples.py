"""The receivers of docs/api.md, run as they stand."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.test import Client

from supplychain.services.valkey import free_port
from tests.conftest import ROOT
from tests.supplychain.webhooks.conftest import TOKEN

EXAMPLES = ROOT / "docs" / "examples"


@pytest.fixture
def keys(world):
    """What GET /epcis/webhook-keys answers."""
    return Client(headers={"host": "localhost"}).get("/epcis/webhook-keys").content


@pytest.fixture
def keys_address(keys):
    class Keys(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(keys)))
            self.end_headers()
            self.wfile.write(keys)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Keys)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


def test_the_receiver_takes_what_is_signed_and_nothing_else(desk, keys_address, settings):
    desk.world.now = datetime.now(UTC)
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    command = [sys.executable, EXAMPLES / "receive.py", str(port), f"{origin}/hook", keys_address, TOKEN.decode()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            row = desk.subscribe(dest=f"{origin}/hook")
            ids = desk.happen(3)
            _wait(port)
            after = desk.work(row, allow=[origin])
            assert after.failures == 0 and after.position > row.position, desk.log(row)[-1].said
            assert [process.stdout.readline().split()[0] for _ in ids] == ids
            forged = urllib.request.Request(
                f"{origin}/hook", data=b"{}", headers={"GS1-Signature": 't=1, keyid="x", ed25519=:AAAA:'}
            )
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(forged, timeout=5)
            assert refused.value.code == 401
        finally:
            process.kill()


def _wait(port):
    for _ in range(400):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    pytest.fail("the receiver does not listen")


def test_openssl_says_the_same(desk, keys, tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    row = desk.subscribe()
    desk.happen(2)
    desk.work(row)
    [request] = desk.receiver.got
    body, known = tmp_path / "body.json", tmp_path / "keys.json"
    body.write_bytes(request.body)
    known.write_bytes(keys)

    def check(dest=row.dest):
        command = ["sh", EXAMPLES / "verify_webhook.sh", request.headers["GS1-Signature"], dest, body, known]
        return subprocess.run(command, capture_output=True, text=True)

    good = check()
    assert good.returncode == 0, good.stderr
    assert check("https://other.example/hook").returncode != 0
    body.write_bytes(request.body + b" ")
    assert check().returncode != 0
