"""Entries taken in the order of the log: who was registered, who signed, who may sign that there.

What is asked here holds for every entry of an honest log and needs nothing but the entries themselves, so it can be
asked of a whole log (a mirror) and of a few entries with the registrations and revocations of their keys (a bundle).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ledger.tlog.approval import Act, Approval, read_act
from ledger.tlog.envelope import Leaf, parse_leaf, signed_bytes, statement_hash
from ledger.tlog.errors import EntryRefused, SignatureInvalid
from ledger.tlog.keys import MAY_SIGN, KeyRecord, Registration, parse_registration, verify_signature
from ledger.tlog.statement import Statement, parse_indices, parse_statement

MAX_ATTESTED = 1_000
"""How many entries one `key.attest` may name."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What the log says of an erased body: by which entry, on what ground, and the party that asked for it."""

    index: int
    ground: str
    party: str


@dataclass(frozen=True, slots=True)
class ReplayedEntry:
    """An entry that may stand where it stands, signed by `signer` as that key was known there."""

    index: int
    leaf: Leaf
    statement: Statement
    statement_hash: bytes
    signer: KeyRecord


class Replay:
    """The keys of one log as its entries tell of them, up to the entry taken last."""

    def __init__(
        self,
        origin: str,
        *,
        keys: Iterable[KeyRecord] = (),
        approvals: Mapping[str, Approval] | None = None,
        last_index: int = -1,
        record_time_ms: int = 0,
    ) -> None:
        self.origin = origin
        self.keys: dict[str, KeyRecord] = {}
        self._valid_admins: dict[str, set[str]] = {}
        for record in keys:
            self._put(record)
        self.last_index = last_index
        self.record_time_ms = record_time_ms
        self.attested: dict[tuple[int, str], int] = {}
        self.approvals: dict[str, Approval] = dict(approvals or {})
        """By statement hash in hex: what somebody asked for that takes two people."""
        self.erased: dict[str, Erasure] = {}
        """By commitment in hex."""

    def take(self, index: int, leaf: bytes) -> ReplayedEntry:
        """Take the next entry, not necessarily the neighbour of the last.

        Raises Malformed, KeyRefused, SignatureInvalid, or EntryRefused when its signer may not sign it there.
        """
        if index <= self.last_index:
            raise EntryRefused(f"entry {index} does not come after entry {self.last_index}")
        opened = parse_leaf(leaf)
        statement = parse_statement(opened.payload)
        if statement.key != opened.key_id:
            raise EntryRefused(f"entry {index} names another key than its statement")
        if statement.log != self.origin:
            raise EntryRefused(f"the statement of entry {index} was signed for another log")
        if opened.record_time_ms < self.record_time_ms:
            raise EntryRefused(f"the record time of entry {index} is before that of an earlier entry")
        signer = self._signer(index, statement)
        _check_signature(index, opened, signer)
        taken = ReplayedEntry(index, opened, statement, statement_hash(opened.payload), signer)
        self._act(taken)
        self.last_index, self.record_time_ms = index, opened.record_time_ms
        return taken

    def is_disputed(self, entry: ReplayedEntry) -> bool:
        """Tell whether its key was revoked as of before it, and its party has not stood by it since."""
        last = self.keys[entry.signer.key_id].last_valid_index
        return last is not None and entry.index > last and (entry.index, entry.signer.party) not in self.attested

    def _signer(self, index: int, statement: Statement) -> KeyRecord:
        if index == 0:
            return _root_of(statement)
        signer = self.keys.get(statement.key)
        if signer is None:
            raise EntryRefused(f"the key {statement.key} that signed entry {index} is not registered before it")
        if signer.revoked_index is not None:
            raise EntryRefused(f"entry {index} is signed by a key that was revoked at entry {signer.revoked_index}")
        if statement.type not in MAY_SIGN[signer.role]:
            raise EntryRefused(f"entry {index}: a key in the role {signer.role} does not sign {statement.type}")
        return signer

    def _act(self, taken: ReplayedEntry) -> None:
        index, statement, signer = taken.index, taken.statement, taken.signer
        if index == 0:
            self._put(signer)
        elif statement.type == "key.register":
            self._register(index, parse_registration(statement), signer)
        elif statement.type == "key.revoke":
            self._revoke(index, statement, signer, taken.leaf.record_time_ms)
        elif statement.type == "key.attest":
            self._attest(index, statement, signer)
        elif statement.type == "approval.request":
            self._approve(taken)
        elif statement.type == "body.erased":
            self._erase(index, statement, signer)

    def _register(self, index: int, asked: Registration, signer: KeyRecord) -> None:
        if asked.key_id in self.keys:
            raise EntryRefused(f"entry {index} registers a key for the second time")
        by_root = signer.role == "root" and asked.role == "admin"
        by_admin = signer.role == "admin" and asked.role != "root" and asked.party == signer.party
        if not by_root and not by_admin:
            raise EntryRefused(f"entry {index} registers a key that its signer may not register")
        if by_root and self._valid_admins.get(asked.party):
            raise EntryRefused(f"entry {index}: the root registers an admin key for a party that has a valid one")
        self._put(asked.registered_at(index))

    def _put(self, record: KeyRecord) -> None:
        self.keys[record.key_id] = record
        if record.role == "admin":
            admins = self._valid_admins.setdefault(record.party, set())
            admins.discard(record.key_id) if record.revoked_index is not None else admins.add(record.key_id)

    def _revoke(self, index: int, statement: Statement, signer: KeyRecord, record_time_ms: int) -> None:
        target = self.keys.get(str(statement.claims.get("key")))
        last = statement.claims.get("last_valid_index")
        if target is None or target.revoked_index is not None:
            raise EntryRefused(f"entry {index} revokes a key that is not there to be revoked")
        if not isinstance(last, int) or not target.registered_index <= last <= index:
            raise EntryRefused(f"entry {index} revokes a key from an index at which it cannot be revoked")
        if signer.role == "admin" and signer.party != target.party:
            raise EntryRefused(f"entry {index} revokes a key of another party")
        if signer.role == "log" and (target.expires_ms is None or record_time_ms < target.expires_ms):
            raise EntryRefused(f"entry {index}: the log key revokes a key that has not expired")
        if signer.role == "root":
            self._approved(index, statement, signer)
        self._put(target.revoked(index, last))

    def _attest(self, index: int, statement: Statement, signer: KeyRecord) -> None:
        ranges = parse_indices(str(statement.claims.get("indices")))
        if sum(last - first + 1 for first, last in ranges) > MAX_ATTESTED or ranges[-1][1] >= index:
            raise EntryRefused(f"entry {index} attests too many entries, or some that came after it")
        for first, last in ranges:
            self.attested.update({(at, signer.party): index for at in range(first, last + 1)})

    def _approve(self, taken: ReplayedEntry) -> None:
        asked = read_act(taken.statement)
        if asked is None:
            raise EntryRefused(f"entry {taken.index} asks for nothing that takes two people")
        self.approvals[taken.statement_hash.hex()] = Approval(asked, taken.signer.key_id, taken.signer.party)

    def _approved(self, index: int, statement: Statement, signer: KeyRecord) -> tuple[Act, Approval]:
        """What an act that takes two people does, and who asked for exactly that before it."""
        act, asked = read_act(statement), self.approvals.get(str(statement.claims.get("approval")))
        if act is None or asked is None or asked.key_id == signer.key_id:
            raise EntryRefused(f"entry {index} takes two people, and nobody else has asked for it before")
        if asked.act != act:
            raise EntryRefused(f"entry {index} does something else than was asked for")
        return act, asked

    def _erase(self, index: int, statement: Statement, signer: KeyRecord) -> None:
        act, asked = self._approved(index, statement, signer)
        self.erased.setdefault(act.subject, Erasure(index, str(act.detail), asked.party))


def _root_of(statement: Statement) -> KeyRecord:
    """Entry 0, and no other, is signed by the key that it registers: the log's root."""
    if statement.type != "key.register":
        raise EntryRefused("entry 0 is not the root's own registration")
    asked = parse_registration(statement)
    if asked.role != "root" or asked.key_id != statement.key:
        raise EntryRefused("entry 0 is not the root's own registration")
    return asked.registered_at(0)


def _check_signature(index: int, leaf: Leaf, signer: KeyRecord) -> None:
    try:
        verify_signature(signer.public_key, signed_bytes(leaf.payload), leaf.signature)
    except SignatureInvalid:
        raise SignatureInvalid(f"the signature of entry {index} does not hold for its key") from None
