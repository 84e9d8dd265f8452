"""The entries in their order: each held against those before it, and what they say of keys decided again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from django.db.models import Subquery

from ledger import examining, kept, keyrules, sharing
from ledger.admission import Refused, scope_of
from ledger.audit.found import Fault, Found, Part
from ledger.examined import Examined, Run, Said
from ledger.models import Body, Checkpoint, Disclosure, Entry, LogHead, Tombstone
from ledger.tlog import merkle, tile
from ledger.tlog.disclosure import open_body
from ledger.tlog.errors import Malformed, TlogError
from ledger.tlog.keys import KeyRecord
from ledger.tlog.merkle import CompactRange
from ledger.tlog.statement import ZERO, Statement, link

CHUNK = 2 * tile.WIDTH
"""How many entries are examined in one go: so many that what was read of them stays close to the processor."""


@dataclass(slots=True)
class Position:
    """All that a check knows once it has taken the entries below `range.size`, apart from their leaf hashes."""

    origin: str
    range: CompactRange
    last_time: int
    table: keyrules.KeyTable
    attested: dict[int, int]
    heads: dict[bytes, bytes]
    """By chain, the hash of its latest linked statement."""
    hidden: dict[bytes, bytes]
    """By link, the statement hash of linked entries whose body and chains are gone."""
    lacking: dict[bytes, int]
    """By commitment, the entries without the body that they commit to."""
    erased: dict[bytes, int]
    """By commitment, the entry that says that a body was erased."""
    roots_at: dict[int, bytes]
    """The root at each size of which a checkpoint is kept."""
    faults: list[Fault]
    links: int = 0
    bodies: int = 0


class Check:
    """One pass over the log, in order."""

    def __init__(self, found: Found, trusted_size: int = 0) -> None:
        self.found = found
        self.trusted_size = trusted_size
        self.range = merkle.CompactRange()
        self.tile_roots: list[bytes] = []
        self.table = keyrules.KeyTable(signed_with=_signed_with)
        self.allowed: dict[tuple[str, str], bytes] = {}
        """By key and type, the party of a key that may sign that as the keys stand now."""
        self.attested: dict[int, int] = {}
        self.heads: dict[bytes, bytes] = {}
        self.hidden: dict[bytes, bytes] = {}
        self.lacking: dict[bytes, int] = {}
        self.erased: dict[bytes, int] = {}
        self.roots_at: dict[int, bytes] = {0: merkle.empty_root()}
        self.last_time = 0

    def fault(self, part: Part, index: int, what: str) -> None:
        """Write down what does not hold."""
        self.found.faults.append(Fault(index, what, part))

    # --- where it stands

    def position(self) -> Position:
        """Where the check stands between two ranges of entries."""
        return Position(
            origin=self.found.origin,
            range=self.range,
            last_time=self.last_time,
            table=self.table,
            attested=self.attested,
            heads=self.heads,
            hidden=self.hidden,
            lacking=self.lacking,
            erased=self.erased,
            roots_at=self.roots_at,
            faults=self.found.faults,
            links=self.found.checked[Part.LINKS],
            bodies=self.found.checked[Part.BODIES],
        )

    def go_on(self, at: Position) -> None:
        """Stand where an earlier check stood; the leaf hashes below come from the tiles, and must lead to its root."""
        self.found.from_index = at.range.size
        self.range, self.last_time, self.table = at.range, at.last_time, at.table
        self.table.signed_with = _signed_with
        self.attested, self.heads, self.hidden = at.attested, at.heads, at.hidden
        self.lacking, self.erased, self.roots_at = at.lacking, at.erased, at.roots_at
        self.found.faults = list(at.faults)
        self.found.checked.update({Part.LINKS: at.links, Part.BODIES: at.bodies})
        self.found.checked.update({Part.ENTRIES: at.range.size, Part.ADMISSION: at.range.size})
        self.found.leaf_hashes, self.tile_roots = examining.stored_hashes(at.range.size)
        full = merkle.CompactRange().extend_subtrees(tile.HEIGHT, self.tile_roots)
        rest = self.found.leaf_hashes[full.size * merkle.HASH_BYTES :]
        try:
            again = full.extend(bytes(rest[n : n + merkle.HASH_BYTES]) for n in range(0, len(rest), merkle.HASH_BYTES))
        except Malformed:
            again = full
        if again != at.range:
            what = "the stored hashes of the entries below here are not those that were checked before"
            self.fault(Part.TILES, at.range.size, what)

    # --- entries, in order

    def entries(self, progress: Progress, processes: int) -> None:
        """Examine every entry from where the check stands; call `progress` after each range."""
        wanted = set(Checkpoint.objects.values_list("tree_size", flat=True))
        size = self.found.tree_size
        examiner = examining.Examiner(self.found.origin, examining.public_keys(), self.trusted_size)
        with sharing.crew(examiner, processes=processes) as crew:
            repeated = crew.begin(examining.repeated, size)
            for part in crew.examined(_ranges(self.range.size, size)):
                self._take(part, wanted)
                progress(self)
            for index, what in repeated():
                self.fault(Part.ENTRIES, index, f"the {what} stands at an earlier entry already")
        self.found.checked[Part.ENTRIES] = self.found.checked[Part.ADMISSION] = size
        self._beyond()

    def _take(self, part: Examined, wanted: set[int]) -> None:
        """Take what was found in the next range, and keep the roots at the wanted sizes within it."""
        self.found.faults += [Fault(index, what, kind) for index, what, kind in part.faults]
        for said in part.said:
            if isinstance(said, Run):
                self._run(said)
            else:
                self.one(said)
        for at in sorted(at for at in wanted if part.first < at < part.end):
            self.roots_at[at] = self.range.extend(part.leaf_hashes[: at - part.first]).root()
        self._extend(part)
        if part.end in wanted:
            self.roots_at[part.end] = self.range.root()
        self.found.leaf_hashes += b"".join(part.leaf_hashes)

    def _extend(self, part: Examined) -> None:
        """Let the tree grow by a range, by whole tiles where it begins with one."""
        rest = part.leaf_hashes
        if part.tile_roots and part.first == len(self.tile_roots) * tile.WIDTH:
            self.range = self.range.extend_subtrees(tile.HEIGHT, part.tile_roots)
            self.tile_roots += part.tile_roots
            rest = rest[len(part.tile_roots) * tile.WIDTH :]
        self.range = self.range.extend(rest)

    def root_at(self, size: int) -> bytes:
        """The root over the first `size` entries, at most as many as were checked."""
        if size not in self.roots_at:
            raw = memoryview(self.found.leaf_hashes)[: size * merkle.HASH_BYTES]
            self.roots_at[size] = merkle.root_of(bytes(raw[at : at + 32]) for at in range(0, len(raw), 32))
        return self.roots_at[size]

    def _beyond(self) -> None:
        """Nothing lies outside the log; its size is asked in the same statement, for it may grow meanwhile."""
        size = Subquery(LogHead.objects.values("tree_size")[:1])
        beyond = Entry.objects.filter(index__gte=size).order_by("index").values_list("index", flat=True).first()
        if beyond is not None:
            self.fault(Part.ENTRIES, beyond, "the table holds entries beyond the size of the log")
        if Entry.objects.filter(index__lt=0).exists():
            self.fault(Part.ENTRIES, -1, "the table holds an entry with a negative index")

    def _run(self, run: Run) -> None:
        """Hold a run of events against those before it: at once where its key may sign them and the party is its."""
        if run.times[0] >= self.last_time and self.allowed.get((run.key, "event")) == run.tenant:
            self.last_time = run.times[-1]
            self.found.checked[Part.BODIES] += len(run.times)
            return
        for said in run.each():
            self.one(said)

    def one(self, said: Said) -> None:
        """Hold an entry against those before it."""
        if said.key is None:
            return
        if said.record_time_ms < self.last_time:
            self.fault(Part.ENTRIES, said.at, "the record time is before that of an earlier entry")
        else:
            self.last_time = said.record_time_ms
        party = self.allowed.get((said.key, said.type)) if said.statement is None else None
        if party is None:
            party = self._admit(said, said.key)
        if said.lacks_body and said.commitment is not None:
            self.lacking[said.commitment] = said.at
            self.hidden.update(dict.fromkeys(said.links, said.statement_hash))
        if said.tenant is not None:
            self.found.checked[Part.BODIES] += 1
            if said.tenant != party:
                self.fault(Part.BODIES, said.at, "the body is filed under another party than the signer's")
            if said.links:
                self._links(said)

    # --- keys

    def _admit(self, said: Said, key: str) -> bytes | None:
        """Decide again what was decided when the entry came in; return the signer's party, where it is known."""
        index, signer = said.at, self.table.known.get(key)
        try:
            if signer is not None:
                keyrules.check_may_sign(cast(Statement, said), signer, index)  # it asks for the type alone
                self.allowed[key, said.type] = bytes.fromhex(signer.party)
            elif index:
                self.fault(Part.ADMISSION, index, "the key is not registered before the entry")
                return None
            if said.statement is not None:
                self.allowed.clear()
                self._act(said, said.statement, signer)
        except Refused as refused:
            self.fault(Part.ADMISSION, index, f"it should have been refused: {refused}")
        signer = self.table.known.get(key)
        return None if signer is None else bytes.fromhex(signer.party)

    def _act(self, said: Said, found: Statement, signer: KeyRecord | None) -> None:
        index = said.at
        if found.type == "key.register":
            asked = keyrules.admit_registration(found, signer, index, self.table)
            self.table.known[asked.key_id] = asked.registered_at(index)
        elif found.type == "key.revoke" and signer is not None:
            time_ms = said.record_time_ms
            revoked = keyrules.admit_revocation(found, signer, index, self.table, record_time_ms=time_ms)
            known = self.table.known
            known[revoked.key_id] = known[revoked.key_id].revoked(index, revoked.last_valid_index)
        elif found.type == "key.attest":
            self._attest(index, keyrules.parse_attestation(found), signer)
        elif found.type == "approval.request":
            keyrules.parse_approval(found)
            self.table.approvals[said.statement_hash] = found
        elif found.type == "body.erased":
            self.erased.setdefault(keyrules.admit_erasure(found, index, self.table).commitment, index)

    def _attest(self, index: int, wanted: Sequence[int], signer: KeyRecord | None) -> None:
        """A party stands by disputed entries of its own, once each; what else is named changes nothing."""
        signed_with = dict(Entry.objects.filter(index__in=wanted, index__lt=index).values_list("index", "key_id"))
        for each in dict.fromkeys(wanted):
            key = self.table.known.get(signed_with.get(each, ""))
            is_own = key is not None and signer is not None and key.party == signer.party
            is_disputed = key is not None and key.last_valid_index is not None and each > key.last_valid_index
            if is_own and is_disputed and each not in self.attested:
                self.attested[each] = index
            else:
                what = f"it should have been refused: entry {each} is not a disputed entry of this party"
                self.fault(Part.ADMISSION, index, what)

    # --- chains and bodies

    def _links(self, said: Said) -> None:
        """Each link must follow the latest linked statement of its chain."""
        if len(said.chains) < len(said.links):
            self.fault(Part.LINKS, said.at, "a link's chain is missing")
            return
        for chain, stated in zip(said.chains, said.links, strict=False):
            if len(chain) != 16 or self._next_link(chain, stated) != stated:
                self.fault(Part.LINKS, said.at, "its link does not follow the latest statement of its chain")
            self.heads[chain] = said.statement_hash
            self.found.checked[Part.LINKS] += 1

    def _next_link(self, chain: bytes, stated: bytes) -> bytes:
        """The link that the chain's next statement has; statements whose chains are gone are found by their links."""
        due = link(chain, self.heads.get(chain, ZERO))
        while due != stated and due in self.hidden:
            due = link(chain, self.hidden.pop(due))
        return due

    def bodies(self) -> None:
        """A body is there unless a later entry erased it, and then it is not."""
        later = self._erased_later()
        for commitment, index in self.lacking.items():
            if commitment not in self.erased and commitment not in later:
                self.fault(Part.BODIES, index, "its body is missing")
        there = set(examining.kept_commitments(self.erased))
        for commitment, index in self.erased.items():
            if commitment in there:
                self.fault(Part.BODIES, index, "the body that it erased is there")
        self._tombstones()
        self._disclosures()

    def _disclosures(self) -> None:
        """What is kept beside a body is named by a digest in it, and seen by those who see the body."""
        rows: dict[int, list[Disclosure]] = {}
        for row in Disclosure.objects.filter(index__lt=self.found.tree_size).order_by("index", "position"):
            rows.setdefault(row.index, []).append(row)
        bodies = {body.index: body for body in Body.objects.filter(index__in=list(rows))}
        for index, listed in rows.items():
            body = bodies.get(index)
            as_filed = [(row.position, row.tenant, row.scopes) for row in listed]
            if body is None or as_filed != [(at, body.tenant, body.scopes) for at, _ in enumerate(listed)]:
                self.fault(Part.BODIES, index, "its disclosures are not filed like its body")
                continue
            try:
                open_body(bytes(body.body), [row.text for row in listed])
            except TlogError as error:
                self.fault(Part.BODIES, index, f"its disclosures do not belong to its body: {error}")
        size = Subquery(LogHead.objects.values("tree_size")[:1])
        beyond = Disclosure.objects.filter(index__gte=size).order_by("index").values_list("index", flat=True).first()
        if beyond is not None:
            self.fault(Part.BODIES, beyond, "there are disclosures beyond the size of the log")

    def _erased_later(self) -> set[bytes]:
        """What an entry erased that came after those that are checked: the next check looks at it."""
        rows = Tombstone.objects.filter(commitment__in=list(self.lacking), erased_index__gte=self.found.tree_size)
        later = dict(rows.values_list("erased_index", "commitment"))
        acts = Entry.objects.filter(index__in=list(later), type="body.erased").values_list("index", flat=True)
        return {bytes(later[index]) for index in acts}

    def _tombstones(self) -> None:
        """What is left of each erased body, and nothing besides: whose it was, and by which entry it went."""
        rows = {bytes(row.commitment): row for row in Tombstone.objects.filter(erased_index__lt=self.found.tree_size)}
        for commitment in self.erased.keys() | rows.keys():
            index, row, stands = self.erased.get(commitment), rows.get(commitment), _signed_with(commitment)
            at = index if index is not None else row.erased_index if row is not None else -1
            if index is None or row is None or stands is None:
                self.fault(Part.BODIES, at, "the tombstones are not what the log says of erased bodies")
                continue
            party = self.table.party_of(stands[1])
            scopes = [scope_of(bytes(chain)) for chain in row.chains]
            if (row.index, row.erased_index, row.tenant.hex, row.scopes) != (stands[0], index, party, scopes):
                self.fault(Part.BODIES, at, "the tombstone is not what the log says of the erased body")
            if not _are_readers(row.readers, kept.readers(scopes)):
                self.fault(Part.BODIES, at, "the tombstone names others than could read the erased body")


def _are_readers(listed: Any, may_read: Iterable[tuple[UUID, UUID]]) -> bool:
    """Tell whether these are pairs of those scopes and their readers, each once and in order; there may be new ones."""
    if not isinstance(listed, list):
        return False
    pairs = {(str(scope), str(party)) for scope, party in may_read}
    named = [tuple(map(str, each)) if isinstance(each, list) else () for each in listed]
    return set(named) <= pairs and named == sorted(set(named))


def _signed_with(commitment: bytes) -> tuple[int, str] | None:
    """Read from the columns that each entry's own check holds against its leaf."""
    return Entry.objects.filter(commitment=commitment).values_list("index", "key_id").first()


Progress = Callable[[Check], None]


def _ranges(first: int, end: int) -> list[tuple[int, int]]:
    """What is examined in one go: less towards the end, so that all who share the work end together."""
    ranges = []
    while first < end:
        step = CHUNK if end - first > 4 * CHUNK else min(CHUNK, tile.WIDTH)
        ranges.append((first, min(first + step, end)))
        first += step
    return ranges
