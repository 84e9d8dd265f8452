"""Bundles and proof files, most of them mutated, on which Python and the browser's JavaScript must say the same.

Mutations reach every depth: bytes of the file, its structure, leaves and statements under a root that the log did sign,
acts that an honest log refuses, signatures that WebCrypto alone accepts, notes, policies, keys that a reader brings.

    nice python -m campaigns.bundles 10000

runs them in Chromium, in batches, and ends with 1 where a verdict differs. A short form runs in the test suite.
"""

import base64
import hashlib
import http.server
import json
import os
import random
import re
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import nacl.bindings

from ledger.tlog import envelope, merkle, note, policy, proof, statement
from ledger.tlog.__main__ import verify
from ledger.tlog.bundle import Bundle, BundledChain, BundledEntry, format_bundle, seal, sign_says
from ledger.tlog.disclosure import ALGORITHM, DIGESTS, digest_of, hide
from ledger.tlog.errors import TlogError
from ledger.tlog.keyring import parse_given_keys
from ledger.tlog.keys import key_id, pop_message, registration_claims
from ledger.tlog.note import COSIGNATURE, NoteSignature, SignerKey, parse_verifier_key
from ledger.tlog.policy import Policy, parse_policy
from ledger.tlog.report import Report
from ledger.tlog.text import encode_base64, encode_base64url
from tests.ledger.tlog.bundles import CHAIN, LOG, OTHER_CHAIN, PARTIES, VKEY, WITNESS, World, trade
from tests.ledger.tlog.cast import ORIGIN, public_key, signing_key
from tests.ledger.tlog.make_vectors import IDENTITY, OF_ORDER_8, ORDER, signed_with

STATIC = Path(__file__).resolve().parent.parent / "supplychain" / "static"
MODULE = "js/verify/verify.js"
BATCH = 250
BEGAN = 1_767_225_600_000
NAMES = ("root", "operator", "grower admin", "carrier admin", "grower", "carrier", "carrier two")
JUDGE = """async ({ module, cases }) => {
  const { verify } = await import(module);
  const { linesOf } = await import(module.replace("verify.js", "report.js"));
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const said = [];
  for (const { data, trust, keys } of cases) {
    try {
      said.push(linesOf(await verify(bytes(data), { trust, keys: keys.map(bytes) })).join("\\n"));
    } catch (error) {
      said.push(`FAULT ${error.stack}`);
    }
  }
  return said;
}"""
"""What the browser evaluates: the same cases, each with the report of the page's own module."""


@dataclass(frozen=True)
class Case:
    """A file, whom its reader trusts (a verifier key, a policy, or nobody), and keys that the reader gives."""

    name: str
    data: bytes
    trust: str = ""
    keys: tuple[bytes, ...] = ()

    def value(self) -> dict[str, object]:
        """The case as the browser takes it."""
        encoded = [base64.b64encode(each).decode() for each in (self.data, *self.keys)]
        return {"data": encoded[0], "trust": self.trust, "keys": encoded[1:]}


def verdict(case: Case) -> str:
    """What `python -m ledger.tlog verify` prints of it."""
    try:
        trusted = _trusted(case.trust)
        keys = [key for each in case.keys for key in parse_given_keys(each)]
        report = verify(case.data, policy=trusted, keys=keys)
    except TlogError as refused:
        report = Report(f"not valid: {refused}")
    return "\n".join(report.lines()).encode("utf-8", "backslashreplace").decode()


def _trusted(text: str) -> Policy | None:
    given = text.strip(" \t\r\n")
    if not given:
        return None
    return parse_policy(text.encode()) if re.search(r"[ \t\r\n]", given) else Policy((parse_verifier_key(given),))


def differences(cases: Sequence[Case], said: Sequence[str]) -> list[str]:
    """Where the browser said something else, in full."""
    pairs = [(case, verdict(case), other) for case, other in zip(cases, said, strict=True)]
    return [f"{case.name}\npython: {mine}\nbrowser: {other}" for case, mine, other in pairs if mine != other]


def generate(count: int, seed: int = 1) -> Iterator[Case]:
    """Yield this many cases; about one in eight is honest."""
    dice = random.Random(seed)
    for number in range(count):
        make = dice.choice(MAKERS)
        found = make(dice)
        yield replace(found, name=f"{seed}/{number} {make.__name__}: {found.name}")


# --- an honest log, and one that is not ------------------------------------------------------------------------------


@cache
def _traded() -> World:
    return trade()


def _grown(dice: random.Random) -> World:
    """A log that went on for some acts after the trade, all of them allowed."""
    world, began = World(), _traded()
    world.leaves, world.bodies, world.heads = [*began.leaves], dict(began.bodies), dict(began.heads)
    world.disclosures = dict(began.disclosures)
    for _ in range(dice.randrange(5)):
        chains = dice.sample([CHAIN, OTHER_CHAIN], dice.randrange(3))
        world.event(dice.choice(["grower", "carrier two"]), *chains)
    if dice.random() < 0.4:
        world.attest("carrier two", *dice.sample(range(8, 12), 2))
    if dice.random() < 0.4:
        _two_people(world, dice)
    if dice.random() < 0.3:
        _hiding(world, dice)
    return world


MEMBERS: dict[str, object] = {
    "ex:driver": "Jane “Q.” Driver",
    "ex:plate": {"no": "ZH 471 108", "ex:trailer": None},
    "sensorElementList": [{"sensorReport": [{"type": "Temperature", "value": 4.5, "uom": "CEL"}]}],
    "ex:é\u2028\U0001f600": [1e3, -0.0, 12345678901, True, "\u0001"],
    "__proto__": {"constructor": [[], {}]},
}


def _hiding(world: World, dice: random.Random, *, spoil: bool = False) -> int:
    """An event whose body names some of its members by digests, one of them with a digest inside; its index."""
    members = {**{name: MEMBERS[name] for name in dice.sample(sorted(MEMBERS), dice.randrange(1, 5))}, "action": "ADD"}
    inner, told = hide({"a": 1, "b": [2, {"c": 3}]}, dice.choice([["a"], ["b"], ["a", "b"]]))
    members["ex:more"] = inner
    names = [name for name in members if dice.random() < 0.7 and name != "action"]
    event, outer = hide(members, names)
    texts = [each.text for each in (*told, *outer)]
    if not spoil:
        decoys = [digest_of(f"decoy {dice.random()}") for _ in range(dice.randrange(2))]
        event = {**event, **({DIGESTS: [*event.get(DIGESTS, []), *decoys]} if decoys else {})}
    else:
        _spoil_hidden(event, texts, dice)
    body = json.dumps({"@context": [], "event": event}, ensure_ascii=dice.random() < 0.5).encode()
    return world.event("grower", *dice.sample([CHAIN, OTHER_CHAIN], dice.randrange(2)), body=body, disclosures=texts)


def _spoil_hidden(event: dict, texts: list[str], dice: random.Random) -> None:
    """Something is wrong with the digests of a body, or with a disclosure of it."""
    salt = encode_base64url(dice.randbytes(16))

    def told(value: object, *, listed: bool = True) -> None:
        raw = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
        texts.append(encode_base64url(raw))
        if listed:
            event[DIGESTS] = [*event.get(DIGESTS, []), digest_of(texts[-1])]

    name = dice.choice(
        ["_sd", "...", "waylog:_sd", "waylog:_sd_alg", "@context", "", "a\nb", "\x7f", "_sd_alg", "action"]
    )
    deep: object = 0
    for _ in range(29):
        deep = [deep]
    acts: list[Callable[[], object]] = [
        lambda: told([salt, name, 1]),
        lambda: told([salt, "ex:stray", 1], listed=False),
        lambda: told([salt[:9], "ex:short", 1]),
        lambda: told([salt + "=", "ex:padded", 1]),
        lambda: told([salt, "ex:two"]),
        lambda: told([salt, 5, 1]),
        lambda: told({"salt": salt}),
        lambda: told(
            dice.choice([b"", b"[", b"[1e999]", b"\xff", b'["a","a",NaN]', b'[{"a":1,"a":2}]', b"\xef\xbb\xbf[]"])
        ),
        lambda: texts.append(dice.choice(texts)),
        lambda: texts.append(dice.choice(["", "A", "AA==", "é", "A A"])),
        lambda: event.update({DIGESTS: [*event.get(DIGESTS, []), *event.get(DIGESTS, [digest_of("x")] * 2)]}),
        lambda: event.update({DIGESTS: dice.choice([[], {}, "x", [5], ["short"], ["A" * 44], [None], None])}),
        lambda: event.update({ALGORITHM: dice.choice(["sha-256", "sha-512", 5, None])}),
        lambda: told([salt, "ex:in", {DIGESTS: [event[DIGESTS][0] if event.get(DIGESTS) else digest_of("x")]}]),
        lambda: [told([salt, "ex:same", 1]), told([salt, "ex:same", 2])],
        lambda: texts.__setitem__(0, _with_another_salt(texts[0])),
        lambda: _nest(event, texts, deep, salt),
    ]
    dice.choice(acts)()


def _with_another_salt(text: str) -> str:
    told = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return encode_base64url(json.dumps(["A" * 22, *told[1:]]).encode())


def _nest(event: dict, texts: list[str], deep: object, salt: str) -> None:
    """A disclosure in a disclosure in a disclosure, each as deep as it may be."""
    for number in range(3):
        inner: object = deep if number == 0 else {DIGESTS: [digest_of(texts[-1])]}
        for _ in range(0 if number == 0 else 22):
            inner = [inner]
        texts.append(encode_base64url(json.dumps([salt, f"ex:n{number}", inner]).encode()))
    event[DIGESTS] = [*event.get(DIGESTS, []), digest_of(texts[-1])]


def _two_people(world: World, dice: random.Random) -> None:
    """Bodies are erased, a key is revoked by the root, one comes to its end: all as it should be."""
    signers = {6: "grower", 7: "grower admin", 13: "carrier two", 10: "grower"}
    for index in dice.sample(sorted(signers), dice.randrange(3)):
        world.erase(index, signers[index], dice.choice(["request", "§ 17 GDPR “x”", "a, b: c", '\\"\u2028']))
    if dice.random() < 0.4:
        world.register("log", "operator", "log", PARTIES["operator"])
        world.register(
            "tablet", "grower admin", "device", PARTIES["grower"], expires_ms=BEGAN + dice.randrange(10) * 60_000
        )
        world.revoke("tablet", "log", len(world.leaves) - dice.randrange(2))
    if dice.random() < 0.4:
        claims = {"key": key_id(public_key("operator")), "last_valid_index": dice.randrange(1, len(world.leaves))}
        asked = world.ask(dice.choice(["grower", "carrier two"]), "key.revoke", **claims)
        world.revoke("operator", "root", claims["last_valid_index"], approval=asked)


def _linked(world: World, secret: bytes) -> list[int]:
    head, found = statement.ZERO, []
    for index, leaf in enumerate(world.leaves):
        payload = envelope.parse_leaf(leaf).payload
        if statement.link(secret, head) in statement.parse_statement(payload).links:
            found.append(index)
            head = envelope.statement_hash(payload)
    return found


def _honest(dice: random.Random) -> tuple[World, Bundle]:
    world = _grown(dice)
    chains = {secret: _linked(world, secret) for secret in dice.sample([CHAIN, OTHER_CHAIN], dice.randrange(1, 3))}
    shown = [index for index in world.bodies if dice.random() < 0.6]
    disclosed = {index: _some(texts, dice) for index, texts in world.disclosures.items()}
    return world, world.bundle(range(len(world.leaves)), chains, shown, disclosed)


def _some(texts: Sequence[str], dice: random.Random) -> list[str]:
    """Some of the disclosures of a body: what is inside another comes only with it."""
    return [text for text in texts if dice.random() < 0.8]


def _trust(dice: random.Random) -> str:
    witness = WITNESS.verifier_key().to_text()
    other = SignerKey("witness.example/w2", signing_key("w2"), COSIGNATURE).verifier_key().to_text()
    both, least = f"witness a {witness}\nwitness b {other}", dice.choice(["all", "2", "3", "0", "x"])
    return dice.choice(
        [
            *["", VKEY, VKEY],
            f"log {VKEY}\nwitness w1 {witness}\nquorum w1\n",
            f"# mine\nlog\t{VKEY} https://log.example\n\n{both}\ngroup g any a b\nquorum g",
            f"log {VKEY}\n{both}\ngroup g {least} a b\nquorum g\n",
            f"log {VKEY}\nquorum none\n",
            SignerKey(ORIGIN, signing_key("another log")).verifier_key().to_text(),
            SignerKey("other.example/log", signing_key("log")).verifier_key().to_text(),
        ]
    )


def honest(dice: random.Random) -> Case:
    """Nothing is wrong."""
    return Case("bundle", format_bundle(_honest(dice)[1]), _trust(dice))


def bytes_of_the_file(dice: random.Random) -> Case:
    """One place of the file is other than it was."""
    data = format_bundle(_honest(dice)[1])
    return Case("bundle", _spoilt(data, dice), dice.choice(["", VKEY]))


def _spoilt(data: bytes, dice: random.Random) -> bytes:
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
    world, bundle = _honest(dice)
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


# --- what a log would have to be dishonest for -----------------------------------------------------------------------


def _forced(world: World, dice: random.Random) -> Case:
    """A bundle of all of a log, signed by that log, whatever its entries are."""
    hashes = [merkle.leaf_hash(leaf) for leaf in world.leaves]
    subtree = merkle.subtrees_of(hashes)
    entries = [
        BundledEntry(
            index, leaf, merkle.prove_inclusion(index, len(hashes), subtree).path, *world.bodies.get(index, ())
        )
        for index, leaf in enumerate(world.leaves)
    ]
    text = policy.format_policy(Policy((LOG.verifier_key(),))).decode()
    bundle = Bundle(ORIGIN, world.note(), text, sign_says("waylog/says/v1\n", LOG), tuple(entries), ())
    try:
        linked = tuple(BundledChain(secret, tuple(_linked(world, secret))) for secret in (CHAIN, OTHER_CHAIN))
        bundle = seal(replace(bundle, chains=linked), LOG)
    except TlogError:
        pass
    return Case("forced", format_bundle(bundle), dice.choice(["", VKEY]))


def disclosures_that_are_odd(dice: random.Random) -> Case:
    """A body's digests or its disclosures are not what they should be."""
    world = _grown(dice)
    index = _hiding(world, dice, spoil=True)
    shown = [index] if dice.random() < 0.95 else []
    bundle = world.bundle(range(len(world.leaves)), {CHAIN: _linked(world, CHAIN)}, shown, world.disclosures)
    value = json.loads(format_bundle(bundle))
    if dice.random() < 0.1:
        value["entries"][index]["disclosures"] = dice.choice([[], {}, [5], None, "x", [""]])
    data = (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()
    return Case("bundle", data, dice.choice(["", VKEY]))


def acts_that_are_refused(dice: random.Random) -> Case:
    """An act that an honest log does not take, or takes only sometimes."""
    world = _grown(dice)
    signer, last = dice.choice(NAMES), len(world.leaves)
    claims = [
        {
            "indices": dice.choice(
                ["3,7-9", "7-9,3", "03", "3-3", "1-2000", f"{last}", "0-99999999999999999999", "", "a"]
            )
        },
        {"indices": 5},
        {},
    ]
    acts: list[Callable[[], object]] = [
        lambda: world.event("carrier", CHAIN),
        lambda: world.event(dice.choice(NAMES), CHAIN),
        lambda: world.append(signer, type=dice.choice(sorted(statement.TYPES))),
        lambda: world.append(signer, links=(bytes([7]) * 32, bytes([8]) * 32)),
        lambda: world.append("stranger"),
        lambda: world.register(
            dice.choice(["new", *NAMES]),
            signer,
            dice.choice(["root", "admin", "device", "log"]),
            dice.choice(list(PARTIES.values())),
        ),
        lambda: world.revoke(dice.choice(["stranger", *NAMES]), signer, dice.choice([-1, 0, 3, 5, last, last + 1])),
        lambda: world.append(
            signer, type="key.revoke", claims=dice.choice([{}, {"key": 3}, {"key": "x", "last_valid_index": "1"}])
        ),
        lambda: world.append(signer, type="key.attest", claims=dice.choice(claims)),
        lambda: world.append(signer, type="key.register", claims=_registration(world, dice)),
        *[lambda: _odd_approval(world, dice)] * 4,
    ]
    for _ in range(dice.randrange(1, 3)):
        dice.choice(acts)()
    if dice.random() < 0.3:
        world.event("grower", CHAIN)
    return _forced(world, dice)


def _odd_approval(world: World, dice: random.Random) -> None:
    """An act for two people with something wrong in what was asked, by whom, or in what is done."""
    index, act = dice.choice([6, 7, 9, 12]), dice.choice(["body.erased", "key.revoke", "key.register", ""])
    claims: dict[str, str | int] = (
        {"key": key_id(public_key(dice.choice(NAMES))), "last_valid_index": dice.choice([6, 8, 13])}
        if act == "key.revoke"
        else {"commitment": world.commitment(6), "ground": "asked"}
    )
    if index != 12 and act != "key.revoke":
        claims["commitment"] = world.commitment(index)
    asked = world.ask(dice.choice([*NAMES, "grower"]), act, **_odd_claims(claims, dice))
    signer = dice.choice(["root", "root", "root", *NAMES])
    done = {**_odd_claims(claims, dice), "approval": dice.choice([asked, asked, asked, asked.upper(), "0" * 64, 7])}
    world.append(signer, type=act if act in statement.TYPES and dice.random() < 0.9 else "body.erased", claims=done)


def _odd_claims(claims: dict[str, str | int], dice: random.Random) -> dict[str, str | int]:
    """These claims; in one of three cases with one of them missing or other than it was."""
    if dice.random() < 0.67:
        return dict(claims)
    name = dice.choice(list(claims))
    odd = dice.choice(["", 5, -1, "5", "A" * 64, "a" * 64, "a\nb", "\x7f", "é", None])
    return {key: value for key, value in {**claims, name: odd}.items() if value is not None}


def _registration(world: World, dice: random.Random) -> dict[str, str | int]:
    """Claims of a registration, with a key or a proof of possession that may be hostile."""
    role, party, id_ = "device", PARTIES["grower"], f"{len(world.leaves):032x}"
    claims = registration_claims(signing_key("new"), origin=ORIGIN, party=party, role=role, statement_id=id_)
    public = dice.choice(
        [
            IDENTITY,
            OF_ORDER_8,
            (2**255 - 18).to_bytes(32, "little"),
            _mixed("new"),
            bytes(32),
            b"x" * 31,
            b"\xff" * 32,
            (2).to_bytes(32, "little"),
        ]
    )
    message = pop_message(ORIGIN, party, role, key_id(public), id_)
    pop = signed_with(IDENTITY, public, message, scalar_of("new"))
    own = pop_message(ORIGIN, party, role, key_id(public_key("new")), id_)
    hostile = signed_with(IDENTITY, public_key("new"), own, scalar_of("new"))
    changes: list[dict[str, str | int]] = [
        {"public_key": encode_base64url(public), "pop": encode_base64(pop)},
        {"pop": encode_base64(hostile)},
        {"pop": encode_base64(_with_large_s(signing_key("new").sign(own).signature))},
        {"pop": dice.choice(["", "AAAA", "AB==", "é", "A"])},
        {"public_key": dice.choice(["", "AAAA", "AB", "A=", "é", "A"])},
        {"role": dice.choice(["chief", "toString", "root"])},
        {"party": "A1" * 16},
        {"party": 7},
        {"expires": dice.choice([0, 5, -1, "5", "", 2**53 - 1])},
    ]
    return {**claims, **dice.choice(changes)}


def scalar_of(name: str) -> int:
    """The secret scalar of a key of the cast (RFC 8032, 5.1.5)."""
    half = bytearray(hashlib.sha512(bytes(signing_key(name))).digest()[:32])
    half[0] &= 248
    half[31] = half[31] & 127 | 64
    return int.from_bytes(half, "little")


def _mixed(name: str) -> bytes:
    return nacl.bindings.crypto_core_ed25519_add(public_key(name), OF_ORDER_8)


def _with_large_s(signature: bytes) -> bytes:
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
    return dice.choice([forged, forged, _with_large_s(good), bytes(flipped), good[:63], good + b"\0", bytes(64)])


def leaves_that_are_wrong(dice: random.Random) -> Case:
    """One entry under the root is not written, signed or timed as an entry must be."""
    world = _grown(dice)
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
    return _forced(world, dice)


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
        _spoilt(payload, dice),
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
        _spoilt(leaf, dice),
    ]
    return dice.choice(changed)


# --- notes, policies, proof files ------------------------------------------------------------------------------------


def notes_that_are_odd(dice: random.Random) -> Case:
    """The checkpoint or what the log says carries signatures that are hostile, doubled, unknown or too many."""
    _, bundle = _honest(dice)
    name = dice.choice(["checkpoint", "says"])
    read = note.parse_note(getattr(bundle, name))
    first, *others = read.signatures
    stranger = NoteSignature("stranger.example", b"abcd", bytes(64))
    hostile = replace(first, signature=hostile_signature("log", read.text.encode(), dice))
    late = [replace(each, signature=dice.choice([b"\xff" * 8, b"\0" * 8, b""]) + each.signature[8:]) for each in others]
    signed = WITNESS.signing_key.sign(b"cosignature/v1\ntime 5\n" + read.text.encode()).signature
    forged = [replace(each, signature=(5).to_bytes(8, "big") + _with_large_s(signed)) for each in others]
    lines = dice.choice(
        [
            [hostile, *others],
            [hostile, *others],
            [first, *late],
            [first, *forged],
            [first, stranger, *others],
            [stranger],
            [first, *others, hostile],
            [*others, first],
            [first] * 101,
            [first] * 3,
        ]
    )
    text = note.format_note(replace(read, signatures=tuple(lines)))
    text = dice.choice(
        [
            text,
            text,
            text,
            text[:-1],
            text + "\n",
            text.replace("\n\n", "\n"),
            text.replace("— ", "- ", 1),
            text.replace("— ", "— \u00a0", 1),
            text + "\t",
            text.replace("\n", "\r\n", 1),
        ]
    )
    return Case(name, format_bundle(replace(bundle, **{name: text})), dice.choice(["", VKEY, _trust(dice)]))


def trust_that_is_odd(dice: random.Random) -> Case:
    """The reader's key or policy is not written as one."""
    text = dice.choice(
        [VKEY, _trust(dice) or VKEY, f"log {VKEY}\nwitness w1 {WITNESS.verifier_key().to_text()}\nquorum w1\n"]
    )
    text = _spoilt(text.encode(), dice).decode("utf-8", "replace")
    return Case("trust", format_bundle(_honest(dice)[1]), text)


def proofs(dice: random.Random) -> Case:
    """A proof file, with or without the party's key, whole or spoilt."""
    world = _grown(dice)
    index = dice.choice([0, *range(len(world.leaves))])
    text = _proof_text(world, index)
    signer = next(
        each for each in (*NAMES, "log") if key_id(public_key(each)) == envelope.parse_leaf(world.leaves[index]).key_id
    )
    if dice.random() < 0.5:
        text = _odd_proof(text, dice)
    keys = [
        _given(world, dice.choice([signer, signer, "grower", "log", "stranger"]), dice)
        for _ in range(dice.randrange(3))
    ]
    return Case(f"proof of {index}", text, _trust(dice), tuple(keys))


def _proof_text(world: World, index: int) -> bytes:
    subtree = merkle.subtrees_of([merkle.leaf_hash(leaf) for leaf in world.leaves])
    inclusion = merkle.prove_inclusion(index, len(world.leaves), subtree)
    return proof.format_proof(proof.Proof(world.leaves[index], inclusion, world.note())).encode()


def _odd_proof(data: bytes, dice: random.Random) -> bytes:
    lines = data.split(b"\n")
    at = dice.randrange(len(lines))
    changed = [
        _spoilt(data, dice),
        b"\n".join([*lines[:at], *lines[at + 1 :]]),
        b"\n".join([*lines[:at], lines[at], *lines[at:]]),
        data.replace(b"index ", dice.choice([b"index 0", b"index +", b"index 9", b"index 9223372036854775807"]), 1),
        data.replace(f"\n{ORIGIN}\n".encode(), dice.choice([b"\nother.example\n", b"\nlog example\n", b"\n\xff\n"])),
        b"\n".join([*lines[:1], *lines[2:]]),
        data.replace("— ".encode() + ORIGIN.encode(), "— nobody.example".encode()),
        data.replace(b"\n" + str(len(lines)).encode() + b"\n", b"\n012\n"),
    ]
    return dice.choice(changed)


def _given(world: World, name: str, dice: random.Random) -> bytes:
    text = encode_base64url(public_key(name))
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": text}
    registered = {"root": 0, "operator": 1, "grower admin": 2, "carrier admin": 3, "grower": 4, "carrier": 5}
    forms: list[bytes] = [
        text.encode(),
        f" {text}\n".encode(),
        json.dumps(jwk).encode(),
        json.dumps({"keys": [{**jwk, "x": encode_base64url(public_key("stranger"))}, jwk]}).encode(),
        _proof_text(world, registered.get(name, 12)),
        _proof_text(world, registered.get(name, 12)),
    ]
    odd = [
        b"nonsense",
        b"{",
        b'{"kty":"EC"}',
        b'{"keys":[]}',
        b'{"keys":5}',
        b"A" * 43,
        b'{"keys":[1.5]}',
        b'{"kty":1e999}',
    ]
    odd += [json.dumps({**jwk, "d": text}).encode(), json.dumps({**jwk, "x": 5}).encode(), _spoilt(forms[4], dice)]
    return dice.choice(forms if dice.random() < 0.8 else odd)


MAKERS: tuple[Callable[[random.Random], Case], ...] = (
    honest,
    bytes_of_the_file,
    structure,
    structure,
    acts_that_are_refused,
    acts_that_are_refused,
    leaves_that_are_wrong,
    leaves_that_are_wrong,
    notes_that_are_odd,
    disclosures_that_are_odd,
    disclosures_that_are_odd,
    trust_that_is_odd,
    proofs,
    proofs,
)


# --- the long form ---------------------------------------------------------------------------------------------------


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *arguments: object, **more: object) -> None:
        super().__init__(*arguments, directory=str(STATIC), **more)  # type: ignore[misc,arg-type]

    def log_message(self, *_arguments: object) -> None:
        """Say nothing of each request."""


def main(count: int) -> int:
    """Run `count` cases in Chromium; say where verdicts differ."""
    from playwright.sync_api import sync_playwright

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found, verdicts = [], {"verified": 0, "consistent": 0, "not valid": 0}
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        path = os.environ.get("WAYLOG_CHROMIUM") or shutil.which("chromium")
        page = playwright.chromium.launch(executable_path=path, args=sandbox).new_page()
        page.goto(f"http://localhost:{server.server_port}/img/icon.svg")
        for first in range(0, count, BATCH):
            cases = list(generate(min(BATCH, count - first), seed=first))
            said = page.evaluate(JUDGE, {"module": f"/{MODULE}", "cases": [case.value() for case in cases]})
            found += differences(cases, said)
            for text in said:
                verdicts[next((word for word in verdicts if text.startswith(word)), "not valid")] += 1
    for each in found[:20]:
        print(each, end="\n\n")
    print(f"{count} cases: {verdicts}, {len(found)} differ")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
