"""What comes in to be appended, what comes out of it, and the rule that decides inside the lock.

The ledger decides what concerns keys and the log itself. What a statement *means* is the caller's: it passes an
`AdmissionRule`, which is asked once a statement, in order, while the head is locked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from ledger.tlog.envelope import Envelope
from ledger.tlog.keys import KeyRecord
from ledger.tlog.merkle import Growth
from ledger.tlog.statement import Statement


class Refused(Exception):
    """An append that was refused; the message is a sentence for whoever sent it.

    `code` is a short stable word for programs, `status` the HTTP status an interface answers with, `pointer` the JSON
    pointer into the item (or its body) that is at fault, and `detail` what a program may want besides.
    """

    code = "refused"
    status = 409

    def __init__(self, message: str, *, pointer: str = "", detail: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.pointer = pointer
        self.detail = detail or {}


class Invalid(Refused):
    """The submission itself is wrong: it can never be appended as it is."""

    code = "invalid"
    status = 422


class SignatureRefused(Invalid):
    """The signature does not hold, or not by the key that the statement names."""

    code = "signature"


class KeyNotValid(Refused):
    """The key is not registered, is revoked, or may not sign this type of statement."""

    code = "key"
    status = 403


class CommitmentReused(Refused):
    """A commitment appears once in a log, for ever."""

    code = "commitment"

    def __init__(
        self,
        message: str = "this commitment stands in the log already; make a new salt",
        *,
        pointer: str = "",
        detail: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message, pointer=pointer, detail=detail)


class BatchRefused(Refused):
    """Another item of an atomic batch was refused, so this one was not appended either."""

    code = "batch"


class AlreadyAppended(Exception):
    """Raised by a rule: what this statement says stands in the log already, at `index`."""

    def __init__(self, index: int) -> None:
        super().__init__(f"already in the log at index {index}")
        self.index = index


@dataclass(frozen=True, slots=True)
class Submission:
    """One envelope with what it commits to. `context` is the caller's own."""

    envelope: Envelope
    body: bytes | None = None
    salt: bytes | None = None
    context: Any = None
    disclosures: tuple[str, ...] = ()
    """What the body names by digests alone, and is kept beside it (tlog.disclosure)."""


@dataclass(slots=True)
class Pending:
    """A submission whose signature and commitment hold, on its way to the rule. `index` is what it would get."""

    position: int
    envelope: Envelope
    statement: Statement
    statement_hash: bytes
    key: KeyRecord
    body: bytes | None
    salt: bytes | None
    context: Any
    index: int = -1
    record_time_ms: int = 0
    disclosures: tuple[str, ...] = ()
    is_reused: bool = False
    """Whether its commitment stands in the log already. Such a statement is refused in the end, so a rule that
    remembers what it admitted raises CommitmentReused itself, unless it raises AlreadyAppended."""


@dataclass(frozen=True, slots=True)
class Admission:
    """A rule's yes. `chains` are the secrets of the chains that the statement belongs to: first those of its links, in
    order, then those it only names. Readers of their scopes may read its body."""

    chains: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Admitted:
    """What was admitted, with its place."""

    pending: Pending
    admission: Admission
    leaf: bytes
    leaf_hash: bytes

    @property
    def index(self) -> int:
        return self.pending.index


class AdmissionRule(Protocol):
    """Decides what the statements mean. All three are called inside the lock, in one transaction with the append."""

    def load(self, pending: Sequence[Pending]) -> None:
        """Read, at once, whatever deciding about all of `pending` needs."""

    def admit(self, pending: Pending) -> Admission:
        """Say yes, or raise Refused, or AlreadyAppended. What earlier calls admitted has happened."""
        ...

    def project(self, admitted: Sequence[Admitted]) -> None:
        """Write the projections of what was admitted; entries and bodies are in."""


@dataclass(slots=True)
class Grown:
    """What a batch made of the tree: enough to prove each of its entries without reading a table."""

    checkpoint: str = ""
    growth: Growth | None = None


@dataclass(frozen=True, slots=True)
class Appended:
    """In the log: the place it got, and the tree as its batch left it."""

    index: int
    statement_hash: bytes
    record_time_ms: int
    context: Any = field(default=None, compare=False)
    grown: Grown = field(default_factory=Grown, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Repeated:
    """It stood in the log before: the place it has."""

    index: int
    statement_hash: bytes
    context: Any = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Not appended, and why."""

    error: Refused
    context: Any = field(default=None, compare=False)


Outcome = Appended | Repeated | Refusal


def scope_of(chain: bytes) -> UUID:
    """The public name of a chain: who may read it is kept by this, and a shipment's id is this."""
    return UUID(bytes=hashlib.sha256(b"waylog/scope/v1\n" + chain).digest()[:16])
