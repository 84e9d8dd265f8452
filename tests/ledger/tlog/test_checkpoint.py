import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.tlog import checkpoint, merkle, note
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from ledger.tlog.errors import Malformed, SignatureInvalid, TlogError
from ledger.tlog.note import COSIGNATURE, SignerKey
from tests.ledger.tlog.cast import ORIGIN, signing_key

ROOT = bytes(range(32))
TEXT = f"{ORIGIN}\n20852163\n{base64.b64encode(ROOT).decode()}\n"
LOG = SignerKey(ORIGIN, signing_key("log"))
WITNESS = SignerKey("witness.example/w1", signing_key("witness"), COSIGNATURE)


def test_a_checkpoint_is_three_lines():
    found = Checkpoint(ORIGIN, 20_852_163, ROOT)
    assert checkpoint.format_checkpoint(found) == TEXT
    assert parse_checkpoint(TEXT) == found


@pytest.mark.parametrize(
    "size", ["+7", "007", "7 ", " 7", "1_000", "-1", "", "0x7", "\u0667", "9223372036854775808", "9" * 30]
)
def test_a_tree_size_that_is_no_plain_decimal_is_refused(size):
    with pytest.raises(Malformed):
        parse_checkpoint(TEXT.replace("20852163", size))


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT[:-1],
        TEXT + "an extension\n",
        TEXT + "\n",
        TEXT.replace("\n", "\r\n"),
        TEXT.replace(ORIGIN, ""),
        TEXT.replace(ORIGIN, "two words"),
        TEXT.replace(ORIGIN, "a+b"),
        TEXT.replace("=", ""),
        TEXT.replace("8=", "9="),
        f"{ORIGIN}\n1\n{base64.b64encode(bytes(31)).decode()}\n",
        f"{ORIGIN}\n1\n{base64.b64encode(bytes(33)).decode()}\n",
        f"{ORIGIN}\n0\n{base64.b64encode(ROOT).decode()}\n",
    ],
)
def test_a_checkpoint_that_we_would_not_have_written_is_not_read(text):
    with pytest.raises(Malformed):
        parse_checkpoint(text)


def test_a_log_without_entries_commits_to_nothing():
    empty = Checkpoint(ORIGIN, 0, merkle.empty_root())
    assert parse_checkpoint(checkpoint.format_checkpoint(empty)) == empty


def test_a_signed_checkpoint_is_opened_with_the_key_of_its_log():
    signed = checkpoint.sign_checkpoint(Checkpoint(ORIGIN, 3, ROOT), LOG)
    assert open_checkpoint(signed, verifiers=[LOG.verifier_key()]) == Checkpoint(ORIGIN, 3, ROOT)
    assert open_checkpoint(signed.encode(), verifiers=[LOG.verifier_key()]).tree_size == 3


def test_a_log_signs_under_its_own_name_only():
    with pytest.raises(Malformed):
        checkpoint.sign_checkpoint(Checkpoint("another.example/log", 3, ROOT), LOG)


def test_a_checkpoint_signed_by_somebody_else_is_not_opened():
    stranger = SignerKey(ORIGIN, signing_key("stranger"))
    signed = checkpoint.sign_checkpoint(Checkpoint(ORIGIN, 3, ROOT), stranger)
    with pytest.raises(SignatureInvalid):
        open_checkpoint(signed, verifiers=[LOG.verifier_key()])
    with pytest.raises(SignatureInvalid):
        open_checkpoint(signed, verifiers=[])


def test_a_cosigned_checkpoint_needs_the_log_all_the_same():
    text = checkpoint.format_checkpoint(Checkpoint(ORIGIN, 3, ROOT))
    signed = checkpoint.sign_checkpoint(Checkpoint(ORIGIN, 3, ROOT), LOG)
    cosigned = checkpoint.cosign_checkpoint(signed, WITNESS, time=1_700_000_000)
    both = [LOG.verifier_key(), WITNESS.verifier_key()]
    assert cosigned.startswith(signed)
    assert open_checkpoint(cosigned, verifiers=both).tree_size == 3
    assert [each.time for each in note.verify_note(note.parse_note(cosigned), both)] == [None, 1_700_000_000]
    alone = note.format_note(note.SignedNote(text, (note.cosign(text, WITNESS, time=1),)))
    with pytest.raises(SignatureInvalid):
        open_checkpoint(alone, verifiers=both)


def test_only_checkpoints_are_cosigned():
    with pytest.raises(Malformed):
        checkpoint.cosign_checkpoint(note.sign_note("a letter\n", LOG), WITNESS, time=1)


@given(st.text(max_size=90))
def test_only_tlog_errors_escape_whatever_the_text(text):
    for read in (parse_checkpoint, lambda data: open_checkpoint(data, verifiers=[LOG.verifier_key()])):
        with pytest.raises(TlogError):
            read(text)
