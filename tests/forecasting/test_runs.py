"""The pure part of a run: what was known, seeds, manifests, limits, choices that see no future."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import numpy as np
import pytest

from forecasting import manifest, runs, scoring
from forecasting.history import SeriesHistory, SeriesKey
from forecasting.manifest import Source
from forecasting.runs import RunRefused, RunSettings, Told, compute, make_choice, prepared, sample
from forecasting.timeseries.calendars import Days
from forecasting.timeseries.candidates import DEAR, members_of
from forecasting.timeseries.champion import Pool
from forecasting.timeseries.classify import DemandClass
from forecasting.timeseries.engine import NO_CHOICE
from forecasting.timeseries.series import Dated
from ledger.tlog import merkle

FIRST = datetime(2025, 6, 2, 12, tzinfo=UTC)
SETTINGS = RunSettings(datetime(2025, 9, 22, tzinfo=UTC), frequency="D", horizon=7)
RUN = UUID(int=7)
SOURCE = Source("log.example/0123456789abcdef", 9, bytes(32))


def history(product, values, site="shop", tenant=1, known_late=None):
    moments = [FIRST + timedelta(days=i) for i in range(len(values))]
    seen = tuple(Dated(at, known_late or at, float(v)) for at, v in zip(moments, values, strict=True))
    return SeriesHistory(SeriesKey("receipts", product, site, "EA", UUID(int=tenant)), seen, attested=False)


def several(count):
    rng = np.random.default_rng(1)
    return [Told(history(f"p{i:03}", rng.integers(5, 9, 112))) for i in range(count)]


def made(results, settings=SETTINGS):
    records = [manifest.record_of(one, settings) for one in results]
    leaves = [merkle.leaf_hash(manifest.encode(one)) for one in records]
    return manifest.make(RUN, SOURCE, settings, leaves, {"numpy": "1"}, records=records)


def test_a_series_has_the_same_bits_whichever_others_it_is_computed_with():
    told = several(4)
    together = compute(told, SETTINGS, NO_CHOICE)
    alone = [compute([one], SETTINGS, NO_CHOICE)[0] for one in told[::-1]][::-1]
    assert made(together).body == made(alone).body and all(one.forecast is not None for one in together)


def test_a_large_run_lists_no_series_in_the_body_and_its_root_still_covers_all(monkeypatch):
    results = compute(several(3), SETTINGS, NO_CHOICE)
    whole = made(results)
    monkeypatch.setattr(manifest, "MOST_RECORDS", 2)
    short = made(results)
    assert b'"series":' in whole.body and b'"series":' not in short.body
    assert short.series_root == whole.series_root


def test_one_bad_series_gets_its_reason_and_the_others_their_forecast():
    bad = Told(history("bad", [float("nan")] * 112))
    found = {result.key.product: result for result in compute([*several(2), bad], SETTINGS, NO_CHOICE)}
    assert "not finite" in found["bad"].reason and found["p000"].forecast is not None


def test_a_horizon_beyond_the_frequency_is_said_of_the_series():
    settings = RunSettings(SETTINGS.cutoff, frequency="W", horizon=300)
    [found] = compute([Told(history("apples", np.ones(112)))], settings, NO_CHOICE)
    assert found.reason and found.forecast is None


def test_demand_in_pieces_has_whole_quantiles_and_none_is_negative():
    [found] = compute(several(1), SETTINGS, NO_CHOICE)
    assert (found.forecast.quantiles == np.round(found.forecast.quantiles)).all()
    assert (found.forecast.quantiles >= 0).all() and (found.forecast.point >= 0).all()
    halves = Told(history("milk", np.random.default_rng(2).uniform(1, 2, 112)))
    assert not runs.is_whole(prepared(halves, SETTINGS).series)


def test_a_stockout_is_missing_and_never_zero():
    out = Days("stockout", "empty shelf", date(2025, 9, 8), date(2025, 9, 14))
    values = np.full(112, 20.0) + np.arange(112) % 3
    values[98:105] = 0
    found = prepared(Told(history("apples", values), days=(out,)), SETTINGS)
    assert np.isnan(found.series.values[98:105]).all() and not np.isnan(found.series.values[105:]).any()
    [with_it] = compute([Told(history("apples", values), days=(out,))], SETTINGS, NO_CHOICE)
    [without] = compute([Told(history("apples", values))], SETTINGS, NO_CHOICE)
    assert with_it.forecast.point.mean() > without.forecast.point.mean() + 0.3


def test_a_promotion_known_ahead_is_forecast_where_it_will_be():
    values = np.full(112, 20.0) + np.arange(112) % 3
    before = [Days("promotion", "half price", date(2025, month, 9), date(2025, month, 11)) for month in (6, 7, 8, 9)]
    for one in before:
        at = (one.start - FIRST.date()).days
        values[at : at + 3] += 60
    ahead = Days("promotion", "half price", date(2025, 9, 24), date(2025, 9, 25))
    [plain] = compute([Told(history("apples", values), days=tuple(before))], SETTINGS, NO_CHOICE)
    [told] = compute([Told(history("apples", values), days=(*before, ahead))], SETTINGS, NO_CHOICE)
    gain = told.forecast.point - plain.forecast.point
    assert gain[2:4].min() > 30 and np.abs(np.delete(gain, [2, 3])).max() < 1e-9


def test_a_cold_start_borrows_from_the_same_product_elsewhere():
    old = history("apples", np.full(112, 20.0) + np.arange(112) % 3, site="old shop")
    young = Told(history("apples", [5.0] * 10))
    short = RunSettings(datetime(2025, 6, 12, tzinfo=UTC), frequency="D", horizon=7)
    [alone] = compute([young], SETTINGS, NO_CHOICE)
    assert alone.reason
    [helped] = compute([young], short, NO_CHOICE, siblings=lambda key: [old])
    assert helped.reason, "the other shop is as young at that cutoff: nothing is borrowed from its future"
    late = Told(
        SeriesHistory(
            young.history.key,
            tuple(
                Dated(one.at + timedelta(days=100), one.known_at + timedelta(days=100), one.quantity)
                for one in young.history.observations
            ),
            attested=False,
        )
    )
    [helped] = compute([late], SETTINGS, NO_CHOICE, siblings=lambda key: [old])
    assert helped.method == "cold_start" and 4 <= helped.forecast.point.mean() <= 22


def test_a_choice_sees_at_each_origin_only_what_was_known_then():
    """The last month was told only at its end: origins before that know nothing of it."""
    values = np.full(112, 20.0) + np.arange(112) % 7
    seen = [Dated(FIRST + timedelta(days=i), FIRST + timedelta(days=i), v) for i, v in enumerate(values.tolist())]
    told_late = [
        Dated(one.at, datetime(2025, 9, 21, 12, tzinfo=UTC), one.quantity) if place >= 84 else one
        for place, one in enumerate(seen)
    ]
    key = SeriesKey("receipts", "apples", "shop", "EA", UUID(int=1))
    prompt, late = (
        make_choice([Told(SeriesHistory(key, tuple(some), attested=False))], SETTINGS).past[0]
        for some in (seen, told_late)
    )
    assert [one.values[-1] > 0 for one in prompt.then] == [True] * 9, "few series are calibrated on nine origins"
    assert all((one.values[84:] == 0).all() and (one.values[:84] > 0).all() for one in late.then)


def test_many_series_need_three_origins_alone():
    [many], [few] = (make_choice(several(1), SETTINGS, left_out=count).past for count in (99, 98))
    assert [len(one) for one in many.then] == [len(one) for one in few.then[-3:]] and len(few.then) == 9


def test_a_choice_scores_what_it_chose_beside_the_yardstick():
    chosen = make_choice(several(4), SETTINGS)
    for one in scoring.tested(chosen, SETTINGS):
        assert {one.method, "seasonal_naive"} == set(one.scores) and one.scores[one.method]["origins"] == 3
        assert 0 < one.scores[one.method]["mase"] < 1.5
    assert chosen.choice.unreached == 0


def test_a_choice_ends_when_its_budget_does_and_says_what_it_left():
    rng = np.random.default_rng(4)
    sparse = [Told(history(f"s{i}", rng.choice([0, 0, 0, 5], 112))) for i in range(3)]
    chosen = make_choice([*several(3), *sparse], SETTINGS, enough=lambda: True)
    assert 0 < chosen.choice.unreached < 6


def test_of_a_large_catalogue_no_night_gets_a_dear_champion():
    few, many = (make_choice(several(2), SETTINGS, left_out=count).choice for count in (0, 100_000))
    tried = [{name for one in choice.scores.values() for name in one} for choice in (few, many)]
    assert DEAR & tried[0] and not DEAR & tried[1]
    unseen = [Pool("D", kind, length) for kind in DemandClass for length in ("short", "medium", "long")]
    assert DEAR & set(members_of(few.champion(pool) for pool in unseen))
    assert not DEAR & set(members_of(many.champion(pool) for pool in unseen))


def test_no_party_chooses_for_everybody():
    keys = {i: SeriesKey("receipts", f"p{i}", "shop", "EA", UUID(int=1 if i < 90 else 2)) for i in range(100)}
    drawn = sample(keys, RunSettings(SETTINGS.cutoff, choosing=20))
    assert len(drawn) == 20 and sum(keys[i].tenant == UUID(int=1) for i in drawn) == 10
    assert drawn == sample(keys, RunSettings(SETTINGS.cutoff, choosing=20)), "drawn by digest: the same again"
    alone = {i: key for i, key in keys.items() if i < 90}
    assert len(sample(alone, RunSettings(SETTINGS.cutoff, choosing=20))) == 20


def test_settings_are_read_back_as_they_were_written():
    full = RunSettings(SETTINGS.cutoff, "W", 4, 9, UUID(int=5), "Meeting of March", choosing=7)
    assert manifest.parse_settings(manifest.format_settings(full)) == full
    with pytest.raises(RunRefused):
        manifest.parse_settings({**manifest.format_settings(full), "horizon": 10**9})


def test_versions_name_what_the_numbers_depend_on():
    assert {"python", "machine", "simd", "numpy", "numba", "holidays"} <= runs.versions().keys()


def test_whole_numbers_from_the_database_give_the_same_digest():
    assert manifest.digest_of({"a": [1.0, 2.5]}) == manifest.digest_of({"a": [1, 2.5]})
