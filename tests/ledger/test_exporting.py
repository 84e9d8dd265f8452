"""The log as plain files: what a web server without a database serves is enough for a mirror and for proofs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from ledger import durable, exporting, outside, queries, statictree
from ledger.mirror.__main__ import main as mirror
from ledger.models import LogHead
from ledger.tlog import proof, tile
from ledger.tlog.__main__ import main as tlog
from tests.ledger.conftest import Log, Member


@pytest.fixture
def grown(log: Log, grower: Member) -> Log:
    return grow_to(log, grower, 300)


def grow_to(log: Log, member: Member, size: int) -> Log:
    log.append(*[log.event(member) for _ in range(size - queries.tree_size())])
    return log


def export(folder: Path, *more: str) -> str:
    out = StringIO()
    call_command("ledger", "export", str(folder), *more, stdout=out)
    return out.getvalue()


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@contextmanager
def served(folder: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


def test_the_export_is_exactly_the_tile_tree(grown: Log, tmp_path: Path) -> None:
    export(tmp_path / "out")
    assert files(tmp_path / "out") == {"checkpoint", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1"}
    export(tmp_path / "out", "--entries")
    assert files(tmp_path / "out") - {"tile/entries/000", "tile/entries/001.p/44"} == {
        "checkpoint",
        *(tile.tile_path(each.level, each.index, each.width) for each in tile.tiles_of(300)),
    }
    assert (tmp_path / "out" / "checkpoint").read_text() == queries.checkpoint()


def test_a_mirror_checks_what_a_plain_web_server_shows(
    grown: Log, grower: Member, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export(tmp_path / "out", "--entries")
    arguments = ["--vkey", queries.verifier_key(), "--dir", str(tmp_path / "copy")]
    with served(tmp_path) as url:
        assert mirror([url + "out", *arguments]) == 0
        assert "grew from 0 to 300 entries, hashes and signatures hold" in capsys.readouterr().out
        grow_to(grown, grower, 520)
        export(tmp_path / "out", "--entries")
        assert mirror([url + "out", *arguments]) == 0
        assert "grew from 300 to 520" in capsys.readouterr().out


def test_a_proof_needs_no_database(
    grown: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    export(tmp_path / "out", "--entries")
    vkey, expected = queries.verifier_key(), queries.tlog_proof(280)
    with monkeypatch.context() as away:
        away.setattr(connection, "cursor", None)
        assert statictree.main([str(tmp_path / "out"), "280"]) == 0
        text = capsys.readouterr().out
        assert text == expected
        (tmp_path / "280.tlog-proof").write_text(text)
        assert tlog(["verify", str(tmp_path / "280.tlog-proof"), "--vkey", vkey]) == 0
        assert statictree.main([str(tmp_path / "out"), "300"]) == 1
    assert "has no entry 300" in capsys.readouterr().err


def test_without_entries_a_proof_holds_the_hashes_alone(grown: Log, tmp_path: Path) -> None:
    export(tmp_path / "out")
    found = proof.parse_proof(statictree.StaticTree(tmp_path / "out").proof(7))
    assert (found.extra, found.inclusion) == (None, queries.inclusion_proof(7))


def test_a_second_export_writes_what_is_new_and_keeps_partial_tiles_for_a_round(
    grown: Log, grower: Member, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export(out)
    before = (out / "tile/0/000").stat().st_mtime_ns
    grow_to(grown, grower, 513)
    assert "before: 300; 3 files written" in export(out)
    assert (out / "tile/0/000").stat().st_mtime_ns == before
    assert {"tile/0/001", "tile/0/001.p/44", "tile/0/002.p/1", "tile/1/000.p/2"} <= files(out)
    assert "before: 513; 2 files written" in export(out)  # the tiles along the edge again
    assert "tile/0/001.p/44" not in files(out)
    assert statictree.StaticTree(out).root(300) == queries.root_at(300)  # an older checkpoint is served all the same


def test_another_log_is_not_mixed_in(grown: Log, tmp_path: Path) -> None:
    out = tmp_path / "out"
    note = queries.checkpoint()
    export(out)
    durable.write(out / "checkpoint", note.replace(grown.origin, "log.example/other").encode())
    with pytest.raises(CommandError, match="holds another log"):
        export(out)
    durable.write(out / "checkpoint", note.replace("\n300\n", "\n299\n").encode())
    with pytest.raises(CommandError, match="another history of 299 entries"):
        export(out)
    durable.write(out / "checkpoint", note.replace("\n300\n", "\n301\n").encode())
    with pytest.raises(CommandError, match="holds 301 entries, and the log has 300"):
        export(out)


def test_nothing_is_published_that_does_not_lead_to_the_signed_root(grown: Log, tmp_path: Path) -> None:
    note = queries.checkpoint().replace("\n300\n", "\n299\n")
    with pytest.raises(exporting.ExportRefused, match="do not lead to the root"):
        exporting.export(tmp_path / "out", note=note)
    assert "checkpoint" not in files(tmp_path / "out")


# --- accept-loss -----------------------------------------------------------------------------------------------------


@pytest.fixture
def apart(settings: Any, tmp_path: Path) -> None:
    settings.WAYLOG_CHECKPOINT_FILE = tmp_path / "apart" / "checkpoint"


def test_a_loss_leaves_a_log_that_anyone_can_check_and_that_never_signs_again(
    apart: None, grown: Log, grower: Member, tmp_path: Path
) -> None:
    newer = queries.checkpoint().replace("\n300\n", "\n345\n")
    outside.keep(newer)
    out = StringIO()
    call_command("ledger", "accept-loss", str(tmp_path / "left"), stdout=out)
    assert "300 of 345 signed" in out.getvalue() and "begin a new log" in out.getvalue()
    assert (tmp_path / "left" / "missing-checkpoint").read_text() == newer
    assert queries.verifier_key() in (tmp_path / "left" / "README").read_text()
    with served(tmp_path / "left") as url:
        arguments = ["--vkey", queries.verifier_key(), "--dir", str(tmp_path / "copy")]
        assert mirror([url + "log", *arguments]) == 0
    with pytest.raises(outside.RolledBack):
        grown.append(grown.event(grower))
    assert LogHead.objects.get().tree_size == 300


def test_accept_loss_does_nothing_where_nothing_is_lost(apart: None, grown: Log, tmp_path: Path) -> None:
    outside.keep(queries.checkpoint())
    with pytest.raises(CommandError, match="nothing is lost"):
        call_command("ledger", "accept-loss", str(tmp_path / "left"))
    assert not (tmp_path / "left").exists()
