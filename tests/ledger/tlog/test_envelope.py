import base64
import copy
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.tlog import envelope, keys, statement
from ledger.tlog.envelope import PAYLOAD_TYPE, Envelope, format_leaf, pae, parse_envelope, parse_leaf
from ledger.tlog.errors import Malformed
from tests.ledger.tlog.cast import a_leaf, a_statement, public_key, signing_key

PAYLOAD = statement.format_statement(a_statement())
SIGNED = envelope.sign(PAYLOAD, signing_key("grower"))
KEY_ID = keys.key_id(public_key("grower"))
SIGNATURE = base64.b64decode(SIGNED["signatures"][0]["sig"])


def changed(path, value):
    other = copy.deepcopy(SIGNED)
    *steps, last = path
    place = other
    for step in steps:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return other


def test_the_bytes_that_are_signed_are_those_of_dsse():
    assert (
        pae("http://example.com/HelloWorld", b"hello world")
        == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert pae("é", b"") == b"DSSEv1 2 \xc3\xa9 0 "
    assert envelope.signed_bytes(PAYLOAD) == pae(PAYLOAD_TYPE, PAYLOAD)


def test_a_statement_hash_is_that_of_the_signed_bytes():
    assert envelope.statement_hash(PAYLOAD) == hashlib.sha256(pae(PAYLOAD_TYPE, PAYLOAD)).digest()


def test_an_envelope_we_sign_is_read_and_its_signature_holds():
    parsed = parse_envelope(json.dumps(SIGNED).encode())
    assert parsed == parse_envelope(SIGNED) == Envelope(PAYLOAD, PAYLOAD_TYPE, KEY_ID, SIGNATURE)
    keys.verify_signature(public_key("grower"), pae(PAYLOAD_TYPE, PAYLOAD), parsed.signature)
    assert envelope.statement_of(parsed) == a_statement()


def test_an_envelope_may_leave_its_keyid_out():
    parsed = parse_envelope(changed(["signatures", 0, "keyid"], ...))
    assert parsed.key_id is None
    assert envelope.statement_of(parsed) == a_statement()


def test_an_envelope_may_not_name_another_key_than_its_statement():
    other = parse_envelope(changed(["signatures", 0, "keyid"], keys.key_id(public_key("stranger"))))
    with pytest.raises(Malformed, match="another key"):
        envelope.statement_of(other)


def test_url_safe_base64_is_read_like_the_standard_one():
    payload = b"\xfb\xff\xfe" * 4
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        assert parse_envelope(changed(["payload"], encode(payload).decode())).payload == payload


SIXTY_FOUR = base64.b64encode(bytes(64)).decode()
REFUSED = [
    (["payload"], ..., ""),
    (["more"], 1, ""),
    (["payload"], None, "/payload"),
    (["payload"], "", "/payload"),
    (["payload"], "AAA", "/payload"),
    (["payload"], "AAA=\n", "/payload"),
    (["payload"], "AA A=", "/payload"),
    (["payload"], "AAB=", "/payload"),
    (["payload"], "AAA==", "/payload"),
    (["payload"], "+/-_", "/payload"),
    (["payload"], "ÄÄÄÄ", "/payload"),
    (["payload"], "\ud800AAA", "/payload"),
    (["payload"], base64.b64encode(bytes(4001)).decode(), "/payload"),
    (["payloadType"], "application/json", "/payloadType"),
    (["payloadType"], [PAYLOAD_TYPE], "/payloadType"),
    (["signatures"], [], "/signatures"),
    (["signatures"], {}, "/signatures"),
    (["signatures"], SIGNED["signatures"] * 2, "/signatures"),
    (["signatures", 0], "x", "/signatures/0"),
    (["signatures", 0, "sig"], ..., "/signatures/0"),
    (["signatures", 0, "cert"], "x", "/signatures/0"),
    (["signatures", 0, "keyid"], "", "/signatures/0/keyid"),
    (["signatures", 0, "keyid"], None, "/signatures/0/keyid"),
    (["signatures", 0, "keyid"], KEY_ID + "=", "/signatures/0/keyid"),
    (["signatures", 0, "sig"], SIXTY_FOUR[:-2], "/signatures/0/sig"),
    (["signatures", 0, "sig"], base64.b64encode(bytes(63)).decode(), "/signatures/0/sig"),
    (["signatures", 0, "sig"], base64.b64encode(bytes(65)).decode(), "/signatures/0/sig"),
]


@pytest.mark.parametrize(("path", "value", "pointer"), REFUSED, ids=range(len(REFUSED)))
def test_an_envelope_with_a_wrong_part_is_refused_and_the_part_named(path, value, pointer):
    with pytest.raises(Malformed) as refused:
        parse_envelope(changed(path, value))
    assert refused.value.pointer == pointer


@pytest.mark.parametrize("data", [b"", b"[]", b'{"payload":1,"payload":1}', b" " * 20_000, [], None, "x"])
def test_what_is_no_envelope_is_refused(data):
    with pytest.raises(Malformed):
        parse_envelope(data)


def test_a_leaf_is_written_in_one_way():
    leaf = format_leaf(record_time_ms=1_767_225_600_007, payload=PAYLOAD, key_id=KEY_ID, signature=SIGNATURE)
    assert leaf == json.dumps({"recordTime": "2026-01-01T00:00:00.007Z", **SIGNED}, separators=(",", ":")).encode()


@pytest.mark.parametrize("record_time_ms", [0, 1, 999, 1_709_210_096_789, 253_402_300_799_999])
def test_a_leaf_is_read_back_as_it_was_written(record_time_ms):
    leaf = a_leaf(record_time_ms=record_time_ms)
    parsed = parse_leaf(leaf)
    assert parsed == envelope.Leaf(record_time_ms, PAYLOAD, KEY_ID, SIGNATURE)


@pytest.mark.parametrize(
    "changes",
    [
        {"record_time_ms": -1},
        {"record_time_ms": 253_402_300_800_000},
        {"payload": b""},
        {"payload": bytes(4001)},
        {"key_id": "short"},
        {"key_id": 'x","y":"' + "A" * 35},
        {"signature": bytes(63)},
    ],
    ids=str,
)
def test_a_leaf_that_could_not_be_read_back_is_not_written(changes):
    parts = {"record_time_ms": 0, "payload": PAYLOAD, "key_id": KEY_ID, "signature": SIGNATURE}
    with pytest.raises(Malformed):
        format_leaf(**{**parts, **changes})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'{"recordTime"', b'{ "recordTime"'),
        (b"}]}", b"}]}\n"),
        (b"2026-01-01T", b"2026-02-30T"),
        (b"00:00:00.123Z", b"00:00:60.123Z"),
        (b"00:00:00.123Z", b"24:00:00.123Z"),
        (b"00:00:00.123Z", b"00:00:00.1234Z"),
        (b"00:00:00.123Z", b"00:00:00.123+00:00"),
        (b"2026", b"1969"),
        (b"2026", b"0000"),
        (b"+json", b"+JSON"),
        (b'","sig"', b'=","sig"'),
        (b'=="}]}', b'="}]}'),
        (b'=="}]}', b'"}]}'),
        (b'"payload":"', b'"payload":"\xc3\xa9'),
        (b'"payload":"', b'"payload":"-'),
        (b'"payload":"', b'"payload":"\\u0041'),
        (b'"payload":"', b'"payload":"","x":"'),
        (b'"keyid":"', b'"keyid":"A'),
    ],
)
def test_a_leaf_that_we_would_not_have_written_is_not_read(old, new):
    leaf = a_leaf()
    assert old in leaf
    with pytest.raises(Malformed):
        parse_leaf(leaf.replace(old, new, 1))


@given(st.data())
def test_no_changed_byte_of_a_leaf_goes_unseen(data):
    leaf = a_leaf()
    at = data.draw(st.integers(0, len(leaf) - 1))
    other = leaf[:at] + data.draw(st.binary(max_size=2)) + leaf[at + 1 :]
    try:
        parsed = parse_leaf(other)
    except Malformed:
        return
    again = format_leaf(
        record_time_ms=parsed.record_time_ms, payload=parsed.payload, key_id=parsed.key_id, signature=parsed.signature
    )
    assert again == other


junk = st.none() | st.integers() | st.text(max_size=4) | st.sampled_from([[], {}, [{}], SIXTY_FOUR])


@given(
    st.sampled_from([["payload"], ["payloadType"], ["signatures"], ["signatures", 0], ["signatures", 0, "sig"]]), junk
)
def test_only_malformed_escapes_whatever_stands_in_an_envelope(path, value):
    try:
        parse_envelope(changed(path, value))
    except Malformed:
        return


@given(st.binary(max_size=80))
def test_only_malformed_escapes_whatever_the_bytes(data):
    for read in (parse_envelope, parse_leaf):
        with pytest.raises(Malformed):
            read(data)
