import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.tlog import checkpoint, policy
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.errors import Malformed, PolicyUnmet, SignatureInvalid, TlogError
from ledger.tlog.note import COSIGNATURE, SignerKey, VerifierKey
from ledger.tlog.policy import Policy, parse_policy, verify_checkpoint
from tests.ledger.tlog.cast import ORIGIN, signing_key

LOG = SignerKey(ORIGIN, signing_key("log"))
WITNESSES = {
    name: SignerKey(f"witness.example/{name}", signing_key(name), COSIGNATURE)
    for name in ("x1", "x2", "x3", "y1", "y2")
}
SIGNED = checkpoint.sign_checkpoint(Checkpoint(ORIGIN, 3, bytes(32)), LOG)


def vkey(signer):
    return signer.verifier_key().to_text()


HEAD = f"log {vkey(LOG)}\n" + "".join(f"witness {name} {vkey(key)}\n" for name, key in WITNESSES.items())
TWO_LEVELS = HEAD + "group xs 2 x1 x2 x3\ngroup ys any y1 y2\ngroup both all xs ys\nquorum both\n"


def cosigned(*names):
    text = SIGNED
    for name in names:
        text = checkpoint.cosign_checkpoint(text, WITNESSES[name], time=1_700_000_000)
    return text


def policy_of(text):
    return parse_policy(text.encode())


def test_a_policy_without_witnesses_believes_the_log():
    verified = verify_checkpoint(policy_of(f"log {vkey(LOG)}\nquorum none\n"), SIGNED)
    assert verified.checkpoint == Checkpoint(ORIGIN, 3, bytes(32))
    assert verified.log == LOG.verifier_key()
    assert verified.cosignatures == ()
    assert policy_of(f"log {vkey(LOG)}\nquorum none\n") == Policy((LOG.verifier_key(),))


@pytest.mark.parametrize("names", [("x1", "x2", "y1"), ("x3", "x1", "y2"), ("x1", "x2", "x3", "y1", "y2")])
def test_a_quorum_of_groups_is_met(names):
    verified = verify_checkpoint(policy_of(TWO_LEVELS), cosigned(*names))
    assert {each.verifier.name for each in verified.cosignatures} == {f"witness.example/{name}" for name in names}


@pytest.mark.parametrize("names", [(), ("x1",), ("x1", "y1"), ("x1", "x2", "x3"), ("y1", "y2"), ("x1", "x1", "y1")])
def test_a_quorum_of_groups_is_not_met_by_too_few(names):
    with pytest.raises(PolicyUnmet, match="both"):
        verify_checkpoint(policy_of(TWO_LEVELS), cosigned(*names))


@pytest.mark.parametrize(
    ("names", "lacking"), [((), 3), (("x1",), 2), (("x1", "x2", "x3"), 1), (("y1", "y2"), 2), (("x1", "x3", "y2"), 0)]
)
def test_a_policy_says_how_many_witnesses_more_it_takes(names, lacking):
    assert policy_of(TWO_LEVELS).lacks({WITNESSES[name].verifier_key() for name in names}) == lacking
    assert policy_of(HEAD + "quorum none\n").lacks(set()) == 0


def test_a_quorum_may_be_one_witness():
    alone = policy_of(HEAD + "quorum y2\n")
    verify_checkpoint(alone, cosigned("y2"))
    with pytest.raises(PolicyUnmet):
        verify_checkpoint(alone, cosigned("y1"))


def test_a_known_witness_whose_line_fails_makes_the_checkpoint_invalid():
    larger = checkpoint.sign_checkpoint(Checkpoint(ORIGIN, 4, bytes(32)), LOG)
    line = checkpoint.cosign_checkpoint(larger, WITNESSES["y2"], time=1).splitlines(keepends=True)[-1]
    with pytest.raises(SignatureInvalid, match="the signature of witness"):
        verify_checkpoint(policy_of(TWO_LEVELS), cosigned("x1", "x2", "y1") + line)


def test_another_log_or_another_key_of_this_log_is_not_believed():
    stranger = SignerKey("stranger.example/log", signing_key("stranger"))
    impostor = SignerKey(ORIGIN, signing_key("stranger"))
    for signer in (stranger, impostor):
        with pytest.raises(PolicyUnmet):
            verify_checkpoint(policy_of(f"log {vkey(signer)}\nquorum none\n"), SIGNED)
    with pytest.raises(PolicyUnmet):
        verify_checkpoint(Policy(()), SIGNED)


def test_witnesses_do_not_stand_in_for_the_log():
    impostor = SignerKey(ORIGIN, signing_key("stranger"))
    text = checkpoint.sign_checkpoint(Checkpoint(ORIGIN, 3, bytes(32)), impostor)
    text = checkpoint.cosign_checkpoint(text, WITNESSES["x1"], time=1)
    with pytest.raises(PolicyUnmet, match="the log has not signed"):
        verify_checkpoint(policy_of(HEAD + "quorum x1\n"), text)


def test_any_of_several_logs_is_believed():
    other = SignerKey("other.example/log", signing_key("other"))
    both = policy_of(f"log {vkey(other)}\nlog {vkey(LOG)} https://log.example/\nquorum none\n")
    assert verify_checkpoint(both, SIGNED).log == LOG.verifier_key()


def test_comments_blank_lines_and_spaces_are_read_over():
    text = f"\n# a comment \xe9 of ours\n\t log \t{vkey(LOG)}  https://log.example/ \n \t\n  # more\nquorum none"
    assert parse_policy(text.encode("latin-1")) == Policy((LOG.verifier_key(),))


def test_names_are_octets():
    raw = HEAD.encode().replace(b"witness x1", b"witness \xff") + b"group \xfe any \xff\nquorum \xfe\n"
    verify_checkpoint(parse_policy(raw), cosigned("x1"))
    assert policy.format_policy(parse_policy(raw)) == raw.replace(b"any", b"1")


def test_a_policy_is_read_back_as_it_was_written():
    assert parse_policy(policy.format_policy(policy_of(TWO_LEVELS))) == policy_of(TWO_LEVELS)


REFUSED = [
    ("", "quorum"),
    (HEAD, "quorum"),
    (HEAD + "quorum none\nquorum none\n", "one quorum"),
    (HEAD + "quorum nobody\n", "not defined"),
    ("quorum x1\n" + HEAD, "not defined"),
    (HEAD + "quorum\n", "lines are"),
    (HEAD + "quorum none extra\n", "lines are"),
    (HEAD + "Quorum none\n", "lines are"),
    (HEAD + f"log {vkey(LOG)}\nquorum none\n", "twice"),
    (HEAD + f"witness again {vkey(WITNESSES['x1'])}\nquorum none\n", "twice"),
    (HEAD + f"witness x1 {vkey(SignerKey('w', signing_key('w'), COSIGNATURE))}\nquorum none\n", "taken"),
    (HEAD + f"witness none {vkey(SignerKey('w', signing_key('w'), COSIGNATURE))}\nquorum none\n", "taken"),
    (HEAD + f"witness w {vkey(SignerKey('w', signing_key('w')))}\nquorum none\n", "cosignatures"),
    (HEAD + "group x1 any x2\nquorum none\n", "taken"),
    (HEAD + "group none any x2\nquorum none\n", "taken"),
    (HEAD + "group g any\nquorum none\n", "lines are"),
    (HEAD + "group g any nobody\nquorum none\n", "not defined"),
    (HEAD + "group g any none\nquorum none\n", "not defined"),
    (HEAD + "group g any g\nquorum none\n", "not defined"),
    (HEAD + "group g any x1 x1\nquorum none\n", "member of one"),
    (HEAD + "group g any x1\ngroup h any x1\nquorum none\n", "member of one"),
    (HEAD + "group g 0 x1\nquorum none\n", "needs all"),
    (HEAD + "group g 01 x1\nquorum none\n", "needs all"),
    (HEAD + "group g some x1\nquorum none\n", "needs all"),
    (HEAD + "group g 2 x1\nquorum none\n", "no more members"),
    (HEAD + "log not-a-key\nquorum none\n", "written"),
    (HEAD + "quorum none\r\n", "control"),
    (HEAD + "quorum\u00a0none\n", "lines are"),
    ("#" * 70_000, "65,536"),
    (f"log {VerifierKey('weak', bytes(32)).to_text()}\nquorum none\n", "safe to use"),
]


@pytest.mark.parametrize(("text", "word"), REFUSED, ids=range(len(REFUSED)))
def test_a_policy_written_otherwise_is_refused(text, word):
    with pytest.raises(Malformed, match=word):
        policy_of(text)


def test_a_wrong_line_is_named():
    with pytest.raises(Malformed, match="line 7, column 1") as refused:
        policy_of(HEAD + "nonsense\n")
    assert refused.value.line == 7


def test_a_policy_that_could_not_be_read_back_is_not_written():
    with pytest.raises(Malformed):
        policy.format_policy(Policy((LOG.verifier_key(),), quorum="no body"))


WORDS = [
    "log",
    "witness",
    "group",
    "quorum",
    "none",
    "any",
    "all",
    "1",
    "g",
    "x1",
    "#",
    "\n",
    "\n",
    " ",
    "\t",
    "é",
    vkey(LOG),
    vkey(WITNESSES["x1"]),
]


@given(st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join) | st.text(max_size=30))
def test_only_tlog_errors_escape_whatever_the_text(text):
    try:
        verify_checkpoint(parse_policy(text.encode("utf-8", "surrogatepass")), SIGNED)
    except TlogError:
        return


def test_a_witness_may_have_an_address_and_keeps_it():
    text = "".join(f"witness {name} {vkey(key)} https://{name}.example/w\n" for name, key in WITNESSES.items())
    found = policy.parse_policy((text + "quorum none\n").encode())
    assert found.addresses == {name: f"https://{name}.example/w" for name in WITNESSES}
    assert policy.parse_policy(policy.format_policy(found)) == found
