"""The log's public addresses, read as a stranger's verifier reads them."""

import base64
from typing import Any

import pytest
from django.test import Client

from ledger import queries, views
from ledger.tlog import merkle, note, proof, tile
from ledger.tlog.checkpoint import open_checkpoint
from ledger.tlog.tile import entries_path, tile_path
from tests.ledger.conftest import Log, Member


@pytest.fixture
def client() -> Client:
    return Client(headers={"host": "localhost"})


@pytest.fixture
def grown(log: Log, grower: Member) -> Log:
    log.append(*[log.event(grower) for _ in range(300 - queries.tree_size())])
    return log


@pytest.fixture
def open_entries(settings: Any) -> None:
    settings.WAYLOG_PUBLIC_ENTRIES = True


def as_party(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "_readers", [lambda request: "Authorization" in request.headers])


def test_the_checkpoint_is_a_note_that_the_verifier_key_opens(client: Client, log: Log) -> None:
    answer = client.get("/log/checkpoint")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    key = note.parse_verifier_key(queries.verifier_key())
    opened = open_checkpoint(answer.content.decode(), verifiers=[key])
    assert (opened.origin, opened.tree_size) == (log.origin, queries.tree_size())


def test_an_unchanged_checkpoint_is_a_304(client: Client, log: Log, grower: Member) -> None:
    tag = client.get("/log/checkpoint")["ETag"]
    assert client.get("/log/checkpoint", headers={"If-None-Match": tag}).status_code == 304
    log.append(log.event(grower))
    assert client.get("/log/checkpoint", headers={"If-None-Match": tag}).status_code == 200


def test_the_tiles_give_the_root_of_the_checkpoint(client: Client, grown: Log) -> None:
    size = queries.tree_size()
    full = client.get("/log/" + tile_path(0, 0)).content
    rest = client.get("/log/" + tile_path(0, 1, size - 256)).content
    top = client.get("/log/" + tile_path(1, 0, 1)).content
    assert top == tile.tile_root(full)
    leaves = tile.parse_tile(full) + tile.parse_tile(rest)
    assert merkle.CompactRange(0, ()).extend(leaves).root() == queries.root_at(size)


def test_a_tile_may_be_kept_for_ever_and_read_from_any_page(client: Client, grown: Log) -> None:
    answer = client.get("/log/" + tile_path(0, 0))
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/002",  # not there yet
        "tile/0/001",  # not full yet
        "tile/0/001.p/99",  # wider than it is
        "tile/0/1",
        "tile/0/0001",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/../0/000",
        "tile/entries/000.p/300",
        "consistency/0/5",
        "consistency/9/5",
        "consistency/1/99999999999999999999999",
        "proof/301",
        "proof/99999999999999999999999",
        "elsewhere",
    ],
)
def test_what_the_tree_does_not_have_is_a_404(client: Client, grown: Log, open_entries: None, path: str) -> None:
    assert client.get("/log/" + path).status_code == 404


def test_a_partial_tile_stays_readable_after_the_tile_is_full(client: Client, grown: Log) -> None:
    assert client.get("/log/tile/0/000.p/7").content == client.get("/log/tile/0/000").content[: 7 * 32]


@pytest.mark.parametrize("path", ["tile/entries/000", "tile/entries/000.p/3", "proof/4"])
def test_entries_ask_a_stranger_for_a_token(client: Client, grown: Log, path: str) -> None:
    answer = client.get("/log/" + path)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["tile/entries/000.p/999", "proof/9999"])
def test_a_stranger_does_not_learn_which_entries_there_are(client: Client, grown: Log, path: str) -> None:
    assert client.get("/log/" + path).status_code in (401, 404)
    assert client.get("/log/proof/9999").status_code == client.get("/log/proof/1").status_code == 401


def test_a_party_reads_entries_and_they_hash_to_the_tile(
    client: Client, grown: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_party(monkeypatch)
    answer = client.get("/log/" + entries_path(0), headers={"Authorization": "Bearer x"})
    leaves = tile.parse_bundle(answer.content, 256)
    hashes = tile.parse_tile(client.get("/log/" + tile_path(0, 0)).content)
    assert [merkle.leaf_hash(leaf) for leaf in leaves] == hashes
    assert answer["Cache-Control"].startswith("private")
    assert "Authorization" in answer["Vary"]


def test_open_entries_are_public(client: Client, grown: Log, open_entries: None) -> None:
    answer = client.get("/log/tile/entries/001.p/44")
    assert tile.parse_bundle(answer.content, 44)
    assert answer["Cache-Control"].startswith("public")


def test_a_proof_file_holds_in_itself(client: Client, grown: Log, open_entries: None) -> None:
    answer = client.get("/log/proof/5")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    proven = proof.verify_in_itself(proof.parse_proof(answer.content))
    assert (proven.index, proven.checkpoint.tree_size) == (5, 300)


def test_consistency_is_proven_between_any_two_sizes(client: Client, grown: Log) -> None:
    lines = client.get("/log/consistency/7/300").content.decode().splitlines()
    path = tuple(base64.b64decode(line) for line in lines)
    merkle.verify_consistency(
        merkle.ConsistencyProof(7, 300, path), old_root=queries.root_at(7), new_root=queries.root_at(300)
    )
    assert client.get("/log/consistency/300/300").content == b""


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("path", ["checkpoint", "tile/0/000.p/1", "proof/1", "consistency/1/2"])
def test_the_log_is_read_only(log: Log, method: str, path: str) -> None:
    strict = Client(enforce_csrf_checks=True, headers={"host": "localhost"})
    answer = getattr(strict, method)(f"/log/{path}")
    assert answer.status_code == 405
    assert answer["Allow"] == "GET, HEAD, OPTIONS"


def test_a_browser_may_ask_first(client: Client, log: Log) -> None:
    answer = client.options("/log/proof/1")
    assert (answer.status_code, answer["Access-Control-Allow-Headers"]) == (204, "Authorization")


def test_what_is_public_varies_with_no_cookie(client: Client, grown: Log) -> None:
    for path in ("checkpoint", "tile/0/000", "consistency/1/2"):
        assert "Vary" not in client.get(f"/log/{path}").headers


def test_before_there_is_a_log_the_answer_says_so(client: Client, db: None) -> None:
    assert client.get("/log/checkpoint").status_code == 503
