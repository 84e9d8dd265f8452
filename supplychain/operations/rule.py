"""The admission rule of capture: decides, inside the lock, what a statement does to shipments, and projects it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import Q

from ledger.admission import (
    Admission,
    Admitted,
    AlreadyAppended,
    CommitmentReused,
    Invalid,
    KeyNotValid,
    Pending,
    Refused,
    scope_of,
)
from ledger.tlog.statement import ZERO, link
from supplychain import custody
from supplychain.custody import OPENING, Act, Party, label
from supplychain.epcis.identifiers import canonical
from supplychain.operations import histories
from supplychain.operations.histories import LinkMissing, StaleLink
from supplychain.projections import events as event_rows
from supplychain.projections import parties as party_rows
from supplychain.projections import shipments as shipment_rows
from supplychain.projections.events import Placed, Read
from supplychain.projections.parties import Named
from supplychain.projections.shipments import Tracked


class EventIdTaken(Refused):
    """A party's event ids are its own, once each; only an error declaration repeats one."""

    code = "event_id"


class UnknownEvent(Refused):
    """The event that is declared in error is none of the signer's."""

    code = "unknown_event"
    status = 404


@dataclass(frozen=True, slots=True)
class Item:
    """What capture hands through the log: the event as read, the secrets of the chains that it opens, and the party
    whose key must have signed it (None: any). With `once` an event that says the same as one that its signer captured
    before (by its hash, whatever its id) is that one, and no second entry."""

    read: Read
    chains: dict[str, bytes] = field(default_factory=dict)
    party: UUID | None = None
    once: bool = False
    kept: tuple[bytes, ...] = ()
    """When projections are made again: the chains that are kept beside the body."""


@dataclass(slots=True)
class Prior:
    """An event that stands in the log under the same id."""

    index: int
    digest: bytes
    act: str
    scopes: list[UUID]
    declared_by: int | None = None
    event_hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class Same:
    """The first event that says the same: where it stands, and its id."""

    index: int
    event_id: str


class CaptureRule:
    """An AdmissionRule for one append. `party` is who may sign (None: whoever holds a valid key); without `now` the
    clock is not asked, as when projections are made again. Then `forgotten` are the shipments of which a body was
    erased: nobody can decide about them again, and nothing was added to them since."""

    def __init__(
        self, *, now: datetime | None, party: UUID | None = None, forgotten: frozenset[UUID] = frozenset()
    ) -> None:
        self.now = now
        self.party = party
        self.forgotten = forgotten

    # --- reading -----------------------------------------------------------------------------------------------------

    def load(self, pending: Sequence[Pending]) -> None:
        """Read, in a few queries, the events, shipments and parties that the batch may touch."""
        self.priors: dict[tuple[UUID, str, bool], Prior] = {}
        self.accepted: dict[str, list[UUID]] = {}
        self.placed: dict[int, Placed] = {}
        self.hashes: dict[int, bytes] = {}
        self.declared: dict[int, int] = {}
        self.named: list[Named] = []
        self.same: dict[tuple[UUID, bytes, bool], Same] = {}
        items = [(each, each.context) for each in pending if isinstance(each.context, Item)]
        signers = {party_of(each) for each in pending}
        named = [name for each in pending if (name := _named(each, strict=False))]
        self._load_same(items)
        self._load_priors(items)
        self._load_shipments(items, named)
        self._load_parties(items, signers, named)

    def _load_same(self, items: Sequence[tuple[Pending, Item]]) -> None:
        """Find what is looked for by its hash: events to be captured once, and events declared wrong without an id."""
        asked = [(each, item) for each, item in items if item.once or _is_declared_by_hash(item)]
        if not asked:
            return
        rows = event_rows.same_as({party_of(each) for each, _ in asked}, {item.read.event_hash for _, item in asked})
        for tenant, event_hash, is_declaration, index, event_id in rows:
            self.same.setdefault((tenant, event_hash, is_declaration), Same(index, event_id))

    def _id_of(self, pending: Pending, item: Item) -> str:
        """An event's own id; else that of the event it declares wrong; else the one that follows from its statement."""
        if _is_declared_by_hash(item):
            declared = self.same.get((party_of(pending), item.read.event_hash, False))
            if declared is not None:
                return declared.event_id
        return _event_id(pending, item)

    def _with_id(self, pending: Pending, item: Item) -> Item:
        """The item, its event under the id that stands beside it where it has none of its own."""
        if item.read.event.event_id:
            return item
        event = msgspec.structs.replace(item.read.event, event_id=self._id_of(pending, item))
        return replace(item, read=replace(item.read, event=event))

    def _load_priors(self, items: Sequence[tuple[Pending, Item]]) -> None:
        ids = {self._id_of(each, item) for each, item in items}
        ids |= {item.read.event.waylog.about for _, item in items if item.read.event.waylog.about}
        for tenant, event_id, is_declaration, *rest in event_rows.under_ids(ids) if ids else ():
            self._know(tenant, event_id, is_declaration, Prior(*rest))

    def _know(self, tenant: UUID, event_id: str, is_declaration: bool, prior: Prior) -> None:
        self.priors[tenant, event_id, is_declaration] = prior
        if prior.act == Act.ACCEPT:
            self.accepted.setdefault(event_id, []).extend(prior.scopes)

    def _load_shipments(self, items: Sequence[tuple[Pending, Item]], named: Sequence[Named]) -> None:
        units = {unit for _, item in items for unit in item.read.units}
        scopes = {scope_of(chain) for _, item in items for chain in item.chains.values()}
        for each, item in items:
            if item.read.act == Act.CORRECT:
                prior = self.priors.get((party_of(each), self._id_of(each, item), False))
                scopes |= set(prior.scopes) if prior else set()
            scopes |= set(self.accepted.get(item.read.event.waylog.about or "", ()))
        uris = [uri for each in named for uri in each.uris]
        where = Q(is_open=True, unit__in=units)
        if scopes:
            where |= Q(id__in=scopes)
        if uris:
            where |= Q(is_open=True, offered_to_uri__in=uris) | Q(is_open=True, consignee_uri__in=uris)
        self.by_id = {each.id: each for each in shipment_rows.load(where)} if units or scopes or uris else {}
        self.open = {each.state.unit: each for each in self.by_id.values() if each.state.is_open}

    def _load_parties(self, items: Sequence[tuple[Pending, Item]], signers: set[UUID], named: Sequence[Named]) -> None:
        uris = {uri for each in named for uri in each.uris}
        ids = signers | {each.id for each in named}
        for _, item in items:
            uris |= {canonical(source.source) for source in item.read.event.source_list}
            uris |= {canonical(each.destination) for each in item.read.event.destination_list}
        for tracked in self.by_id.values():
            ids |= histories.parties_in(tracked.state)
            uris |= {tracked.state.offered_to_uri, tracked.state.consignee_uri}
        known = party_rows.load(ids, uris - {""})
        self.party_by_id, self.party_by_uri = dict(known.by_id), dict(known.by_uri)
        self.parties = custody.Parties(self.party_by_id, self.party_by_uri)

    def signer_of(self, party: str) -> Party:
        """The party that signs; one that no registration names is called by its id."""
        known = _uuid(party)
        return self.party_by_id.get(known) or Party(known, f"party {party[:8]}", "")

    # --- deciding ----------------------------------------------------------------------------------------------------

    def admit(self, pending: Pending) -> Admission:
        """Decide one statement; raises Refused subclasses and AlreadyAppended."""
        asked_by = (pending.context.party if isinstance(pending.context, Item) else None) or self.party
        if asked_by is not None and party_of(pending) != asked_by:
            raise KeyNotValid("the key that signed this belongs to another party than the one you act for")
        if pending.statement.type.startswith("key."):
            return self._admit_key(pending)
        if pending.statement.type != "event" or not isinstance(pending.context, Item):
            raise Invalid(f"a statement of the type {pending.statement.type} is not captured here")
        item, signer = self._with_id(pending, pending.context), self.signer_of(pending.key.party)
        if self.now is not None:
            custody.check_time(item.read.event, now=self.now)
        event_id = _event_id(pending, item)
        self._refuse_repeated(item, signer, event_id)
        if pending.is_reused:
            raise CommitmentReused(pointer="/salt")
        if item.read.act == Act.CORRECT:
            moved = self._correct(pending, item, signer, event_id)
        elif item.read.act == Act.OBSERVE:
            moved = self._observe(pending, item, signer)
        else:
            moved = self._act(pending, item, signer)
        self._place(pending, item, signer, event_id, [each.id for each in moved])
        return Admission(tuple(each.chain for each in moved))

    def _refuse_repeated(self, item: Item, signer: Party, event_id: str) -> None:
        is_declaration = item.read.act == Act.CORRECT
        if item.once and (same := self.same.get((signer.id, item.read.event_hash, is_declaration))) is not None:
            raise AlreadyAppended(same.index)
        prior = self.priors.get((signer.id, event_id, is_declaration))
        if prior is not None:
            if prior.digest == item.read.digest:
                raise AlreadyAppended(prior.index)
            what = "an error declaration of this event" if is_declaration else "another event with this id"
            raise EventIdTaken(
                f"{signer.name} has signed {what} already, at index {prior.index}; an event id is used once.",
                pointer="/body/event/eventID",
                detail={"index": prior.index},
            )
        if not is_declaration and (signer.id, event_id, True) in self.priors:
            raise EventIdTaken(
                f"{signer.name} has declared the event with this id in error before it was sent.",
                pointer="/body/event/eventID",
            )

    def _act(self, pending: Pending, item: Item, signer: Party) -> list[Tracked]:
        """Decide an act for each of its units, and move them all, or none."""
        read, links = item.read, pending.statement.links
        if len(read.units) > custody.MAX_UNITS:
            raise custody.CustodyRefused(f"One act moves at most {custody.MAX_UNITS} logistic units.", code="too_many")
        made: list[tuple[Tracked, custody.Transition | None]] = []
        for position, unit in enumerate(read.units):
            if (forgotten := self._forgotten_at(position, item)) is not None:
                made.append((forgotten, None))
                continue
            given = links[position] if position < len(links) else None
            tracked = self._find(unit, read)
            _refuse_erased(tracked)
            if tracked is not None and self._may_see(tracked, signer):
                self._check_link(tracked, given, signer, item.chains.get(unit))
                state: custody.ShipmentState | None = tracked.state
            else:
                tracked = self._opened(unit, item, signer, given, pending.index, taken=tracked is not None)
                state = None
            made.append((tracked, custody.decide(state, read.event, unit=unit, signer=signer, parties=self.parties)))
        _check_count(links, read)
        for tracked, transition in made:
            if transition is None:
                continue
            if tracked.is_new and tracked.id not in self.by_id:
                tracked.state = transition.state
            self._move(tracked, transition, pending.index, pending.statement_hash)
        return [tracked for tracked, _ in made]

    def _forgotten_at(self, position: int, item: Item) -> Tracked | None:
        """The stand-in for a shipment that cannot be decided about again; None for every other."""
        if not self.forgotten or position >= len(item.kept) or scope_of(item.kept[position]) not in self.forgotten:
            return None
        chain = item.kept[position]
        return Tracked(scope_of(chain), UUID(int=0), chain, ZERO, _NOTHING, 0, 0)

    def _as_kept(self, found: list[Tracked], item: Item) -> list[Tracked]:
        """What an event without links belongs to, with stand-ins where they belong in the kept order."""
        if not self.forgotten:
            return found
        by_chain = {each.chain: each for each in found}
        places = [self._forgotten_at(at, item) or by_chain.pop(chain, None) for at, chain in enumerate(item.kept)]
        return [each for each in places if each is not None] + list(by_chain.values())

    def _opened(self, unit: str, item: Item, signer: Party, given: bytes | None, index: int, *, taken: bool) -> Tracked:
        """A chain for a unit that has no open shipment, as far as the signer can know."""
        if item.read.act not in OPENING:
            raise custody.unknown_shipment(unit, signer)
        chain = item.chains.get(unit)
        if chain is None:
            raise Invalid(
                f"{signer.name} holds no open shipment of {label(unit)}."
                " To open one, send its chain secret in `chains`.",
                pointer="/chains",
            )
        if taken:
            raise custody.CustodyRefused(f"{signer.name} cannot open a shipment of {label(unit)}.", code="unit_taken")
        if given != link(chain, ZERO):
            raise Invalid(
                f"The link for {label(unit)} is not the first one of the chain whose secret came with it.",
                pointer="/envelope/payload",
            )
        scope = scope_of(chain)
        if scope in self.by_id:
            raise Invalid(f"The chain secret for {label(unit)} was used before; make a new one.", pointer="/chains")
        return Tracked(scope, signer.id, chain, ZERO, _NOTHING, index, index, is_new=True)

    def _find(self, unit: str, read: Read) -> Tracked | None:
        """The shipment of `unit` that an act is about: the open one, or for an answer the one it answers in."""
        if read.act in (Act.ACKNOWLEDGE, Act.DISPUTE):
            for scope in self.accepted.get(read.event.waylog.about or "", ()):
                tracked = self.by_id.get(scope)
                if tracked is not None and tracked.state.unit == unit:
                    return tracked
        return self.open.get(unit)

    def _may_see(self, tracked: Tracked, signer: Party) -> bool:
        return signer.id in tracked.readers

    def _check_link(self, tracked: Tracked, given: bytes | None, signer: Party, chain: bytes | None) -> None:
        """The statement must be linked to the chain's latest act; whoever may see the chain is told what that is."""
        if given is not None and given == link(tracked.chain, tracked.head):
            return
        if chain is not None and chain != tracked.chain:
            raise custody.CustodyRefused(
                f"A shipment of {label(tracked.state.unit)} is open already; link to it, or unpack it first.",
                code="already_open",
            )
        kind = LinkMissing if given is None else StaleLink
        raise histories.broken_link(kind, tracked, given, self)

    def _observe(self, pending: Pending, item: Item, signer: Party) -> list[Tracked]:
        if pending.statement.links:
            raise Invalid(
                "An event that moves no goods carries no link. (A dispatch names who takes the goods in"
                " destinationList; a logistic unit is named by an SSCC or a private URI.)",
                pointer="/envelope/payload",
            )
        seen = [each for unit in item.read.units if (each := self.open.get(unit)) and self._may_see(each, signer)]
        event = item.read.event
        for tracked in seen:
            made = custody.decide(tracked.state, event, unit=tracked.state.unit, signer=signer, parties=self.parties)
            self._move(tracked, made, pending.index, None)
        return self._as_kept(seen, item)

    def _correct(self, pending: Pending, item: Item, signer: Party, event_id: str) -> list[Tracked]:
        """Take back an event of the signer's own; what was an act is linked like one."""
        prior, links = self.priors.get((signer.id, event_id, False)), pending.statement.links
        if prior is None:
            if links and not self.forgotten:
                raise UnknownEvent(f"{signer.name} has signed no event with the id {event_id}.")
            return self._as_kept([], item)
        self._refuse_other_event(pending, prior, item)
        is_act = prior.act != Act.OBSERVE
        scopes = self._as_kept([self.by_id[scope] for scope in prior.scopes if scope in self.by_id], item)
        if is_act:
            _check_count(links, item.read, at_least=False)
        made: list[tuple[Tracked, custody.Transition]] = []
        for position, tracked in enumerate(scopes):
            if tracked.id in self.forgotten:
                continue
            _refuse_erased(tracked)
            if is_act:
                given = links[position] if position < len(links) else None
                self._check_link(tracked, given, signer, None)
            made.append((tracked, self._undone(tracked, prior.index, item, signer)))
        if not is_act and links:
            raise Invalid("The correction of an observation carries no link.", pointer="/envelope/payload")
        for tracked, transition in made:
            self._move(tracked, transition, pending.index, pending.statement_hash if is_act else None)
        prior.declared_by = self.declared[prior.index] = pending.index
        return scopes

    def _undone(self, tracked: Tracked, index: int, item: Item, signer: Party) -> custody.Transition:
        declaration = item.read.event.error_declaration
        assert declaration is not None
        made = custody.undo(
            tracked.state,
            histories.happened(tracked, self),
            index=index,
            at=declaration.declaration_time,
            signer=signer,
            parties=self.parties,
        )
        other = self.open.get(tracked.state.unit)
        if made.state.is_open and other is not None and other is not tracked:
            raise custody.CustodyRefused(
                f"{label(tracked.state.unit)} is on another way since; this shipment cannot be opened again.",
                code="already_open",
            )
        return made

    def _refuse_other_event(self, pending: Pending, prior: Prior, item: Item) -> None:
        """A declaration repeats its event in all but errorDeclaration and recordTime (EPCIS 2.0, 7.4.1.2); the hash,
        which leaves out just these, tells the same for every way of writing it (CBV 2.0, 8.9)."""
        assert pending.body is not None
        if prior.event_hash == item.read.event_hash:
            return
        earlier = histories.body_of(prior.index, self)
        if earlier is not None and histories.without_declaration(earlier) != histories.without_declaration(
            pending.body
        ):
            raise EventIdTaken(
                "An error declaration repeats the event it declares wrong, word for word; this one differs in more than"
                " errorDeclaration. Send a changed event under an id of its own.",
                pointer="/body/event",
                detail={"index": prior.index},
            )

    def _move(self, tracked: Tracked, made: custody.Transition, index: int, head: bytes | None) -> None:
        was_open = self.open.get(tracked.state.unit) is tracked
        tracked.move(made, index=index, head=head)
        self.by_id[tracked.id] = tracked
        if made.state.is_open:
            self.open[tracked.state.unit] = tracked
        elif was_open:
            del self.open[tracked.state.unit]

    def _place(self, pending: Pending, item: Item, signer: Party, event_id: str, scopes: list[UUID]) -> None:
        self.placed[pending.index] = Placed(
            pending.index,
            pending.record_time_ms,
            signer.id,
            pending.statement.key,
            event_id,
            scopes,
            item.read,
            pending.body or b"",
        )
        self.hashes[pending.index] = pending.statement_hash
        prior = Prior(pending.index, item.read.digest, item.read.act.value, scopes, event_hash=item.read.event_hash)
        is_declaration = item.read.act == Act.CORRECT
        self._know(signer.id, event_id, is_declaration, prior)
        self.same.setdefault((signer.id, item.read.event_hash, is_declaration), Same(pending.index, event_id))

    # --- keys --------------------------------------------------------------------------------------------------------

    def _admit_key(self, pending: Pending) -> Admission:
        """The ledger has decided about the key; here its body, if any, may name a party."""
        named = _named(pending, strict=True)
        if named is None:
            if pending.body is not None:
                raise Invalid("only the registration of an admin key has a body: it names the party", pointer="/body")
            return Admission()
        for uri in named.uris:
            other = self.party_by_uri.get(uri)
            if other is not None and other.id != named.id:
                raise Refused(f"{label(uri)} names another party, {other.name}.", pointer="/body/party/uri")
        party = Party(named.id, named.name, named.uri)
        self.party_by_id[party.id] = party
        self.party_by_uri.update(dict.fromkeys(named.uris, party))
        self.named.append(named)
        for tracked in list(self.open.values()):
            self._welcome(tracked, named, pending.index)
        return Admission()

    def _welcome(self, tracked: Tracked, named: Named, index: int) -> None:
        """Goods that were dispatched to a party before it was registered are offered to it from now on."""
        is_offered = tracked.state.offered_to_uri in named.uris
        if is_offered or tracked.state.consignee_uri in named.uris:
            tracked.state = replace(tracked.state, offered_to=named.id if is_offered else tracked.state.offered_to)
            tracked.is_changed = True
            tracked.admit((named.id,), index=index)

    # --- writing -----------------------------------------------------------------------------------------------------

    def project(self, admitted: Sequence[Admitted]) -> None:
        """Write the rows of what was admitted, many at once."""
        indices = {each.index for each in admitted}
        assert self.placed.keys() <= indices, "an event that the ledger refused was remembered as admitted"
        event_rows.write(list(self.placed.values()), self.declared)
        shipment_rows.save(self.by_id.values())
        party_rows.save(self.named)


def _refuse_erased(tracked: Tracked | None) -> None:
    if tracked is not None and tracked.state.status == custody.Status.ERASED:
        raise custody.CustodyRefused(
            "A part of this shipment was erased; it is closed, and nothing is added to it.", code="erased"
        )


_NOTHING: Any = None
"""The state of a shipment that its opening act is about to make."""


_uuid = lru_cache(maxsize=4096)(UUID)


def party_of(pending: Pending) -> UUID:
    """The party whose key signed."""
    return _uuid(pending.key.party)


def _event_id(pending: Pending, item: Item) -> str:
    return item.read.event.event_id or event_rows.given_id(pending.statement.id)


def _is_declared_by_hash(item: Item) -> bool:
    """Whether it declares an event wrong without naming it: its hash, which is that event's, says which."""
    return item.read.act == Act.CORRECT and not item.read.event.event_id


def _check_count(links: Sequence[bytes], read: Read, *, at_least: bool = True) -> None:
    if len(links) > len(read.units) or (at_least and len(links) < len(read.units)):
        raise Invalid(
            f"The event moves {len(read.units)} logistic units and the statement carries {len(links)} links; there is"
            " one link for each unit, in the order of the event.",
            pointer="/envelope/payload",
        )


def _named(pending: Pending, *, strict: bool) -> Named | None:
    """What a registration's body says of its party; without `strict`, what is wrong with it is left for later."""
    claims = pending.statement.claims
    if pending.statement.type != "key.register" or claims.get("role") != "admin" or pending.body is None:
        return None
    try:
        party = UUID(str(claims.get("party")))
        is_operator = pending.key.role == "root" and party_of(pending) == party
        return party_rows.parse_named(
            pending.body, party=party, is_operator=is_operator, record_time_ms=pending.record_time_ms
        )
    except (Invalid, ValueError):
        if strict:
            raise
        return None
