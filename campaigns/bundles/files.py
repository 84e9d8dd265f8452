"""Bundles as they are, and with bytes or members other than they were."""

import base64
import json
import random
from collections.abc import Callable

from campaigns.bundles.case import Case
from campaigns.bundles.logs import honest_bundle, some_trust
from ledger.tlog.bundle import format_bundle
from tests.ledger.tlog.bundles import CHAIN, OTHER_CHAIN, VKEY, World


def honest(dice: random.Random) -> Case:
    """Nothing is wrong."""
    return Case("bundle", format_bundle(honest_bundle(dice)[1]), some_trust(dice))


def bytes_of_the_file(dice: random.Random) -> Case:
    """One place of the file is other than it was."""
    data = format_bundle(honest_bundle(dice)[1])
    return Case("bundle", spoilt(data, dice), dice.choice(["", VKEY]))


def spoilt(data: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(data))
    match dice.randrange(6):
        case 0:
            return data[:at] + bytes([dice.randrange(256)]) + data[at + 1 :]
        case 1:
            return data[:at] + data[at + dice.randrange(1, 60) :]
        case 2:
            return data[:at] + dice.randbytes(dice.randrange(1, 9)) + data[at:]
        case 3:
            return data[:at]
        case 4:
            odd = [
                b"\\ud800",
                b"\\u0000",
                b"\\",
                b'"',
                b"\xef\xbb\xbf",
                b"\xed\xa0\x80",
                b"NaN",
                b"1e5",
                b"[" * 9,
                b"\xc3\xa9",
            ]
            return data[:at] + dice.choice(odd) + data[at:]
        case _:
            word = dice.choice([b'"index": ', b'"leaf"', b'"salt"', b"null", b"\n ", b"=", b"0", b"{", b"]", b","])
            return data.replace(word, dice.choice([b"", word * 2, b"-0", b"99999999999999999999", b"1.5", b"true"]), 1)


def structure(dice: random.Random) -> Case:
    """A part of the file is dropped, doubled, swapped, or put elsewhere."""
    world, bundle = honest_bundle(dice)
    value = json.loads(format_bundle(bundle))
    _rearrange(value, world, dice)
    data = (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()
    return Case("bundle", data, dice.choice(["", VKEY]))


def _rearrange(value: dict, world: World, dice: random.Random) -> None:
    entries, chains = value["entries"], value["chains"]
    one, two = dice.choice(entries), dice.choice(entries)
    name = dice.choice(["index", "leaf", "proof", "body", "salt"])
    raw = base64.b64decode(one["proof"])
    odd = dice.choice(
        [0, -1, 1.5, True, None, "é\n", [], {}, "AAAA", "AA==", "AB==", "A", "AA=A", "A A A A", "====", 2**53]
    )
    acts: list[Callable[[], object]] = [
        lambda: entries.remove(one),
        lambda: entries.insert(dice.randrange(len(entries)), dict(two)),
        lambda: one.update({name: two[name]}),
        lambda: one.update({name: odd}),
        lambda: value.update({dice.choice(list(value)): odd}),
        lambda: one.update(index=dice.randrange(20)),
        lambda: one.update(salt=None),
        lambda: one.update(body=base64.b64encode(b"{}").decode(), salt=base64.b64encode(bytes(32)).decode()),
        lambda: one.update(
            proof=base64.b64encode(dice.choice([raw[32:], raw + raw, raw[32:] + raw[:32], b"x" * 32 * 64])).decode()
        ),
        lambda: chains[0].update(entries=sorted(dice.sample(range(20), dice.randrange(1, 6)))),
        lambda: chains[0]["entries"].pop(),
        lambda: chains[0].update(secret=base64.b64encode(dice.choice([CHAIN, OTHER_CHAIN, b"e" * 16, b"e"])).decode()),
        lambda: chains.append(chains[0]),
        lambda: value.update(
            {dice.choice(["checkpoint", "says"]): dice.choice([value["checkpoint"], value["says"], world.note(9)])}
        ),
        lambda: value.update(more=1),
        lambda: value.update(
            policy=dice.choice([f"log {VKEY}\nquorum none\n", "quorum none\n", value["policy"] + "é\n", "log x\n"])
        ),
        lambda: value.update(policy=value["policy"].replace("w1", "wé")),
    ]
    dice.choice(acts)()
