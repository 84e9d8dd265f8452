"""Who may register, revoke and attest, and which key may sign what: decided by place in the log, never by a clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from ledger.admission import Invalid, KeyNotValid
from ledger.tlog import keys
from ledger.tlog.approval import is_hash, read_act
from ledger.tlog.errors import KeyRefused, Malformed, SignatureInvalid
from ledger.tlog.keys import MAY_SIGN, KeyRecord, Registration
from ledger.tlog.statement import Statement, parse_indices

MAX_ATTESTED = 1_000


@dataclass(slots=True)
class KeyTable:
    """The keys as they stand at one index: all that registration and revocation look at."""

    known: dict[str, KeyRecord] = field(default_factory=dict)
    admin_of: Callable[[UUID], str | None] = lambda party: None
    """The valid admin key of a party that is not in `known`, if any."""
    approvals: dict[bytes, Statement] = field(default_factory=dict)
    """The `approval.request` statements seen so far, by statement hash."""
    approval_of: Callable[[bytes], Statement | None] = lambda statement_hash: None
    """An earlier one that is not in `approvals`, if any."""
    record_of: Callable[[str], KeyRecord | None] = lambda key_id: None
    """A key that is not in `known`, if it is registered."""
    signed_with: Callable[[bytes], tuple[int, str] | None] = lambda commitment: None
    """Where a commitment stands in the log, and the key that signed it."""

    def valid_admin(self, party: UUID) -> str | None:
        for record in self.known.values():
            if record.role == "admin" and UUID(record.party) == party and record.revoked_index is None:
                return record.key_id
        found = self.admin_of(party)
        return None if found in self.known else found

    def party_of(self, key_id: str) -> str | None:
        """The party of a registered key."""
        record = self.known.get(key_id) or self.record_of(key_id)
        return None if record is None else record.party


@dataclass(frozen=True, slots=True)
class Revocation:
    """What a `key.revoke` statement asks for."""

    key_id: str
    last_valid_index: int


def read_registration(statement: Statement) -> Registration:
    """Read a `key.register` and check its proof of possession; Invalid names the claim that is wrong."""
    try:
        return keys.parse_registration(statement)
    except Malformed as malformed:
        raise Invalid(malformed.reason, pointer=malformed.pointer) from None
    except KeyRefused as refused:
        raise Invalid(str(refused), pointer="/claims/public_key") from None
    except SignatureInvalid:
        raise Invalid(
            "the proof of possession does not hold for this key and statement", pointer="/claims/pop"
        ) from None


def admit_registration(statement: Statement, signer: KeyRecord | None, index: int, table: KeyTable) -> Registration:
    """Decide a `key.register` at `index`; `signer` is None only for the root's own, at index 0."""
    registration = read_registration(statement)
    if index == 0 or signer is None:
        if index != 0 or registration.role != "root" or registration.key_id != statement.key:
            raise KeyNotValid("entry 0, and no other, is the root's own registration")
        return registration
    if registration.key_id in table.known:
        raise KeyNotValid("this public key is registered already; a key is registered once, ever")
    if registration.role == "root":
        raise KeyNotValid("a log has one root key")
    if signer.role == "root":
        if registration.role != "admin":
            raise KeyNotValid("the root registers only the first admin key of a party")
        if table.valid_admin(UUID(registration.party)):
            raise KeyNotValid("this party has a valid admin key; that key registers its others")
        return registration
    if signer.role != "admin" or signer.party != registration.party:
        raise KeyNotValid("a party's keys are registered by an admin key of the same party")
    return registration


def parse_revocation(statement: Statement) -> Revocation:
    """Read the claims of a `key.revoke`."""
    last = statement.claims.get("last_valid_index")
    if not isinstance(last, int) or isinstance(last, bool) or last < 0:
        raise Invalid("last_valid_index must be an entry's index", pointer="/claims/last_valid_index")
    return Revocation(_claim_text(statement, "key"), last)


@dataclass(frozen=True, slots=True)
class Erasure:
    """What a `body.erased` statement says: whose body goes, and why."""

    commitment: bytes
    ground: str


def admit_revocation(
    statement: Statement, signer: KeyRecord, index: int, table: KeyTable, *, record_time_ms: int
) -> Revocation:
    """Decide a `key.revoke` at `index`: by an admin key of the same party, by the root for two people, or by the log
    key once the expiry that the key's registration names has come."""
    revocation = parse_revocation(statement)
    target = table.known.get(revocation.key_id)
    if target is None:
        raise Invalid(f"no key {revocation.key_id} is registered", pointer="/claims/key")
    if target.revoked_index is not None:
        raise KeyNotValid("this key is revoked already")
    if not target.registered_index <= revocation.last_valid_index <= index:
        raise Invalid(
            f"last_valid_index must lie between the registration ({target.registered_index}) and here ({index})",
            pointer="/claims/last_valid_index",
        )
    if signer.role == "root":
        _check_approved(statement, table)
        return revocation
    if signer.role == "log":
        if target.expires_ms is None or record_time_ms < target.expires_ms:
            raise KeyNotValid("the log key revokes a key only when the expiry that its registration names has come")
        return revocation
    if signer.role != "admin" or UUID(signer.party) != UUID(target.party):
        raise KeyNotValid("a key is revoked by an admin key of its own party")
    return revocation


def admit_erasure(statement: Statement, index: int, table: KeyTable) -> Erasure:
    """Decide a `body.erased` at `index`, signed by the root: the party that signed the body has asked for it."""
    act = read_act(statement)
    if act is None:
        raise Invalid("an erasure names a commitment, 64 hexadecimal digits, and the ground", pointer="/claims")
    asked, stands = _check_approved(statement, table), table.signed_with(bytes.fromhex(act.subject))
    if stands is None or stands[0] >= index:
        raise Invalid("no entry before this one has that commitment", pointer="/claims/commitment")
    if table.party_of(stands[1]) != table.party_of(asked.key):
        raise KeyNotValid("a body is erased when the party that signed it has asked for it, and nobody else")
    return Erasure(bytes.fromhex(act.subject), str(act.detail))


def _check_approved(statement: Statement, table: KeyTable) -> Statement:
    """The root acts on others' keys and bodies for two people: one asked by a statement, which this one names."""
    named = statement.claims.get("approval")
    if named is None:
        raise KeyNotValid("this takes two people: the root does it only with the approval of a second person")
    if not isinstance(named, str) or not is_hash(named):
        raise Invalid("approval names a statement hash, 64 hexadecimal digits", pointer="/claims/approval")
    found = table.approvals.get(bytes.fromhex(named)) or table.approval_of(bytes.fromhex(named))
    if found is None or found.key == statement.key:
        raise KeyNotValid("no approval with that statement hash, by another key, is in the log before this entry")
    if read_act(found) != read_act(statement):
        raise KeyNotValid("the approval is for another key or body, or for another index or ground")
    return found


def parse_approval(statement: Statement) -> None:
    """Read an `approval.request`: its claims name the act and what it would do. Raise Invalid."""
    if statement.claims.get("act") not in ("key.revoke", "body.erased"):
        raise Invalid("an approval names the act it is for: key.revoke or body.erased", pointer="/claims/act")
    if read_act(statement) is None:
        raise Invalid("an approval names what the act would do, as the act itself does", pointer="/claims")


def parse_attestation(statement: Statement) -> tuple[int, ...]:
    """The indices that a `key.attest` names in its claim `indices`, at most 1,000."""
    try:
        ranges = parse_indices(_claim_text(statement, "indices"))
    except Malformed as malformed:
        raise Invalid(malformed.reason, pointer="/claims/indices") from None
    if sum(last - first + 1 for first, last in ranges) > MAX_ATTESTED:
        raise Invalid(f"one attestation names at most {MAX_ATTESTED:,} entries", pointer="/claims/indices")
    return tuple(index for first, last in ranges for index in range(first, last + 1))


def check_may_sign(statement: Statement, signer: KeyRecord, index: int) -> None:
    """Raise KeyNotValid unless `signer` is registered before `index`, valid, and of a role that signs this type."""
    if signer.registered_index >= index:
        raise KeyNotValid(f"the key is registered at index {signer.registered_index}, not before this entry")
    if signer.revoked_index is not None:
        raise KeyNotValid(f"the key was revoked at index {signer.revoked_index}; sign with a valid one")
    if statement.type not in MAY_SIGN[signer.role]:
        raise KeyNotValid(f"a key in the role {signer.role} does not sign {statement.type} statements")


def _claim_text(statement: Statement, name: str) -> str:
    value = statement.claims.get(name)
    if not isinstance(value, str) or not value:
        raise Invalid(f"the claim {name} is missing or not a text", pointer=f"/claims/{name}")
    return value
