"""Kept observations are what the log tells, however it was read: at once, or night by night."""

from datetime import UTC, datetime, timedelta

import pytest

from forecasting import history, observing
from forecasting.history import demand_history
from forecasting.models import Observed, ObservedSeries, ObservedTo
from ledger import operations as ledger_operations
from ledger.models import LogHead
from ledger.verified import LogBroken, roots_at, verified_entries
from tests.forecasting.conftest import CUTOFF


def differences(tree_size):
    return list(observing.differences(demand_history(tree_size=tree_size).series, tree_size=tree_size))


def kept(product):
    [row] = ObservedSeries.objects.filter(product=product)
    [(_, found)] = observing.histories([row.pk], tree_size=10**9)
    return [one.quantity for one in found.observations if one.withdrawn_at is None]


def test_what_is_taken_in_night_by_night_is_what_the_log_tells(world):
    world.demand("apples", [5, 6])
    observing.advance()
    world.demand("apples", [7], first=CUTOFF)
    world.demand("pears", [1])
    first = observing.advance()
    assert first.tree_size == ObservedTo.objects.get().tree_size and kept("apples") == [5, 6, 7]
    assert differences(first.tree_size) == []
    before = list(Observed.objects.order_by("pk").values_list("pk", flat=True))
    observing.advance()  # nothing is new
    assert list(Observed.objects.order_by("pk").values_list("pk", flat=True)) == before


def test_only_what_is_new_is_decoded(world, monkeypatch):
    decoded = []

    def spying(entry):
        decoded.append(entry.index)
        return iter(())

    monkeypatch.setattr(history, "_start", [lambda: spying])
    world.demand("apples", [5, 6])
    observing.advance()
    [first, second] = decoded
    world.demand("apples", [7], first=CUTOFF)
    observing.advance()
    assert decoded == [first, second, second + 1]


def test_a_withdrawal_ends_what_was_said_and_an_older_tree_does_not_know_of_it(world):
    at = CUTOFF.isoformat()
    world.tell(product="apples", site="shop", at=at, known_at=at, quantity=900, id="e1")
    before = observing.advance().tree_size
    world.tell(withdraws="e1", known_at=datetime(2026, 1, 1, tzinfo=UTC).isoformat())
    world.tell(product="apples", site="shop", at=at, known_at=at, quantity=9, id="e1")
    after = observing.advance().tree_size
    assert kept("apples") == [9] and differences(after) == []
    row = ObservedSeries.objects.get()
    [(_, then)] = observing.histories([row.pk], tree_size=before)
    assert [(one.quantity, one.withdrawn_at) for one in then.observations] == [(900, None)]


def test_a_revocation_that_reaches_back_takes_back_what_the_key_had_told(world):
    world.demand("apples", [5, 6])
    last_good = observing.advance().tree_size - 1
    world.demand("apples", [700], first=CUTOFF)
    observing.advance()
    world.revoke(world.shop, last_good)
    tree_size = observing.advance().tree_size
    assert kept("apples") == [5, 6] and differences(tree_size) == []


def test_what_the_party_stands_by_after_its_key_was_revoked_counts_again(world):
    world.demand("apples", [5, 6])
    last_good = observing.advance().tree_size - 1
    world.demand("apples", [70], first=CUTOFF)
    world.revoke(world.shop, last_good)
    observing.advance()
    assert kept("apples") == [5, 6]
    claims = {"indices": str(last_good + 1)}
    attest = ledger_operations.submission("key.attest", claims, origin=world.log.origin, by=world.shop.admin)
    world.log.append(attest)
    tree_size = observing.advance().tree_size
    assert kept("apples") == [5, 6, 70] and differences(tree_size) == []


def test_a_changed_row_is_named_and_rebuilding_mends_it(world):
    world.demand("apples", [5, 6])
    tree_size = observing.advance().tree_size
    Observed.objects.filter(quantity=6).update(quantity=600)
    assert differences(tree_size) == ["the kept observations of apples at shop are not those of the log"]
    observing.rebuild()
    assert differences(tree_size) == []


def test_nothing_is_taken_in_from_a_broken_log(world):
    world.demand("apples", [5, 6])
    LogHead.objects.update(root_hash=bytes(32))
    with pytest.raises(LogBroken):
        observing.advance()
    assert not Observed.objects.exists()


def test_the_kind_that_counts_is_the_best_that_was_known_then(world):
    world.demand("apples", [5], kind="receipts")
    world.demand("apples", [4], kind="consumption", first=CUTOFF)
    observing.advance()
    kinds = {row.pk: row.kind for row in ObservedSeries.objects.all()}
    early, late = (observing.preferred_ids(cutoff=CUTOFF + timedelta(days=days)) for days in (-1, 1))
    assert [kinds[pk] for pk in early] == ["receipts"] and [kinds[pk] for pk in late] == ["consumption"]


def test_roots_are_those_that_the_log_had(world):
    world.demand("apples", [5, 6, 7])
    entries = list(verified_entries())
    found = roots_at({entries[-1].index, len(entries)})
    assert found[len(entries)] == entries[0].checkpoint.root_hash
    older = next(iter(verified_entries(tree_size=entries[-1].index))).checkpoint
    assert found[entries[-1].index] == older.root_hash
