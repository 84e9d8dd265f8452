"""Custody: each act, who may sign it, and what a stranger is told."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from supplychain import custody
from supplychain.custody import Act, CustodyRefused, Happened, Parties, Party, ShipmentState, Status
from supplychain.epcis import builders
from supplychain.epcis.events import Event, Quantity
from supplychain.epcis.parsing import parse_body

START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
UNIT = "https://id.gs1.org/00/095211410000000014"
APPLES = "https://id.gs1.org/01/09521141012345/10/A1"
PEARS = "https://id.gs1.org/01/09521141012352"
OUTSIDER = "https://example.org/parties/outsider"


def party(number: int, name: str) -> Party:
    return Party(UUID(int=number), name, f"https://example.org/parties/{name.lower()}")


GROWER, CARRIER, CENTRE, SHOP = party(1, "Grower"), party(2, "Carrier"), party(3, "Centre"), party(4, "Shop")
ALL = (GROWER, CARRIER, CENTRE, SHOP)
PARTIES = Parties({each.id: each for each in ALL}, {each.uri: each for each in ALL})


class Story:
    """One shipment's events in order, each a minute after the other."""

    def __init__(self) -> None:
        self.state: ShipmentState | None = None
        self.happened: list[Happened] = []
        self.count = 0

    def sign(self, signer: Party, build: Any, **arguments: Any) -> custody.Transition:
        event = self.event(build, **arguments)
        made = custody.decide(self.state, event, unit=UNIT, signer=signer, parties=PARTIES)
        self.state = made.state
        self.happened.append(Happened(self.count, event, signer))
        return made

    def event(self, build: Any, **arguments: Any) -> Event:
        self.count += 1
        if build in (builders.pack_event, builders.unpack_event):
            arguments = {"unit": UNIT, **arguments}
        else:
            arguments = {"units": [UNIT], **arguments}
        at = START + timedelta(minutes=self.count)
        written = build(event_time=at, event_id=f"urn:uuid:{UUID(int=self.count)}", **arguments)
        return parse_body(builders.body_bytes(written))

    def commission(self, by: Party = GROWER) -> custody.Transition:
        return self.sign(by, builders.commission_event)

    def pack(self, *contents: Quantity, by: Party = GROWER, **more: Any) -> custody.Transition:
        return self.sign(by, builders.pack_event, contents=contents or (Quantity(APPLES, 50),), **more)

    def dispatch(self, to: Party | str = CARRIER, by: Party = GROWER, **more: Any) -> custody.Transition:
        taker = to.uri if isinstance(to, Party) else to
        return self.sign(by, builders.dispatch_event, giver=by.uri, taker=taker, **more)

    def accept(self, by: Party = CARRIER, counted: Sequence[Quantity] = (), **more: Any) -> custody.Transition:
        more = {"giver": GROWER.uri, "taker": by.uri, **more}
        return self.sign(by, builders.accept_event, counted=counted, **more)

    def answer(self, answer: str, about: str, by: Party = GROWER) -> custody.Transition:
        return self.sign(by, builders.discrepancy_event, answer=answer, about=about)

    def unpack(self, by: Party = CARRIER, **more: Any) -> custody.Transition:
        return self.sign(by, builders.unpack_event, **more)

    def observe(self, degrees: float, by: Party = CARRIER) -> custody.Transition:
        reading = builders.sensor_element(time=START, measured="Temperature", value=degrees, uom="CEL")
        return self.sign(by, builders.observe_event, sensor_elements=[reading])

    def undo(self, index: int, by: Party) -> custody.Transition:
        assert self.state is not None
        made = custody.undo(self.state, self.happened, index=index, at=START, signer=by, parties=PARTIES)
        self.happened = [each for each in self.happened if each.index != index]
        self.state = made.state
        return made

    @property
    def last_id(self) -> str:
        return self.happened[-1].event.event_id or ""


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def sent(story: Story) -> Story:
    story.pack()
    story.dispatch()
    return story


@pytest.fixture
def short(sent: Story) -> Story:
    sent.accept(counted=[Quantity(APPLES, 48)])
    return sent


def refused(code: str) -> Any:
    return pytest.raises(CustodyRefused, check=lambda error: error.code == code)


# --- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "arguments", "act"),
    [
        (builders.commission_event, {}, Act.COMMISSION),
        (builders.pack_event, {"contents": [Quantity(APPLES, 1)]}, Act.PACK),
        (builders.dispatch_event, {"giver": GROWER.uri, "taker": CARRIER.uri}, Act.DISPATCH),
        (builders.observe_event, {}, Act.OBSERVE),
        (builders.accept_event, {"giver": GROWER.uri, "taker": CARRIER.uri}, Act.ACCEPT),
        (builders.accept_event, {"giver": GROWER.uri, "taker": CARRIER.uri, "biz_step": "accepting"}, Act.ACCEPT),
        (builders.discrepancy_event, {"about": "urn:x:1", "answer": "acknowledged"}, Act.ACKNOWLEDGE),
        (builders.discrepancy_event, {"about": "urn:x:1", "answer": "disputed"}, Act.DISPUTE),
        (builders.unpack_event, {}, Act.UNPACK),
    ],
)
def test_each_event_is_the_act_that_its_shape_says(story: Story, build: Any, arguments: Any, act: Act) -> None:
    event = story.event(build, **arguments)
    assert custody.act_of(event) == act
    assert custody.units_of(event) == (UNIT,)


def test_a_receipt_of_something_that_is_no_logistic_unit_is_an_observation() -> None:
    event = builders.accept_event(units=[PEARS + "/21/7"], giver=GROWER.uri, taker=SHOP.uri, event_time=START)
    assert custody.act_of(parse_body(builders.body_bytes(event))) == Act.OBSERVE


def test_an_error_declaration_is_a_correction_of_the_act_beneath(story: Story) -> None:
    event = builders.pack_event(unit=UNIT, contents=[Quantity(APPLES, 5)], event_time=START, event_id="urn:x:1")
    declared = parse_body(builders.body_bytes(builders.error_declaration(event, declaration_time=START)))
    assert (custody.act_of(declared), custody.act_beneath(declared)) == (Act.CORRECT, Act.PACK)


def test_units_are_canonical_and_in_order() -> None:
    urn, private = "urn:epc:id:sscc:9521141.0000000001", "https://example.org/unit/7"
    event = builders.observe_event(units=[private, urn], event_time=START)
    found = custody.units_of(parse_body(builders.body_bytes(event)))
    assert found == (private, UNIT)


def test_a_product_is_the_class_without_its_lot() -> None:
    assert custody.product_of(APPLES) == "https://id.gs1.org/01/09521141012345"
    assert custody.product_of("https://example.org/class/ARV") == "https://example.org/class/ARV"


# --- the straight way ------------------------------------------------------------------------------------------------


def test_commission_and_pack_leave_the_goods_with_the_packer(story: Story) -> None:
    assert story.commission().readers == (GROWER.id,)
    state = story.pack(Quantity(APPLES, 50), Quantity(PEARS, 12.5, "KGM")).state
    assert (state.status, state.custodian, state.is_open) == (Status.PACKED, GROWER.id, True)
    assert [(line.epc, line.quantity, line.uom) for line in state.lines] == [
        (APPLES, Decimal(50), ""),
        (PEARS, Decimal("12.5"), "KGM"),
    ]


def test_packing_more_of_the_same_adds_to_its_line(story: Story) -> None:
    story.pack(Quantity(APPLES, 50))
    assert [line.quantity for line in story.pack(Quantity(APPLES, 5)).state.lines] == [Decimal(55)]


def test_a_dispatch_offers_the_goods_and_keeps_the_giver_as_custodian(story: Story) -> None:
    story.pack()
    due = START + timedelta(days=2)
    made = story.dispatch(final_party=CENTRE.uri, final_location="https://example.org/sites/dc", promised_time=due)
    state = made.state
    assert (state.status, state.custodian, state.offered_to) == (Status.DISPATCHED, GROWER.id, CARRIER.id)
    assert (state.consignee_uri, state.promised_at) == (CENTRE.uri, due)
    assert made.readers == (CARRIER.id, CENTRE.id)


def test_a_dispatch_alone_opens_a_shipment_with_its_contents(story: Story) -> None:
    state = story.dispatch(contents=[Quantity(APPLES, 20)], max_temperature=8).state
    assert [line.quantity for line in state.lines] == [Decimal(20)]
    assert state.temperature_limit == 8


def test_an_acceptance_of_all_moves_custody_and_leaves_no_discrepancy(sent: Story) -> None:
    state = sent.accept(counted=[Quantity(APPLES, 50)], seal="intact").state
    assert (state.status, state.custodian, state.offered_to) == (Status.ACCEPTED, CARRIER.id, None)
    assert state.discrepancy is None and state.seal == "intact"


def test_goods_go_on_to_the_next_party_and_are_unpacked_there(sent: Story) -> None:
    sent.accept()
    sent.dispatch(CENTRE, by=CARRIER)
    sent.accept(CENTRE)
    state = sent.unpack(CENTRE).state
    assert (state.status, state.is_open) == (Status.UNPACKED, False)
    assert state.closed_at is not None


def test_unpacking_a_part_leaves_the_rest(sent: Story) -> None:
    sent.accept()
    state = sent.unpack(contents=[Quantity(APPLES, 20)]).state
    assert state.is_open and [line.quantity for line in state.lines] == [Decimal(30)]
    assert not sent.unpack(contents=[Quantity(APPLES, 30)]).state.is_open


def test_the_highest_temperature_is_kept(sent: Story) -> None:
    sent.observe(4)
    sent.observe(9.5)
    assert sent.observe(6).state.temperature_max == 9.5
    assert sent.state is not None and sent.state.status == Status.DISPATCHED


# --- what is found at the door ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counted", "more"),
    [
        ([Quantity(APPLES, 48)], {}),
        ([Quantity(APPLES, 53)], {}),
        ([Quantity(APPLES, 50), Quantity(PEARS, 1)], {}),
        ([Quantity(PEARS, 50)], {}),
        ([Quantity(APPLES, 50)], {"damaged": [Quantity(APPLES, 3)]}),
        ([Quantity(APPLES, 50)], {"seal": "broken"}),
        ([], {"mismatch": True}),
    ],
    ids=["short", "over", "something else besides", "something else", "damaged", "seal broken", "said so"],
)
def test_a_difference_opens_a_discrepancy_for_the_giver(sent: Story, counted: Any, more: Any) -> None:
    state = sent.accept(counted=counted, **more).state
    assert state.discrepancy == custody.Discrepancy(sent.last_id, GROWER.id, CARRIER.id)
    assert state.custodian == CARRIER.id


def test_counted_and_damaged_stand_beside_what_was_handed_over(sent: Story) -> None:
    state = sent.accept(counted=[Quantity(APPLES, 48)], damaged=[Quantity(APPLES, 2)]).state
    [line] = state.lines
    assert (line.quantity, line.counted, line.damaged) == (Decimal(50), Decimal(48), Decimal(2))


def test_more_damaged_than_counted_is_refused(sent: Story) -> None:
    with refused("quantity"):
        sent.accept(counted=[Quantity(APPLES, 2)], damaged=[Quantity(APPLES, 3)])


@pytest.mark.parametrize("answer", ["acknowledged", "disputed"])
def test_the_giver_answers_a_shortage_once(short: Story, answer: str) -> None:
    about = short.last_id
    state = short.answer(answer, about).state
    assert state.discrepancy is not None and state.discrepancy.answer == answer
    with refused("answered"):
        short.answer("acknowledged", about)


def test_nobody_else_answers_a_shortage(short: Story) -> None:
    with refused("not_giver"):
        short.answer("acknowledged", short.last_id, by=CARRIER)


def test_a_shortage_may_be_answered_after_the_goods_were_unpacked(short: Story) -> None:
    about = short.last_id
    short.unpack()
    state = short.answer("disputed", about).state
    assert not state.is_open
    assert state.discrepancy is not None and state.discrepancy.answer == "disputed"


def test_two_shortages_on_one_way_are_answered_each_by_its_giver(short: Story) -> None:
    first = short.last_id
    short.dispatch(CENTRE, by=CARRIER)
    short.accept(CENTRE, counted=[Quantity(APPLES, 40)])
    second = short.last_id
    short.answer("acknowledged", second, by=CARRIER)
    state = short.answer("acknowledged", first, by=GROWER).state
    assert [each.answer for each in state.discrepancies] == ["acknowledged", "acknowledged"]


def test_an_answer_to_nothing_is_refused(sent: Story) -> None:
    with refused("no_discrepancy"):
        sent.answer("disputed", "urn:x:none")


def test_what_goes_on_is_what_was_counted(short: Story) -> None:
    state = short.dispatch(CENTRE, by=CARRIER, contents=[Quantity(APPLES, 48)]).state
    assert [(line.quantity, line.counted) for line in state.lines] == [(Decimal(48), None)]


def test_a_dispatch_that_states_other_contents_than_are_held_is_refused(sent: Story) -> None:
    sent.accept()
    with refused("quantity") as caught:
        sent.dispatch(CENTRE, by=CARRIER, contents=[Quantity(APPLES, 40)])
    assert "states 40 of GTIN 09521141012345 lot A1, but 50" in str(caught.value)


# --- strangers and wrong turns ---------------------------------------------------------------------------------------


def test_an_acceptance_by_someone_who_was_not_handed_the_goods_is_refused_in_plain_words(sent: Story) -> None:
    with refused("not_offered") as caught:
        sent.accept(SHOP)
    assert str(caught.value).startswith(
        "SSCC 095211410000000014 was handed to Carrier by Grower, not to Shop, so Shop cannot accept it."
    )


def test_the_giver_cannot_accept_its_own_goods(sent: Story) -> None:
    with refused("own_goods"):
        sent.accept(GROWER)


def test_goods_that_were_not_dispatched_cannot_be_accepted(story: Story) -> None:
    story.pack()
    with refused("not_offered"):
        story.accept()


def test_an_acceptance_of_an_unknown_unit_says_no_more_than_that(story: Story) -> None:
    with refused("unknown_shipment") as caught:
        story.accept(SHOP)
    assert caught.value.status == 404


@pytest.mark.parametrize("act", ["pack", "dispatch", "unpack"])
def test_only_the_custodian_packs_dispatches_and_unpacks(story: Story, act: str) -> None:
    story.pack()
    with refused("not_custodian") as caught:
        getattr(story, act)(by=SHOP)
    assert "is held by Grower, not by Shop" in str(caught.value)


@pytest.mark.parametrize("act", ["pack", "dispatch", "unpack"])
def test_goods_that_wait_for_acceptance_stay_as_they_are(sent: Story, act: str) -> None:
    with refused("offered") as caught:
        getattr(sent, act)(by=GROWER)
    assert "was dispatched to Carrier and waits for its acceptance" in str(caught.value)


def test_the_taker_cannot_dispatch_before_it_accepted(sent: Story) -> None:
    with refused("not_custodian"):
        sent.dispatch(CENTRE, by=CARRIER)


def test_a_party_cannot_dispatch_to_itself(story: Story) -> None:
    story.pack()
    with refused("taker"):
        story.dispatch(GROWER)


def test_a_dispatch_in_someone_elses_name_is_refused(story: Story) -> None:
    story.pack()
    with refused("giver"):
        story.sign(GROWER, builders.dispatch_event, giver=SHOP.uri, taker=CARRIER.uri)


def test_an_open_unit_cannot_be_opened_again(story: Story) -> None:
    story.pack()
    with refused("already_open"):
        story.commission()


def test_nothing_moves_after_unpacking(sent: Story) -> None:
    sent.accept()
    sent.unpack()
    with refused("closed"):
        sent.dispatch(CENTRE, by=CARRIER)


def test_more_than_is_held_cannot_be_unpacked(sent: Story) -> None:
    sent.accept()
    with refused("quantity"):
        sent.unpack(contents=[Quantity(APPLES, 51)])


def test_a_quantity_must_be_said_where_goods_are_packed(story: Story) -> None:
    with refused("quantity"):
        story.pack(Quantity(APPLES))


def test_an_event_a_day_ahead_of_the_clock_is_refused(story: Story) -> None:
    event = story.event(builders.commission_event)
    custody.check_time(event, now=event.event_time - timedelta(hours=23))
    with refused("time"):
        custody.check_time(event, now=event.event_time - timedelta(hours=25))


# --- attested history ------------------------------------------------------------------------------------------------


def test_the_giver_may_attest_the_acceptance_of_someone_outside_the_register(story: Story) -> None:
    story.dispatch(OUTSIDER, contents=[Quantity(APPLES, 20)], known_at=START)
    state = story.accept(GROWER, taker=OUTSIDER, known_at=START).state
    assert (state.custodian, state.attested, state.status) == (None, True, Status.ACCEPTED)


def test_the_giver_may_not_attest_the_acceptance_of_a_registered_party(story: Story) -> None:
    story.dispatch(CARRIER, known_at=START)
    with refused("own_goods"):
        story.accept(GROWER, known_at=START)


def test_the_giver_may_not_accept_live_for_someone_outside_the_register(story: Story) -> None:
    story.dispatch(OUTSIDER)
    with refused("own_goods"):
        story.accept(GROWER, taker=OUTSIDER)


def test_one_live_act_makes_a_shipment_more_than_attested(story: Story) -> None:
    assert story.pack(known_at=START).state.attested
    assert not story.dispatch().state.attested


# --- taking back -----------------------------------------------------------------------------------------------------


def test_a_correction_of_the_latest_act_leads_to_the_state_before_it(story: Story) -> None:
    before = story.pack().state
    story.dispatch()
    assert story.undo(2, GROWER).state == before


def test_a_correction_of_the_opening_act_takes_the_shipment_back(story: Story) -> None:
    story.pack()
    state = story.undo(1, GROWER).state
    assert (state.status, state.is_open) == (Status.VOID, False)


def test_a_correction_by_another_party_is_refused(sent: Story) -> None:
    with refused("not_signer"):
        sent.undo(2, CARRIER)


def test_an_act_that_others_built_upon_cannot_be_corrected(short: Story) -> None:
    with refused("built_upon") as caught:
        short.undo(2, GROWER)
    assert "Carrier signed the accept" in str(caught.value)


def test_corrections_walk_back_one_after_the_other(short: Story) -> None:
    short.undo(3, CARRIER)
    state = short.undo(2, GROWER).state
    assert (state.status, state.custodian) == (Status.PACKED, GROWER.id)


def test_an_observation_may_be_corrected_at_any_time(sent: Story) -> None:
    sent.observe(30)
    sent.observe(5)
    sent.accept()
    state = sent.undo(3, CARRIER).state
    assert (state.temperature_max, state.status) == (5, Status.ACCEPTED)
