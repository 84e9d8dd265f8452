import json
import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ledger.tlog import faults, strictjson
from ledger.tlog.errors import Malformed


def parse(data, **limits):
    return strictjson.parse(data, **{"max_bytes": 1_048_576, **limits})


REFUSED = [
    ("duplicate name", b'{"a":{"b":1,\n "b":2}}', "/a/b", 2, 2, "twice"),
    ("duplicate name, written with an escape", b'{"b":1,"\\u0062":2}', "/b", 1, 8, "twice"),
    ("NaN", b'{"a":[1,NaN]}', "/a/1", 1, 9, "NaN"),
    ("Infinity", b"[Infinity]", "/0", 1, 2, "Infinity"),
    ("-Infinity", b"[-Infinity]", "/0", 1, 2, "-Infinity"),
    ("a number that overflows", b'{"a":1e400}', "/a", 1, 6, "overflows"),
    ("a negative number that overflows", b"-1e400", "", 1, 1, "overflows"),
    ("2^53", b"[9007199254740992]", "/0", 1, 2, "2^53-1"),
    ("-2^53", b"[-9007199254740992]", "/0", 1, 2, "2^53-1"),
    ("an integer of 5,000 digits", b"[" + b"9" * 5000 + b"]", "/0", 1, 2, "2^53-1"),
    ("a lone high surrogate", b'["\\ud800"]', "/0", 1, 2, "surrogate"),
    ("a lone low surrogate", b'["\\uDC00x"]', "/0", 1, 2, "surrogate"),
    ("surrogates in the wrong order", b'["\\udc00\\ud800"]', "/0", 1, 2, "surrogate"),
    ("a lone surrogate in a name", b'{"\\ud800":1}', "", 1, 2, "surrogate"),
    ("NUL, escaped", b'{"a~/b":"x\\u0000"}', "/a~0~1b", 1, 9, "NUL"),
    ("NUL in a name", b'{"\\u0000":1}', "", 1, 2, "NUL"),
    ("NUL, bare", b'["\x00"]', "/0", 1, 3, "NUL"),
    ("a bare control character", b'["\x1f"]', "/0", 1, 3, "control"),
    ("a bare newline in a string", b'["\n"]', "/0", 1, 3, "control"),
    ("depth 33", b"[" * 33 + b"]" * 33, "/0" * 32, 1, 33, "deeper"),
    ("depth 33, not closed", b'{"a":' * 100_000, "/a" * 32, 1, 161, "deeper"),
    ("a byte order mark", b"\xef\xbb\xbf{}", "", 1, 1, "byte order mark"),
    ("UTF-16", "{}".encode("utf-16"), "", 1, 1, "UTF-8"),
    ("bad UTF-8", b'{"a":\n"\xff"}', "", 2, 2, "UTF-8"),
    ("a surrogate in UTF-8", b'["\xed\xa0\x80"]', "", 1, 3, "UTF-8"),
    ("an overlong NUL", b'["\xc0\x80"]', "", 1, 3, "UTF-8"),
    ("nothing", b"", "", 1, 1, "ends"),
    ("only space", b" \n", "", 2, 1, "ends"),
    ("two values", b"{}{}", "", 1, 3, "follows"),
    ("a comma too many", b"[1,]", "/1", 1, 4, "missing"),
    ("a member's comma too many", b'{"a":1,}', "", 1, 8, "name"),
    ("no comma", b"[1 2]", "", 1, 4, "comma"),
    ("no colon", b'{"a" 1}', "/a", 1, 6, "colon"),
    ("single quotes", b"{'a':1}", "", 1, 2, "name"),
    ("a leading zero", b"[01]", "", 1, 3, "comma"),
    ("a plus sign", b"[+1]", "/0", 1, 2, "missing"),
    ("a point without digits", b"[1.]", "", 1, 3, "comma"),
    ("a hex number", b"[0x10]", "", 1, 3, "comma"),
    ("an unknown escape", b'["\\x41"]', "/0", 1, 3, "escape"),
    ("a half escape", b'["\\u12"]', "/0", 1, 3, "escape"),
    ("a string without an end", b'["abc', "/0", 1, 2, "end"),
    ("a string that ends in a backslash", b'["abc\\', "/0", 1, 6, "escape"),
    ("a comment", b"[1] // one", "", 1, 5, "follows"),
    ("no-break space", b"[\xc2\xa01]", "/0", 1, 2, "missing"),
    ("form feed", b"[\x0c1]", "/0", 1, 2, "missing"),
    ("True", b"True", "", 1, 1, "missing"),
]


@pytest.mark.parametrize(
    ("data", "pointer", "line", "column", "word"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_what_is_not_strict_json_is_refused_and_its_place_named(data, pointer, line, column, word):
    with pytest.raises(Malformed) as refused:
        parse(data)
    assert (refused.value.pointer, refused.value.line, refused.value.column) == (pointer, line, column)
    assert word in str(refused.value)
    assert f"line {line}, column {column}" in str(refused.value)


ACCEPTED = [
    (b"{}", {}),
    (b' {"a" : [ 1 , 2.5 , -0 , true , false , null ] }\r\n', {"a": [1, 2.5, 0, True, False, None]}),
    (b"[9007199254740991,-9007199254740991]", [2**53 - 1, -(2**53) + 1]),
    (b'"\\ud83d\\ude00"', "\U0001f600"),
    ('"\U0001f600"'.encode(), "\U0001f600"),
    (b'"\\\\u0000 \\\\ud800"', "\\u0000 \\ud800"),
    (b'"\x7f"', "\x7f"),
    (b"[" * 32 + b"]" * 32, json.loads("[" * 32 + "]" * 32)),
    (b'["' + b"[" * 100 + b'"]', ["[" * 100]),
    (b'["\\"' + b"{" * 100 + b'\\\\"]', ['"' + "{" * 100 + "\\"]),
    (b"1e-400", 0.0),
    (b"1E3", 1000.0),
    (b'{"a":1,"A":2}', {"a": 1, "A": 2}),
]


@pytest.mark.parametrize(("data", "value"), ACCEPTED, ids=range(len(ACCEPTED)))
def test_strict_json_is_read_as_it_stands(data, value):
    assert parse(data) == value


def test_a_text_beyond_the_bytes_allowed_is_refused_unread():
    with pytest.raises(Malformed, match="more than the 3"):
        parse(b"[[]]", max_bytes=3)
    assert parse(b"[1]", max_bytes=3) == [1]


def test_values_are_counted_and_names_are_not():
    assert parse(b'{"a":[1,",,,,"],"b":{}}', max_nodes=5)
    with pytest.raises(Malformed, match="more than 4 values") as refused:
        parse(b'{"a":[1,",,,,"],"b":{}}', max_nodes=4)
    assert refused.value.pointer == "/b"


def test_fifty_thousand_values_are_the_most():
    assert len(parse(b"[" + b",".join([b"0"] * 49_999) + b"]")) == 49_999
    with pytest.raises(Malformed, match="more than 50000 values"):
        parse(b"[" + b",".join([b"0"] * 50_000) + b"]")


def test_floats_are_refused_where_none_are_wanted():
    for text in (b"[1.0]", b"[1e3]", b"[-0.5]"):
        with pytest.raises(Malformed, match="not an integer") as refused:
            parse(text, floats=False)
        assert refused.value.pointer == "/0"
    assert parse(b"[1,-2]", floats=False) == [1, -2]


def test_hostile_text_of_a_mebibyte_is_refused_in_one_pass():
    for data in (b'"\\' * 500_000, b'["' + b"[" * 40 + b'\\"' * 500_000, b"[" * 1_000_000, b'{"":' * 250_000):
        with pytest.raises(Malformed):
            parse(data)


def test_the_ranges_of_members_are_the_bytes_as_they_were_received():
    body = '{"eventList":[ {"x":"}"} ,\t{"é":2}]}'
    data = f'{{ "@context" : [ "é" , {{"a":1.50}} ] ,\n "epcisBody":{body}, "\\u0061":null}}'.encode()
    members = strictjson.member_ranges(data)
    assert list(members) == ["@context", "epcisBody", "a"]
    begin, end = members["@context"]
    assert data[begin:end] == '[ "é" , {"a":1.50} ]'.encode()
    body = strictjson.member_ranges(data, members["epcisBody"][0])
    events = strictjson.item_ranges(data, body["eventList"][0])
    assert [data[first:last] for first, last in events] == [b'{"x":"}"}', '{"é":2}'.encode()]


def test_an_empty_object_or_array_has_no_ranges():
    assert strictjson.member_ranges(b" { } ") == {}
    assert strictjson.item_ranges(b"[ ]") == []


@pytest.mark.parametrize("data", [b"[]", b"", b'{"a":1', b'{"a":}', b'{"a":1 "b"', b'{"a'])
def test_ranges_of_what_is_no_object_are_refused(data):
    with pytest.raises(Malformed):
        strictjson.member_ranges(data)


names = st.text(st.sampled_from("ab~/\\é\U0001f600"), max_size=3)
plain_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
integers = st.integers(-strictjson.MAX_INTEGER, strictjson.MAX_INTEGER)
scalars = st.none() | st.booleans() | integers | st.floats(allow_nan=False, allow_infinity=False) | plain_text
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4), max_leaves=8
)


@given(json_values, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_whatever_json_writes_within_the_limits_is_read_back(value, ascii_, indent):
    data = json.dumps(value, ensure_ascii=ascii_, indent=indent).encode()
    assert parse(data) == value
    assert faults_of(data) is None


@given(st.dictionaries(plain_text, json_values, max_size=4))
def test_ranges_cut_out_exactly_what_each_member_holds(value):
    data = json.dumps(value, ensure_ascii=False).encode()
    ranges = strictjson.member_ranges(data)
    assert {name: json.loads(data[begin:end]) for name, (begin, end) in ranges.items()} == value
    items = json.dumps(list(value.values())).encode()
    assert [json.loads(items[begin:end]) for begin, end in strictjson.item_ranges(items)] == list(value.values())


def faults_of(data):
    try:
        faults._Reader(data.decode(), faults.Limits(32, 50_000, True)).document()
    except Malformed as fault:
        return fault
    return None


PIECES = [
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    '"',
    '"a"',
    '"b"',
    "\\",
    "\\u0000",
    "\\ud83d",
    "\\ude00",
    "\\n",
    "0",
    "1",
    "-",
    ".",
    "5",
    "e",
    "+",
    "9007199254740991",
    "true",
    "null",
    "NaN",
    "Infinity",
    " ",
    "\n",
    "\0",
    "\x0b",
    "\u2003",
    "é",
    '"\\u00e9"',
    '"a":',
]


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
@example('["\\ud83d\\ude00"]')
@example('"\\ud83d\\\\ude00"')
@settings(max_examples=1500)
def test_the_quick_reader_and_the_careful_one_read_the_same_language(text):
    fault = faults_of(text.encode())
    try:
        value = parse(text.encode())
    except Malformed as refused:
        assert fault is not None
        assert str(fault) == str(refused)
    else:
        assert fault is None
        assert value == json.loads(text)


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda t: t.encode("utf-8", "surrogatepass")))
@settings(max_examples=500)
def test_only_malformed_escapes_whatever_the_bytes(data):
    for read in (parse, strictjson.member_ranges, strictjson.item_ranges):
        try:
            value = read(data)
        except Malformed:
            continue
        assert not (isinstance(value, float) and math.isinf(value))
