"""Plans: stock from signed events, proposals from the forecast, an accepted one is an order in the log."""

from datetime import date

import pytest
from django.urls import reverse

from forecasting import arrivals, jobs, plans
from forecasting.models import SeriesForecast
from forecasting.operations import beside as overriding
from forecasting.plans import PlanLine
from ledger import queries as log
from ledger import tenancy
from ledger.verified import verified_few
from supplychain.epcis.events import Quantity
from supplychain.models import Site
from supplychain.operations import plans as operations
from supplychain.operations.plans import Fleet, OrderRefused
from supplychain.stocks import decode
from tests.cast import APPLES, APPLES_LOT, PEARS, sscc
from tests.people import person
from tests.supplychain.api.conftest import caller_for
from tests.supplychain.api.test_forecasts import make_run

LEVELS = [0.025, 0.1, 0.5, 0.9, 0.975]


def forecast(world, hand, product=APPLES, kind="receipts", mean=10.0):
    """A series of the hand's own with ten a day ahead, in a run of its own."""
    run, _ = make_run(world)
    with tenancy.system():
        SeriesForecast.objects.filter(run=run).delete()
        quantiles = [mean * share for share in (0.4, 0.6, 1.0, 1.4, 1.6)]
        return SeriesForecast.objects.create(
            run=run,
            tenant=hand.id,
            kind=kind,
            product=product,
            site=hand.site,
            unit="",
            frequency="D",
            method="theta",
            attested=False,
            steps=[{"period": "2026-03-03", "point": mean, "quantiles": quantiles}] * 14,
            levels=LEVELS,
            record="{}",
        )


def receive(world, amount):
    """The centre takes so many apples in."""
    unit = sscc(900 + world.now.minute)
    world.grower.pack(unit, Quantity(APPLES_LOT, amount))
    world.grower.dispatch(unit, world.centre)
    world.centre.accept(unit, world.grower, Quantity(APPLES_LOT, amount))


def make(world, hand, **more):
    with tenancy.system():
        job = operations.request(hand.id, now=world.now, **more)
        done = jobs.perform(job.id, clock=lambda: world.now)
        assert done.status == "done", done.error
    with tenancy.acting_for(hand.id):
        return plans.latest(hand.id)


def test_stock_is_what_came_in_less_what_went_out_and_a_proposal_fills_it_up(world):
    forecast(world, world.centre)
    receive(world, 12)
    plan = make(world, world.centre)
    with tenancy.acting_for(world.centre.id):
        [line] = plan.lines.all()
        assert (line.on_hand, line.on_order, line.reason) == (12, 0, "")
        assert line.quantity == pytest.approx(line.order_up_to - 12, abs=1)
        assert 0.5 < line.risk <= 1
        assert line.risk_if_ordered <= 0.06
    assert plan.tree_size == log.tree_size()


def test_an_accepted_proposal_is_a_signed_order_that_the_next_plan_counts(world):
    forecast(world, world.centre)
    receive(world, 12)
    make(world, world.centre)
    with tenancy.acting_for(world.centre.id):
        [line] = PlanLine.objects.all()
        index = operations.order(
            line, quantity=line.quantity, reason="", by="Nora", party=world.centre.party, now=world.later()
        )
    with tenancy.system():
        [entry] = verified_few([index])
        [told] = decode(entry, signer=world.centre.id)
        assert (told.kind, told.product, told.site, told.quantity) == (
            "order", APPLES, world.centre.site, line.quantity,
        )  # fmt: skip
        assert entry.key.party == world.centre.id.hex
    with tenancy.acting_for(world.centre.id), pytest.raises(OrderRefused, match="decided already"):
        again = PlanLine.objects.get(pk=line.pk)
        operations.order(again, quantity=1, reason="x", by="Nora", party=world.centre.party, now=world.later())
    world.later(minutes=2)
    plan = make(world, world.centre)
    with tenancy.acting_for(world.centre.id):
        [new] = plan.lines.all()
        assert new.on_order == line.quantity
        assert new.quantity == 0


def test_what_a_planner_expects_instead_of_the_model_is_planned_for_and_named(world, client):
    row = forecast(world, world.centre)
    receive(world, 12)
    before = make(world, world.centre).lines.get
    with tenancy.acting_for(world.centre.id):
        model = before()
    given = {"party": world.centre.id, "by": "Nora", "now": world.now, "reason": "a fair"}
    with tenancy.system():
        said = overriding.override(row, period=date(2026, 3, 3), quantity=30, **given)
    world.later(minutes=2)
    plan = make(world, world.centre)
    with tenancy.acting_for(world.centre.id):
        [line] = plan.lines.all()
        assert line.expected == pytest.approx(3 * model.expected, rel=0.05), "every step is of that period here"
        assert line.order_up_to > 2 * model.order_up_to
        assert line.policy["overridden"][0] == "2026-03-03: 30 by Nora"
        assert "overridden" not in model.policy
    client.force_login(person(world.centre, "operator"))
    assert "Planned as overridden, 2026-03-03: 30 by Nora" in client.get(reverse("plan")).content.decode()
    overriding.end_override(said.pk, party=world.centre.id, now=world.now)
    world.later(minutes=2)
    plan = make(world, world.centre)
    with tenancy.acting_for(world.centre.id):
        assert plan.lines.get().expected == model.expected


def test_another_quantity_needs_a_reason(world):
    forecast(world, world.centre)
    make(world, world.centre)
    with tenancy.acting_for(world.centre.id):
        [line] = PlanLine.objects.all()
        with pytest.raises(OrderRefused, match="Say why"):
            operations.order(line, quantity=1, reason=" ", by="Nora", party=world.centre.party, now=world.later())
        with pytest.raises(OrderRefused, match="more than nothing"):
            operations.order(line, quantity=0, reason="x", by="Nora", party=world.centre.party, now=world.later())


def test_without_an_opening_balance_nothing_is_proposed_until_somebody_counts(world):
    forecast(world, world.packer)
    world.packer.pack(sscc(1), Quantity(APPLES_LOT, 30))
    plan = make(world, world.packer)
    with tenancy.acting_for(world.packer.id):
        [line] = plan.lines.all()
        assert "count it" in line.reason
        operations.count(line, quantity=55, party=world.packer.party, now=world.later())
    world.later(minutes=2)
    plan = make(world, world.packer)
    with tenancy.acting_for(world.packer.id):
        [line] = plan.lines.all()
        assert (line.on_hand, line.reason) == (55, "")
        assert line.counted_at is not None


def test_a_rule_of_its_own_decides_packs_and_service(world):
    forecast(world, world.centre)
    operations.set_rule(
        world.centre.id, product=APPLES, target=0.99, review_days=7, handling_days=2, pack=24, minimum=48
    )
    with pytest.raises(OrderRefused):
        operations.set_rule(world.centre.id, target=1.5, review_days=1, handling_days=1, pack=1, minimum=0)
    plan = make(world, world.centre)
    with tenancy.acting_for(world.centre.id):
        [line] = plan.lines.all()
        assert line.quantity % 24 == 0
        assert line.quantity > 80
        assert line.policy["target"] == 0.99


def test_strangers_see_no_plan_and_order_nothing(world, client):
    forecast(world, world.centre)
    make(world, world.centre)
    with tenancy.system():
        [line] = PlanLine.objects.all()
    with tenancy.acting_for(world.stranger.id):
        assert not PlanLine.objects.exists()
        assert not plans.Plan.objects.exists()
    assert caller_for(world.stranger).get("/plan").status_code == 404
    told = caller_for(world.centre).get("/plan").json()
    assert [each["product"] for each in told["lines"]] == [APPLES]
    client.force_login(person(world.stranger, "manager"))
    assert client.post(reverse("plan_order", args=[line.pk]), {"quantity": "5"}).status_code == 404
    assert PEARS not in client.get(reverse("plan")).content.decode()


def test_a_viewer_reads_the_plan_and_may_not_order(world, client):
    forecast(world, world.centre)
    make(world, world.centre)
    with tenancy.system():
        [line] = PlanLine.objects.all()
    client.force_login(person(world.centre, "viewer"))
    page = client.get(reverse("plan")).content.decode()
    assert "What to order" in page
    assert "Sign the count" not in page
    assert client.post(reverse("plan_order", args=[line.pk]), {"quantity": "5"}).status_code == 403


def test_a_planner_orders_on_the_page(world, client):
    forecast(world, world.centre)
    make(world, world.centre)
    with tenancy.system():
        [line] = PlanLine.objects.all()
    size = log.tree_size()
    client.force_login(person(world.centre, "planner"))
    answer = client.post(
        reverse("plan_order", args=[line.pk]), {"quantity": "7", "reason": "half a pallet"}, follow=True
    )
    page = answer.content.decode()
    assert "signed into the log as entry" in page
    assert "half a pallet" in page
    assert log.tree_size() == size + 1


def test_a_planner_says_how_the_party_orders_and_a_viewer_may_not(world, client):
    rule = {"target": "98", "review_days": "2", "handling_days": "1", "pack": "6", "minimum": "12"}
    client.force_login(person(world.centre, "planner"))
    assert "The rule is kept" in client.post(reverse("plan_rule"), rule, follow=True).content.decode()
    refused = client.post(reverse("plan_rule"), rule | {"target": "100"}, follow=True).content.decode()
    assert "A target from 50" in refused
    assert "is a number" in client.post(reverse("plan_rule"), {"target": "x"}, follow=True).content.decode()
    with tenancy.acting_for(world.centre.id):
        kept = plans.default_rule(world.centre.id)
        assert (kept.target, kept.pack, kept.minimum) == (0.98, 6, 12)
    with tenancy.acting_for(world.stranger.id):
        assert plans.default_rule(world.stranger.id).pk is None
    client.force_login(person(world.centre, "viewer"))
    assert client.post(reverse("plan_rule"), rule).status_code == 403


def test_routes_say_why_there_are_none(world):
    forecast(world, world.centre)
    plan = make(world, world.centre, fleet=Fleet(1, 50.0))
    assert "Nothing is known to leave" in plan.routes["reason"]
    assert plan.routes["fleet"]["capacity"] == 50.0


def test_routes_carry_what_same_weekdays_needed_from_where_trips_leave(world):
    for number, hand in enumerate((world.centre, world.shop)):
        Site.objects.create(
            uri=hand.site,
            party=hand.party,
            name=hand.party.name,
            country="CH",
            latitude=47.0 + number / 4,
            longitude=8.0,
        )
    forecast(world, world.centre)
    for week in range(8):
        unit = sscc(500 + week)
        world.centre.pack(unit, Quantity(APPLES_LOT, 40))
        way = {"final_party": world.shop.uri, "final_location": world.shop.site}
        world.centre.dispatch(unit, world.shop, **way)
        world.later(hours=2)
        world.shop.accept(unit, world.centre)
        world.later(days=7, hours=-2)
    world.later(days=-1)
    with tenancy.system():
        assert arrivals.learn(now=world.now).passages == 8
    plan = make(world, world.centre, fleet=Fleet(2, 30.0, 0, 1440))
    assert plan.routes["loads"] == "weekdays"
    assert sum(route["load"] for route in plan.routes["routes"]) == pytest.approx(40)
    assert len(plan.routes["routes"]) == 2
    assert plan.routes["measured"] == plan.routes["legs"] == 4
