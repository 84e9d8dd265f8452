"""Make the project's own vectors: `python -m tests.ledger.tlog.make_vectors` writes vectors/*.json.

They freeze the formats to the byte and give another implementation, the one in the browser, the same verdicts to reach.
Everything comes from fixed seeds, so making them again changes nothing; a test holds them to that.
"""

import base64
import hashlib
import json
from pathlib import Path

import nacl.bindings

from ledger.tlog import checkpoint, envelope, keys, merkle, note, policy, proof, statement
from ledger.tlog.checkpoint import Checkpoint
from tests.ledger.tlog.cast import ORIGIN, PARTY, a_leaf, a_statement, public_key, signing_key

FOLDER = Path(__file__).with_name("vectors")
ORDER = 2**252 + 27742317777372353535851937790883648493
IDENTITY = (1).to_bytes(32, "little")
IDENTITY_WRITTEN_OTHERWISE = (2**255 - 18).to_bytes(32, "little")
OF_ORDER_8 = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
LOG = note.SignerKey(ORIGIN, signing_key("log"))
WITNESS = note.SignerKey("witness.example/w1", signing_key("witness"), note.COSIGNATURE)


def formats():
    body = b'{"@context":["https://ref.gs1.org/standards/epcis/epcis-context.jsonld"],"event":{"type":"ObjectEvent"}}'
    salt, chain = bytes(range(32)), bytes(range(16))
    first = statement.link(chain, statement.ZERO)
    said = a_statement(links=(first,), body=statement.commitment(salt, body), claims={"source": "00" * 32, "n": 3})
    payload = statement.format_statement(said)
    signed = envelope.sign(payload, signing_key("grower"))
    leaf = envelope.format_leaf(
        record_time_ms=1_767_225_600_123,
        payload=payload,
        key_id=said.key,
        signature=base64.b64decode(signed["signatures"][0]["sig"]),
    )
    return {
        "seed": bytes(signing_key("grower")).hex(),
        "public_key": public_key("grower").hex(),
        "key_id": keys.key_id(public_key("grower")),
        "body": body.decode(),
        "salt": salt.hex(),
        "commitment": said.body.hex(),
        "chain": chain.hex(),
        "first_link": first.hex(),
        "statement": payload.decode(),
        "signed_bytes": envelope.signed_bytes(payload).decode(),
        "statement_hash": envelope.statement_hash(payload).hex(),
        "next_link": statement.link(chain, envelope.statement_hash(payload)).hex(),
        "envelope": signed,
        "leaf": leaf.decode(),
        "leaf_hash": merkle.leaf_hash(leaf).hex(),
        "pop_message": keys.pop_message(ORIGIN, PARTY, "device", said.key, said.id).decode(),
        "registration_claims": keys.registration_claims(
            signing_key("grower"), origin=ORIGIN, party=PARTY, role="device", statement_id=said.id
        ),
        "log_vkey": LOG.verifier_key().to_text(),
        "witness_vkey": WITNESS.verifier_key().to_text(),
    }


def signed_with(r, public, message, secret_scalar):
    """A signature whose equation holds over `r` as it is written: only a check of `r` itself refuses it."""
    digest = hashlib.sha512(r + public + message).digest()
    challenge = int.from_bytes(digest, "little") % ORDER
    return r + (challenge * secret_scalar % ORDER).to_bytes(32, "little")


def ed25519():
    """Signatures that some verifiers accept (OpenSSL and WebCrypto among them) and we never do, and one that holds."""
    public, message = public_key("grower"), b"a message"
    half = bytearray(hashlib.sha512(bytes(signing_key("grower"))).digest()[:32])
    half[0] &= 248
    half[31] = half[31] & 127 | 64
    scalar = int.from_bytes(half, "little")
    good = signing_key("grower").sign(message).signature
    large_s = good[:32] + (int.from_bytes(good[32:], "little") + ORDER).to_bytes(32, "little")
    mixed = nacl.bindings.crypto_core_ed25519_add(public, OF_ORDER_8)
    rows = [
        ("as it should be", public, good, True),
        ("R is the identity", public, signed_with(IDENTITY, public, message, scalar), False),
        (
            "R is the identity, not canonical",
            public,
            signed_with(IDENTITY_WRITTEN_OTHERWISE, public, message, scalar),
            False,
        ),
        ("S is not less than the group's order", public, large_s, False),
        ("the key is the identity", IDENTITY, IDENTITY + bytes(32), False),
        ("the key is of order 8", OF_ORDER_8, IDENTITY + bytes(32), False),
        ("the key has a part of order 8", mixed, signed_with(IDENTITY, mixed, message, scalar), False),
    ]
    return [
        {"name": name, "public_key": key.hex(), "message": message.hex(), "signature": signature.hex(), "valid": valid}
        for name, key, signature, valid in rows
    ]


def proofs():
    """Proof files with the verdict that a reader reaches who trusts this log's key and gives the party's key."""
    leaves = [a_leaf(id=f"{number:032x}", record_time_ms=number * 1000) for number in range(7)]
    hashes = [merkle.leaf_hash(leaf) for leaf in leaves]
    signed = checkpoint.sign_checkpoint(Checkpoint(ORIGIN, 7, merkle.root_of(hashes)), LOG)
    cosigned = checkpoint.cosign_checkpoint(signed, WITNESS, time=1_700_000_000)
    subtree = merkle.subtrees_of(hashes)
    good = [
        proof.format_proof(proof.Proof(leaves[at], merkle.prove_inclusion(at, 7, subtree), cosigned)) for at in range(7)
    ]
    other_log = cosigned.replace("— " + ORIGIN, "— nobody.example")
    rows = [(f"entry {at}", text, True) for at, text in enumerate(good)]
    rows += [
        ("another index", good[3].replace("index 3", "index 4"), False),
        ("an index with a zero before it", good[3].replace("index 3", "index 03"), False),
        ("a hash left out", good[3].replace(good[3].split("\n")[3] + "\n", "", 1), False),
        ("another entry", good[3].replace(good[3].split("\n")[1], good[4].split("\n")[1]), False),
        ("another tree size", good[3].replace("\n7\n", "\n8\n"), False),
        ("an extension line", good[3].replace("=\n\n—", "=\nmore\n\n—"), False),
        ("not signed by the log", good[3].replace(cosigned, other_log), False),
        ("without the entry", good[3].replace(good[3].split("\n")[1] + "\n", ""), False),
    ]
    trusted = policy.Policy((LOG.verifier_key(),), {"w1": WITNESS.verifier_key()}, quorum="w1")
    return {
        "vkey": LOG.verifier_key().to_text(),
        "policy": policy.format_policy(trusted).decode(),
        "party_public_key": public_key("grower").hex(),
        "proofs": [{"name": name, "file": text, "valid": valid} for name, text, valid in rows],
    }


MAKERS = {"formats": formats, "ed25519": ed25519, "proofs": proofs}


def text_of(name):
    return json.dumps(MAKERS[name](), indent=2, ensure_ascii=False) + "\n"


def main():
    FOLDER.mkdir(exist_ok=True)
    for name in MAKERS:
        (FOLDER / f"{name}.json").write_text(text_of(name), encoding="utf-8")


if __name__ == "__main__":
    main()
