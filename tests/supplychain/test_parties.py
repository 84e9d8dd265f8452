"""Parties, their identifiers and keys, and history that they attest."""

import secrets
from datetime import timedelta
from uuid import UUID

from ledger import queries
from ledger.tlog import keys
from supplychain import operations
from supplychain.epcis import builders
from supplychain.epcis.events import Quantity
from tests.cast import APPLES_LOT, Hand, World
from tests.supplychain.byhand import UNIT, accept, refused


def test_attested_history_is_known_when_its_source_says(world: World) -> None:
    known = world.now - timedelta(days=400)
    happened = known - timedelta(days=3)
    outsider = "https://example.org/countries/zm"
    sent = builders.dispatch_event(
        units=[UNIT],
        giver=world.grower.uri,
        taker=outsider,
        event_time=happened,
        contents=[Quantity(APPLES_LOT, 20)],
        known_at=known,
    )
    got = builders.accept_event(
        units=[UNIT],
        giver=world.grower.uri,
        taker=outsider,
        event_time=happened,
        counted=[Quantity(APPLES_LOT, 20)],
        known_at=known - timedelta(days=30),
    )
    first, second = world.grower.capture(sent), world.grower.capture(got)
    shipment = world.shipment(UNIT)
    assert (shipment.attested, shipment.custodian, shipment.status) == (True, None, "accepted")
    assert (world.event(first.index).known_at, world.event(first.index).attested) == (known, True)
    assert world.event(second.index).known_at == happened, "nothing is known before it happened"


def test_a_party_that_is_registered_later_can_accept_what_was_sent_to_it(world: World) -> None:
    uri = "https://example.org/parties/newcomer"
    world.grower.pack(UNIT)
    world.grower.dispatch(UNIT, uri)
    assert world.shipment(UNIT).offered_to is None
    newcomer = Hand(world, operations.register_party("Newcomer", uri, now=world.now))
    assert world.shipment(UNIT).offered_to == newcomer.id
    event = accept(world, newcomer)
    newcomer.capture(event)
    assert world.shipment(UNIT).custodian == newcomer.id


def test_a_party_cannot_take_the_identifier_of_another(world: World) -> None:
    size = queries.tree_size()
    with refused("refused"):
        operations.register_party("Impostor", world.shop.uri, now=world.now)
    assert queries.tree_size() == size


def test_a_party_has_further_identifiers(world: World) -> None:
    other = "https://example.org/gln/4711"
    dock = operations.register_party("Dock", "https://example.org/parties/dock", identifiers=[other], now=world.now)
    world.grower.pack(UNIT)
    world.grower.dispatch(UNIT, other)
    assert world.shipment(UNIT).offered_to == dock.id


def test_a_requested_key_signs_once_a_manager_approved_it(world: World) -> None:
    from nacl.signing import SigningKey

    key, party, statement_id = SigningKey.generate(), world.shop.id, secrets.token_hex(16)
    public, key_id = bytes(key.verify_key), keys.key_id(bytes(key.verify_key))
    pop = key.sign(keys.pop_message(world.origin, party.hex, "device", key_id, statement_id)).signature
    asked = {"public_key": public, "role": "device", "statement_id": statement_id, "now": world.now}
    with refused("invalid"):
        operations.request_key(party=party, pop=bytes(64), **asked)
    request = operations.request_key(party=party, pop=pop, **asked)
    with refused("key_request"):
        operations.approve_key(request.id, party=world.stranger.id, decided_by=None, now=world.now)
    operations.approve_key(request.id, party=party, decided_by=None, now=world.now)
    record = queries.key(key_id)
    assert record is not None and (record.role, UUID(record.party)) == ("device", party)
    event = builders.observe_event(units=[UNIT], event_time=world.later())
    operations.capture_one(event, party=party, now=world.now, signing_key=key)
    with refused("key_request"):
        operations.approve_key(request.id, party=party, decided_by=None, now=world.now)
