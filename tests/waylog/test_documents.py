"""Bodies are taken from files byte for byte."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import ROOT
from waylog import reading
from waylog.documents import CONTEXT, Bodies, read_bodies
from waylog.errors import WaylogError

EVENT = '{"type":"ObjectEvent",  "epcList":["\\u00e4"], "q": 1.10}'


def body(event: str, context: str = CONTEXT) -> bytes:
    return f'{{"@context":{context},"event":{event}}}'.encode()


@pytest.mark.parametrize(
    "text",
    [
        f'{{"@context": [ "a" ], "type": "EPCISDocument", "epcisBody": {{"eventList": [{EVENT} , {EVENT}]}}}}',
        f'{{"epcisBody": {{"x": {{}}, "eventList":[{EVENT},{EVENT}]}}, "@context": [ "a" ]}}\n',
        f'{{"@context": [ "a" ], "epcisBody": {{"queryResults": {{"resultsBody": {{"eventList": [{EVENT},{EVENT}]}}'
        "}}}",
    ],
    ids=["document", "context last", "query document"],
)
def test_a_document_gives_its_events_and_its_context_as_they_are_written(text: str) -> None:
    assert read_bodies(text.encode()) == [body(EVENT, '[ "a" ]')] * 2


def test_a_list_and_lines_are_read_too() -> None:
    assert read_bodies(f" [{EVENT}\n,{EVENT}] ".encode()) == [body(EVENT)] * 2
    ready = '{"@context": ["a"], "event": {"b": 1}}'
    own = '{"@context": ["c"], "type": "ObjectEvent"}'
    assert read_bodies(f"{EVENT}\n{ready}\n{own}\n".encode()) == [body(EVENT), ready.encode(), body(own, '["c"]')]
    assert read_bodies(b"") == read_bodies(b"[]") == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"epcisBody": {"eventList": [{]}}', "Line 1, column 31"),
        (b'[{"a":1}\n{"b":2}]', "Line 2, column 1: a comma or ]"),
        (b"[1", "a comma or ]"),
        (b"[] []", "something follows"),
        (b'{"epcisBody": {}}', "no eventList"),
        (b'{"a":1}\n7', "Line 2: an event is an object"),
        (b"\xff", "Byte 0 is not UTF-8"),
        (b"[" * 200_000, "nested too deeply"),
    ],
    ids=["broken", "no comma", "unfinished", "more", "no events", "a number", "not UTF-8", "deep"],
)
def test_what_is_wrong_is_named_with_its_place(data: bytes, words: str) -> None:
    with pytest.raises(WaylogError, match=words.replace("[", r"\[").replace("]", r"\]")):
        read_bodies(data)


@given(st.lists(st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.booleans()), min_size=1)))
def test_whatever_was_written_comes_back(events: list[dict[str, object]]) -> None:
    document = {"epcisBody": {"eventList": events}}
    assert [json.loads(each)["event"] for each in read_bodies(json.dumps(document).encode())] == events


@pytest.mark.parametrize("piece", [1, 2, 7, 64])
def test_wherever_a_piece_ends_the_same_is_read(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PIECE", piece)
    for text in (
        f'{{"epcisBody": {{"eventList":[{EVENT},\n{EVENT}]}}, "@context": [ "\u00e4" ], "n": 1.5e3}}',
        f"[ {EVENT} ,{EVENT}]",
        f'{EVENT}\n{{"@context": ["ä"], "event": {{"b": 12}}}}',
    ):
        monkeypatch.setattr(reading, "PIECE", 1 << 20)
        whole = read_bodies(text.encode())
        monkeypatch.setattr(reading, "PIECE", piece)
        assert read_bodies(text.encode()) == whole and len(whole) == 2
    with pytest.raises(WaylogError, match="Line 3, column 1: a comma"):
        read_bodies(b'[{"a":1},\n{"b":"\xc3\xa4"}\n{"c":2}]')
    with pytest.raises(WaylogError, match="Byte 7 is not UTF-8"):
        read_bodies(b'[{"a":"\xe4"}]')


def test_a_long_file_is_not_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.json"
    with path.open("wb") as file:
        file.write(b'{"@context":["c"],"epcisBody":{"eventList":[')
        file.write(b",".join([b'{"type":"ObjectEvent","x":"' + b"y" * 1_000 + b'"}'] * 20_000))
        file.write(b"]}}")
    tracemalloc.start()
    with path.open("rb") as file:
        bodies = Bodies(file)
        assert bodies.total == sum(1 for _ in bodies) == 20_000
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert path.stat().st_size > 20_000_000 > 4 * most


def test_what_never_ends_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LONGEST", 1_000_000)
    with pytest.raises(WaylogError, match="Line 1, column 2: what begins here is broken, or longer than"):
        read_bodies(b'["' + b"x" * 3_000_000)


def test_the_client_needs_nothing_of_the_server() -> None:
    """What a partner installs is the standard library, PyNaCl and the log's formats."""
    code = "import sys, waylog.__main__; print(sorted({n.split('.')[0] for n in sys.modules} & {'django', 'msgspec'}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
