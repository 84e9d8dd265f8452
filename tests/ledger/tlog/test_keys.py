import base64
import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.exceptions import CryptoError

from ledger.tlog import keys
from ledger.tlog.errors import KeyRefused, Malformed, SignatureInvalid, TlogError
from ledger.tlog.keys import KeyRecord, check_public_key, key_id, pop_message, verify_signature
from tests.conftest import SHARED
from tests.ledger.tlog.cast import ORIGIN, PARTY, a_statement, public_key, signing_key

GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  # not canonical
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "0200000000000000000000000000000000000000000000000000000000000000",  # not on the curve
]


def vectors(name, rows):
    path = SHARED / "ed25519" / name
    if not path.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason="the shared data is not beside this checkout"))]
    return rows(json.loads(path.read_text()))


def wycheproof(document):
    return [
        pytest.param((group["publicKey"]["pk"], test), id=f"tc{test['tcId']}")
        for group in document["testGroups"]
        for test in group["tests"]
    ]


@pytest.mark.parametrize("vector", vectors("wycheproof_ed25519.json", wycheproof))
def test_signatures_are_judged_as_wycheproof_does(vector):
    public, test = vector
    parts = [bytes.fromhex(text) for text in (public, test["msg"], test["sig"])]
    if test["result"] == "valid":
        verify_signature(*parts)
    else:
        with pytest.raises(SignatureInvalid):
            verify_signature(*parts)


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data is not beside this checkout")
def test_there_are_151_and_12_vectors():
    assert len(vectors("wycheproof_ed25519.json", wycheproof)) == 151
    assert len(vectors("speccheck.json", list)) == 12


@pytest.mark.parametrize("vector", vectors("speccheck.json", list))
def test_no_edge_case_is_accepted_once_the_key_was_checked(vector):
    public, message, signature = [bytes.fromhex(vector[name]) for name in ("pub_key", "message", "signature")]
    with pytest.raises((KeyRefused, SignatureInvalid)):
        check_public_key(public)
        verify_signature(public, message, signature)


def test_a_key_id_is_the_thumbprint_of_rfc_8037():
    public = base64.urlsafe_b64decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
    assert key_id(public) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"  # RFC 8037, A.3


def test_a_key_made_by_nacl_is_accepted():
    check_public_key(public_key("grower"))


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_points_outside_the_prime_order_group_are_refused(point):
    with pytest.raises(KeyRefused):
        check_public_key(bytes.fromhex(point))


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_key_of_another_length_is_refused(length):
    with pytest.raises(KeyRefused):
        check_public_key(bytes(length))
    with pytest.raises(SignatureInvalid):
        verify_signature(bytes(length), b"", bytes(64))


@pytest.mark.parametrize("length", [0, 63, 65])
def test_a_signature_of_another_length_is_refused(length):
    with pytest.raises(SignatureInvalid):
        verify_signature(public_key("grower"), b"", bytes(length))


def test_a_signature_holds_for_its_key_and_message_alone():
    signature = signing_key("grower").sign(b"a message").signature
    verify_signature(public_key("grower"), b"a message", signature)
    order = int.from_bytes(signature[32:], "little") + GROUP_ORDER
    for public, message, other in [
        (public_key("stranger"), b"a message", signature),
        (public_key("grower"), b"a massage", signature),
        (public_key("grower"), b"a message", signature[:32] + order.to_bytes(32, "little")),
        (public_key("grower"), b"a message", bytes([signature[0] ^ 1]) + signature[1:]),
    ]:
        with pytest.raises(SignatureInvalid):
            verify_signature(public, message, other)


def record(**changes):
    return KeyRecord(key_id(public_key("grower")), public_key("grower"), PARTY, "device", 5, **changes)


@pytest.mark.parametrize(("index", "valid"), [(0, False), (5, False), (6, True), (10**12, True)])
def test_a_key_is_valid_after_its_registration(index, valid):
    assert record().is_valid_at(index) is valid


@pytest.mark.parametrize(("index", "valid"), [(5, False), (6, True), (8, True), (9, False), (11, False), (12, False)])
def test_a_revoked_key_is_valid_to_its_last_valid_index(index, valid):
    assert record(last_valid_index=8, revoked_index=11).is_valid_at(index) is valid


def test_a_key_revoked_from_the_start_was_never_valid():
    assert not any(record(last_valid_index=-1, revoked_index=11).is_valid_at(index) for index in range(20))
    assert not any(record(revoked_index=11).is_valid_at(index) for index in range(20))


def test_the_proof_of_possession_is_over_what_is_registered():
    message = pop_message(ORIGIN, PARTY, "device", key_id(public_key("grower")), "0f" * 16)
    assert message == (
        b"waylog/pop/v1\nlog.example/0123456789abcdef\n"
        + PARTY.encode()
        + b"\ndevice\n"
        + key_id(public_key("grower")).encode()
        + b"\n"
        + b"0f" * 16
        + b"\n"
    )


@pytest.mark.parametrize(
    ("place", "value"),
    [(0, "a\nb"), (0, ""), (1, "B7" * 16), (1, PARTY + "\n"), (2, "owner"), (3, "x"), (4, "0F" * 16)],
)
def test_no_proof_of_possession_is_over_parts_that_are_none(place, value):
    parts = [ORIGIN, PARTY, "device", key_id(public_key("grower")), "0f" * 16]
    parts[place] = value
    with pytest.raises(Malformed):
        pop_message(*parts)


def registration(**changes):
    claims = keys.registration_claims(
        signing_key("grower"), origin=ORIGIN, party=PARTY, role="device", statement_id="0f" * 16
    )
    return a_statement("admin", type="key.register", links=(), claims={**claims, **changes})


def test_a_registration_is_read_and_its_possession_proven():
    registered = keys.parse_registration(registration())
    assert registered == keys.Registration(public_key("grower"), PARTY, "device", key_id(public_key("grower")))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"role": "admin"}, SignatureInvalid),
        ({"party": "00" * 16}, SignatureInvalid),
        ({"party": "me"}, Malformed),
        ({"role": "owner"}, Malformed),
        ({"pop": "AAAA"}, SignatureInvalid),
        ({"pop": "AA"}, Malformed),
        ({"pop": 7}, Malformed),
        ({"public_key": "A" * 43}, KeyRefused),
        ({"public_key": "AAAA"}, KeyRefused),
        ({"public_key": "A" * 42 + "="}, Malformed),
        ({"public_key": 1}, Malformed),
    ],
    ids=str,
)
def test_a_registration_that_claims_something_else_is_refused(changes, error):
    with pytest.raises(error):
        keys.parse_registration(registration(**changes))


def test_a_registration_holds_in_its_own_log_and_statement_alone():
    for changes in ({"log": "log.example/fedcba9876543210"}, {"id": "1f" * 16}):
        with pytest.raises(SignatureInvalid):
            keys.parse_registration(dataclasses.replace(registration(), **changes))


def test_no_other_statement_is_a_registration():
    with pytest.raises(Malformed):
        keys.parse_registration(dataclasses.replace(registration(), type="key.revoke"))
    with pytest.raises(Malformed):
        keys.parse_registration(dataclasses.replace(registration(), claims={}))


@given(st.binary(max_size=70), st.binary(max_size=10), st.binary(max_size=70))
def test_only_tlog_errors_escape_whatever_the_bytes(public, message, signature):
    for check in (lambda: check_public_key(public), lambda: verify_signature(public, message, signature)):
        try:
            check()
        except TlogError as refused:
            assert not isinstance(refused, CryptoError)
