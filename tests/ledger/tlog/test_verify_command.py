import base64
import json
import subprocess
import sys

import pytest

from ledger.tlog import checkpoint, keys, merkle, policy, proof
from ledger.tlog.__main__ import main
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import COSIGNATURE, SignerKey
from tests.conftest import ROOT
from tests.ledger.tlog.cast import ORIGIN, PARTY, a_leaf, public_key, signing_key

LOG = SignerKey(ORIGIN, signing_key("log"))
WITNESS = SignerKey("witness.example/w1", signing_key("witness"), COSIGNATURE)
VKEY = LOG.verifier_key().to_text()
GROWER = base64.urlsafe_b64encode(public_key("grower")).decode().rstrip("=")
STRANGER = base64.urlsafe_b64encode(public_key("stranger")).decode().rstrip("=")


def registration(name, by, number):
    id_ = f"{number:032x}"
    claims = keys.registration_claims(
        signing_key(name), origin=ORIGIN, party=PARTY, role="root" if name == by else "device", statement_id=id_
    )
    return a_leaf(by, type="key.register", id=id_, links=(), body=None, claims=claims)


LEAVES = [
    registration("root", "root", 0),
    registration("grower", "root", 1),
    a_leaf("grower", id=f"{2:032x}"),
    registration("late", "root", 3),
]


def proof_text(index, leaves=LEAVES, origin=ORIGIN):
    hashes = [merkle.leaf_hash(leaf) for leaf in leaves]
    found = Checkpoint(origin, len(leaves), merkle.root_of(hashes))
    inclusion = merkle.prove_inclusion(index, len(leaves), merkle.subtrees_of(hashes))
    signed = checkpoint.sign_checkpoint(found, SignerKey(origin, signing_key("log")))
    cosigned = checkpoint.cosign_checkpoint(signed, WITNESS, time=1_700_000_000)
    return proof.format_proof(proof.Proof(leaves[index], inclusion, cosigned))


@pytest.fixture
def file(tmp_path):
    def write(text, name="event.tlog-proof"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


@pytest.fixture
def verify(capsys):
    def run(*arguments):
        code = main(["verify", *arguments])
        return code, capsys.readouterr().out

    return run


def test_an_entry_of_a_trusted_log_is_verified_and_what_was_not_checked_is_said(file, verify):
    code, said = verify(file(proof_text(2)), "--vkey", VKEY)
    assert code == 0
    assert said.startswith(f"verified: entry 2 is in the log {ORIGIN}\n")
    checked, unchecked = said.split("not checked:")
    assert VKEY in checked
    assert "the party's signature in the entry: give --key" in unchecked
    assert "the body" in unchecked
    assert "revoked" in unchecked


@pytest.mark.parametrize("form", ["raw", "jwk", "jwk file", "jwk set file", "raw file", "registration"])
def test_the_partys_signature_is_checked_with_its_key_in_any_form(form, file, verify):
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": GROWER}
    given = {
        "raw": lambda: GROWER,
        "jwk": lambda: json.dumps(jwk),
        "jwk file": lambda: file(json.dumps(jwk), "key.jwk"),
        "jwk set file": lambda: file(json.dumps({"keys": [{**jwk, "x": STRANGER}, jwk]}), "keys.json"),
        "raw file": lambda: file(GROWER + "\n", "key.txt"),
        "registration": lambda: file(proof_text(1), "key.tlog-proof"),
    }[form]()
    code, said = verify(file(proof_text(2)), "--vkey", VKEY, "--key", given)
    assert code == 0
    checked, unchecked = said.split("not checked:")
    assert "the party's signature in the entry, by key " + keys.key_id(public_key("grower")) in checked
    assert "party's signature" not in unchecked
    assert (f"registered at entry 1 as device key of party {PARTY}" in checked) is (form == "registration")
    assert ("who holds that key" in unchecked) is (form != "registration")


def test_several_keys_may_be_given(file, verify):
    code, said = verify(file(proof_text(2)), "--vkey", VKEY, "--key", STRANGER, "--key", GROWER)
    assert (code, "the party's signature in the entry, by" in said) == (0, True)


def test_the_first_entry_registers_the_key_that_signed_it(file, verify):
    code, said = verify(file(proof_text(0)), "--vkey", VKEY)
    assert code == 0
    assert f"registered at entry 0 as root key of party {PARTY}" in said.split("not checked:")[0]


def test_a_policy_names_who_must_have_signed(file, verify):
    trusted = policy.Policy((LOG.verifier_key(),), {"w1": WITNESS.verifier_key()}, quorum="w1")
    code, said = verify(file(proof_text(2)), "--policy", file(policy.format_policy(trusted), "policy"))
    assert code == 0
    assert "the cosignature of witness.example/w1, made at POSIX second 1700000000" in said


def test_without_a_trust_anchor_it_never_says_verified(file, verify):
    for arguments in ([], ["--key", GROWER], ["--key", file(proof_text(1), "key.tlog-proof")]):
        code, said = verify(file(proof_text(2)), *arguments)
        assert code == 2
        name_and_id = f"{ORIGIN}+{LOG.verifier_key().note_key_id.hex()}"
        assert said.startswith(f"consistent in itself, signed by {name_and_id}, which you have not said you trust\n")
        assert "the log's signature: the file names its key and does not hold it" in said.split("not checked:")[1]
        assert "verified" not in said.lower()
        assert ("the party's signature in the entry, by" in said.split("not checked:")[0]) is bool(arguments)


def test_without_a_trust_anchor_the_logs_key_is_named_in_full_when_it_was_given(file, verify):
    log_key = base64.urlsafe_b64encode(public_key("log")).decode().rstrip("=")
    code, said = verify(file(proof_text(2)), "--key", log_key, "--key", GROWER)
    assert code == 2
    assert said.startswith(f"consistent in itself, signed by {VKEY}, which you have not said you trust\n")


def refused(answer, word):
    code, said = answer
    assert code == 1
    assert said.startswith("not valid: ")
    assert word in said
    assert "verified" not in said


def test_another_log_or_key_is_not_valid(file, verify):
    stranger = SignerKey(ORIGIN, signing_key("stranger")).verifier_key().to_text()
    refused(verify(file(proof_text(2)), "--vkey", stranger), "nobody whom the policy names")
    other = SignerKey("other.example/log", signing_key("log")).verifier_key().to_text()
    refused(verify(file(proof_text(2)), "--vkey", other), "not a log that the policy names")


def test_the_wrong_key_of_the_party_is_not_valid(file, verify):
    refused(verify(file(proof_text(2)), "--vkey", VKEY, "--key", STRANGER), "none of the keys you gave")
    refused(verify(file(proof_text(2)), "--key", STRANGER), "none of the keys you gave")


def test_a_forged_signature_of_the_party_is_found(file, verify):
    leaf = LEAVES[2]
    at = leaf.index(b'"sig":"') + 10
    forged = leaf[:at] + (b"A" if leaf[at : at + 1] != b"A" else b"B") + leaf[at + 1 :]
    path = file(proof_text(2, [*LEAVES[:2], forged]))
    refused(verify(path, "--vkey", VKEY, "--key", GROWER), "the party's signature in the entry does not hold")
    refused(verify(path, "--key", GROWER), "the party's signature in the entry does not hold")


def test_a_registration_after_the_entry_or_of_another_log_is_not_valid(file, verify):
    later = [LEAVES[0], LEAVES[2], LEAVES[1]]
    refused(
        verify(file(proof_text(1, later)), "--vkey", VKEY, "--key", file(proof_text(2, later), "key")),
        "registered after the entry",
    )
    impostor = proof_text(1).replace("— " + ORIGIN, "— nobody.example")
    refused(verify(file(proof_text(2)), "--vkey", VKEY, "--key", file(impostor, "key")), "nobody whom the policy names")


@pytest.mark.parametrize("where", ["index 2", "\n4\n", "extra ey", "=\n\n"])
def test_a_changed_file_is_not_valid_with_or_without_a_trust_anchor(where, file, verify):
    changes = {"index 2": "index 3", "\n4\n": "\n5\n", "extra ey": "extra ez", "=\n\n": "\n\n"}
    path = file(proof_text(2).replace(where, changes[where]))
    assert verify(path, "--vkey", VKEY)[0] == verify(path)[0] == 1


def test_a_checkpoint_that_its_log_did_not_sign_is_not_even_consistent(file, verify):
    refused(
        verify(file(proof_text(2).replace("— " + ORIGIN, "— nobody.example"))),
        "no line of the checkpoint is by the log",
    )


@pytest.mark.parametrize(
    "key",
    [
        "nonsense",
        "{",
        '{"kty":"EC"}',
        '{"keys":[]}',
        '{"keys":5}',
        "A" * 43,
        '{"kty":"OKP","crv":"Ed25519"}',
        json.dumps({"kty": "OKP", "crv": "Ed25519", "x": GROWER, "d": GROWER}),
        '{"keys":[1]}',
    ],
)
def test_a_key_that_is_none_is_not_valid(key, file, verify):
    refused(verify(file(proof_text(2)), "--vkey", VKEY, "--key", key), "")


def test_files_that_cannot_be_read_are_not_valid(tmp_path, file, verify):
    refused(verify(str(tmp_path / "missing")), "missing")
    refused(verify(str(tmp_path)), "")
    refused(verify(file(b"\0" * 1_300_000)), "too large")
    refused(verify(file(proof_text(2)), "--policy", file("nonsense", "policy")), "line 1")
    refused(verify(file(proof_text(2)), "--vkey", "nonsense"), "a key is written")


def test_the_command_runs_by_itself_and_needs_no_django(file):
    code = "import sys, runpy; sys.modules['django'] = None; runpy.run_module('ledger.tlog', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code, "verify", file(proof_text(2)), "--vkey", VKEY, "--key", GROWER],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("verified: ")
