"""What a log would have to be dishonest for: acts that are refused, disclosures that are odd."""

import json
import random
from collections.abc import Callable

from campaigns.bundles.case import Case
from campaigns.bundles.leaves import mixed_order, scalar_of, with_large_s
from campaigns.bundles.logs import NAMES, forced_case, grown_world, hiding, indices_of
from ledger.tlog import statement
from ledger.tlog.bundle import format_bundle
from ledger.tlog.keys import key_id, pop_message, registration_claims
from ledger.tlog.text import encode_base64, encode_base64url
from tests.ledger.tlog.bundles import CHAIN, PARTIES, VKEY, World
from tests.ledger.tlog.cast import ORIGIN, public_key, signing_key
from tests.ledger.tlog.make_vectors import IDENTITY, OF_ORDER_8, signed_with


def disclosures_that_are_odd(dice: random.Random) -> Case:
    """A body's digests or its disclosures are not what they should be."""
    world = grown_world(dice)
    index = hiding(world, dice, spoil=True)
    shown = [index] if dice.random() < 0.95 else []
    bundle = world.bundle(range(len(world.leaves)), {CHAIN: indices_of(world, CHAIN)}, shown, world.disclosures)
    value = json.loads(format_bundle(bundle))
    if dice.random() < 0.1:
        value["entries"][index]["disclosures"] = dice.choice([[], {}, [5], None, "x", [""]])
    data = (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()
    return Case("bundle", data, dice.choice(["", VKEY]))


def acts_that_are_refused(dice: random.Random) -> Case:
    """An act that an honest log does not take, or takes only sometimes."""
    world = grown_world(dice)
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
    return forced_case(world, dice)


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
            mixed_order("new"),
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
        {"pop": encode_base64(with_large_s(signing_key("new").sign(own).signature))},
        {"pop": dice.choice(["", "AAAA", "AB==", "é", "A"])},
        {"public_key": dice.choice(["", "AAAA", "AB", "A=", "é", "A"])},
        {"role": dice.choice(["chief", "toString", "root"])},
        {"party": "A1" * 16},
        {"party": 7},
        {"expires": dice.choice([0, 5, -1, "5", "", 2**53 - 1])},
    ]
    return {**claims, **dice.choice(changes)}
