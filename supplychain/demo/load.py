"""Loads the demo world through the doors that everyone uses: keys registered, events signed and captured."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from django.contrib.auth.hashers import make_password
from nacl.signing import SigningKey

from ledger import queries as log
from ledger import tenancy
from ledger.admission import Outcome, Refusal
from ledger.tlog import envelope, keys
from supplychain import operations
from supplychain.demo import cast
from supplychain.demo.script import Act
from supplychain.demo.world import DAYS, SEED, World, simulate
from supplychain.models import Party
from supplychain.operations.people import add_client
from supplychain.operations.sandbox import open_sandbox
from supplychain.operations.setup import (
    NewPerson,
    NewProduct,
    NewSite,
    add_people,
    add_products,
    add_sites,
    set_up_log,
)

BATCH = 1_000
Progress = Callable[[int, int], None]


class DemoRefused(RuntimeError):
    """There is a log already: the demo world is made in an empty database only."""


class DemoBroken(RuntimeError):
    """An event of the demo world was refused that should not have been, or the other way round."""


@dataclass(frozen=True, slots=True)
class Made:
    """What whoever tries the demo needs to know."""

    world: World
    people: tuple[dict[str, str], ...]
    clients: tuple[dict[str, str], ...]
    notes: tuple[str, ...]
    sandbox: dict[str, dict[str, str]]


def make_demo(
    *, now: datetime, host: str, progress: Progress = lambda done, total: None, days: int = DAYS, seed: int = SEED
) -> Made:
    """Make the demo world in an empty database. Raises DemoRefused when there is a log."""
    with tenancy.system():
        if _has_log():
            raise DemoRefused("there is a log already; the demo world is made in an empty database only")
        passwords = {person.email: secrets.token_urlsafe(12) for person in cast.PEOPLE}
        with _hashed(passwords) as hashes:
            world = simulate(now, days=days, seed=seed)
            parties = _register(now, host)
            _capture(world.acts, parties, now, progress)
            notes = _try_in_vain(world, parties, now)
            clients = tuple(_make_client(client, parties[client.party], now) for client in cast.CLIENTS)
            people = tuple(_add_people(parties, passwords, hashes))
            sandbox = {each.name: each.told() for each in open_sandbox(now=now)}
    return Made(world, people, clients, notes, sandbox)


def _has_log() -> bool:
    try:
        return log.tree_size() > 0
    except log.LogMissing:
        return False


def write_down(made: Made, path: Path, *, url: str) -> None:
    """Write log-ins and clients to `path`, readable by its owner alone."""
    told = {"url": url, "users": made.people, "api_clients": made.clients, "notes": made.notes, "sandbox": made.sandbox}
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(told, file, ensure_ascii=False, indent=2)
        file.write("\n")
    draft.rename(path)


# --- parties and their people ----------------------------------------------------------------------------------------


def _register(now: datetime, host: str) -> dict[str, Party]:
    operator = cast.PARTIES[cast.OPERATOR]
    parties = {operator.key: set_up_log(host=host, operator_name=operator.name, operator_uri=operator.uri, now=now)}
    for each in cast.PARTIES.values():
        if each.key != cast.OPERATOR:
            parties[each.key] = operations.register_party(each.name, each.uri, now=now)
    for key, party in parties.items():
        sites = [
            NewSite(s.uri, s.name, s.country, s.latitude, s.longitude) for s in cast.SITES.values() if s.party == key
        ]
        products = [NewProduct(p.uri, p.name, p.uom, p.unit_name) for p in cast.PRODUCTS.values() if p.party == key]
        add_sites(party, sites)
        add_products(party, products)
    return parties


@contextmanager
def _hashed(passwords: dict[str, str]) -> Iterator[dict[str, Future[str]]]:
    """Hash passwords beside everything else: it takes long, by intent, and lets other threads run."""
    with ThreadPoolExecutor(1) as pool:
        yield {email: pool.submit(make_password, password) for email, password in passwords.items()}


def _add_people(
    parties: dict[str, Party], passwords: dict[str, str], hashes: dict[str, Future[str]]
) -> Iterator[dict[str, str]]:
    for person in cast.PEOPLE:
        party = parties[person.party]
        hashed = hashes[person.email].result()
        add_people(party, [NewPerson(person.name, person.email, person.role, password_hash=hashed)])
        password = passwords[person.email]
        yield {"email": person.email, "password": password, "role": person.role, "party": party.name}


def _make_client(client: cast.Client, party: Party, now: datetime) -> dict[str, str]:
    """Make an API client with a signing key of its own, registered in the log like any other."""
    signing_key, statement_id = SigningKey.generate(), secrets.token_hex(16)
    public_key, origin = bytes(signing_key.verify_key), log.origin()
    key_id = keys.key_id(public_key)
    message = keys.pop_message(origin, party.id.hex, "external", key_id, statement_id)
    request = operations.request_key(
        party=party.id,
        public_key=public_key,
        role="external",
        statement_id=statement_id,
        pop=signing_key.sign(message).signature,
        label=client.name,
        now=now,
    )
    operations.approve_key(request.id, party=party.id, decided_by=None, now=now)
    made = add_client(party=party.id, name=client.name, scopes=client.scopes)
    return {
        "party": party.name,
        "client_id": made.client.client_id,
        "client_secret": made.secret,
        "scopes": client.scopes,
        "origin": origin,
        "key_id": key_id,
        "signing_key": base64.b64encode(bytes(signing_key)).decode(),
    }


# --- events ----------------------------------------------------------------------------------------------------------


def _capture(acts: Sequence[Act], parties: dict[str, Party], now: datetime, progress: Progress) -> None:
    """Sign all acts in order, each with its party's managed key, and capture them in batches.

    The next batch is signed while the database takes the one before.
    """
    signer = operations.EventSigner(log.origin())
    held = {key: operations.held_key(party.id) for key, party in parties.items()}

    def sign(batch: list[Act]) -> list[operations.CaptureItem]:
        return [signer.sign(act.event, signing_key=held[act.by]).item for act in batch]

    done = 0
    batches = list(_batches(acts))
    with ThreadPoolExecutor(1) as pool:
        signed = [pool.submit(sign, batch) for batch in batches]
        for batch, items in zip(batches, signed, strict=True):
            _take(batch, operations.capture(items.result(), party=None, now=now))
            done += len(batch)
            progress(done, len(acts))


def _take(batch: Sequence[Act], outcomes: Sequence[Outcome]) -> None:
    for act, outcome in zip(batch, outcomes, strict=True):
        if isinstance(outcome, Refusal):
            raise DemoBroken(f"the event {act.event_id} of {act.by} was refused: {outcome.error}")


def _batches(acts: Iterable[Act]) -> Iterator[list[Act]]:
    waiting = iter(acts)
    while batch := list(islice(waiting, BATCH)):
        yield batch


def _try_in_vain(world: World, parties: dict[str, Party], now: datetime) -> tuple[str, ...]:
    """Send what has to be refused, see that it is, and say why in the words that the sender got."""
    notes = []
    for act in world.attempts:
        party = parties[act.by]
        signed = operations.sign_event(act.event, party=party.id)
        notes.append(f"{party.name} claimed an acceptance: {_refusal(signed.item, party, now)}")
    for act, forger in world.forged:
        party, real = parties[act.by], operations.held_key(parties[forger].id)
        item = operations.sign_event(act.event, party=party.id).item
        forged = envelope.Envelope(
            item.envelope.payload,
            item.envelope.payload_type,
            None,
            real.sign(envelope.signed_bytes(item.envelope.payload)).signature,
        )
        faked = operations.CaptureItem(forged, item.body, item.salt, item.chains)
        who = f"{parties[forger].name} signed as {party.name}"
        notes.append(f"{who}: {_refusal(faked, parties[forger], now)}")
    return tuple(notes)


def _refusal(item: operations.CaptureItem, party: Party, now: datetime) -> Any:
    [outcome] = operations.capture([item], party=party.id, now=now)
    if not isinstance(outcome, Refusal):
        raise DemoBroken(f"an event of {party.name} was captured that had to be refused")
    return outcome.error
