"""Some events of a document at a time: signed by the party's managed key and captured, each with its outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nacl.signing import SigningKey

from ledger import queries as log
from ledger import tenancy
from ledger.admission import Appended, Outcome, Refusal, Refused, Repeated
from ledger.keystore import KeyNotHeld
from supplychain.epcis.documents import DocumentEvent
from supplychain.epcis.event_hash import event_digest
from supplychain.epcis.events import Event as EpcisEvent
from supplychain.models import Party
from supplychain.operations.capture import capture
from supplychain.operations.histories import LinkMissing, StaleLink
from supplychain.operations.signing import EventSigner, held_key
from supplychain.projections.events import same_as

ATTEMPTS = 3
"""So often a batch is signed anew when somebody else moved one of its shipments meanwhile."""


class SigningRefused(Refused):
    """No key is held here that could sign for the party."""

    code = "no_managed_key"
    status = 403


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an event: its outcome, and the id it goes by."""

    outcome: Outcome
    event_id: str


class Capturer:
    """Captures events of one document for one party."""

    def __init__(self, *, party: UUID, source: bytes) -> None:
        """`source` is the SHA-256 of the document. Raises SigningRefused."""
        self.party = party
        self.claims: dict[str, str | int] = {"source": source.hex()}
        self.key = _key_of(party)
        self.origin = log.origin()

    def capture(
        self, events: Sequence[EpcisEvent], bodies: Sequence[bytes], *, now: datetime, atomic: bool
    ) -> list[Taken]:
        """Sign and capture events in order; one result each. With `atomic` all of them or none.

        What the party has captured before, under whatever id, is not captured again. An act whose shipment moved on
        meanwhile, or whose predecessor in this batch was refused, is signed once more, linked to the head as it is now.
        """
        taken: dict[int, Taken] = {}
        for attempt in range(ATTEMPTS):
            left = [number for number in range(len(events)) if number not in taken]
            results = self._capture([events[n] for n in left], [bodies[n] for n in left], now, atomic=atomic)
            found = dict(zip(left, results, strict=True))
            is_over = attempt == ATTEMPTS - 1 or not any(_is_stale(each.outcome) for each in found.values())
            for number, each in found.items():
                if is_over or isinstance(each.outcome, Repeated) or not (atomic or _is_stale(each.outcome)):
                    taken[number] = each
            if is_over:
                break
        return [taken[number] for number in range(len(events))]

    def _capture(
        self, events: Sequence[EpcisEvent], bodies: Sequence[bytes], now: datetime, *, atomic: bool
    ) -> list[Taken]:
        signer = EventSigner(self.origin)
        corrected = self._corrected(events)
        signer.load(events, party=self.party)
        signed = [
            signer.sign_body(
                body,
                event,
                signing_key=self.key,
                claims=self.claims,
                corrects=corrected.get(number),
                once=True,
            )
            for number, (event, body) in enumerate(zip(events, bodies, strict=True))
        ]
        outcomes = capture([each.item for each in signed], party=self.party, now=now, atomic=atomic)
        return [Taken(outcome, each.event_id) for outcome, each in zip(outcomes, signed, strict=True)]

    def _corrected(self, events: Sequence[EpcisEvent]) -> dict[int, str]:
        """The ids of the events that declarations without an id of their own declare wrong, found by their hash."""
        hashes = {
            number: event_digest(event)
            for number, event in enumerate(events)
            if event.error_declaration is not None and not event.event_id
        }
        if not hashes:
            return {}
        with tenancy.system():
            rows = same_as([self.party], hashes.values())
        known = {hashed: event_id for _, hashed, is_declaration, _, event_id in reversed(rows) if not is_declaration}
        return {number: known[digest] for number, digest in hashes.items() if digest in known}


def _key_of(party: UUID) -> SigningKey:
    try:
        return held_key(party)
    except KeyNotHeld:
        name = Party.objects.filter(pk=party).values_list("name", flat=True).first() or "This party"
        raise SigningRefused(
            f"{name} has no key that is held here, so events cannot be signed for it. Sign them yourself and send them"
            " to /api/v1/events, or have a manager of the party make a managed key."
        ) from None


def _is_stale(outcome: Outcome) -> bool:
    return isinstance(outcome, Refusal) and isinstance(outcome.error, StaleLink | LinkMissing)


def readable(events: Sequence[DocumentEvent]) -> tuple[list[EpcisEvent], list[bytes]]:
    """The events that were read without a fault, and their bodies."""
    good = [(each.event, each.body) for each in events if each.event is not None]
    return [event for event, _ in good], [body for _, body in good]


def is_captured(taken: Taken) -> bool:
    """Whether the event got an entry of its own."""
    return isinstance(taken.outcome, Appended)
