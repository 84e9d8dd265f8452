"""Check a proof file or a bundle without the server: `python -m ledger.tlog verify FILE --vkey VKEY --key KEY`.

Exit codes: 0 verified, 1 not valid, 2 consistent in itself but nobody was named who is trusted.

`python -m ledger.tlog evidence FILE --vkey VKEY` checks what a witness, mirror or monitor kept against a log, and
`... compare NOTE NOTE --vkey VKEY` holds two checkpoints against each other. Exit codes: 0 proven, 1 shows nothing,
2 nobody was named as the log, 3 stated by an observer and not proven.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ledger.tlog.bundle import MAX_BUNDLE_BYTES, parse_bundle, verify_bundle
from ledger.tlog.envelope import format_time, signed_bytes, statement_hash
from ledger.tlog.errors import Malformed, ProofInvalid, TlogError
from ledger.tlog.evidence import MAX_EVIDENCE_BYTES, Evidence, compare, parse_evidence, verify_evidence
from ledger.tlog.keyring import GivenKey, find_key, is_key_text, parse_given_keys
from ledger.tlog.note import NoteSignature, VerifierKey, parse_verifier_key, verify_note
from ledger.tlog.policy import Policy, VerifiedCheckpoint, parse_policy, verify_checkpoint
from ledger.tlog.proof import MAX_PROOF_BYTES, ProvenEntry, parse_proof, verify_in_itself
from ledger.tlog.report import NO_ANCHOR, VERIFIED, Report, report_bundle, report_finding


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        report: Report = options.run(options)
    except (TlogError, OSError) as refused:
        report = Report(f"not valid: {refused}")
    # An unpaired surrogate of an odd file name must not stop the verdict from being printed.
    text = "\n".join(report.lines()).encode("utf-8", "backslashreplace").decode()
    sys.stdout.write(text + "\n")
    return report.code


def verify(data: bytes, *, policy: Policy | None, keys: Sequence[GivenKey] = ()) -> Report:
    """Check a bundle or a proof file: by the policy when there is one; a proof file's party by a key that was given.

    Which of the two it is shows in its first byte. Raises a TlogError for the first thing that does not hold.
    """
    if data.startswith(b"{"):
        if keys:
            raise Malformed("a bundle brings the registrations of its keys: leave --key out")
        return report_bundle(verify_bundle(parse_bundle(data), policy))
    proof = parse_proof(data)
    entry = verify_in_itself(proof)
    report = Report(facts=_facts(entry))
    report.checked.append(
        f"the entry is number {entry.index} in the tree of {entry.checkpoint.tree_size} entries"
        f" with root {entry.checkpoint.root_hash.hex()}"
    )
    verified = _check_log(report, entry, proof.checkpoint, policy, keys)
    _check_party(report, entry, policy, keys, verified)
    report.unchecked.append("the body, which is not in this file (its salted hash is in the statement)")
    report.unchecked.append("that the key was not revoked: no file can prove that nothing was logged")
    return report


def _check_log(
    report: Report, entry: ProvenEntry, note: str, policy: Policy | None, keys: Sequence[GivenKey]
) -> VerifiedCheckpoint | None:
    origin = entry.checkpoint.origin
    if policy is not None:
        verified = verify_checkpoint(policy, note)
        report.code = VERIFIED
        report.verdict = f"verified: entry {entry.index} is in the log {origin}"
        report.checked.append(f"the log's signature, by {verified.log.to_text()}")
        report.checked += [
            f"the cosignature of {each.verifier.name}, made at POSIX second {each.time}"
            for each in verified.cosignatures
        ]
        return verified
    lines = [line for line in entry.note.signatures if line.name == origin]
    if not lines:
        raise ProofInvalid("no line of the checkpoint is by the log that it names")
    signer = _untrusted_signer(report, entry, lines, keys)
    report.code = NO_ANCHOR
    report.verdict = f"consistent in itself, signed by {signer}, which you have not said you trust"
    report.unchecked.append("who answers for the log: give --vkey or --policy from a source you trust")
    return None


def _untrusted_signer(
    report: Report, entry: ProvenEntry, lines: Sequence[NoteSignature], keys: Sequence[GivenKey]
) -> str:
    """Name who signed; a note holds 4 bytes of the key's hash and not the key, so often it is a name and no more."""
    for given in keys:
        verifier = VerifierKey(entry.checkpoint.origin, given.public_key)
        if any(line.note_key_id == verifier.note_key_id for line in lines):
            verify_note(entry.note, [verifier])
            report.checked.append("the log's signature, by a key that you gave and did not say you trust")
            return verifier.to_text()
    report.unchecked.append("the log's signature: the file names its key and does not hold it")
    return f"{lines[0].name}+{lines[0].note_key_id.hex()}"


def _check_party(
    report: Report,
    entry: ProvenEntry,
    policy: Policy | None,
    keys: Sequence[GivenKey],
    verified: VerifiedCheckpoint | None,
) -> None:
    log_key = [GivenKey(verified.log.public_key)] if verified else []
    given = find_key(entry, [*keys, *log_key])
    if given is None:
        if keys:
            raise ProofInvalid(f"none of the keys you gave is the key {entry.statement.key} that signed the entry")
        report.unchecked.append(
            f"the party's signature in the entry: give --key with the public key {entry.statement.key},"
            " or with the proof file of its registration"
        )
        return
    given.verify(signed_bytes(entry.leaf.payload), entry.leaf.signature)
    report.checked.append(f"the party's signature in the entry, by key {entry.statement.key}")
    if given.registration is None:
        report.unchecked.append("who holds that key: its registration was not given")
        return
    registered = given.check_registration(entry, policy)
    trusted = "" if policy else ", as a log says that you have not said you trust"
    report.checked.append(
        f"the key was registered at entry {given.registration.index} as {registered.role} key"
        f" of party {registered.party}{trusted}"
    )


def _facts(entry: ProvenEntry) -> list[str]:
    statement = entry.statement
    return [
        f"log             {entry.checkpoint.origin}",
        f"entry           {entry.index} of {entry.checkpoint.tree_size}",
        f"type            {statement.type}",
        f"record time     {format_time(entry.leaf.record_time_ms)}",
        f"signed by key   {statement.key}",
        f"statement hash  {statement_hash(entry.leaf.payload).hex()}",
        f"body            {statement.body.hex() if statement.body else 'none'}",
    ]


def _run_verify(options: argparse.Namespace) -> Report:
    policy = _policy(options.policy, options.vkey)
    keys = [key for given in options.key for key in _given_keys(given)]
    return verify(_read(options.file, MAX_BUNDLE_BYTES), policy=policy, keys=keys)


def _run_evidence(options: argparse.Namespace) -> Report:
    evidence = parse_evidence(_read(options.file, MAX_EVIDENCE_BYTES))
    return _judge(evidence, options.vkey, options.observer)


def _run_compare(options: argparse.Namespace) -> Report:
    notes = [_read(path).decode("utf-8", "replace") for path in options.notes]
    evidence = compare(*notes, time=0)
    if evidence is None:
        raise ProofInvalid("these two checkpoints do not contradict each other by themselves")
    return _judge(evidence, options.vkey, [])


def _judge(evidence: Evidence, vkeys: Sequence[str], observers: Sequence[str]) -> Report:
    if not vkeys:
        return Report(
            "this says something of a log: give --vkey with the log's key, from a source you trust", NO_ANCHOR
        )
    logs, known = ([parse_verifier_key(text) for text in texts] for texts in (vkeys, observers))
    return report_finding(evidence, verify_evidence(evidence, logs, observers=known))


def _policy(path: str | None, vkey: str | None) -> Policy | None:
    if path is not None:
        return parse_policy(_read(path))
    return None if vkey is None else Policy((parse_verifier_key(vkey),))


def _given_keys(text: str) -> tuple[GivenKey, ...]:
    return parse_given_keys(text.encode("utf-8", "surrogateescape") if is_key_text(text) else _read(text))


def _read(path: str, most: int = MAX_PROOF_BYTES) -> bytes:
    with Path(path).open("rb") as file:
        data = file.read(most + 1)
    if len(data) > (most if data.startswith(b"{") else MAX_PROOF_BYTES):
        raise Malformed(f"{path} is too large for what it must be")
    return data


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ledger.tlog", description="Check proofs of a Waylog log offline.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("verify", help="check a proof file or a bundle", description=__doc__)
    command.add_argument("file", metavar="FILE", help="a proof file (.tlog-proof) or a bundle (.json)")
    command.set_defaults(run=_run_verify)
    trust = command.add_mutually_exclusive_group()
    trust.add_argument("--policy", metavar="POLICY", help="a file that says whom you trust (C2SP tlog-policy)")
    trust.add_argument("--vkey", metavar="VKEY", help="the verifier key of the log that you trust")
    command.add_argument(
        "--key",
        metavar="KEY",
        action="append",
        default=[],
        help="the party's public key: base64url, a JWK, or a file with a JWK (set) or the proof of its registration",
    )
    command = commands.add_parser("evidence", help="check evidence against a log", description=__doc__)
    command.add_argument("file", metavar="FILE", help="a file of evidence (.json)")
    command.add_argument("--observer", metavar="VKEY", action="append", default=[], help="who may have signed it")
    command.set_defaults(run=_run_evidence)
    _add_log(command)
    command = commands.add_parser("compare", help="hold two checkpoints against each other", description=__doc__)
    command.add_argument("notes", metavar="NOTE", nargs=2, help="a signed checkpoint")
    command.set_defaults(run=_run_compare)
    _add_log(command)
    return parser


def _add_log(command: argparse.ArgumentParser) -> None:
    command.add_argument("--vkey", metavar="VKEY", action="append", default=[], help="the verifier key of the log")


if __name__ == "__main__":
    sys.exit(main())
