"""The pure part of a run: seeds, manifests, limits."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np

from forecasting import manifest, runs
from forecasting.history import SeriesHistory, SeriesKey
from forecasting.manifest import Source
from forecasting.runs import RunSettings, compute, seed_of
from forecasting.timeseries.methods.empirical import Empirical
from forecasting.timeseries.methods.seasonal_naive import SeasonalNaive
from forecasting.timeseries.series import Dated

FIRST = datetime(2025, 6, 2, 12, tzinfo=UTC)
SETTINGS = RunSettings(datetime(2025, 9, 22, tzinfo=UTC), frequency="D", horizon=7, origins=3)
CHEAP = (SeasonalNaive(), Empirical())
RUN = UUID(int=7)
SOURCE = Source("log.example/0123456789abcdef", 9, bytes(32))


def history(product, values):
    moments = [FIRST + timedelta(days=i) for i in range(len(values))]
    seen = tuple(Dated(at, at, float(v)) for at, v in zip(moments, values, strict=True))
    return SeriesHistory(SeriesKey("receipts", product, "shop", "EA", UUID(int=1)), seen, attested=False)


def several(count):
    rng = np.random.default_rng(1)
    return [history(f"p{i:03}", rng.uniform(5, 9, 112)) for i in range(count)]


def made(result):
    return manifest.make(RUN, SOURCE, SETTINGS, result, {"numpy": "1"})


def test_the_manifest_does_not_depend_on_the_order_of_the_series():
    histories = several(4)
    one = made(compute(histories, SETTINGS, methods=CHEAP))
    two = made(compute(histories[::-1], SETTINGS, methods=CHEAP))
    assert one.body == two.body and one.series_root == two.series_root


def test_the_seed_of_a_series_does_not_depend_on_the_others_in_the_run():
    key = several(1)[0].key
    assert seed_of(1, key) == seed_of(1, key) != seed_of(2, key)
    assert 0 <= seed_of(1, key) < 2**31


def test_a_large_run_lists_no_series_in_the_body_and_its_root_still_covers_all(monkeypatch):
    result = compute(several(3), SETTINGS, methods=CHEAP)
    whole = made(result)
    monkeypatch.setattr(manifest, "MOST_RECORDS", 2)
    short = made(result)
    assert b'"series":' in whole.body and b'"series":' not in short.body
    assert short.series_root == whole.series_root and len(short.leaves) == 3


def test_one_bad_series_gets_its_reason_and_the_others_their_forecast():
    bad = history("bad", [float("nan")] * 112)
    found = {result.key.product: result for result in compute([*several(2), bad], SETTINGS, methods=CHEAP).series}
    assert "not finite" in found["bad"].reason and found["p000"].forecast is not None


def test_a_horizon_beyond_the_frequency_is_said_of_the_series():
    settings = RunSettings(SETTINGS.cutoff, frequency="MS", horizon=300)
    [found] = compute([history("apples", np.ones(112))], settings, methods=CHEAP).series
    assert found.reason and found.forecast is None


def test_progress_reaches_the_end():
    seen = []
    compute(several(3), SETTINGS, methods=CHEAP, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (6, 6) and len(seen) == 6


def test_settings_are_read_back_as_they_were_written():
    assert manifest.parse_settings(manifest.format_settings(SETTINGS)) == SETTINGS


def test_versions_name_what_the_numbers_depend_on():
    assert {"python", "machine", "simd", "numpy", "pandas", "prophet"} <= runs.versions().keys()


def test_whole_numbers_from_the_database_give_the_same_digest():
    assert manifest.digest_of({"a": [1.0, 2.5]}) == manifest.digest_of({"a": [1, 2.5]})
