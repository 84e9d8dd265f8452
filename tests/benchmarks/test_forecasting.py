"""The harness: any file of series, gzip or plain, and figures that mean what they say."""

import gzip
import json
import math
import subprocess
import sys

import numpy as np
import pytest

from benchmarks.forecasting.__main__ import main
from benchmarks.forecasting.data import Unreadable, read, read_all
from benchmarks.forecasting.evaluate import scores
from benchmarks.forecasting.objective import compare, summary, synthetic
from forecasting.timeseries.engine import Item, past_of
from forecasting.timeseries.methods import Forecast
from tests.conftest import ROOT

FIGURES = {"mase", "smape", "rmsse", "wql", "cov80", "cov95", "ms_per_series"}


def lines(series, train=48, test=6, season=12):
    dice = np.random.default_rng(series)
    t = np.arange(train + test)
    values = np.maximum(50 + 10 * series + 20 * np.sin(2 * np.pi * t / season) + dice.normal(0, 4, t.size), 0)
    return [f"s{series},{i},{values[i]:.2f},{'train' if i < train else 'test'}" for i in t]


@pytest.fixture
def path(tmp_path):
    """24 seasonal series, one that never changes, one that is all zero, one with gaps, one with five points."""
    rows = ["series,t,y,part"]
    for number in range(24):
        rows += lines(number)
    for name, level in (("flat", "5"), ("zero", "0")):
        rows += [f"{name},{i},{level},{'train' if i < 48 else 'test'}" for i in range(54)]
    rows += [row for i, row in enumerate(lines(90)) if i % 7]
    rows += ["short,0,1,train", "short,1,2,train", "short,2,,train", "short,3,4,test"]
    file = tmp_path / "some.csv.gz"
    file.write_bytes(gzip.compress("\n".join(rows).encode()))
    return file


def test_every_method_and_the_champion_get_every_figure(path, tmp_path, capsys):
    out = tmp_path / "out.json"
    assert main([str(path), "--season", "12", "--horizon", "6", "--json", str(out)]) == 0
    found = json.loads(out.read_text())
    assert found["about"]["series"] == 28
    names = set(found) - {"about"}
    assert {"champion", "seasonal_naive", "theta", "ets", "ces", "fast_prophet", "mean_5", "counts"} <= names
    for name in names:
        assert set(found[name]) >= FIGURES
        assert all(math.isfinite(found[name][figure]) for figure in FIGURES)
        assert found[name]["zero_scale"] == 3  # flat, zero and short
    assert found["champion"]["mase"] < found["seasonal_naive"]["mase"]
    assert "champion" in capsys.readouterr().out


def test_steps_without_a_calendar_get_no_prophet(path, tmp_path):
    out = tmp_path / "out.json"
    assert main([str(path), "--season", "4", "--horizon", "6", "--sample", "5", "--json", str(out)]) == 0
    found = json.loads(out.read_text())
    assert "theta" in found and "fast_prophet" not in found and found["about"]["series"] == 5


def test_the_test_part_chooses_nothing(path, tmp_path):
    """Other actuals, the same forecasts: only the scores differ."""
    text = gzip.decompress(path.read_bytes()).decode().splitlines()
    other = tmp_path / "other.csv"
    other.write_text("\n".join(f"{r.rsplit(',', 2)[0]},999,test" if r.endswith("test") else r for r in text))
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    main([str(path), "--season", "12", "--horizon", "6", "--sample", "6", "--json", str(one)])
    main([str(other), "--season", "12", "--horizon", "6", "--sample", "6", "--json", str(two)])
    about = [json.loads(file.read_text())["about"] for file in (one, two)]
    assert about[0]["champions"] == about[1]["champions"] and about[0]["used"] == about[1]["used"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("series,t,y,part\na,0,1,later", "line 2"),
        ("series,t,y,part\na,0,x,train", "line 2"),
        ("series,t,y,part\na,0.5,1,train", "no whole step"),
        ("series,t,y,part\na,0,1", "line 2"),
        ("series,t,y,part\na,0,1,train", "no test part"),
        ("a,b\n1,2", "line 1"),
        ("", "line 1"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_with_the_place(tmp_path, text, reason):
    file = tmp_path / "bad.csv"
    file.write_text(text)
    with pytest.raises(Unreadable, match=reason):
        read(file, season_length=12, horizon=3)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (["a,0,inf,train", "a,1,1,test"], "infinite"),
        (["a,0,1,train", "a,0,2,train", "a,1,1,test"], "step 0 comes twice"),
        (["a,0,1,train", "a,1000000000,1,train", "a,1000000001,1,test"], "are missing"),
        (["a,5,1,train", "a,2,1,test"], "does not follow"),
        (["a,5,1,train"], "no test part"),
        (["a,5,1,test"], "no training part"),
    ],
)
def test_a_series_that_makes_no_sense_is_left_out_with_its_reason(tmp_path, rows, reason):
    file = tmp_path / "some.csv"
    file.write_text("\n".join(["series,t,y,part", *rows, *lines(1)]))
    tasks, left_out = read_all(file, season_length=12, horizon=3)
    assert [task.key for task in tasks] == ["s1"] and reason in left_out["a"]


def test_a_step_may_come_twice_with_one_value_and_be_a_date(tmp_path):
    file = tmp_path / "dates.csv"
    file.write_text(
        "series,t,y,part\na,2000-02-17,2,train\na,2000-01-01,1,train\na,2000-01-01,1,train\na,2000-04-01,4,test"
    )
    [task] = read(file, season_length=12, horizon=3)
    assert task.train.tolist() == [1, 2] and np.isnan(task.actual[0]) and task.actual[1] == 4


def test_negative_values_are_raised_for_the_methods_and_judged_as_they_are(tmp_path):
    """All but sMAPE and WQL, which divide by sizes, are what they are for the same series a thousand higher."""
    found = []
    for number, shift in enumerate((0, -1000)):
        file, out = tmp_path / f"{number}.csv", tmp_path / f"{number}.json"
        rows = [row.split(",") for i in range(3) for row in lines(i)]
        file.write_text("\n".join(["series,t,y,part", *(f"{k},{t},{float(y) + shift},{p}" for k, t, y, p in rows)]))
        main([str(file), "--season", "12", "--horizon", "6", "--json", str(out)])
        found.append(json.loads(out.read_text()))
    assert found[1]["about"]["raised_above_zero"] == 3
    for name in ("seasonal_naive", "fast_prophet", "empirical"):
        for figure in ("mase", "rmsse"):
            assert found[1][name][figure] == pytest.approx(found[0][name][figure], rel=0.02)


def test_a_million_points_are_bounded_and_the_scale_is_that_of_all_of_them(tmp_path):
    file = tmp_path / "long.csv"
    values = np.tile([1.0, 3.0, 2.0, 5.0, 4.0, 6.0, 9.0], 20_000)
    rows = [f"a,{i},{v},train" for i, v in enumerate(values)] + [f"a,{values.size + i},1,test" for i in range(7)]
    file.write_text("\n".join(["series,t,y,part", *rows]))
    [task] = read(file, season_length=7, horizon=7)
    assert task.train.size == values.size and len(task.series) == 1825
    assert list(task.series.values[-7:]) == list(values[-7:])


def test_a_refusal_ends_with_a_sentence_and_2(tmp_path, path, capsys):
    assert main([str(tmp_path / "none.csv"), "--season", "12", "--horizon", "3"]) == 2
    assert main([str(path), "--season", "12", "--horizon", str(10**9)]) == 2
    assert "horizon" in capsys.readouterr().err


def test_figures_are_those_of_the_definitions(tmp_path):
    file = tmp_path / "one.csv"
    file.write_text("series,t,y,part\n" + "\n".join(f"a,{i},{i},{'train' if i < 4 else 'test'}" for i in range(6)))
    tasks = read(file, season_length=2, horizon=2)
    levels = np.tile(4 + np.arange(11.0) / 10, (2, 1))
    found = scores(tasks, {"a": Forecast(np.array([4.0, 7.0]), levels)})
    assert found["mase"] == pytest.approx(0.5)  # errors 0 and 2 over a seasonal error of 2
    assert found["rmsse"] == pytest.approx(np.sqrt(2 / 4))
    assert found["smape"] == pytest.approx((0 + 200 * 2 / 12) / 2)
    assert found["cov80"] == 0 and found["cov95"] == 1
    assert found["by_quantile"]["0.975"] == [0.5, 1.0]


def test_past_origins_leave_two_seasons(tmp_path):
    file = tmp_path / "some.csv"
    file.write_text("\n".join(["series,t,y,part", *lines(1, train=51, test=18)]))
    series = read(file, season_length=12, horizon=18)[0].series
    assert [len(then) for then in past_of(Item(series), 18).then] == [33, 39, 45]
    assert [len(then) for then in past_of(Item(series), 30).then] == [31, 41]


@pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")  # Prophet's own
def test_objectives_are_compared_with_stock_prophets():
    found = summary(compare(synthetic(3, 14, days=90), 14))
    assert found["series"] == 3 and found["objective_worse_by_more_than_0.01"] == 0
    assert found["mase_fast"] == pytest.approx(found["mase_stock"], rel=0.05)


def test_it_runs_as_a_module():
    shown = subprocess.run(
        [sys.executable, "-m", "benchmarks.forecasting", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "--season" in shown.stdout
