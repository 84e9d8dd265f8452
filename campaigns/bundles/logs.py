"""Logs to make bundles of: an honest one that has grown at random, and whom a reader may trust."""

import base64
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

from campaigns.bundles.case import Case
from ledger.tlog import envelope, merkle, policy, statement
from ledger.tlog.bundle import Bundle, BundledChain, BundledEntry, format_bundle, seal, sign_says
from ledger.tlog.disclosure import ALGORITHM, DIGESTS, digest_of, hide
from ledger.tlog.errors import TlogError
from ledger.tlog.keys import key_id
from ledger.tlog.note import COSIGNATURE, SignerKey
from ledger.tlog.policy import Policy
from ledger.tlog.text import encode_base64url
from tests.ledger.tlog.bundles import CHAIN, LOG, OTHER_CHAIN, PARTIES, VKEY, WITNESS, World, trade
from tests.ledger.tlog.cast import ORIGIN, public_key, signing_key

BEGAN = 1_767_225_600_000
NAMES = ("root", "operator", "grower admin", "carrier admin", "grower", "carrier", "carrier two")


@cache
def _traded() -> World:
    return trade()


def grown_world(dice: random.Random) -> World:
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
        hiding(world, dice)
    return world


MEMBERS: dict[str, object] = {
    "ex:driver": "Jane “Q.” Driver",
    "ex:plate": {"no": "ZH 471 108", "ex:trailer": None},
    "sensorElementList": [{"sensorReport": [{"type": "Temperature", "value": 4.5, "uom": "CEL"}]}],
    "ex:é\u2028\U0001f600": [1e3, -0.0, 12345678901, True, "\u0001"],
    "__proto__": {"constructor": [[], {}]},
}


def hiding(world: World, dice: random.Random, *, spoil: bool = False) -> int:
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


def indices_of(world: World, secret: bytes) -> list[int]:
    head, found = statement.ZERO, []
    for index, leaf in enumerate(world.leaves):
        payload = envelope.parse_leaf(leaf).payload
        if statement.link(secret, head) in statement.parse_statement(payload).links:
            found.append(index)
            head = envelope.statement_hash(payload)
    return found


def honest_bundle(dice: random.Random) -> tuple[World, Bundle]:
    world = grown_world(dice)
    chains = {secret: indices_of(world, secret) for secret in dice.sample([CHAIN, OTHER_CHAIN], dice.randrange(1, 3))}
    shown = [index for index in world.bodies if dice.random() < 0.6]
    disclosed = {index: _some(texts, dice) for index, texts in world.disclosures.items()}
    return world, world.bundle(range(len(world.leaves)), chains, shown, disclosed)


def _some(texts: Sequence[str], dice: random.Random) -> list[str]:
    """Some of the disclosures of a body: what is inside another comes only with it."""
    return [text for text in texts if dice.random() < 0.8]


def some_trust(dice: random.Random) -> str:
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


def forced_case(world: World, dice: random.Random) -> Case:
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
        linked = tuple(BundledChain(secret, tuple(indices_of(world, secret))) for secret in (CHAIN, OTHER_CHAIN))
        bundle = seal(replace(bundle, chains=linked), LOG)
    except TlogError:
        pass
    return Case("forced", format_bundle(bundle), dice.choice(["", VKEY]))
