"""A subscription of the packer's, a receiver that listens, and a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from ledger import tenancy
from supplychain.models import Delivery, NamedQuery, Subscription
from supplychain.operations import namedqueries
from supplychain.operations.subscriptions import manage, matching
from supplychain.operations.subscriptions.deliver import Worker
from supplychain.webhooks.subscribing import Wanted
from tests.cast import Hand, World, sscc
from tests.receiver import Receiver, listening

TOKEN = b"13da6c44-ee95-11eb-9a03-0242ac130003"


@dataclass
class Desk:
    """Makes subscriptions and works on them; its clock is the world's."""

    world: World
    receiver: Receiver
    more: dict[str, Any] = field(default_factory=dict)
    random: float = 1.0

    def clock(self) -> datetime:
        return self.world.now

    def worker(self, **more: Any) -> Worker:
        made = {"source": matching.events, "clock": self.clock, "random": lambda: self.random} | self.more | more
        return Worker(**{"allow": [self.receiver.origin], **made})

    def subscribe(self, hand: Hand | None = None, query: NamedQuery | None = None, **more: Any) -> Subscription:
        wanted = {
            "dest": self.receiver.url,
            "token": TOKEN,
            "schedule": None,
            "report_if_empty": False,
            "initial_record_time": None,
        } | more
        return manage.subscribe(
            query=query or self.query(hand or self.world.packer),
            wanted=Wanted(**wanted),
            epc_format="Always_GS1_Digital_Link",
            now=self.world.now,
        )

    def query(self, hand: Hand, name: str = "all", **query: Any) -> NamedQuery:
        with tenancy.system():
            found = NamedQuery.objects.filter(tenant=hand.id, name=name).first()
        return found or namedqueries.keep_query(name, query, party=hand.id, now=self.world.now)

    def work(self, row: Subscription, **more: Any) -> Subscription:
        self.worker(**more).perform(row.id)
        return self.row(row)

    def row(self, row: Subscription) -> Subscription:
        with tenancy.system():
            return Subscription.objects.get(pk=row.pk)

    def log(self, row: Subscription) -> list[Delivery]:
        """What was sent, oldest first."""
        with tenancy.system():
            return list(Delivery.objects.filter(subscription=row).order_by("id"))

    def happen(self, count: int, first: int = 1) -> list[str]:
        """Let the packer pack so many units; return the events' ids."""
        made = [self.world.packer.pack(sscc(number)).index for number in range(first, first + count)]
        return [self.world.event(index).event_id for index in made]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as made:
        yield made


@pytest.fixture
def desk(world: World, receiver: Receiver) -> Desk:
    return Desk(world, receiver)


Answer = Callable[[Any], Any]
