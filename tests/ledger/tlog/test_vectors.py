"""The project's own vectors: the formats may never change, for a log can never be rewritten."""

import json

import pytest

from ledger.tlog.__main__ import main
from ledger.tlog.errors import KeyRefused, SignatureInvalid
from ledger.tlog.keys import check_public_key, verify_signature
from ledger.tlog.text import encode_base64url
from tests.ledger.tlog.make_vectors import FOLDER, MAKERS, text_of


def load(name):
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_the_formats_are_to_the_byte_what_they_were(name):
    assert (FOLDER / f"{name}.json").read_text(encoding="utf-8") == text_of(name)


@pytest.mark.parametrize("vector", load("ed25519"), ids=lambda vector: vector["name"])
def test_signatures_that_others_accept_are_refused(vector):
    public, message, signature = [bytes.fromhex(vector[name]) for name in ("public_key", "message", "signature")]
    if vector["valid"]:
        check_public_key(public)
        verify_signature(public, message, signature)
    else:
        with pytest.raises((KeyRefused, SignatureInvalid)):
            check_public_key(public)
            verify_signature(public, message, signature)


@pytest.mark.parametrize("anchor", ["vkey", "policy"])
@pytest.mark.parametrize("vector", load("proofs")["proofs"], ids=lambda vector: vector["name"])
def test_proof_files_get_their_verdict(vector, anchor, tmp_path, capsys):
    document = load("proofs")
    file, policy = tmp_path / "event.tlog-proof", tmp_path / "policy"
    file.write_text(vector["file"], encoding="utf-8")
    policy.write_text(document["policy"], encoding="utf-8")
    trust = ["--vkey", document["vkey"]] if anchor == "vkey" else ["--policy", str(policy)]
    key = encode_base64url(bytes.fromhex(document["party_public_key"]))
    assert main(["verify", str(file), *trust, "--key", key]) == (0 if vector["valid"] else 1)
    assert ("the party's signature in the entry, by" in capsys.readouterr().out) is vector["valid"]
