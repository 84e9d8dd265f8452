"""Make a bundle: what the log holds of some entries and chains, for a reader who checks it anywhere (tlog.bundle)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ledger import queries, quorum
from ledger.models import Attestation, Cosignature, Entry, Key, KeyRevocation, LogHead, Tombstone
from ledger.tlog.approval import is_hash
from ledger.tlog.bundle import Bundle, BundledChain, BundledEntry, format_bundle, seal, verify_bundle
from ledger.tlog.envelope import parse_leaf
from ledger.tlog.errors import TlogError
from ledger.tlog.merkle import InclusionProof
from ledger.tlog.note import VerifierKey, parse_note, parse_verifier_key
from ledger.tlog.policy import NONE, Group, Policy, format_policy
from ledger.tlog.statement import parse_statement
from ledger.verified import LogBroken


@dataclass(frozen=True, slots=True)
class _Signed:
    """The checkpoint that a bundle is made under, with its cosignatures and who made them."""

    tree_size: int
    note: str
    cosigners: list[VerifierKey]


def make(
    *,
    indices: Iterable[int],
    chains: Mapping[bytes, Sequence[int]],
    bodies: Mapping[int, tuple[bytes, bytes]],
    disclosures: Mapping[int, Sequence[str]] | None = None,
) -> bytes:
    """Return the file of a bundle of these entries, with all that shows who signed them.

    `chains` gives to each secret all its linked statements, from the first on; `bodies` to an index the body and the
    salt that the reader may see, `disclosures` what is told of that which these bodies name by digests alone.
    Registrations, revocations and attestations come by themselves. Raises EntryMissing; Malformed when it would be too
    large; LogBroken when what is stored does not hold: nobody is handed such a file.
    """
    head = queries.head()
    wanted = {0, *indices, *(index for linked in chains.values() for index in linked)}
    found = _with_keys(wanted, head.tree_size)
    signers = queries.log_signers(head)
    signed = _signed_after(max(found), head, signers[0].verifier_key())
    by_log = [signer for signer in signers if _has_signed(signer.verifier_key(), signed.note)]
    leaves = dict(Entry.objects.filter(index__in=found).values_list("index", "leaf"))
    proofs = queries.inclusion_proofs(sorted(found), signed.tree_size)
    bundle = Bundle(
        origin=head.origin,
        checkpoint=signed.note,
        policy=_policy([signer.verifier_key() for signer in by_log], signed.cosigners),
        says="",
        entries=tuple(
            _entry(proof, bytes(leaves[proof.index]), bodies.get(proof.index), (disclosures or {}).get(proof.index, ()))
            for proof in proofs
        ),
        chains=tuple(BundledChain(secret, tuple(linked)) for secret, linked in chains.items()),
    )
    try:
        sealed = seal(bundle, *by_log)
        verify_bundle(sealed, Policy((signers[0].verifier_key(),)))
    except TlogError as fault:
        raise LogBroken(f"no bundle can be made of what is stored: {fault}") from None
    return format_bundle(sealed)


def _entry(
    proof: InclusionProof, leaf: bytes, body: tuple[bytes, bytes] | None, disclosures: Sequence[str]
) -> BundledEntry:
    if body is None:
        return BundledEntry(proof.index, leaf, proof.path)
    return BundledEntry(proof.index, leaf, proof.path, *body, disclosures=tuple(disclosures))


def _with_keys(wanted: set[int], tree_size: int) -> set[int]:
    """These entries, and whatever registers, revokes or stands by what was signed in any of them."""
    found: set[int] = set()
    while new := wanted - found:
        found |= new
        rows = list(Entry.objects.filter(index__in=new).values_list("index", "key_id"))
        if len(rows) != len(new):
            missing = min(new - {index for index, _ in rows})
            raise queries.EntryMissing(f"the log has no entry {missing}")
        signers = {key_id for _, key_id in rows}
        subjects = Key.objects.filter(registered_index__in=new) | Key.objects.filter(key_id__in=signers)
        revoked = KeyRevocation.objects.filter(revoked_index__in=new).values("key_id")
        keys = list((subjects | Key.objects.filter(key_id__in=revoked)).values_list("key_id", "registered_index"))
        wanted = wanted | {registered for _, registered in keys}
        revocations = KeyRevocation.objects.filter(key_id__in=[key_id for key_id, _ in keys])
        wanted |= set(revocations.filter(revoked_index__lt=tree_size).values_list("revoked_index", flat=True))
        attested = Attestation.objects.filter(attested_index__in=new, by_index__lt=tree_size)
        wanted |= set(attested.values_list("by_index", flat=True))
        wanted |= _erasures(new, tree_size) | _approvals(new)
    return found


def _erasures(indices: set[int], tree_size: int) -> set[int]:
    """The entries that erase the body of one of these."""
    commitments = Entry.objects.filter(index__in=indices, commitment__isnull=False).values("commitment")
    erased = Tombstone.objects.filter(commitment__in=commitments, erased_index__lt=tree_size)
    return set(erased.values_list("erased_index", flat=True))


def _approvals(indices: set[int]) -> set[int]:
    """The requests that acts for two people among these name."""
    acts = Entry.objects.filter(index__in=indices, type__in=("key.revoke", "body.erased")).values_list(
        "leaf", flat=True
    )
    claims = [parse_statement(parse_leaf(bytes(leaf)).payload).claims.get("approval") for leaf in acts]
    hashes = [bytes.fromhex(each) for each in claims if isinstance(each, str) and is_hash(each)]
    asked = Entry.objects.filter(statement_hash__in=hashes, type="approval.request")
    return set(asked.values_list("index", flat=True))


def _signed_after(index: int, head: LogHead, log: VerifierKey) -> _Signed:
    """The newest cosigned checkpoint, signed by the log key as it is now, when it holds the entry at `index`; else the
    newest there is."""
    try:
        kept = queries.cosigned_checkpoint(lambda cosigners: bool(cosigners) and quorum.is_met_by(cosigners))
    except quorum.PolicyUnreadable:
        kept = None
    if kept is not None and kept.tree_size > index and _has_signed(log, kept.note):
        size, plain = kept.tree_size, kept.note
    else:
        size, plain = head.tree_size, head.checkpoint
    keys = Cosignature.objects.filter(tree_size=size).order_by("witness").values_list("verifier_key", flat=True)
    return _Signed(size, queries.with_cosignatures(plain, size), [parse_verifier_key(text) for text in keys])


def _has_signed(log: VerifierKey, text: str) -> bool:
    return any((line.name, line.note_key_id) == (log.name, log.note_key_id) for line in parse_note(text).signatures)


def _policy(logs: Sequence[VerifierKey], cosigners: Sequence[VerifierKey]) -> str:
    """What a reader may choose to trust: the log, and all who cosigned."""
    names = tuple(f"w{number}" for number in range(1, len(cosigners) + 1))
    groups = {"cosigners": Group(len(names), names)} if names else {}
    witnesses = dict(zip(names, cosigners, strict=True))
    return format_policy(Policy(tuple(logs), witnesses, groups, "cosigners" if names else NONE)).decode()
