import base64
import json
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.tlog import checkpoint, policy
from ledger.tlog.__main__ import main
from ledger.tlog.bundle import format_bundle, parse_bundle, seal, sign_says, verify_bundle
from ledger.tlog.errors import EntryRefused, Malformed, PolicyUnmet, ProofInvalid, SignatureInvalid, TlogError
from ledger.tlog.note import SignerKey
from tests.conftest import ROOT
from tests.ledger.tlog.bundles import CHAIN, LOG, OTHER_CHAIN, TRUST, VKEY, WITNESS, a_bundle, trade
from tests.ledger.tlog.cast import ORIGIN, signing_key

BUNDLE = a_bundle()
DATA = format_bundle(BUNDLE)
WORLD = trade()


def content(verdict):
    """All that a verdict says was verified, but for who cosigned (anyone may take a cosignature away)."""
    return verdict.checkpoint, verdict.keys, verdict.entries, verdict.chains


GENUINE = content(verify_bundle(BUNDLE, TRUST))


def verdict_on(data):
    return verify_bundle(parse_bundle(data), TRUST)


def changed(change):
    """The bundle's file after `change` was done to its JSON value."""
    value = json.loads(DATA)
    change(value)
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def test_a_bundle_is_read_back_as_it_was_written():
    assert parse_bundle(DATA) == BUNDLE


def test_a_bundle_shows_entries_signers_bodies_and_chains():
    verdict = verify_bundle(BUNDLE, TRUST)
    assert verdict.is_trusted
    assert [chain.indices for chain in verdict.chains] == [(6, 7, 9, 13)]
    by_index = {each.entry.index: each for each in verdict.entries}
    assert by_index[6].body == b'{"event":6}' and by_index[9].body is None
    assert by_index[13].entry.signer.role == "device"


def test_an_entry_after_its_keys_last_valid_index_is_disputed_until_its_party_stands_by_it():
    assert [each.entry.index for each in verify_bundle(BUNDLE, TRUST).entries if each.is_disputed] == [9]
    world = trade()
    attested = world.attest("carrier two", 9)
    indices = [entry.index for entry in BUNDLE.entries]
    again = world.bundle([*indices, attested], {CHAIN: [6, 7, 9, 13]})
    assert not any(each.is_disputed for each in verify_bundle(again, TRUST).entries)


def test_another_party_cannot_stand_by_a_disputed_entry():
    world = trade()
    attested = world.attest("grower", 9)
    bundle = world.bundle([*(entry.index for entry in BUNDLE.entries), attested], {CHAIN: [6, 7, 9, 13]})
    assert [each.entry.index for each in verify_bundle(bundle, TRUST).entries if each.is_disputed] == [9]


def test_a_bundle_is_verified_by_a_policy_that_asks_for_the_witness():
    quorum = policy.Policy((LOG.verifier_key(),), {"w": WITNESS.verifier_key()}, {}, "w")
    assert [each.time for each in verify_bundle(BUNDLE, quorum).cosignatures] == [1_770_000_000]


def test_a_bundle_of_a_log_that_is_not_trusted_is_refused():
    other = SignerKey(ORIGIN, signing_key("another log")).verifier_key()
    with pytest.raises(PolicyUnmet):
        verify_bundle(BUNDLE, policy.Policy((other,)))


def test_a_bundle_without_an_anchor_is_never_trusted():
    assert not verify_bundle(BUNDLE, None).is_trusted


@pytest.mark.parametrize("index", [0, 2, 4, 5, 6, 7, 9, 11, 12, 13])
def test_no_entry_of_the_chain_and_no_registration_or_revocation_can_be_left_out(index):
    entries = tuple(entry for entry in BUNDLE.entries if entry.index != index)
    chains = tuple(replace(chain, indices=tuple(i for i in chain.indices if i != index)) for chain in BUNDLE.chains)
    with pytest.raises((EntryRefused, ProofInvalid)):
        verify_bundle(replace(BUNDLE, entries=entries, chains=chains), TRUST)


def test_the_last_act_of_a_chain_cannot_be_hidden_because_the_log_says_where_it_ends():
    cut = replace(BUNDLE, entries=BUNDLE.entries[:-1], chains=(replace(BUNDLE.chains[0], indices=(6, 7, 9)),))
    with pytest.raises(ProofInvalid, match="what the log says"):
        verify_bundle(cut, TRUST)


def test_what_the_log_says_must_be_signed_by_the_log_that_is_trusted():
    text = BUNDLE.says.partition("\n\n")[0] + "\n"
    stranger = SignerKey(ORIGIN, signing_key("another log"))
    with pytest.raises(SignatureInvalid):
        verify_bundle(replace(BUNDLE, says=sign_says(text, stranger)), TRUST)


def test_a_checkpoint_cannot_be_signed_as_what_a_log_says():
    with pytest.raises(Malformed):
        sign_says(checkpoint.format_checkpoint(WORLD.checkpoint()), LOG)
    with pytest.raises(Malformed):
        checkpoint.open_checkpoint(BUNDLE.says, verifiers=[LOG.verifier_key()])


def test_a_link_that_does_not_follow_is_refused_even_when_the_log_says_otherwise():
    bundle = seal(replace(BUNDLE, chains=(replace(BUNDLE.chains[0], indices=(6, 9, 13)),)), LOG)
    with pytest.raises(ProofInvalid, match="entry 9 is not the next statement"):
        verify_bundle(bundle, TRUST)


def test_a_secret_of_another_chain_does_not_open_this_one():
    wrong = replace(BUNDLE.chains[0], secret=OTHER_CHAIN)
    with pytest.raises(ProofInvalid, match="entry 6 is not the next"):
        verify_bundle(seal(replace(BUNDLE, chains=(wrong,)), LOG), TRUST)


def test_a_body_that_was_changed_is_refused():
    entries = list(BUNDLE.entries)
    at = next(at for at, entry in enumerate(entries) if entry.index == 6)
    entries[at] = replace(entries[at], body=b'{"event":9}')
    with pytest.raises(ProofInvalid, match="entry 6 does not commit"):
        verify_bundle(replace(BUNDLE, entries=tuple(entries)), TRUST)


def test_an_entry_signed_after_the_revocation_of_its_key_is_refused():
    world = trade()
    late = world.event("carrier", CHAIN)
    with pytest.raises(EntryRefused, match="revoked at entry 11"):
        world.bundle([0, 3, 5, 11, late], {})


@pytest.mark.parametrize(
    ("register", "says"),
    [
        (("thief", "grower", "device", "a1" * 16), "does not sign key.register"),
        (("thief", "grower admin", "device", "b2" * 16), "may not register"),
        (("thief", "root", "device", "a1" * 16), "may not register"),
        (("thief", "root", "admin", "a1" * 16), "has a valid one"),
        (("grower", "grower admin", "device", "a1" * 16), "second time"),
        (("thief", "grower admin", "root", "a1" * 16), "may not register"),
    ],
)
def test_a_registration_that_the_log_should_have_refused_is_refused(register, says):
    world = trade()
    index = world.register(*register)
    with pytest.raises(EntryRefused, match=says):
        world.bundle([0, 2, 4, index], {})


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        (lambda value: value.update(extra=1), ""),
        (lambda value: value.pop("says"), ""),
        (lambda value: value.update(format="waylog/bundle/v2"), "/format"),
        (lambda value: value["entries"].reverse(), "/entries"),
        (lambda value: value["entries"].append(value["entries"][-1]), "/entries"),
        (lambda value: value.update(entries=[]), "/entries"),
        (lambda value: value["entries"][0].update(index=0.0), "/entries/0/index"),
        (lambda value: value["entries"][0].update(index=True), "/entries/0/index"),
        (lambda value: value["entries"][0].update(index="0"), "/entries/0/index"),
        (lambda value: value["entries"][0].update(leaf=value["entries"][0]["leaf"] + "="), "/entries/0/leaf"),
        (lambda value: value["entries"][0].update(proof="AAAA"), "/entries/0/proof"),
        (lambda value: value["entries"][5].update(salt=None), "/entries/5"),
        (lambda value: value["entries"][5].update(salt="AAAA"), "/entries/5/salt"),
        (lambda value: value["chains"][0].update(secret="AAAA"), "/chains/0/secret"),
        (lambda value: value["chains"][0].update(entries=[]), "/chains/0/entries"),
        (lambda value: value["chains"][0]["entries"].reverse(), "/chains/0/entries"),
        (lambda value: value["chains"].append(value["chains"][0]), "/chains"),
        (lambda value: value.update(chains={}), "/chains"),
    ],
)
def test_a_file_that_is_not_a_bundle_is_refused_and_its_place_named(change, pointer):
    with pytest.raises(Malformed) as refused:
        parse_bundle(changed(change))
    assert refused.value.pointer in (pointer, pointer or "/entries/0/index")


@pytest.mark.parametrize(
    "data",
    [
        DATA + b"\n",
        DATA.replace(b"\n ", b"\n  "),
        DATA.replace(b'"origin"', b'"\\u006frigin"'),
        DATA.replace(b'"index": 6', b'"index": 6.0'),
        DATA.replace(b'"index": 6', b'"index": 06'),
        DATA.replace(b'"index": 6', b'"index": 6, "index": 6'),
        b"\xef\xbb\xbf" + DATA,
        json.dumps(json.loads(DATA)).encode(),
        b"",
        b"{}",
        b"[]",
    ],
)
def test_a_bundle_has_one_way_of_being_written(data):
    with pytest.raises(Malformed):
        parse_bundle(data)


# --- no mutation is ever verified for changed content ----------------------------------------------------------------


def check(data):
    try:
        found = content(verdict_on(data))
    except TlogError:
        return
    assert found == GENUINE, "something else than the genuine content was called verified"


@settings(max_examples=400, deadline=None)
@given(at=st.integers(0, len(DATA) - 1), byte=st.integers(0, 255))
def test_no_changed_byte_is_verified_as_other_content(at, byte):
    check(DATA[:at] + bytes([byte]) + DATA[at + 1 :])


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, len(DATA) - 1), length=st.integers(1, 40), other=st.binary(max_size=40))
def test_no_cut_or_insertion_is_verified_as_other_content(at, length, other):
    check(DATA[:at] + other + DATA[at + length :])


@st.composite
def structural(draw):
    """A bundle's value with parts dropped, doubled, swapped or put elsewhere."""
    value = json.loads(DATA)
    for _ in range(draw(st.integers(1, 3))):
        entries, chains = value["entries"], value["chains"]
        at, to = draw(st.integers(0, len(entries) - 1)), draw(st.integers(0, len(entries) - 1))
        name = draw(st.sampled_from(["index", "leaf", "proof", "body", "salt"]))
        match draw(
            st.sampled_from(["drop", "double", "swap", "copy", "swap member", "index", "chain", "note", "hash"])
        ):
            case "drop":
                entries.pop(at)
                if not entries:
                    return value
            case "double":
                entries.insert(to, dict(entries[at]))
            case "swap":
                entries[at], entries[to] = entries[to], entries[at]
            case "copy":
                entries[at][name] = entries[to][name]
            case "swap member":
                entries[at][name], entries[to][name] = entries[to][name], entries[at][name]
            case "index":
                entries[at]["index"] = draw(st.integers(0, 20))
            case "chain":
                chains[0]["entries"] = sorted(draw(st.sets(st.integers(0, 14), min_size=1)))
            case "note":
                value[draw(st.sampled_from(["checkpoint", "says"]))] = draw(
                    st.sampled_from([value["checkpoint"], value["says"], WORLD.note(12), WORLD.note(13)])
                )
            case "hash":
                raw = base64.b64decode(entries[at]["proof"])
                entries[at]["proof"] = base64.b64encode(raw[32:] + raw[:32]).decode()
    return value


@settings(max_examples=300, deadline=None)
@given(value=structural())
def test_no_rearrangement_is_verified_as_other_content(value):
    data = (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()
    try:
        found = verdict_on(data)
    except TlogError:
        return
    # What may go without harm: a body that is not shown, an observation that no chain links.
    genuine = {each.entry.index: each for each in GENUINE[2]}
    for each in found.entries:
        assert each in (genuine[each.entry.index], replace(genuine[each.entry.index], body=None))
    assert (found.checkpoint, found.keys, found.chains) == (GENUINE[0], GENUINE[1], GENUINE[3])


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path, capsys):
    def command(data, *arguments):
        file = tmp_path / "shipment.json"
        file.write_bytes(data)
        code = main(["verify", str(file), *arguments])
        return code, capsys.readouterr().out

    return command


def test_the_command_verifies_a_bundle_with_an_anchor(run):
    code, said = run(DATA, "--vkey", VKEY)
    assert code == 0 and said.startswith(f"verified: 12 entries are in the log {ORIGIN}\n")
    assert "DISPUTED        9" in said and "6, 7, 9, 13" in said and "2 bodies" in said


def test_the_command_says_whom_it_would_have_to_trust(run):
    code, said = run(DATA)
    assert code == 2 and "verified" not in said
    assert said.startswith(f"consistent in itself, signed by {VKEY}, which you have not said you trust")


def test_the_command_refuses_a_changed_bundle_and_keys_beside_one(run):
    body = next(entry["body"] for entry in json.loads(DATA)["entries"] if entry["body"])
    other = base64.b64encode(b'{"event":7}').decode()
    assert run(DATA.replace(body.encode(), other.encode(), 1), "--vkey", VKEY)[0] == 1
    assert run(DATA, "--vkey", VKEY, "--key", "A" * 43)[0] == 1


def test_the_command_needs_nothing_but_the_heart(tmp_path):
    file = tmp_path / "shipment.json"
    file.write_bytes(DATA)
    code = "import sys; from ledger.tlog.__main__ import main; sys.exit(main(sys.argv[1:]) or 'django' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, "verify", str(file), "--vkey", VKEY], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
