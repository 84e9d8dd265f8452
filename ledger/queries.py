"""Reads of the log: entries, keys, checkpoints, tiles and proofs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from uuid import UUID

from ledger import keystore
from ledger.admission import Appended, Repeated
from ledger.models import Attestation, Checkpoint, Cosignature, Entry, Key, KeyRevocation, LogHead, VerifiedTo
from ledger.operations import LogMissing as LogMissing  # part of what this module offers
from ledger.operations import key_records
from ledger.tlog import envelope, merkle, note, proof, statement
from ledger.tlog.keys import KeyRecord
from ledger.tlog.merkle import ConsistencyProof, InclusionProof
from ledger.tlog.note import VerifierKey
from ledger.tlog.statement import Statement
from ledger.tree import SubtreeReader
from ledger.tree import root_at as root_at
from ledger.tree import tile_hashes as tile_hashes

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


_PAGE = 500
"""How many cosignatures are read at a time."""


class EntryMissing(LookupError):
    """No entry has that index yet."""


@dataclass(frozen=True, slots=True)
class EntryView:
    """An entry, opened for reading."""

    index: int
    leaf: bytes
    record_time_ms: int
    statement: Statement
    statement_hash: bytes
    key_id: str


def head() -> LogHead:
    """The head row; raise LogMissing before the log is made."""
    found = LogHead.objects.first()
    if found is None:
        raise LogMissing("there is no log yet")
    return found


def origin() -> str:
    """The log's name."""
    return head().origin


def tree_size() -> int:
    """How many entries the log has."""
    return head().tree_size


def checkpoint() -> str:
    """The newest checkpoint, a signed note."""
    return head().checkpoint


def verifier_key() -> str:
    """The log's verifier key in the text form of signed notes: what an outsider pins."""
    return verifier_keys()[0]


def verifier_keys() -> list[str]:
    """The verifier key, and while the log key is changed the next one after it."""
    return [signer.verifier_key().to_text() for signer in log_signers(head())]


def log_signers(found: LogHead) -> list[note.SignerKey]:
    """What signs for the log: its key, and while that is changed the new one after it."""
    key_ids = [key_id for key_id in (found.log_key_id, found.next_log_key_id) if key_id]
    return [note.SignerKey(name=found.origin, signing_key=keystore.signing_key(key_id)) for key_id in key_ids]


def entry(index: int) -> EntryView:
    """The entry at `index`; raise EntryMissing."""
    row = Entry.objects.filter(index=index).first() if 0 <= index < 2**63 else None
    if row is None:
        raise EntryMissing(f"the log has no entry {index}")
    return _view(row)


def entries(*, before: int | None = None, limit: int = 50) -> list[EntryView]:
    """The newest entries below index `before`, newest first."""
    rows = Entry.objects.order_by("-index")
    if before is not None:
        rows = rows.filter(index__lt=before)
    return [_view(row) for row in rows[:limit]]


def leaves(first: int, count: int) -> list[bytes]:
    """The leaves from index `first` on, at most `count`, as they stand in the log."""
    rows = Entry.objects.filter(index__gte=first, index__lt=first + count).order_by("index")
    return [bytes(leaf) for leaf in rows.values_list("leaf", flat=True)]


def _view(row: Entry) -> EntryView:
    leaf = envelope.parse_leaf(bytes(row.leaf))
    found = statement.parse_statement(leaf.payload)
    return EntryView(row.index, bytes(row.leaf), leaf.record_time_ms, found, bytes(row.statement_hash), row.key_id)


def key(key_id: str) -> KeyRecord | None:
    """A registered key, with its revocation."""
    found = key_records([key_id])
    return found[0] if found else None


def keys_of(party: UUID | None = None) -> list[KeyRecord]:
    """All registered keys (of one party), in the order of their registration."""
    rows = Key.objects.order_by("registered_index")
    if party is not None:
        rows = rows.filter(party=party)
    by_id = {record.key_id: record for record in key_records(rows.values_list("key_id", flat=True))}
    return [by_id[row.key_id] for row in rows]


def ending_keys(until_ms: int, *, party: UUID | None = None) -> list[KeyRecord]:
    """The keys (of one party) that are valid and end before that POSIX time in milliseconds, the first to end first."""
    rows = Key.objects.filter(expires_ms__lt=until_ms).exclude(key_id__in=KeyRevocation.objects.values("key_id"))
    if party is not None:
        rows = rows.filter(party=party)
    by_id = {record.key_id: record for record in key_records(rows.values_list("key_id", flat=True))}
    return sorted(by_id.values(), key=lambda record: (record.expires_ms or 0, record.registered_index))


def disputed_of(party: UUID) -> list[int]:
    """The disputed entries of a party, in order: signed after their key's last valid index, and not attested since."""
    found: list[int] = []
    own = Key.objects.filter(party=party).values("key_id")
    for key_id, last in KeyRevocation.objects.filter(key_id__in=own).values_list("key_id", "last_valid_index"):
        rows = Entry.objects.filter(key_id=key_id, index__gt=last)
        found += rows.exclude(index__in=Attestation.objects.values("attested_index")).values_list("index", flat=True)
    return sorted(found)


def disputed_among(signed: Iterable[tuple[int, str]]) -> set[int]:
    """Those of these entries, each with the id of the key that signed it, that are disputed."""
    pairs = list(signed)
    revoked = KeyRevocation.objects.filter(key_id__in={key_id for _, key_id in pairs})
    last = dict(revoked.values_list("key_id", "last_valid_index"))
    late = {index for index, key_id in pairs if key_id in last and index > last[key_id]}
    if not late:
        return late
    return late - set(Attestation.objects.filter(attested_index__in=late).values_list("attested_index", flat=True))


def roles_of(key_ids: Iterable[str]) -> dict[str, str]:
    """Which kind of key each of these is."""
    return dict(Key.objects.filter(key_id__in=set(key_ids)).values_list("key_id", "role"))


def is_disputed(index: int, key_id: str) -> bool:
    """Whether the entry was signed after its key's last valid index and its party has not attested it since."""
    revoked = KeyRevocation.objects.filter(key_id=key_id, last_valid_index__lt=index).exists()
    return revoked and not Attestation.objects.filter(attested_index=index).exists()


# --- hashes, proofs --------------------------------------------------------------------------------------------------


def inclusion_proof(index: int, tree_size: int | None = None) -> InclusionProof:
    """Prove that the entry at `index` is in the tree of `tree_size` entries (default: now). Raise EntryMissing."""
    return inclusion_proofs([index], tree_size)[0]


def inclusion_proofs(indices: Sequence[int], tree_size: int | None = None) -> list[InclusionProof]:
    """Prove several at once; neighbours share what is read."""
    size = head().tree_size
    wanted = size if tree_size is None else tree_size
    if not 0 < wanted <= size:
        raise EntryMissing(f"the log has {size} entries, not {wanted}")
    for index in indices:
        if not 0 <= index < wanted:
            raise EntryMissing(f"a tree of {wanted} entries has no entry {index}")
    return _prove(indices, wanted)


def _prove(indices: Sequence[int], tree_size: int) -> list[InclusionProof]:
    reader = SubtreeReader(tree_size)
    reader.read_for(indices)
    return merkle.prove_inclusions(indices, tree_size, reader)


def consistency_proof(old: int, new: int) -> ConsistencyProof:
    """Prove that the tree of `old` entries is a prefix of that of `new`. Raise EntryMissing."""
    size = head().tree_size
    if not 0 < old <= new <= size:
        raise EntryMissing(f"sizes must lie in 1 <= old <= new <= {size}")
    return merkle.prove_consistency(old, new, SubtreeReader(new))


def tlog_proof(index: int) -> str:
    """A self-contained proof file (C2SP tlog-proof) for the entry at `index`, under the newest checkpoint."""
    row = entry(index)
    found = head()  # after it, so that it holds it
    [path] = _prove([row.index], found.tree_size)
    signed = with_cosignatures(found.checkpoint, found.tree_size)
    return proof.format_proof(proof.Proof(extra=row.leaf, inclusion=path, checkpoint=signed))


@dataclass(frozen=True, slots=True)
class Receipt:
    """What proves one entry under the checkpoint beside it."""

    index: int
    statement_hash: bytes
    record_time_ms: int
    inclusion: InclusionProof


def receipts(
    outcomes: Sequence[Appended | Repeated], *, under: Checkpoint | None = None
) -> tuple[str, dict[int, Receipt]]:
    """A checkpoint, and by index what proves each of these under it; of a repeated one, the first entry.

    With `under`, which must hold them all, it is that one, with its cosignatures. Without, what one batch appended is
    proven under that batch's checkpoint, from memory; anything else under the newest.
    """
    if under is None and (at_once := _receipts_of_one_batch(outcomes)):
        return at_once
    found: Checkpoint | LogHead = under or head()
    known = {each.index: (each.statement_hash, each.record_time_ms) for each in outcomes if isinstance(each, Appended)}
    if older := {each.index for each in outcomes} - known.keys():
        rows = Entry.objects.filter(index__in=older).values_list("index", "statement_hash", "record_time")
        known |= {index: (bytes(digest), (at - EPOCH) // MILLISECOND) for index, digest, at in rows}
    indices = sorted(known)
    proofs = zip(indices, _prove(indices, found.tree_size), strict=True)
    signed = with_cosignatures(found.note, found.tree_size) if isinstance(found, Checkpoint) else found.checkpoint
    return signed, {index: Receipt(index, *known[index], inclusion) for index, inclusion in proofs}


def _receipts_of_one_batch(outcomes: Sequence[Appended | Repeated]) -> tuple[str, dict[int, Receipt]] | None:
    grown = outcomes[0].grown if outcomes and isinstance(outcomes[0], Appended) else None
    if grown is None or grown.growth is None:
        return None
    here = [each for each in outcomes if isinstance(each, Appended) and each.grown is grown]
    if len(here) < len(outcomes):
        return None
    growth = grown.growth
    proofs = merkle.prove_inclusions([each.index for each in here], growth.range.size, growth.subtree)
    return grown.checkpoint, {
        each.index: Receipt(each.index, each.statement_hash, each.record_time_ms, inclusion)
        for each, inclusion in zip(here, proofs, strict=True)
    }


def signers(indices: Iterable[int]) -> dict[int, UUID]:
    """Which party's key signed each of these entries."""
    rows = dict(Entry.objects.filter(index__in=list(indices)).values_list("index", "key_id"))
    parties = dict(Key.objects.filter(key_id__in=set(rows.values())).values_list("key_id", "party"))
    return {index: parties[key_id] for index, key_id in rows.items()}


def kept_checkpoints(limit: int = 50) -> list[Checkpoint]:
    """The checkpoints that are kept for ever, newest first."""
    return list(Checkpoint.objects.order_by("-tree_size")[:limit])


# --- cosignatures ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cosigner:
    """A witness, and the newest checkpoint that it cosigned."""

    name: str
    verifier_key: str
    tree_size: int
    at: datetime


def with_cosignatures(checkpoint: str, tree_size: int) -> str:
    """The checkpoint of that size with the cosignatures it has."""
    lines = Cosignature.objects.filter(tree_size=tree_size).order_by("witness").values_list("line", flat=True)
    return checkpoint + "".join(lines)


def cosigned_checkpoint(is_enough: Callable[[set[VerifierKey]], bool] = bool) -> Checkpoint | None:
    """The newest checkpoint whose cosigners are enough (by default: any); None when there is none."""
    for size, cosigners in _cosigned():
        if is_enough(cosigners):
            return Checkpoint.objects.get(tree_size=size)
    return None


def _cosigned() -> Iterator[tuple[int, set[VerifierKey]]]:
    """Every size that was cosigned, the newest first, with those who did; read as far as it is asked for."""
    below = 2**63 - 1
    while True:
        rows = Cosignature.objects.filter(tree_size__lt=below).order_by("-tree_size", "witness")
        page = list(rows.values_list("tree_size", "verifier_key")[:_PAGE])
        by_size = [(size, {_verifier(text) for _, text in each}) for size, each in groupby(page, itemgetter(0))]
        is_last = len(page) < _PAGE
        whole = by_size if is_last or len(by_size) == 1 else by_size[:-1]  # the page may have cut the last one
        yield from whole
        if is_last:
            return
        below = whole[-1][0]


_verifier = lru_cache(maxsize=64)(note.parse_verifier_key)


def published_checkpoint(is_enough: Callable[[set[VerifierKey]], bool] | None = None) -> tuple[str, str] | None:
    """The checkpoint to show, with its cosignatures, and a tag that changes with it.

    It is the newest whose cosigners are enough (None before there is one), or without that condition the newest.
    """
    if is_enough:
        kept = cosigned_checkpoint(is_enough)
        if kept is None:
            return None
        plain, size = kept.note, kept.tree_size
    else:
        found = head()
        plain, size = found.checkpoint, found.tree_size
    note = with_cosignatures(plain, size)
    return note, f'"{size}.{note.count(chr(10)) - plain.count(chr(10))}"'


def cosigners() -> list[Cosigner]:
    """Every witness that ever cosigned, with its newest cosignature, by name."""
    rows = Cosignature.objects.order_by("witness", "-tree_size").distinct("witness")
    return [Cosigner(row.witness, row.verifier_key, row.tree_size, row.at) for row in rows]


def verified_to() -> VerifiedTo | None:
    """How far the stored bytes were verified here, and when; None before the first run."""
    return VerifiedTo.objects.order_by("-tree_size").first()
