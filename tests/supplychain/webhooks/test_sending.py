"""One request to one checked address, and a canary on the loopback address that nothing may reach."""

import re
import socket
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest

from supplychain.operations.subscriptions import sending
from tests.receiver import listening
from tests.supplychain.webhooks.test_addresses import _NOT_PUBLIC, TRICKS

HEADERS = {"Content-Type": "application/json"}


def post(url, **more):
    return sending.post(url, b"{}", headers=lambda: HEADERS, **more)


@pytest.fixture
def receiver():
    with listening() as made:
        yield made


@contextmanager
def canary():
    """Counts every connection to the loopback addresses, on one port."""
    hits = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        stop = threading.Event()

        def accept():
            while not stop.is_set():
                try:
                    taken, where = server.accept()
                except TimeoutError:
                    continue
                hits.append(where)
                taken.close()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1], hits
        finally:
            stop.set()
            thread.join()


def test_a_canary_on_the_loopback_sees_no_trick():
    """Spelled-out addresses, names that lead inside, names that change their mind: nothing connects."""
    with canary() as (port, hits):
        for trick in TRICKS:
            assert post(trick.replace(":8443", f":{port}"), resolve=lambda host, port: ["127.0.0.1"]).status == 0
        for host in (
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "017700000001",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "localhost",
            "localhost.",
            "127.0.0.1.",
            "0.0.0.0",
            "0",
            "[::]",
            "①②⑦.0.0.1",
        ):
            for scheme in ("http", "https"):
                assert post(f"{scheme}://{host}:{port}/").status == 0
        for address in _NOT_PUBLIC.split():
            assert post(f"https://partner.example:{port}/", resolve=lambda host, p, a=address: [a]).status == 0
            mixed = ["93.184.215.14", address]
            assert post(f"https://partner.example:{port}/", resolve=lambda host, p, a=mixed: a).status == 0
        assert hits == []


def test_a_name_that_changes_its_mind_is_asked_once(monkeypatch):
    """DNS rebinding: the first answer is public, the next would be ours. The connection goes to the first."""
    asked, connected = [], []

    def resolve(host, port):
        asked.append(host)
        return ["93.184.215.14"] if len(asked) == 1 else ["127.0.0.1"]

    class Stub(socket.socket):
        def connect(self, address):
            connected.append(address)
            raise ConnectionRefusedError

    monkeypatch.setattr(sending.socket, "socket", Stub)
    monkeypatch.setattr(sending.socket, "getaddrinfo", lambda *_, **__: pytest.fail("the name was looked up again"))
    answer = post("https://partner.example/", resolve=resolve)
    assert (answer.status, answer.said) == (0, "The connection was refused.")
    assert asked == ["partner.example"]
    assert connected == [("93.184.215.14", 443)]


def test_no_redirect_is_followed():
    with listening() as first, listening() as second:
        first.answers = [(status, {"Location": second.url}, b"") for status in (301, 302, 303, 307, 308)]
        for status in (301, 302, 303, 307, 308):
            assert post(first.url, allow=[first.origin, second.origin]).status == status
        assert len(first.got) == 5
        assert second.got == []


def test_what_is_allowed_is_reached_by_its_name(receiver):
    allow = [f"http://partner.test:{receiver.port}"]
    answer = post(
        f"http://partner.test:{receiver.port}/hook?x=1", allow=allow, resolve=lambda host, port: ["127.0.0.1"]
    )
    assert answer.status == 204
    [request] = receiver.got
    assert request.path == "/hook?x=1"
    assert request.headers["Host"] == f"partner.test:{receiver.port}"


def test_proxies_of_the_environment_are_not_asked(receiver, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert post(receiver.url, allow=[receiver.origin]).status == 204


def test_what_a_receiver_says_is_shown_short_and_clean(receiver):
    receiver.answers = [(500, {}, b"\x00\x1b[31mno\r\n" + b"x" * 100_000)]
    answer = post(receiver.url, allow=[receiver.origin])
    assert answer.said.startswith("[31mno")
    assert len(answer.said) <= 500 and answer.said.isprintable()


def test_nothing_is_sent_when_the_turn_is_lost(receiver):
    class Lost(Exception):
        pass

    def before():
        raise Lost

    with pytest.raises(Lost):
        post(receiver.url, allow=[receiver.origin], before=before)
    assert receiver.got == []


@contextmanager
def raw(answer):
    """A server that reads what comes and then does what `answer` says with the connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            try:
                taken, _ = server.accept()
                with taken:
                    taken.recv(65536)
                    answer(taken)
            except OSError:
                return

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def drip(taken):
    taken.sendall(b"HTTP/1.1 200 OK\r\n")
    for _ in range(200):
        taken.sendall(b"X-Drip: 1\r\n")
        time.sleep(0.02)


def drip_body(taken):
    taken.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(200):
        taken.sendall(b"x")
        time.sleep(0.02)


@pytest.mark.parametrize("slow", [drip, drip_body, lambda taken: time.sleep(5)])
def test_an_answer_that_drips_ends_with_the_time(slow):
    with raw(slow) as origin:
        answer = post(f"{origin}/", allow=[origin], seconds=0.3)
    assert answer.status == 0
    assert "within" in answer.said


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"hello\r\n\r\n",
        b"HTTP/1.1 99999 X\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: " + b"x" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_answer_is_told_in_words(said):
    with raw(lambda taken: taken.sendall(said)) as origin:
        answer = post(f"{origin}/", allow=[origin])
    assert answer.status == 0
    assert answer.said.endswith(".")


def test_an_endless_answer_is_not_read_to_its_end():
    def endless(taken):
        taken.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(10_000):
            taken.sendall(b"x" * 65536)

    with raw(endless) as origin:
        assert post(f"{origin}/", allow=[origin]).status == 200


# --- TLS ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for partner.test, signed by itself."""
    folder = tmp_path_factory.mktemp("tls")
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-keyout",
        folder / "key.pem",
        "-out",
        folder / "cert.pem",
        "-days",
        "2",
        "-subj",
        "/CN=partner.test",
        "-addext",
        "subjectAltName=DNS:partner.test",
    ]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


def read_whole(secured):
    """Read a request to its end: one that is answered before it has ended fails at its sender."""
    text = b""
    while b"\r\n\r\n" not in text:
        text += secured.recv(65536) or b"\r\n\r\n"
    head, _, body = text.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: *([0-9]+)", head)
    while length and len(body) < int(length[1]):
        body += secured.recv(65536) or bytes(int(length[1]))


@contextmanager
def tls_server(certificate):
    names = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            while True:
                try:
                    taken, _ = server.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(taken, server_side=True) as secured:
                        read_whole(secured)
                        secured.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                except OSError:
                    continue

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1], names


def by_tls(name, port):
    return post(f"https://{name}:{port}/", allow=[f"https://{name}:{port}"], resolve=lambda host, p: ["127.0.0.1"])


def test_the_certificate_must_hold_for_the_name(certificate, monkeypatch):
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    with tls_server(certificate) as (port, names):
        assert "certificate does not hold" in by_tls("partner.test", port).said
        monkeypatch.setattr(sending, "_context", lambda: trusting)
        assert by_tls("partner.test", port).status == 204
        assert "certificate does not hold" in by_tls("other.test", port).said
        assert names == ["partner.test", "partner.test", "other.test"]


def test_a_server_without_tls_is_told(receiver):
    answer = post(
        f"https://partner.test:{receiver.port}/",
        allow=[f"https://partner.test:{receiver.port}"],
        resolve=lambda host, port: ["127.0.0.1"],
    )
    assert answer.status == 0
    assert answer.said.startswith("There is no TLS")
