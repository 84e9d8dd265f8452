"""A copy of a log that is kept honest by nobody but the one who copies: every lie is met, named and kept."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.test import Client

from ledger import durable, queries, reading
from ledger.fetching import Response
from ledger.mirror import monitor
from ledger.mirror.__main__ import main as mirror
from ledger.mirror.copying import Alarm, Damaged, Mirror
from ledger.reading import EntriesClosed, LogAt
from ledger.tlog import merkle, tile
from ledger.tlog.__main__ import main as tlog
from ledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from ledger.tlog.errors import Malformed
from ledger.tlog.evidence import parse_evidence, verify_evidence
from ledger.tlog.keys import key_id
from ledger.tlog.note import SignerKey, parse_verifier_key
from ledger.tlog.policy import Policy
from ledger.tlog.tile import WIDTH, parse_tile_path, width_of
from tests.ledger.tlog.bundles import CHAIN, LOG, ORIGIN, PARTIES, VKEY, World, trade
from tests.ledger.tlog.cast import public_key, signing_key

TRUST = Policy((LOG.verifier_key(),))
NOW = 1_770_000_000


class Operator:
    """Serves a log as C2SP tlog-tiles asks, honest or not: what it shows is set by the tests."""

    def __init__(self, world):
        self.world, self.size, self.note_of, self.token, self.replaced = world, None, None, "", {}
        self.asked = []

    @property
    def leaves(self):
        return self.world.leaves[: self.size]

    def answer(self, path, token):
        self.asked.append(path)
        if path in self.replaced:
            return 200, self.replaced[path]
        if path == "checkpoint":
            return 200, (self.note_of or self.note)().encode()
        if path == "checkpoint/cosigned":
            return 200, self.world.note(self.size).encode()
        wanted = parse_tile_path(path)
        if wanted.level is None:
            if token != self.token:
                return 401, b"entries are for the parties of this log\n"
            first = wanted.index * WIDTH
            return 200, tile.format_bundle(self.leaves[first : first + wanted.width])
        hashes = [merkle.leaf_hash(leaf) for leaf in self.leaves]
        for _ in range(wanted.level):
            hashes = [merkle.root_of(hashes[at : at + WIDTH]) for at in range(0, len(hashes) - WIDTH + 1, WIDTH)]
        assert width_of(wanted.level, wanted.index, len(self.leaves)) >= wanted.width, path
        first = wanted.index * WIDTH
        return 200, tile.format_tile(hashes[first : first + wanted.width])

    def note(self):
        hashes = [merkle.leaf_hash(leaf) for leaf in self.leaves]
        return sign_checkpoint(Checkpoint(ORIGIN, len(hashes), merkle.root_of(hashes)), LOG)


@contextmanager
def serving(operator):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = operator.answer(
                self.path.removeprefix("/log/"), self.headers.get("Authorization", "").removeprefix("Bearer ")
            )
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def operator():
    return Operator(trade())


@pytest.fixture
def url(operator):
    with serving(operator) as address:
        yield address


@pytest.fixture
def copy(tmp_path, url):
    def make(**more):
        return Mirror(tmp_path / "copy", LogAt.of(url, token=more.pop("token", "")), TRUST, clock=lambda: NOW, **more)

    return make


def grow(world, count):
    for _ in range(count):
        world.event("grower")


def rewritten(world, index):
    """The same log with another entry at `index`, signed by the same key as that one."""
    other = World()
    other.leaves, other.bodies = list(world.leaves), dict(world.bodies)
    changed = World()
    changed.leaves = world.leaves[:index]
    changed.append("grower", claims={"another": "entry"})
    other.leaves[index] = changed.leaves[index]
    return other


def finding(tmp_path):
    [path] = (tmp_path / "copy" / "notes" / "evidence").glob("*.json")
    return verify_evidence(parse_evidence(path.read_bytes()), [LOG.verifier_key()])


# --- an honest log ---------------------------------------------------------------------------------------------------


def test_a_copy_grows_with_the_log_and_holds_exactly_its_tiles(operator, copy, tmp_path):
    sizes = []
    for count in (0, 1, 241, 1, 1, 300):
        grow(operator.world, count)
        sizes.append(copy().sync().checkpoint.tree_size)
    assert sizes == [14, 15, 256, 257, 258, 558]
    kept = {str(path.relative_to(tmp_path / "copy" / "log")) for path in (tmp_path / "copy" / "log").rglob("*")}
    files = {path for path in kept if (tmp_path / "copy" / "log" / path).is_file()}
    hashes = {"tile/0/000", "tile/0/001", "tile/0/002.p/46", "tile/1/000.p/2"}
    entries = {"tile/entries/000", "tile/entries/001", "tile/entries/002.p/46"}
    assert files == {"checkpoint", *hashes, *entries}
    for path in sorted(hashes):
        assert (tmp_path / "copy" / "log" / path).read_bytes() == operator.answer(path, "")[1]
    assert [leaf for _, leaf in copy().entries(0, 558)] == operator.world.leaves


def test_a_run_without_news_fetches_the_checkpoint_alone(operator, copy):
    copy().sync()
    operator.asked.clear()
    assert copy().sync().old_size == 14
    assert operator.asked == ["checkpoint"]


def test_the_keys_are_the_same_whether_kept_or_read_again(copy, tmp_path):
    copy().sync()
    kept = copy().replay().keys
    (tmp_path / "copy" / "keys.json").unlink()
    assert copy().replay().keys == kept
    assert kept[key_id(public_key("carrier"))].revoked_index == 11


def test_entries_need_a_token_where_they_are_not_public(operator, copy):
    operator.token = "let me in"
    with pytest.raises(EntriesClosed):
        copy().sync()
    assert copy(with_entries=False).sync().checkpoint.tree_size == 14
    grow(operator.world, 3)
    assert copy(with_entries=False).sync().checkpoint.tree_size == 17


def test_a_mirror_with_a_token_reads_entries(operator, copy):
    operator.token = "let me in"
    assert copy(token="let me in").sync().checkpoint.tree_size == 14


def test_a_policy_with_a_quorum_reads_the_cosigned_checkpoint(operator, url, tmp_path):
    from tests.ledger.tlog.bundles import WITNESS

    policy = Policy((LOG.verifier_key(),), {"w": WITNESS.verifier_key()}, {}, "w")
    found = Mirror(tmp_path / "copy", LogAt.of(url), policy, clock=lambda: NOW).sync()
    assert found.checkpoint.tree_size == 14 and "checkpoint/cosigned" in operator.asked


def test_the_logs_own_public_addresses_can_be_mirrored(log, grower, tmp_path, settings, monkeypatch):
    settings.WAYLOG_PUBLIC_ENTRIES = True
    client = Client(headers={"host": "localhost"})

    def ask(method, url, **_):
        answer = client.get(url.removeprefix("http://localhost"))
        return Response(answer.status_code, answer["Content-Type"], answer.content)

    monkeypatch.setattr(reading, "request", ask)
    policy = Policy((parse_verifier_key(queries.verifier_key()),))
    for count in (3, 300):
        log.append(*[log.event(grower) for _ in range(count)])
        found = Mirror(tmp_path / "copy", LogAt.of("http://localhost"), policy, clock=lambda: NOW).sync()
        assert (found.checkpoint.tree_size, found.checkpoint.root_hash) == (
            queries.tree_size(),
            bytes(queries.head().root_hash),
        )


# --- a dishonest one -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_entries", [True, False])
@pytest.mark.parametrize(("before", "index"), [(14, 8), (16, 8), (300, 10), (300, 299), (256, 8)])
def test_a_rewrite_of_an_old_entry_is_proven(operator, copy, tmp_path, before, index, with_entries):
    grow(operator.world, before - 14)
    copy(with_entries=with_entries).sync()
    operator.world = rewritten(operator.world, index)
    grow(operator.world, 20)
    with pytest.raises(Alarm) as alarm:
        copy(with_entries=with_entries).sync()
    assert "rewrote its history" in str(alarm.value)
    assert (finding(tmp_path).kind, finding(tmp_path).is_proven) == ("rewrite", True)
    assert copy().kept().tree_size == before


def test_a_fork_at_the_same_size_is_proven(operator, copy, tmp_path):
    copy().sync()
    operator.world = rewritten(operator.world, 13)
    with pytest.raises(Alarm):
        copy().sync()
    assert (finding(tmp_path).kind, finding(tmp_path).is_proven) == ("fork", True)


def test_a_cut_tail_with_another_history_below_is_proven(operator, copy, tmp_path):
    grow(operator.world, 6)
    copy().sync()
    operator.world, operator.size = rewritten(operator.world, 8), 15
    with pytest.raises(Alarm):
        copy().sync()
    assert (finding(tmp_path).kind, finding(tmp_path).is_proven) == ("rewrite", True)


def test_a_cut_tail_and_a_stale_checkpoint_are_alarms_with_evidence(operator, copy, tmp_path):
    copy().sync()
    operator.size = 9
    with pytest.raises(Alarm, match="9 entries after it had shown 14"):
        copy().sync()
    found = finding(tmp_path)
    assert (found.kind, found.is_proven) == ("stale", False)
    operator.size = None
    assert copy().sync().checkpoint.tree_size == 14  # the copy itself took no harm


def test_an_entry_that_no_honest_log_takes_is_kept_with_its_proof(operator, copy, tmp_path, capsys):
    copy().sync()
    bad = operator.world.event("carrier", CHAIN)  # its key was revoked
    grow(operator.world, 2)
    with pytest.raises(Alarm, match="revoked at entry 11") as alarm:
        copy().sync()
    assert alarm.value.evidence.name == f"entry-{bad}.tlog-proof"
    assert tlog(["verify", str(alarm.value.evidence), "--vkey", VKEY]) == 0
    assert f"entry {bad} is in the log" in capsys.readouterr().out


def test_entries_that_do_not_lead_to_the_signed_root_are_not_taken(operator, copy, tmp_path):
    copy().sync()
    grow(operator.world, 3)
    served = rewritten(operator.world, 15)
    operator.replaced["tile/entries/000.p/17"] = tile.format_bundle(served.leaves)
    with pytest.raises(Alarm, match="does not lead to the root") as alarm:
        copy().sync()
    assert alarm.value.evidence is None  # what it serves is not signed; what it signed did grow
    operator.replaced.clear()
    assert copy().sync().checkpoint.tree_size == 17


def test_a_tile_that_is_not_the_trees_is_an_alarm(operator, copy):
    operator.replaced["tile/0/000.p/14"] = bytes(32 * 14)
    with pytest.raises(Alarm, match="serves another"):
        copy().sync()
    assert copy().kept() is None


def test_a_checkpoint_signed_by_another_key_or_for_another_log_is_an_alarm(operator, copy, tmp_path):
    operator.note_of = lambda: sign_checkpoint(operator.world.checkpoint(), SignerKey(ORIGIN, signing_key("thief")))
    with pytest.raises(Alarm) as alarm:
        copy().sync()
    assert alarm.value.evidence is None
    other = "log.example/ffffffffffffffff"
    found = Checkpoint(other, 14, operator.world.checkpoint().root_hash)
    operator.note_of = lambda: sign_checkpoint(found, SignerKey(other, LOG.signing_key))
    with pytest.raises(Alarm):
        copy().sync()
    assert (finding(tmp_path).kind, finding(tmp_path).is_proven) == ("misnamed", True)


# --- our own copy ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["log/tile/0/000.p/14", "log/tile/entries/000.p/14"])
def test_a_damaged_copy_is_named_and_not_built_on(operator, copy, tmp_path, name):
    copy().sync()
    path = tmp_path / "copy" / name
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    (tmp_path / "copy" / "keys.json").unlink()
    grow(operator.world, 3)
    with pytest.raises((Damaged, Malformed)):
        copy().sync()


# --- commands --------------------------------------------------------------------------------------------------------


def test_the_command_says_what_it_checked_and_where_evidence_lies(operator, url, tmp_path, capsys):
    arguments = [url, "--vkey", VKEY, "--dir", str(tmp_path / "copy")]
    assert mirror(arguments) == 0
    assert "grew from 0 to 14 entries" in capsys.readouterr().out
    operator.size = 9
    assert mirror(arguments) == 1
    said = capsys.readouterr().err
    assert said.startswith("ALARM: ") and "evidence: " in said


def test_the_command_ends_with_2_when_nothing_can_be_checked(operator, url, tmp_path, capsys):
    folder = ["--dir", str(tmp_path / "copy")]
    assert mirror(["ftp://log.example", "--vkey", VKEY, *folder]) == 2
    assert mirror([url, "--vkey", "nonsense", *folder]) == 2
    operator.token = "let me in"
    assert mirror([url, "--vkey", VKEY, *folder]) == 2
    with durable.locked(tmp_path / "copy"):
        assert mirror([url, "--vkey", VKEY, *folder]) == 2
    capsys.readouterr()


def test_a_monitor_prints_what_watched_keys_signed_and_each_entry_once(operator, url, tmp_path, capsys):
    watched = key_id(public_key("grower"))
    arguments = [url, "--vkey", VKEY, "--dir", str(tmp_path / "copy"), "--key-id", watched, "--once"]
    assert monitor.main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [int(line.split()[1]) for line in lines if line.startswith("   entry")] == [6, 7, 10]
    grow(operator.world, 1)
    operator.world.event("carrier two")
    assert monitor.main(arguments) == 0
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == ["14"]


def test_a_monitor_marks_a_key_that_somebody_registers_for_the_watched_party(operator, url, tmp_path, capsys):
    watched = key_id(public_key("grower"))
    arguments = [url, "--vkey", VKEY, "--dir", str(tmp_path / "copy"), "--key-id", watched, "--once"]
    monitor.main(arguments)
    capsys.readouterr()
    operator.world.register("thief", "grower admin", "device", PARTIES["grower"])
    operator.world.register("friend", "carrier admin", "device", PARTIES["carrier"])
    operator.world.revoke("grower", "grower admin", 14)
    monitor.main(arguments)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:5] + line.split()[2] for line in lines] == ["!! en14", "!! en16"]


def test_a_monitor_ends_with_an_alarm_when_the_log_is_rewritten(operator, url, tmp_path, capsys):
    arguments = [url, "--vkey", VKEY, "--dir", str(tmp_path / "copy"), "--every", "0.01"]
    assert monitor.main([*arguments, "--once"]) == 0
    operator.world = rewritten(operator.world, 8)
    grow(operator.world, 3)
    assert monitor.main(arguments) == 1
    assert "ALARM: " in capsys.readouterr().err
