import dataclasses
import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.tlog import statement
from ledger.tlog.errors import Malformed
from ledger.tlog.statement import ZERO, Statement, commitment, format_statement, link, parse_statement
from tests.ledger.tlog.cast import ORIGIN, a_statement

KEY = a_statement().key
WRITTEN = {
    "v": 1,
    "log": ORIGIN,
    "type": "event",
    "id": "0f" * 16,
    "key": KEY,
    "links": ["ab" * 32],
    "body": "cd" * 32,
    "claims": {"source": "x", "count": -3},
}


def written(**changes):
    return json.dumps({**WRITTEN, **changes}).encode()


def test_a_statement_is_read_whatever_the_order_of_its_names():
    backwards = json.dumps(dict(reversed(WRITTEN.items())), indent=1).encode()
    assert parse_statement(backwards) == parse_statement(written())
    assert parse_statement(backwards) == Statement(
        v=1,
        log=ORIGIN,
        type="event",
        id="0f" * 16,
        key=KEY,
        links=(b"\xab" * 32,),
        body=b"\xcd" * 32,
        claims={"source": "x", "count": -3},
    )


def test_a_statement_is_written_compactly_in_one_order():
    assert format_statement(parse_statement(written())) == json.dumps(WRITTEN, separators=(",", ":")).encode()


def test_a_statement_without_a_body_says_null():
    assert parse_statement(written(body=None)).body is None
    assert b'"body":null' in format_statement(a_statement(body=None))


@pytest.mark.parametrize("type_", sorted(statement.TYPES - {"event"}))
def test_every_type_is_read_but_only_events_carry_links(type_):
    assert parse_statement(written(type=type_, links=[])).type == type_
    with pytest.raises(Malformed, match="only an event"):
        parse_statement(written(type=type_))


REFUSED = [
    ({"v": 2}, "/v"),
    ({"v": True}, "/v"),
    ({"v": "1"}, "/v"),
    ({"log": ""}, "/log"),
    ({"log": "two words"}, "/log"),
    ({"log": "a+b"}, "/log"),
    ({"log": "a\u2003b"}, "/log"),
    ({"log": "a\nb"}, "/log"),
    ({"log": "a" * 256}, "/log"),
    ({"log": 5}, "/log"),
    ({"type": "Event"}, "/type"),
    ({"type": "shipment"}, "/type"),
    ({"type": ["event"]}, "/type"),
    ({"id": "0F" * 16}, "/id"),
    ({"id": "0f" * 15}, "/id"),
    ({"id": "0f" * 16 + "\n"}, "/id"),
    ({"id": 1}, "/id"),
    ({"key": KEY[:-1]}, "/key"),
    ({"key": KEY + "="}, "/key"),
    ({"key": "A" * 42 + "B"}, "/key"),
    ({"key": None}, "/key"),
    ({"links": None}, "/links"),
    ({"links": {}}, "/links"),
    ({"links": ["ab" * 32, "AB" * 32]}, "/links/1"),
    ({"links": ["ab" * 31]}, "/links/0"),
    ({"links": ["ab" * 32, "ab" * 32]}, "/links"),
    ({"links": [f"{number:064x}" for number in range(41)]}, "/links"),
    ({"body": "cd" * 31}, "/body"),
    ({"body": ""}, "/body"),
    ({"body": 0}, "/body"),
    ({"claims": []}, "/claims"),
    ({"claims": None}, "/claims"),
    ({"claims": {"a": 1.0}}, "/claims/a"),
    ({"claims": {"a/b": True}}, "/claims/a~1b"),
    ({"claims": {"a": None}}, "/claims/a"),
    ({"claims": {"a": [1]}}, "/claims/a"),
    ({"claims": {"a": {}}}, "/claims/a"),
    ({"claims": {"a": 2**53}}, "/claims/a"),
    ({"extra": 1}, "/extra"),
]


@pytest.mark.parametrize(("changes", "pointer"), REFUSED, ids=[str(row[0])[:40] for row in REFUSED])
def test_a_statement_with_a_wrong_part_is_refused_and_the_part_named(changes, pointer):
    with pytest.raises(Malformed) as refused:
        parse_statement(written(**changes))
    assert refused.value.pointer == pointer


@pytest.mark.parametrize("name", WRITTEN)
def test_a_statement_that_lacks_a_name_is_refused(name):
    short = {key: value for key, value in WRITTEN.items() if key != name}
    with pytest.raises(Malformed, match=f"lacks {name}"):
        parse_statement(json.dumps(short).encode())


@pytest.mark.parametrize("payload", [b"", b"[]", b"null", b'"x"', b"\xef\xbb\xbf{}"])
def test_what_is_no_object_is_no_statement(payload):
    with pytest.raises(Malformed):
        parse_statement(payload)


def test_forty_links_and_four_thousand_bytes_are_the_most():
    assert len(parse_statement(written(links=[f"{number:064x}" for number in range(40)])).links) == 40
    room = statement.MAX_BYTES - len(written(claims={"a": ""}))
    assert parse_statement(written(claims={"a": "x" * room})).claims["a"] == "x" * room
    with pytest.raises(Malformed, match="4001 bytes"):
        parse_statement(written(claims={"a": "x" * (room + 1)}))


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 2},
        {"log": "\ud800"},
        {"links": (b"short",)},
        {"links": [b"\xab" * 32]},
        {"claims": {"a": 1.5}},
        {"claims": {"a": Ellipsis}},
        {"claims": {1: "a"}},
        {"claims": {"a": "x" * 4000}},
    ],
    ids=str,
)
def test_what_would_not_be_read_back_is_not_written(changes):
    with pytest.raises(Malformed):
        format_statement(dataclasses.replace(a_statement(), **changes))


def test_a_commitment_is_the_salted_hash_of_the_bytes():
    salt, body = bytes(range(32)), b'{"@context":[],"event":{}}'
    assert commitment(salt, body) == hashlib.sha256(b"waylog/body/v1\n" + salt + body).digest()
    assert commitment(bytes(32), body) != commitment(salt, body) != commitment(salt, body + b" ")


@pytest.mark.parametrize("salt", [b"", bytes(31), bytes(33)])
def test_a_salt_of_another_length_is_refused(salt):
    with pytest.raises(Malformed):
        commitment(salt, b"{}")


def test_a_link_is_the_hmac_of_what_came_before():
    chain, prev = bytes(range(16)), bytes(range(32))
    assert link(chain, prev) == hmac.new(chain, prev, hashlib.sha256).digest()
    assert link(chain, ZERO) != link(bytes(16), ZERO)


@pytest.mark.parametrize(
    ("chain", "prev"), [(bytes(15), ZERO), (bytes(17), ZERO), (bytes(16), b""), (bytes(16), bytes(33))]
)
def test_a_link_from_parts_of_another_length_is_refused(chain, prev):
    with pytest.raises(Malformed):
        link(chain, prev)


@given(st.sets(st.integers(0, 60), min_size=1))
def test_indices_are_read_back_as_they_were_written(indices):
    ranges = statement.parse_indices(statement.format_indices(indices))
    assert {index for first, last in ranges for index in range(first, last + 1)} == indices


def test_indices_are_written_as_ranges():
    assert statement.format_indices([9, 3, 8, 7, 7]) == "3,7-9"
    assert statement.parse_indices("3,7-9") == ((3, 3), (7, 9))


@pytest.mark.parametrize(
    "text", ["", "a", "3,", "3-3", "4-3", "3,4", "9,3", "3-5,5-7", "03", "1-", "-1", "3, 7", "3\n", "\u0663"]
)
def test_indices_written_otherwise_are_refused(text):
    with pytest.raises(Malformed):
        statement.parse_indices(text)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(WRITTEN)), anything, min_size=1, max_size=3))
def test_only_malformed_escapes_and_what_is_read_can_be_written_again(changes):
    try:
        parsed = parse_statement(written(**changes))
    except Malformed:
        return
    assert parse_statement(format_statement(parsed)) == parsed


@given(st.binary(max_size=80))
def test_only_malformed_escapes_whatever_the_bytes(payload):
    with pytest.raises(Malformed):
        parse_statement(payload)
    with pytest.raises(Malformed):
        statement.parse_indices(payload.decode("latin-1") + "x")


@pytest.mark.parametrize(
    "claims", [{}, {"source": "ab" * 32}, {"source": "AB" * 32}, {"source": "ab"}, {"source": "ab" * 32, "n": 1}]
)
@pytest.mark.parametrize("change", [lambda text: text, lambda text: text.replace(b'":{', b'": {')])
def test_the_quick_reader_reads_what_the_strict_one_does(claims, change):
    payload = change(compact(claims=claims))
    assert parse_statement(payload) == statement._parse_any(payload)


def compact(**changes):
    return json.dumps({**WRITTEN, **changes}, separators=(",", ":")).encode()


def test_the_quick_reader_takes_no_claim_twice():
    twice = compact(claims={"source": "ab" * 32}).replace(b'"claims":{', b'"claims":{"source":"' + b"cd" * 32 + b'",')
    with pytest.raises(Malformed):
        parse_statement(twice)
