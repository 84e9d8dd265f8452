"""Taking back: the latest act is declared wrong by whoever signed it, and nothing else is undone."""

from ledger import tenancy
from ledger.admission import Appended
from supplychain import operations
from supplychain.epcis import builders
from supplychain.epcis.parsing import parse_body
from supplychain.models import Shipment
from tests.cast import Hand, World
from tests.supplychain.byhand import UNIT, accept, error_of, link_of, pack, raw, refused, sign_by_hand


def test_the_latest_act_is_corrected_and_the_shipment_is_as_before(world: World) -> None:
    world.grower.pack(UNIT)
    sent = world.grower.dispatch(UNIT, world.shop)
    declared = world.grower.correct(raw(world, sent.index))
    shipment = world.shipment(UNIT)
    assert (shipment.status, shipment.offered_to, shipment.custodian) == ("packed", None, world.grower.id)
    assert bytes(shipment.head) == declared.statement_hash
    assert world.event(sent.index).declared_in_error_by == declared.index
    assert world.event(declared.index).is_error_declaration
    world.grower.dispatch(UNIT, world.carrier)
    world.carrier.accept(UNIT, world.grower)


def test_a_correction_in_the_same_batch_as_its_event(world: World) -> None:
    signer, key = operations.EventSigner(world.origin), operations.held_key(world.grower.id)
    event = pack(world)
    wrong = builders.error_declaration(event, declaration_time=world.later())
    items = [signer.sign(each, signing_key=key).item for each in (event, wrong, pack(world))]
    outcomes = world.capture(items)
    assert all(isinstance(outcome, Appended) for outcome in outcomes), outcomes
    with tenancy.system():
        assert sorted(Shipment.objects.values_list("status", flat=True)) == ["packed", "void"]


def test_an_opening_act_that_is_taken_back_frees_the_unit(world: World) -> None:
    packed = world.grower.pack(UNIT)
    world.grower.correct(raw(world, packed.index))
    assert world.shipment(UNIT).status == "void"
    world.shop.pack(UNIT)


def test_an_unpacking_that_is_taken_back_opens_the_shipment_again(world: World) -> None:
    world.grower.pack(UNIT)
    world.grower.correct(raw(world, world.grower.unpack(UNIT).index))
    assert (world.shipment(UNIT).status, world.shipment(UNIT).is_open) == ("packed", True)


def test_an_unpacking_cannot_be_taken_back_once_the_unit_travels_again(world: World) -> None:
    world.grower.pack(UNIT)
    unpacked = world.grower.unpack(UNIT)
    world.grower.pack(UNIT)
    with refused("already_open"):
        world.grower.correct(raw(world, unpacked.index))


def test_an_act_that_another_party_built_upon_cannot_be_taken_back(world: World) -> None:
    world.grower.pack(UNIT)
    sent = world.grower.dispatch(UNIT, world.carrier)
    world.carrier.accept(UNIT, world.grower)
    with refused("built_upon"):
        world.grower.correct(raw(world, sent.index))


def test_an_event_of_another_party_cannot_be_declared_in_error(world: World) -> None:
    world.grower.pack(UNIT)
    sent = world.grower.dispatch(UNIT, world.carrier)
    declared = builders.error_declaration(raw(world, sent.index), declaration_time=world.later())
    item = sign_by_hand(world.carrier, declared, link_of(world.shipment(UNIT)))
    assert error_of(world.capture([item])[0]).code == "unknown_event"


def test_an_error_declaration_repeats_its_event_word_for_word(world: World) -> None:
    packed = world.grower.pack(UNIT)
    event = raw(world, packed.index) | {"bizLocation": {"id": world.shop.site}}
    with refused("event_id"):
        world.grower.correct(event)


def test_an_event_is_declared_in_error_once(world: World) -> None:
    world.grower.pack(UNIT)
    seen = raw(world, world.grower.observe(UNIT, 30).index)
    world.grower.correct(seen)
    with refused("event_id"):
        world.grower.correct(seen)


def test_a_reading_that_is_taken_back_counts_no_more(world: World) -> None:
    world.grower.pack(UNIT)
    hot = world.grower.observe(UNIT, 30)
    world.grower.observe(UNIT, 6)
    world.grower.correct(raw(world, hot.index))
    assert world.shipment(UNIT).temperature_max == 6
    assert world.shipment(UNIT).status == "packed"


def test_two_ways_of_a_unit_change_places_in_one_batch(world: World) -> None:
    packed = world.grower.pack(UNIT)
    closed = world.grower.unpack(UNIT)
    again = world.grower.pack(UNIT)
    signer, key = operations.EventSigner(world.origin), operations.held_key(world.grower.id)
    wrong = [builders.error_declaration(raw(world, each.index), declaration_time=world.now) for each in (again, closed)]
    signer.load([parse_body(builders.body_bytes(each)) for each in wrong], party=world.grower.id)
    outcomes = world.capture([signer.sign(each, signing_key=key).item for each in wrong])
    assert all(isinstance(outcome, Appended) for outcome in outcomes), outcomes
    with tenancy.system():
        states = dict(Shipment.objects.values_list("opened_index", "status"))
    assert states == {packed.index: "packed", again.index: "void"}


def test_a_correction_remembers_parties_by_all_their_identifiers(world: World) -> None:
    other = "https://example.org/gln/4711"
    dock = Hand(
        world,
        operations.register_party("Dock", "https://example.org/parties/dock", identifiers=[other], now=world.now),
    )
    world.grower.pack(UNIT)
    world.grower.dispatch(UNIT, other)
    dock.capture(accept(world, dock))
    sent = dock.dispatch(UNIT, world.shop)
    dock.correct(raw(world, sent.index))
    assert (world.shipment(UNIT).status, world.shipment(UNIT).custodian) == ("accepted", dock.id)
