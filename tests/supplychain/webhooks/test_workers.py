"""Workers against each other in a real database: the short form of campaigns/webhooks.py."""

import os

import pytest
from django.db import connections

from campaigns import webhooks
from ledger import tenancy
from supplychain.models import Delivery, Subscription
from supplychain.operations.subscriptions import matching, signing
from tests.cast import make_world, sscc
from tests.receiver import make_webhook

EVENTS = int(os.environ.get("WAYLOG_CAMPAIGN_EVENTS", "12"))
ROUNDS = 40 * EVENTS


@pytest.mark.django_db(transaction=True)
def test_workers_that_die_and_receivers_that_fail_lose_and_reorder_nothing(settings, tmp_path):
    settings.WAYLOG_SECRETS = tmp_path / "secrets"
    world = make_world()
    with tenancy.system():
        signing.current(now=world.now)
    hooks = [make_webhook(world.packer, now=world.now, name=f"q{number}").pk for number in range(2)]
    with tenancy.system():
        Subscription.objects.update(batch=3)
    wanted = [world.packer.pack(sscc(number)).index for number in range(EVENTS)]
    clock = webhooks.Clock(world.now)

    def done():
        with tenancy.system():
            return not Subscription.objects.filter(position__lte=wanted[-1]).exists()

    seed = int.from_bytes(os.urandom(4))
    taken = webhooks.run(
        hooks, source=matching.events, clock=clock, rounds=ROUNDS, seed=seed, done=done, after=connections.close_all
    )
    assert done(), f"seed {seed}"
    for hook in hooks:
        assert webhooks.verdict(taken[hook], wanted) == [], f"seed {seed}"
        with tenancy.system():
            noted = Delivery.objects.filter(subscription=hook, verdict="delivered").order_by("id")
            assert sum(each.events for each in noted) == EVENTS
