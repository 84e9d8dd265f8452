"""Every parser of the log's formats against bytes that nobody meant: only its declared error may come out.

    nice python -m campaigns.parsers 1000000 --seed 7

takes valid files of each format and spoils them: bits, bytes, lines, pieces of other files, words that mean something
somewhere. A parser may refuse (`Malformed`, where keys are read `KeyRefused`) or read; what it read must be written
again as it was given, where the format has one way to be written. A short form runs in the test suite.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ledger.tlog import (
    bundle,
    checkpoint,
    envelope,
    evidence,
    keyring,
    merkle,
    note,
    policy,
    proof,
    statement,
    strictjson,
    tile,
)
from ledger.tlog.__main__ import verify
from ledger.tlog.errors import KeyRefused, Malformed, TlogError
from ledger.witness import protocol
from tests.ledger.tlog.bundles import LOG, VKEY, WITNESS, a_bundle, trade

WORDS = (
    b'{"a":1,"a":2}', b"NaN", b"-Infinity", b"1e999", b"9007199254740993", b"-0", b"\\ud800", b"\\u0000",
    b"\xef\xbb\xbf", b"\xff\xfe", b"\x00", b"[" * 40, b"{" * 40, b"\n", b"\n\n", b"\r\n",
    b" ", b"=", b"==", b"+", b"/", b"-", b"_",
    "— ".encode(), b"old ", b"quorum none", b"group g all g", b"99999999999999999999", b"-1", b"007", b"1_000",
    b"18446744073709551616", b"null", b"true", b'""', b"AAAA", b"\xc0\x80", b"\xed\xa0\x80", b"x", b"\xf0\x9f\x9a\x9a",
)  # fmt: skip


@dataclass(frozen=True)
class Format:
    """A parser, valid files, what it may raise, and how it writes again what it read."""

    name: str
    parse: Callable[[bytes], Any]
    files: tuple[bytes, ...]
    write: Callable[[Any], bytes | str] | None = None
    refuses: tuple[type[Exception], ...] = (Malformed,)


@dataclass
class Report:
    """How many were tried and read by format, and what went wrong."""

    tried: Counter[str] = field(default_factory=Counter)
    read: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, str] = (0.0, "")
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        kinds = ", ".join(f"{name} {self.read[name]}/{count}" for name, count in sorted(self.tried.items()))
        slow = f"slowest {self.slowest[0] * 1000:.0f} ms ({self.slowest[1]})"
        return f"{self.tried.total():,} inputs, read/tried: {kinds}; {slow}; {len(self.wrong)} wrong"


def _text(parse: Callable[[str], Any]) -> Callable[[bytes], Any]:
    """A parser of text, given bytes that may be none."""
    return lambda data: parse(data.decode("utf-8", "surrogateescape"))


@cache
def formats() -> tuple[Format, ...]:
    """All of them, with files that they read."""
    world = trade()
    leaves = tuple(world.leaves[:6])
    payloads = tuple(envelope.parse_leaf(leaf).payload for leaf in leaves)
    noted = world.note()
    whole = bundle.format_bundle(a_bundle())
    seen = evidence.Evidence(world.note(4), world.note(6), (b"\1" * 32,), 1_770_000_000, "two roots")
    signed = tuple(json.dumps(envelope.sign(payload, LOG.signing_key)).encode() for payload in payloads)
    hashes = [merkle.leaf_hash(leaf) for leaf in leaves]
    given = b'{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'
    trust = policy.Policy(
        (LOG.verifier_key(),),
        {"w1": WITNESS.verifier_key()},
        {"g": policy.Group(1, ("w1",))},
        "g",
        {"w1": "https://w.example"},
    )
    tree = [merkle.leaf_hash(leaf) for leaf in world.leaves]
    one = merkle.prove_inclusion(2, len(tree), merkle.subtrees_of(tree))
    proven = proof.format_proof(proof.Proof(leaves[2], one, noted)).encode()
    return (
        Format("json", lambda data: strictjson.parse(data, max_bytes=1 << 20), (whole, *payloads, *signed)),
        Format("statement", statement.parse_statement, payloads, None),
        Format("envelope", envelope.parse_envelope, signed),
        Format("leaf", envelope.parse_leaf, leaves, _leaf),
        Format("note", note.parse_note, (noted.encode(),), note.format_note),
        Format(
            "checkpoint", _text(checkpoint.parse_checkpoint), (note.parse_note(noted).text.encode(),),
            checkpoint.format_checkpoint,
        ),
        Format("verifier key", _text(note.parse_verifier_key), (VKEY.encode(),), lambda key: str(key.to_text()), _KEYS),
        Format("signer key", _text(note.parse_signer_key), (LOG.to_text().encode(),), None, _KEYS),
        Format("policy", policy.parse_policy, (policy.format_policy(trust),)),
        Format("tile", tile.parse_tile, (b"".join(hashes),), tile.format_tile),
        Format("tile path", _text(tile.parse_tile_path), (b"tile/0/x001/234.p/5", b"tile/entries/000"), None),
        Format("entry bundle", tile.parse_bundle, (tile.format_bundle(leaves),), tile.format_bundle),
        Format("proof", proof.parse_proof, (proven,), proof.format_proof),
        Format("bundle", bundle.parse_bundle, (whole,), bundle.format_bundle),
        Format("evidence", evidence.parse_evidence, (evidence.format_evidence(seen),), evidence.format_evidence),
        Format(
            "witness request", protocol.parse_request,
            (protocol.format_request(protocol.Request(4, (b"\1" * 32,), noted)),), protocol.format_request,
        ),
        Format("witness size", protocol.parse_size, (b"1234\n",), lambda size: f"{size}\n"),
        Format("given keys", keyring.parse_given_keys, (given, b'{"keys":[' + given + b"]}"), None, (TlogError,)),
        Format("verify", lambda data: verify(data, policy=trust), (whole, proven), None, (TlogError,)),
        Format("indices", _text(statement.parse_indices), (b"1-4,7,9-12",), None),
    )  # fmt: skip


_KEYS = (Malformed, KeyRefused)


def _leaf(read: envelope.Leaf) -> bytes:
    return envelope.format_leaf(
        record_time_ms=read.record_time_ms, payload=read.payload, key_id=read.key_id, signature=read.signature
    )


def spoilt(data: bytes, dice: random.Random, others: Sequence[bytes]) -> bytes:
    """The file with one to four things done to it."""
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        at = dice.randrange(len(data) + 1)
        end = min(len(data), at + dice.choice((0, 1, 1, 2, 4, 16, 64, 400)))
        match dice.randrange(9):
            case 0 if data:
                at = min(at, len(data) - 1)
                data = data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1 :]
            case 1:
                data = data[:at] + data[end:]
            case 2:
                data = data[:at] + data[at:end] * 2 + data[end:]
            case 3:
                data = data[:at] + dice.choice(WORDS) + data[end:]
            case 4:
                data = data[:at] + dice.randbytes(end - at) + data[end:]
            case 5:
                other = dice.choice(others)
                start = dice.randrange(len(other))
                data = data[:at] + other[start : start + end - at] + data[end:]
            case 6:
                data = data[:at]
            case 7:
                lines = data.split(b"\n")
                dice.shuffle(lines)
                data = b"\n".join(lines)
            case _:
                data = data.replace(data[at:end], dice.choice(WORDS), dice.choice((1, -1)))
        data = data[: 1 << 20]
    return data


def campaign(count: int, *, seed: int) -> Report:
    """Try `count` inputs, in turn for each format."""
    dice, report, known = random.Random(seed), Report(), formats()
    others = [data for each in known for data in each.files]
    for each in known:
        for data in each.files:  # what is valid is read
            _try(each, data, report, must_read=True)
    for number in range(count):
        each = known[number % len(known)]
        _try(each, spoilt(dice.choice(each.files if dice.random() < 0.97 else others), dice, others), report)
    return report


def _try(each: Format, data: bytes, report: Report, *, must_read: bool = False) -> None:
    report.tried[each.name] += 1
    start = time.perf_counter()
    try:
        read = each.parse(data)
        report.read[each.name] += 1
        written = each.write(read) if each.write else data
        if written not in (data, data.decode("utf-8", "replace")):
            report.wrong.append(f"{each.name}: read, and written otherwise: {data[:200]!r}")
    except each.refuses as refused:
        if must_read:
            report.wrong.append(f"{each.name}: valid, and refused: {refused}")
    except Exception as failure:  # the very thing that is looked for
        report.wrong.append(f"{each.name}: {type(failure).__name__}: {failure}: {data[:200]!r}")
    report.slowest = max(report.slowest, (time.perf_counter() - start, each.name))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the long form; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m campaigns.parsers", description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    start = time.monotonic()
    report = campaign(options.count, seed=options.seed)
    for line in report.wrong[:20]:
        print(line)
    print(f"seed {options.seed}: {report}; {time.monotonic() - start:.0f} s")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
