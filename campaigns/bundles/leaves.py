"""Leaves and statements that are wrong under a root that the log did sign, and signatures that WebCrypto accepts."""

import base64
import hashlib
import random

import nacl.bindings

from campaigns.bundles.case import Case
from campaigns.bundles.files import spoilt
from campaigns.bundles.logs import NAMES, forced_case, grown_world
from ledger.tlog import envelope
from ledger.tlog.keys import key_id
from tests.ledger.tlog.cast import public_key, signing_key
from tests.ledger.tlog.make_vectors import IDENTITY, OF_ORDER_8, ORDER, signed_with


def scalar_of(name: str) -> int:
    """The secret scalar of a key of the cast (RFC 8032, 5.1.5)."""
    half = bytearray(hashlib.sha512(bytes(signing_key(name))).digest()[:32])
    half[0] &= 248
    half[31] = half[31] & 127 | 64
    return int.from_bytes(half, "little")


def mixed_order(name: str) -> bytes:
    return nacl.bindings.crypto_core_ed25519_add(public_key(name), OF_ORDER_8)


def with_large_s(signature: bytes) -> bytes:
    return signature[:32] + (int.from_bytes(signature[32:], "little") + ORDER).to_bytes(32, "little")


def hostile_signature(name: str, message: bytes, dice: random.Random) -> bytes:
    """A signature that some verifiers accept, or simply a wrong one."""
    good = signing_key(name).sign(message).signature
    flipped = bytearray(good)
    flipped[dice.randrange(64)] ^= 1 << dice.randrange(8)
    small = [
        IDENTITY,
        (2**255 - 18).to_bytes(32, "little"),
        OF_ORDER_8,
        bytes(32),
        (2**255 - 20).to_bytes(32, "little"),
    ]
    forged = signed_with(dice.choice(small), public_key(name), message, scalar_of(name))
    return dice.choice([forged, forged, with_large_s(good), bytes(flipped), good[:63], good + b"\0", bytes(64)])


def leaves_that_are_wrong(dice: random.Random) -> Case:
    """One entry under the root is not written, signed or timed as an entry must be."""
    world = grown_world(dice)
    index = dice.randrange(len(world.leaves))
    leaf = envelope.parse_leaf(world.leaves[index])
    name = next(each for each in (*NAMES, "log") if key_id(public_key(each)) == leaf.key_id)
    match dice.randrange(4):
        case 0:
            signature = hostile_signature(name, envelope.signed_bytes(leaf.payload), dice)
            text = world.leaves[index].replace(base64.b64encode(leaf.signature), base64.b64encode(signature))
        case 1 | 2:
            payload = _odd_statement(leaf.payload, dice)
            signature = signing_key(name).sign(envelope.signed_bytes(payload)).signature
            text = world.leaves[index].replace(base64.b64encode(leaf.payload), base64.b64encode(payload))
            text = text.replace(base64.b64encode(leaf.signature), base64.b64encode(signature))
        case _:
            text = _odd_leaf(world.leaves[index], dice)
    world.leaves[index] = text
    return forced_case(world, dice)


def _odd_statement(payload: bytes, dice: random.Random) -> bytes:
    claims = [
        b'{"a":1.0}',
        b'{"a":true}',
        b'{"a":[]}',
        b'{"a":{"b":[]}}',
        b'{"a":1,"a":2}',
        b'{"\\u0061":1,"a":"\'"}',
        b'{"a/~b":null}',
        b'{"a":"\\ud800"}',
    ]
    claims += [
        b'{"a":"\\ud83d\\ude00"}',
        b'{"a":9007199254740991}',
        b'{"a":9007199254740992}',
        b'{"a":-0}',
        b'{"a":"\\u0000"}',
        b'{"a":"\x01"}',
        b'{"\xc3\xa9\\n\'":1,"\xc3\xa9\\n\'":2}',
    ]
    claims += [
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e400}',
        b'{"__proto__":1}',
        b'{"constructor":"x"}',
        b"[" * 40 + b"]" * 40,
        b"[]",
        b"",
        b'{"a":01}',
        b'{"a":+1}',
        b"{'a':1}",
    ]
    rest = payload.rpartition(b'"claims":')[0]
    changed = [
        *[rest + b'"claims":' + dice.choice(claims) + b"}"] * 4,
        payload.replace(
            b'"v":1', dice.choice([b'"v":2', b'"v":1.0', b'"v":true', b'"v":"1"', b'"w":1', b'"v":1,"v":1'])
        ),
        payload.replace(
            b'"log":"log',
            dice.choice(
                [b'"log":"other', b'"log":"a b', b'"log":"a+b', b'"log":"\xe2\x80\xa8', b'"log":"\xef\xbb\xbf']
            ),
        ),
        payload.replace(b'"type":"', b'"type":"x'),
        payload.replace(b'"id":"0', b'"id":"A'),
        payload.replace(b'"key":"', b'"key":"_'),
        payload.replace(
            b'"links":[', b'"links":[' + b",".join([b'"' + b"0" * 64 + b'"'] * dice.choice([1, 2, 41])) + b","
        ),
        payload.replace(b'"links":[', b'"links":[' + b'"' + b"ab" * 32 + b'",'),
        payload.replace(b'"links":[', b'"links":[0,'),
        payload.replace(b'"body":', b'"body":"",'),
        payload.replace(b'"body":null', b'"body":"' + b"0" * 64 + b'"'),
        payload.replace(b'"v":1,', b""),
        payload[:-1],
        payload + b" ",
        payload + b"{}",
        b" \n" + payload,
        b"\xef\xbb\xbf" + payload,
        b"[]",
        payload.replace(b",", b",\n\xff"),
        payload + b" " * 4000,
        spoilt(payload, dice),
    ]
    return dice.choice(changed)


def _odd_leaf(leaf: bytes, dice: random.Random) -> bytes:
    odd_times = [
        b"2026-02-30T00:00:00",
        b"1969-12-31T23:59:59",
        b"0000-01-01T00:00:00",
        b"2026-01-01T24:00:00",
        b"2026-01-01T00:00:60",
        b"2026-13-01T00:00:00",
    ]
    odd_times += [
        b"9999-12-31T23:59:59",
        b"2024-02-29T00:00:00",
        b"2100-02-29T00:00:00",
        b"1970-01-01T00:00:00",
        b"2026-1-01T00:00:00",
    ]
    changed = [
        *[leaf[:15] + dice.choice(odd_times) + leaf[34:]] * 3,
        leaf.replace(b'"keyid":"', b'"keyid":"' + dice.choice([b"A", b""]), 1),
        leaf[:-4] + dice.choice([b'A"}]}', b'="}]}', b'B"}]}']),
        leaf.replace(
            b'","payloadType"', dice.choice([b'=","payloadType"', b' ","payloadType"', b'\xc3","payloadType"'])
        ),
        leaf.replace(b":", b": ", 1),
        leaf + b"\n",
        b"",
        spoilt(leaf, dice),
    ]
    return dice.choice(changed)
