"""What a receiver may rely on."""

from datetime import UTC, datetime, timedelta

import pytest
from nacl.signing import SigningKey

from ledger.tlog import keys
from supplychain.webhooks import signatures
from supplychain.webhooks.errors import SignatureInvalid, TokenRefused

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
KEY = SigningKey(bytes(range(32)))
KEY_ID = keys.key_id(bytes(KEY.verify_key))
TOKEN = b"13da6c44-ee95-11eb-9a03-0242ac130003"
HOOK = "https://partner.example/hook"
BODY = b'{"type":"EPCISQueryDocument"}'


def header(token=TOKEN):
    return signatures.sign(now=NOW, destination=HOOK, body=BODY, key=KEY, key_id=KEY_ID, token=token)


def verify(value=None, **more):
    known = {"now": NOW, "destination": HOOK, "body": BODY, "keys": {KEY_ID: bytes(KEY.verify_key)}, "token": TOKEN}
    signatures.verify(value or header(), **(known | more))


def test_a_signature_holds_for_its_body_place_and_time():
    verify()
    verify(now=NOW + timedelta(minutes=4))
    verify(keys=None)
    verify(header(token=None), token=None)


@pytest.mark.parametrize(
    "other",
    [
        {"body": BODY + b" "},
        {"destination": "https://other.example/hook"},
        {"now": NOW + timedelta(minutes=6)},
        {"now": NOW - timedelta(minutes=6)},
        {"keys": {KEY_ID: bytes(SigningKey.generate().verify_key)}},
        {"keys": {}},
        {"token": b"another"},
        {"keys": None, "token": None},
    ],
)
def test_it_holds_for_nothing_else(other):
    with pytest.raises(SignatureInvalid):
        verify(**other)


def test_a_missing_hmac_is_no_hmac():
    with pytest.raises(SignatureInvalid):
        verify(header(token=None), keys=None)


@pytest.mark.parametrize(
    "value", ["", "x", "t=1", "t=1772366400", header() + ", t=1772366400", header().replace(":", "")]
)
def test_what_is_no_header_is_refused(value):
    with pytest.raises(SignatureInvalid):
        verify(value or " ")


@pytest.mark.parametrize(
    "token", ["", "secret", "a" * 64, "abababababababab" * 2, "x" * 257, "with\nline feed 0123456789abcd"]
)
def test_a_token_that_could_be_guessed_is_refused_and_never_repeated(token):
    with pytest.raises(TokenRefused) as refused:
        signatures.check_token(token)
    assert not token or token not in str(refused.value)


def test_a_random_token_is_taken():
    assert signatures.check_token(TOKEN.decode()) == TOKEN
