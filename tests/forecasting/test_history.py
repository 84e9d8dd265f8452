"""Forecasts know what verified entries tell, and nothing else."""

from datetime import timedelta

import pytest

from forecasting import history
from forecasting.history import DEMAND_KINDS, SeriesKey, demand_history, preferred
from ledger.models import LogHead
from ledger.verified import LogBroken
from tests.forecasting.conftest import FIRST_DAY


def quantities(found):
    return {each.key.product: [seen.quantity for seen in each.observations] for each in found.series}


def test_observations_come_from_the_log_with_the_checkpoint_they_were_verified_against(world):
    world.demand("apples", [5, 6])
    found = demand_history()
    assert quantities(found) == {"apples": [5, 6]}
    head = LogHead.objects.get()
    assert (found.checkpoint.tree_size, found.checkpoint.root_hash) == (head.tree_size, bytes(head.root_hash))
    assert found.series[0].key.tenant == world.shop.party and found.series[0].attested


def test_history_stops_at_the_tree_size_asked_for(world):
    world.demand("apples", [5, 6])
    size = LogHead.objects.get().tree_size
    world.demand("apples", [7], first=FIRST_DAY + timedelta(days=9))
    assert quantities(demand_history(tree_size=size)) == {"apples": [5, 6]}


def test_a_broken_log_is_not_read(world):
    world.demand("apples", [5, 6])
    LogHead.objects.update(root_hash=bytes(32))
    with pytest.raises(LogBroken):
        demand_history()


def test_disputed_entries_are_left_out(world):
    world.demand("apples", [5])
    stolen = world.tell(product="apples", site="shop", at=FIRST_DAY.isoformat(), quantity=900)
    world.revoke(world.shop, stolen - 1)
    assert quantities(demand_history()) == {"apples": [5]}


def test_a_live_observation_is_known_when_it_is_recorded_and_never_later(world):
    world.tell(product="apples", site="shop", at=FIRST_DAY.isoformat(), quantity=1)
    late = (FIRST_DAY + timedelta(days=9999)).isoformat()
    world.tell(product="pears", site="shop", at=FIRST_DAY.isoformat(), quantity=1, known_at=late)
    apples, pears = demand_history().series
    assert not apples.attested
    assert apples.observations[0].known_at < pears.observations[0].known_at < FIRST_DAY + timedelta(days=9999)


def test_a_withdrawn_observation_keeps_the_time_at_which_that_was_known(world):
    at, later = FIRST_DAY.isoformat(), (FIRST_DAY + timedelta(days=3)).isoformat()
    world.tell(product="apples", site="shop", at=at, known_at=at, quantity=900, id="e1")
    world.tell(product="apples", site="shop", at=at, known_at=later, quantity=9, id="e1", withdraws="e1")
    wrong, right = demand_history().series[0].observations
    assert wrong.quantity == 900 and wrong.withdrawn_at == FIRST_DAY + timedelta(days=3)
    assert right.quantity == 9 and right.withdrawn_at is None


def test_a_stranger_withdraws_nothing(world):
    at = FIRST_DAY.isoformat()
    world.tell(product="apples", site="shop", at=at, quantity=5, id="e1")
    world.tell(world.log.member(), withdraws="e1", known_at=at)
    assert demand_history().series[0].observations[0].withdrawn_at is None


def test_demand_is_consumption_where_there_is_any_else_receipts_else_dispatches():
    def key(kind, product):
        return SeriesKey(kind, product, "shop", "EA")

    keys = [key("dispatches", "a"), key("receipts", "a"), key("consumption", "a"), key("dispatches", "b")]
    assert preferred(keys) == [key("consumption", "a"), key("dispatches", "b")]
    assert DEMAND_KINDS[0] == "consumption"


def test_units_are_never_mixed():
    keys = [SeriesKey("receipts", "a", "shop", "EA"), SeriesKey("receipts", "a", "shop", "KGM")]
    assert len(preferred(keys)) == 2


def test_what_is_no_demand_is_no_series(world):
    world.demand("apples", [5], kind="stock")
    assert demand_history().series == ()


def test_without_a_decoder_nothing_is_read(world, monkeypatch):
    monkeypatch.setattr(history, "_start", [])
    with pytest.raises(history.NoDecoder):
        demand_history()


def test_a_stateful_decoder_starts_afresh_each_reading(world, monkeypatch):
    started = []
    monkeypatch.setattr(history, "_start", [])

    def start():
        started.append(1)
        return lambda entry: ()

    history.register_stateful_decoder(start)
    world.demand("apples", [5])
    demand_history()
    demand_history()
    assert len(started) == 2
