"""Signing events with keys that are held here: body, salt, commitment, links, statement and envelope in one go.

A browser with a key of its own does the same steps itself; both ways end in the same `capture`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
from django.db.models import Q
from nacl.signing import SigningKey

from ledger import keystore, tenancy
from ledger import queries as log
from ledger.admission import Appended, Refusal, Repeated
from ledger.tlog import envelope, keys, statement
from ledger.tlog.statement import ZERO, Statement
from supplychain.custody import OPENING, Act, act_beneath, act_of, units_of
from supplychain.epcis import builders
from supplychain.epcis.disclosures import hide_members
from supplychain.epcis.events import Event as EpcisEvent
from supplychain.epcis.parsing import parse_body
from supplychain.models import Event, Shipment
from supplychain.operations.capture import CaptureItem, capture
from supplychain.projections.events import given_id

KEY_ROLES = ("managed", "admin")
"""Which of a party's held keys signs its events: the managed one, else the admin key."""


@dataclass(slots=True)
class Chain:
    """The secret of a shipment's chain, and the statement hash that the next act links to."""

    secret: bytes
    head: bytes = ZERO
    opened_by: str = ""


@dataclass(frozen=True, slots=True)
class Signed:
    """An event that was signed here and waits to be captured."""

    item: CaptureItem
    event_id: str
    statement_hash: bytes
    chains: tuple[bytes, ...]


@dataclass(slots=True)
class EventSigner:
    """Signs one event after the other and knows the heads that it creates itself, so that a whole history of many
    parties can be signed first and captured in batches, in the order of signing.

    `load` reads the heads of shipments that are in the log already; a unit that is not loaded is taken as new.
    """

    origin: str
    chains: dict[str, Chain] = field(default_factory=dict)
    _answered: dict[str, dict[str, Chain]] = field(default_factory=dict)
    """By event id: the chains that an event moved, for answers to it and corrections of it."""

    def load(self, events: Iterable[EpcisEvent], *, party: UUID) -> None:
        """Read the chains that signing these events (for `party`) needs."""
        wanted = [event for event in events if act_beneath(event) != Act.OBSERVE]
        units = {unit for event in wanted for unit in units_of(event)} - self.chains.keys()
        ids = {event.event_id for event in wanted if event.error_declaration is not None and event.event_id}
        abouts = {event.waylog.about for event in wanted if event.waylog.about}
        with tenancy.system():
            moved = Event.objects.filter(
                Q(event_id__in=abouts) | Q(event_id__in=ids, tenant=party), is_error_declaration=False
            )
            by_event = dict(moved.values_list("event_id", "scopes")) if ids or abouts else {}
            scopes = {scope for found in by_event.values() for scope in found}
            where = Q(unit__in=units, is_open=True) | Q(id__in=scopes)
            for row in Shipment.objects.filter(where) if units or scopes else ():
                chain = Chain(bytes(row.chain), bytes(row.head))
                if row.is_open:
                    chain = self.chains.setdefault(row.unit, chain)
                for event_id, found in by_event.items():
                    if row.id in found:
                        self._answered.setdefault(event_id, {})[row.unit] = chain

    def sign(self, event: Mapping[str, Any], *, signing_key: SigningKey, hide: Sequence[str] = ()) -> Signed:
        """Sign `event` (as the builders write it; an eventID is added where it has none) with `signing_key`.

        Members named in `hide` are told apart, so that they can be left out where the event is shown. Raises
        EventInvalid when it is no valid event, or when one of these may not be hidden.
        """
        event_id = str(event.get("eventID") or f"urn:uuid:{uuid4()}")
        body = builders.body_bytes(event if "eventID" in event else {"eventID": event_id, **event})
        hidden, disclosures = hide_members(body, hide) if hide else (body, ())
        return self.sign_body(hidden, parse_body(body), signing_key=signing_key, disclosures=disclosures)

    def sign_body(
        self,
        body: bytes,
        parsed: EpcisEvent,
        *,
        signing_key: SigningKey,
        claims: Mapping[str, str | int] | None = None,
        corrects: str | None = None,
        once: bool = False,
        disclosures: tuple[str, ...] = (),
    ) -> Signed:
        """Sign the bytes of a body that was parsed to `parsed`; an event without eventID gets one beside it.

        `corrects` is the id of the event that an error declaration without eventID takes back; with `once` an event
        that the party has captured before, under whatever id, is not captured again.
        """
        known = parsed if corrects is None else msgspec.structs.replace(parsed, event_id=corrects)
        moved = self._moved(known)
        salt, statement_id = secrets.token_bytes(32), secrets.token_hex(16)
        payload = statement.format_statement(
            Statement(
                v=1,
                log=self.origin,
                type="event",
                id=statement_id,
                key=keys.key_id(bytes(signing_key.verify_key)),
                links=tuple(statement.link(chain.secret, chain.head) for chain in moved.values()),
                body=statement.commitment(salt, body),
                claims=dict(claims or {}),
            )
        )
        event_id = known.event_id or given_id(statement_id)
        statement_hash = envelope.statement_hash(payload)
        opened = {unit: chain.secret for unit, chain in moved.items() if chain.head == ZERO}
        self._move(known, event_id, moved, statement_hash)
        signature = signing_key.sign(envelope.signed_bytes(payload)).signature
        signed = envelope.Envelope(payload, envelope.PAYLOAD_TYPE, None, signature)
        chains = tuple(chain.secret for chain in moved.values())
        return Signed(
            CaptureItem(signed, body, salt, opened, parsed, once, disclosures), event_id, statement_hash, chains
        )

    def _moved(self, event: EpcisEvent) -> dict[str, Chain]:
        """The chains that the event links to, in the order of its units; an unknown one is left to be refused."""
        act, beneath = act_of(event), act_beneath(event)
        if beneath == Act.OBSERVE:
            return {}
        moved: dict[str, Chain] = {}
        about = event.event_id if act == Act.CORRECT else event.waylog.about
        answered = self._answered.get(about or "", {})
        for unit in units_of(event):
            known = answered.get(unit) or self.chains.get(unit)
            if known is None and act in OPENING:
                known = Chain(secrets.token_bytes(16))
            if known is not None:
                moved[unit] = known
        return moved

    def _move(self, event: EpcisEvent, event_id: str, moved: dict[str, Chain], statement_hash: bytes) -> None:
        act = act_of(event)
        for unit, chain in moved.items():
            if chain.head == ZERO:
                chain.opened_by = event_id
            chain.head = statement_hash
            self.chains[unit] = chain
            closed = act == Act.UNPACK and not (event.child_epcs or event.child_quantity_list)
            if closed or (act == Act.CORRECT and chain.opened_by == event_id):
                del self.chains[unit]
        if act != Act.CORRECT:
            self._answered[event_id] = moved


def held_key(party: UUID) -> SigningKey:
    """The key held here that signs for `party`; raises KeyNotHeld."""
    return keystore.signer_for(party=party, roles=KEY_ROLES)


def sign_event(
    event: Mapping[str, Any], *, party: UUID, signing_key: SigningKey | None = None, hide: Sequence[str] = ()
) -> Signed:
    """Sign one event for `party`, linked to the heads as they are now.

    Without `signing_key` the party's managed key signs. Raises EventInvalid and KeyNotHeld.
    """
    signer = EventSigner(log.origin())
    signer.load([parse_body(builders.body_bytes(event))], party=party)
    return signer.sign(event, signing_key=signing_key or held_key(party), hide=hide)


def capture_one(
    event: Mapping[str, Any],
    *,
    party: UUID,
    now: datetime,
    signing_key: SigningKey | None = None,
    hide: Sequence[str] = (),
) -> Appended | Repeated:
    """Sign one event for `party` and capture it; raise what refuses it."""
    signed = sign_event(event, party=party, signing_key=signing_key, hide=hide)
    [outcome] = capture([signed.item], party=party, now=now)
    if isinstance(outcome, Refusal):
        raise outcome.error
    return outcome
