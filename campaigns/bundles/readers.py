"""What a reader brings: notes, policies, keys, proof files, each of them odd."""

import json
import random
from dataclasses import replace

from campaigns.bundles.case import Case
from campaigns.bundles.files import spoilt
from campaigns.bundles.leaves import hostile_signature, with_large_s
from campaigns.bundles.logs import NAMES, grown_world, honest_bundle, some_trust
from ledger.tlog import envelope, merkle, note, proof
from ledger.tlog.bundle import format_bundle
from ledger.tlog.keys import key_id
from ledger.tlog.note import NoteSignature
from ledger.tlog.text import encode_base64url
from tests.ledger.tlog.bundles import VKEY, WITNESS, World
from tests.ledger.tlog.cast import ORIGIN, public_key


def notes_that_are_odd(dice: random.Random) -> Case:
    """The checkpoint or what the log says carries signatures that are hostile, doubled, unknown or too many."""
    _, bundle = honest_bundle(dice)
    name = dice.choice(["checkpoint", "says"])
    read = note.parse_note(getattr(bundle, name))
    first, *others = read.signatures
    stranger = NoteSignature("stranger.example", b"abcd", bytes(64))
    hostile = replace(first, signature=hostile_signature("log", read.text.encode(), dice))
    late = [replace(each, signature=dice.choice([b"\xff" * 8, b"\0" * 8, b""]) + each.signature[8:]) for each in others]
    signed = WITNESS.signing_key.sign(b"cosignature/v1\ntime 5\n" + read.text.encode()).signature
    forged = [replace(each, signature=(5).to_bytes(8, "big") + with_large_s(signed)) for each in others]
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
    return Case(name, format_bundle(replace(bundle, **{name: text})), dice.choice(["", VKEY, some_trust(dice)]))


def trust_that_is_odd(dice: random.Random) -> Case:
    """The reader's key or policy is not written as one."""
    text = dice.choice(
        [VKEY, some_trust(dice) or VKEY, f"log {VKEY}\nwitness w1 {WITNESS.verifier_key().to_text()}\nquorum w1\n"]
    )
    text = spoilt(text.encode(), dice).decode("utf-8", "replace")
    return Case("trust", format_bundle(honest_bundle(dice)[1]), text)


def proofs(dice: random.Random) -> Case:
    """A proof file, with or without the party's key, whole or spoilt."""
    world = grown_world(dice)
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
    return Case(f"proof of {index}", text, some_trust(dice), tuple(keys))


def _proof_text(world: World, index: int) -> bytes:
    subtree = merkle.subtrees_of([merkle.leaf_hash(leaf) for leaf in world.leaves])
    inclusion = merkle.prove_inclusion(index, len(world.leaves), subtree)
    return proof.format_proof(proof.Proof(world.leaves[index], inclusion, world.note())).encode()


def _odd_proof(data: bytes, dice: random.Random) -> bytes:
    lines = data.split(b"\n")
    at = dice.randrange(len(lines))
    changed = [
        spoilt(data, dice),
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
    odd += [json.dumps({**jwk, "d": text}).encode(), json.dumps({**jwk, "x": 5}).encode(), spoilt(forms[4], dice)]
    return dice.choice(forms if dice.random() < 0.8 else odd)
