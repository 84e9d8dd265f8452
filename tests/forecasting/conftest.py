"""A log that tells of demand, and a decoder that reads it."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from forecasting import history
from forecasting.history import Observation, SeriesKey, Withdrawal
from ledger import operations, tenancy
from tests.ledger.conftest import Log, Member, log  # noqa: F401 - a fixture

FIRST_DAY = datetime(2025, 6, 2, 12, tzinfo=UTC)  # a Monday
CUTOFF = datetime(2025, 9, 22, 2, tzinfo=UTC)  # 112 days later


def decode(entry):
    """The tests' own event: {"product","site","at","quantity"} or {"withdraws"}; live unless it says `known_at`."""
    body = json.loads(entry.body)
    if "withdraws" in body:
        yield Withdrawal(f"{entry.key.party}/{body['withdraws']}", datetime.fromisoformat(body["known_at"]))
    if "quantity" in body:
        attested = "known_at" in body
        yield Observation(
            series=SeriesKey(
                body.get("kind", "receipts"), body["product"], body["site"], "EA", UUID(hex=entry.key.party)
            ),
            at=datetime.fromisoformat(body["at"]),
            known_at=datetime.fromisoformat(body["known_at"]) if attested else entry.record_time,
            quantity=body["quantity"],
            attested=attested,
            index=entry.index,
            source=f"{entry.key.party}/{body['id']}" if "id" in body else "",
        )


@pytest.fixture(autouse=True)
def decoder(monkeypatch):
    """Read the tests' events instead of the product's."""
    monkeypatch.setattr(history, "_start", [lambda: decode])


@pytest.fixture
def as_system(db):
    """Act as the system, as tasks and commands do."""
    with tenancy.system():
        yield


@dataclass
class World:
    log: Log
    shop: Member

    def tell(self, member=None, **body):
        """Append one event; its index."""
        made = self.log.event(member or self.shop, body=json.dumps(body).encode())
        [outcome] = self.log.append(made)
        return outcome.index

    def demand(self, product, quantities, site="shop", first=FIRST_DAY, step=timedelta(days=1), **more):
        """Append one attested observation a step."""
        moments = [first + i * step for i in range(len(quantities))]
        bodies = [
            {"product": product, "site": site, "at": at.isoformat(), "known_at": at.isoformat(), "quantity": q, **more}
            for at, q in zip(moments, quantities, strict=True)
            if q
        ]
        return self.log.append(*(self.log.event(self.shop, body=json.dumps(body).encode()) for body in bodies))

    def revoke(self, member, last_valid_index):
        claims = {"key": member.key_id, "last_valid_index": last_valid_index}
        return self.log.append(operations.submission("key.revoke", claims, origin=self.log.origin, by=member.admin))


@pytest.fixture
def world(log, as_system):  # noqa: F811
    return World(log, log.member())
