"""Bodies are taken from files byte for byte."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import ROOT
from waylog.documents import CONTEXT, read_bodies
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


def test_the_client_needs_nothing_of_the_server() -> None:
    """What a partner installs is the standard library, PyNaCl and the log's formats."""
    code = "import sys, waylog.__main__; print(sorted({n.split('.')[0] for n in sys.modules} & {'django', 'msgspec'}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
