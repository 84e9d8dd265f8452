import base64
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.tlog import note
from ledger.tlog.errors import KeyRefused, Malformed, SignatureInvalid, TlogError
from ledger.tlog.note import COSIGNATURE, ED25519, NoteSignature, SignedNote, SignerKey, VerifierKey
from tests.ledger.tlog.cast import ORIGIN, public_key, signing_key

TEXT = f"{ORIGIN}\n1\n{base64.b64encode(bytes(32)).decode()}\n"
LOG = SignerKey(ORIGIN, signing_key("log"))
WITNESS = SignerKey("witness.example/w1", signing_key("witness"), COSIGNATURE)
NOTE = note.sign_note(TEXT, LOG)
# From the Go standard library's sibling, golang.org/x/mod/sumdb/note, whose text formats C2SP took over.
GO_SKEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_a_note_of_the_go_implementation_is_read_and_written_alike():
    signer, verifier = note.parse_signer_key(GO_SKEY), note.parse_verifier_key(GO_VKEY)
    assert signer.verifier_key() == verifier
    assert (signer.to_text(), verifier.to_text()) == (GO_SKEY, GO_VKEY)
    assert note.sign_note(GO_TEXT, signer) == f"{GO_TEXT}\n{GO_LINE}"
    [verified] = note.verify_note(note.parse_note(f"{GO_TEXT}\n{GO_LINE}"), [verifier])
    assert verified.verifier == verifier


def test_a_note_key_id_is_the_head_of_a_hash():
    named = ORIGIN.encode() + b"\n\x04" + public_key("log")
    assert VerifierKey(ORIGIN, public_key("log"), COSIGNATURE).note_key_id == hashlib.sha256(named).digest()[:4]


def test_a_signer_key_does_not_show_its_secret():
    assert LOG.to_text() not in repr(LOG)
    assert "signing_key" not in repr(LOG)


@pytest.mark.parametrize("signer", [LOG, WITNESS], ids=["log", "witness"])
def test_keys_are_read_back_as_they_were_written(signer):
    assert note.parse_verifier_key(signer.verifier_key().to_text()) == signer.verifier_key()
    assert note.parse_signer_key(signer.to_text()).to_text() == signer.to_text()


VKEY = LOG.verifier_key().to_text()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a+b",
        VKEY + "\n",
        " " + VKEY,
        VKEY.replace("+", "+0", 1),
        "other" + VKEY,
        VKEY[:-1],
        VKEY.replace("/", "/ ", 1),
        VKEY.upper(),
        "name+00000000+AA==",
        "name+00000000+" + base64.b64encode(b"\x02" + bytes(32)).decode(),
        "name+00000000+" + base64.b64encode(b"\x01" + bytes(31)).decode(),
        "\ud800+00000000+" + base64.b64encode(b"\x01" + bytes(32)).decode(),
    ],
)
def test_a_verifier_key_written_otherwise_is_refused(text):
    with pytest.raises(Malformed):
        note.parse_verifier_key(text)


def test_a_verifier_key_that_is_not_safe_is_refused():
    with pytest.raises(KeyRefused):
        note.parse_verifier_key(VerifierKey("weak", bytes(32)).to_text())


@pytest.mark.parametrize("text", ["", GO_VKEY, GO_SKEY[:-1], GO_SKEY.replace("c74f20a3", "c74f20a4"), GO_SKEY + "\n"])
def test_a_signer_key_written_otherwise_is_refused_without_being_told(text):
    with pytest.raises(Malformed) as refused:
        note.parse_signer_key(text)
    assert "AYEKFALVFGyN" not in str(refused.value)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\tb", "a\u00a0b", "a\u3000b", "a\nb", "\x7f", "é" * 128])
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(Malformed):
        VerifierKey(name, public_key("log"))


def test_a_note_is_read_as_it_was_signed():
    parsed = note.parse_note(NOTE.encode())
    assert parsed == note.parse_note(NOTE)
    assert parsed.text == TEXT
    assert note.format_note(parsed) == NOTE
    [verified] = note.verify_note(parsed, [LOG.verifier_key()])
    assert (verified.verifier, verified.time) == (LOG.verifier_key(), None)


def test_a_note_may_have_empty_lines_in_its_text():
    text = "one\n\n— two\n\nthree\n"
    signed = note.sign_note(text, LOG)
    assert note.parse_note(signed).text == text


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"text\n",
        b"text\n\n",
        NOTE[:-1].encode(),
        NOTE.encode() + b"\n",
        NOTE.replace("\n\n", "\n").encode(),
        NOTE.replace("\n\n", "\r\n\r\n").encode(),
        NOTE.replace("— ", "- ").encode(),
        NOTE.replace("— ", "—  ").encode(),
        NOTE.replace("=\n", "= \n").encode(),
        NOTE.replace("\n— ", "\n— a\x00").encode(),
        NOTE.encode() + b"\xe2\x80\x94 x AAAA\n",
        NOTE.encode() + b"\xe2\x80\x94 x\n",
        NOTE.encode() + b"trailing\n",
        b"\xff" + NOTE.encode(),
        "\ud800" + NOTE,
        NOTE.encode() + NOTE.splitlines(keepends=True)[-1].encode() * 100,
        b"x" * 1_000_001,
    ],
    ids=range(19),
)
def test_a_note_that_is_not_written_as_notes_are_is_refused(data):
    with pytest.raises(Malformed):
        note.parse_note(data)


@pytest.mark.parametrize("text", ["", "no newline", "tab\t\n", "nul\0\n", "\r\n"])
def test_a_text_that_no_note_can_hold_is_not_signed(text):
    with pytest.raises(Malformed):
        note.sign_note(text, LOG)


def test_a_known_signer_whose_line_fails_makes_the_note_invalid():
    signed = note.parse_note(NOTE)
    forged = NoteSignature(signed.signatures[0].name, signed.signatures[0].note_key_id, bytes(64))
    for signatures in ([forged], [*signed.signatures, forged], [forged, *signed.signatures]):
        with pytest.raises(SignatureInvalid):
            note.verify_note(SignedNote(TEXT, tuple(signatures)), [LOG.verifier_key()])
    with pytest.raises(SignatureInvalid):
        note.verify_note(SignedNote(TEXT + "more\n", signed.signatures), [LOG.verifier_key()])


def test_an_unknown_signer_is_ignored_even_with_a_known_name_or_id():
    signed = note.parse_note(NOTE)
    line = signed.signatures[0]
    same_name = NoteSignature(line.name, b"\0\0\0\0", b"garbage")
    same_id = NoteSignature("another.example", line.note_key_id, b"garbage")
    mixed = SignedNote(TEXT, (same_name, line, same_id))
    assert len(note.verify_note(mixed, [LOG.verifier_key()])) == 1
    with pytest.raises(SignatureInvalid, match="no known key"):
        note.verify_note(SignedNote(TEXT, (same_name, same_id)), [LOG.verifier_key()])
    with pytest.raises(SignatureInvalid):
        note.verify_note(mixed, [])


def test_a_cosignature_is_over_the_time_and_the_text():
    line = note.cosign(TEXT, WITNESS, time=1_679_315_147)
    message = b"cosignature/v1\ntime 1679315147\n" + TEXT.encode()
    assert line.signature == (1_679_315_147).to_bytes(8, "big") + signing_key("witness").sign(message).signature
    [verified] = note.verify_note(SignedNote(TEXT, (line,)), [WITNESS.verifier_key()])
    assert verified.time == 1_679_315_147


@pytest.mark.parametrize("at", [0, 3, 7, 8, 40, 71])
def test_a_cosignature_with_another_time_or_signature_is_invalid(at):
    line = note.cosign(TEXT, WITNESS, time=1_679_315_147)
    changed = bytearray(line.signature)
    changed[at] ^= 0x80
    with pytest.raises(SignatureInvalid):
        note.verify_note(
            SignedNote(TEXT, (NoteSignature(line.name, line.note_key_id, bytes(changed)),)), [WITNESS.verifier_key()]
        )


def test_a_witness_does_not_sign_and_a_log_does_not_cosign():
    with pytest.raises(Malformed):
        note.sign_note(TEXT, WITNESS)
    with pytest.raises(Malformed):
        note.cosign(TEXT, LOG, time=1)
    for time in (-1, 2**63):
        with pytest.raises(Malformed):
            note.cosign(TEXT, WITNESS, time=time)


def test_one_key_under_two_types_signs_two_different_things():
    as_witness = SignerKey(ORIGIN, signing_key("log"), COSIGNATURE)
    assert as_witness.verifier_key().note_key_id != LOG.verifier_key().note_key_id
    with pytest.raises(SignatureInvalid):
        note.verify_note(note.parse_note(NOTE), [as_witness.verifier_key()])
    assert (ED25519, COSIGNATURE) == (1, 4)


@given(st.binary(max_size=120) | st.text(max_size=120))
def test_only_tlog_errors_escape_whatever_the_bytes(data):
    for read in (note.parse_note, note.parse_verifier_key, note.parse_signer_key):
        try:
            read(data if read is note.parse_note or isinstance(data, str) else data.decode("latin-1"))
        except TlogError:
            continue


@given(st.data())
@settings(max_examples=300)
def test_no_changed_note_is_believed(data):
    at = data.draw(st.integers(0, len(NOTE) - 1))
    changed = NOTE[:at] + data.draw(st.text(max_size=2)) + NOTE[at + 1 :]
    if changed == NOTE:
        return
    with pytest.raises(TlogError):
        note.verify_note(note.parse_note(changed), [LOG.verifier_key()])
