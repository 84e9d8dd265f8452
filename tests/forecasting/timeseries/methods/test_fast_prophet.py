"""Prophet solved in process: stock Prophet is the oracle, simulation the judge of the quantiles."""

import csv
import gzip
import logging
import subprocess
import sys
from datetime import date

import numpy as np
import pandas as pd
import pytest

from forecasting.timeseries.methods import LEVELS
from forecasting.timeseries.methods.fast_prophet import (
    FastProphet,
    FastProphetCorrected,
    Regressor,
    RegressorRefused,
    Settings,
    calendar_of,
    corrected_batch,
    design_of,
    fit_batch,
)
from forecasting.timeseries.methods.fast_prophet.backend import InProcess, ModelRefused
from forecasting.timeseries.series import DemandSeries, TooShort
from tests.conftest import shared

pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")  # Prophet's own
BOTH = pytest.mark.parametrize("method", [FastProphet(), FastProphetCorrected()], ids=lambda method: method.name)


def monthly(values, start=date(2015, 1, 1)):
    return DemandSeries("k", "MS", 12, start, np.array(values, dtype=float), "EA", "receipts")


def daily(values):
    return DemandSeries("k", "D", 7, date(2024, 1, 1), np.array(values, dtype=float), "EA", "receipts")


def wavy(count, season=12, seed=1, noise=8.0):
    """Demand with a season, a kinked trend and noise."""
    dice, t = np.random.default_rng(seed), np.arange(count)
    level = 100 + 0.4 * t + 0.9 * np.maximum(t - count // 2, 0) + 20 * np.sin(2 * np.pi * t / season)
    return np.maximum(level + dice.normal(0, noise, count), 0)


def stock(series, **settings):
    """Stock Prophet, fitted; the oracle."""
    import prophet

    logging.getLogger("cmdstanpy").setLevel(logging.ERROR)
    known = pd.DataFrame({"ds": pd.to_datetime(series.periods), "y": series.values}).dropna()
    return prophet.Prophet(uncertainty_samples=0, **settings).fit(known)


def objective(model):
    """Minus the log posterior of Stan's program at the model's parameters, constants dropped."""
    params, history = model.params, model.history
    features, scales, _, _ = model.make_all_seasonality_features(history)
    k, m, sigma = (params[name].item() for name in ("k", "m", "sigma_obs"))
    delta, beta, time = params["delta"].ravel(), params["beta"].ravel(), history["t"].to_numpy()
    trend = m + (model.growth == "linear") * (k * time + np.maximum(time[:, None] - model.changepoints_t, 0) @ delta)
    rest = history["y_scaled"].to_numpy() - trend - features.to_numpy() @ beta
    prior = np.abs(delta).sum() / model.changepoint_prior_scale + 2 * sigma**2
    prior += 0.5 * (k**2 / 25 + m**2 / 25 + ((beta / np.array(scales)) ** 2).sum())
    return rest.size * np.log(sigma) + rest @ rest / (2 * sigma**2) + prior


@pytest.mark.parametrize(
    ("series", "settings"),
    [
        (monthly(wavy(51)), {}),
        (monthly(wavy(126, seed=2)), {}),
        (monthly(wavy(20, seed=3)), {}),
        (daily(wavy(200, season=7, seed=4)), {}),
        (monthly(np.where(np.arange(90) % 17 == 5, np.nan, wavy(90, seed=5))), {}),
        (monthly(wavy(60, seed=6)), {"growth": "flat"}),
    ],
    ids=["short", "long", "without a season", "daily", "with gaps", "flat"],
)
def test_the_optimum_is_no_worse_than_stans(series, settings):
    days, future, values = calendar_of(series, 12)
    design = design_of(days, future, Settings(**settings))
    found = fit_batch(design, values)
    theirs = stock(series, **settings)
    assert found.objective[0] <= objective(theirs) + 0.01
    # and it is what Stan's program would say of our parameters
    coefficients = found.coefficients()[0]
    level = 1 if settings else 2
    theirs.params = {
        "m": coefficients[:1],
        "k": coefficients[1:2] if level == 2 else np.zeros(1),
        "delta": found.delta if level == 2 else np.zeros(theirs.changepoints_t.size),
        "sigma_obs": found.sigma,
        "beta": coefficients[level:] if level < coefficients.size else np.zeros(1),
    }
    assert objective(theirs) == pytest.approx(found.objective[0], abs=1e-5)
    expected = theirs.history["y_scaled"].abs().max()
    assert expected == pytest.approx(1.0)


def test_forecast_and_components_are_those_of_stock_prophet():
    series = monthly(wavy(100, seed=7))
    found = FastProphet().forecast(series, 12)
    theirs = stock(series).predict(pd.DataFrame({"ds": pd.to_datetime(series.future(12))}))
    assert found.point == pytest.approx(theirs["yhat"].to_numpy(), rel=0.03)
    assert found.components["trend"] == pytest.approx(theirs["trend"].to_numpy(), rel=0.03)
    assert set(found.components) == {"trend", "yearly"}
    assert sum(found.components.values()) == pytest.approx(found.point)


def test_prophet_takes_the_solver_in_stans_place():
    import prophet

    series = monthly(wavy(80, seed=8))
    known = pd.DataFrame({"ds": pd.to_datetime(series.periods), "y": series.values})
    model = prophet.Prophet(uncertainty_samples=0)
    model.stan_backend = InProcess()
    model.fit(known)
    assert objective(model) <= objective(stock(series)) + 0.01
    future = pd.DataFrame({"ds": pd.to_datetime(series.future(6))})
    assert model.predict(future)["yhat"].to_numpy() == pytest.approx(FastProphet().forecast(series, 6).point)


def objective_multiplied(model):
    """The same with terms that multiply the trend."""
    params, history = model.params, model.history
    features, scales, which, _ = model.make_all_seasonality_features(history)
    k, m, sigma = (params[name].item() for name in ("k", "m", "sigma_obs"))
    delta, beta, time = params["delta"].ravel(), params["beta"].ravel(), history["t"].to_numpy()
    trend = m + k * time + np.maximum(time[:, None] - model.changepoints_t, 0) @ delta
    multiplied = features.to_numpy() @ (beta * which["multiplicative_terms"].to_numpy())
    added = features.to_numpy() @ (beta * which["additive_terms"].to_numpy())
    rest = history["y_scaled"].to_numpy() - trend * (1 + multiplied) - added
    prior = np.abs(delta).sum() / model.changepoint_prior_scale + 2 * sigma**2
    prior += 0.5 * (k**2 / 25 + m**2 / 25 + ((beta / np.array(scales)) ** 2).sum())
    return rest.size * np.log(sigma) + rest @ rest / (2 * sigma**2) + prior


@pytest.mark.parametrize("series", [monthly(wavy(51)), daily(wavy(200, season=7, seed=4))], ids=["months", "days"])
def test_seasons_that_multiply_have_an_optimum_no_worse_than_stans(series):
    import prophet

    ours = prophet.Prophet(uncertainty_samples=0, seasonality_mode="multiplicative")
    ours.stan_backend = InProcess()
    ours.fit(pd.DataFrame({"ds": pd.to_datetime(series.periods), "y": series.values}))
    theirs = stock(series, seasonality_mode="multiplicative")
    assert objective_multiplied(ours) <= objective_multiplied(theirs) + 0.01
    found = FastProphet(Settings(seasonality_mode="multiplicative")).forecast(series, 12)
    future = pd.DataFrame({"ds": pd.to_datetime(series.future(12))})
    assert found.point == pytest.approx(ours.predict(future)["yhat"].to_numpy())
    assert found.point == pytest.approx(theirs.predict(future)["yhat"].to_numpy(), rel=0.02)
    assert sum(found.components.values()) == pytest.approx(found.point)


def test_a_regressor_may_add_while_the_seasons_multiply():
    import prophet

    flags = (np.arange(60) % 7 == 3).astype(float)
    frame = pd.DataFrame(
        {"ds": pd.to_datetime(monthly(np.zeros(60)).periods), "y": wavy(60) + 40 * flags, "sale": flags}
    )
    models = []
    for backend in (InProcess(), None):
        model = prophet.Prophet(uncertainty_samples=0, seasonality_mode="multiplicative")
        model.add_regressor("sale", mode="additive", standardize=False)
        if backend is not None:
            model.stan_backend = backend
        models.append(model.fit(frame))
    assert objective_multiplied(models[0]) <= objective_multiplied(models[1]) + 0.01
    assert models[0].predict(frame)["sale"].max() == pytest.approx(40, abs=6)


def test_quantiles_of_multiplying_seasons_are_those_of_prophets_simulation():
    series = monthly(wavy(96, seed=11))
    model = stock(series, seasonality_mode="multiplicative")
    model.uncertainty_samples = 4000
    np.random.seed(1)
    drawn = model.predictive_samples(pd.DataFrame({"ds": pd.to_datetime(series.future(12))}))["yhat"]
    found = FastProphet(Settings(seasonality_mode="multiplicative")).forecast(series, 12)
    width = found.quantile(0.9) - found.quantile(0.1)
    expected = np.diff(np.quantile(drawn, [0.1, 0.9], axis=1), axis=0)[0]
    assert width == pytest.approx(expected, rel=0.12)


@pytest.mark.parametrize("settings", [{"growth": "logistic"}, {"mcmc_samples": 10}], ids=["logistic", "mcmc"])
def test_logistic_growth_and_sampling_are_stans(settings):
    """Refused by name without Stan; with it as the fallback they are its own answers."""
    import prophet

    frame = pd.DataFrame({"ds": pd.to_datetime(monthly(np.zeros(40)).periods), "y": wavy(40), "cap": 400.0})
    alone = prophet.Prophet(uncertainty_samples=0, **settings)
    alone.stan_backend = InProcess()
    with pytest.raises(ModelRefused, match="Stan"):
        alone.fit(frame)
    both = prophet.Prophet(uncertainty_samples=0, **settings)
    both.stan_backend = InProcess(fallback=both.stan_backend)
    logging.getLogger("cmdstanpy").setLevel(logging.CRITICAL)
    more = {"chains": 1, "seed": 1, "show_progress": False} if "mcmc_samples" in settings else {"seed": 1}
    both.fit(frame, **more)
    assert np.isfinite(both.predict(frame)["yhat"]).all()


def test_a_holiday_and_a_promotion_are_columns():
    series = daily(wavy(120, season=7, seed=9))
    promoted = (np.arange(134) % 10 == 3).astype(float)
    values = series.values + 50 * promoted[:120]
    days, future, values = calendar_of(daily(values), 14)
    column = Regressor("promotion", promoted[:120], promoted[120:])
    found = fit_batch(design_of(days, future, regressors=[column]), values)
    effect = found.components(0)["promotion"]
    assert effect[promoted[120:] == 1] == pytest.approx(50, abs=8)
    assert not effect[promoted[120:] == 0].any()
    with pytest.raises(RegressorRefused):
        design_of(days, future, regressors=[Regressor("short", promoted[:3], promoted[120:])])


def test_a_batch_gives_the_bits_of_each_series_alone():
    many = np.array([wavy(70, seed=seed) for seed in range(9)] + [np.full(70, 4.0), np.zeros(70)])
    days, future, _ = calendar_of(monthly(many[0]), 8)
    design = design_of(days, future)
    together = fit_batch(design, many)
    alone = [fit_batch(design, row) for row in many]
    assert together.quantiles().tobytes() == np.concatenate([one.quantiles() for one in alone]).tobytes()
    assert together.objective.tobytes() == np.concatenate([one.objective for one in alone]).tobytes()
    designs = [design, design_of(days, future, Settings(changepoint_prior_scale=0.005))]
    corrected = corrected_batch(designs, many)[1]
    assert corrected.tobytes() == np.concatenate([corrected_batch(designs, row)[1] for row in many]).tobytes()


@pytest.mark.parametrize(
    ("series", "horizon", "tolerance"),
    [(monthly(wavy(60)), 18, 0.05), (daily(wavy(400, 7)), 28, 0.05), (daily(wavy(400, 7, noise=0.5)), 28, 0.15)],
    ids=["monthly", "daily", "rare changes and hardly any noise"],
)
def test_quantiles_are_those_of_prophets_simulation(series, horizon, tolerance):
    days, future, values = calendar_of(series, horizon)
    design = design_of(days, future)
    found = fit_batch(design, values)
    # Prophet's own recipe (`_sample_uncertainty`), 40,000 futures
    dice, shape = np.random.default_rng(1), (40_000, horizon)
    step, size = design.step, np.abs(found.delta[0]).mean() + 1e-8
    changes = dice.laplace(0, size, shape) * (dice.random(shape) < 25 * step)
    before = np.hstack([np.zeros((shape[0], 1)), changes])[:, :-1]
    trend = ((before + changes) / 2).cumsum(axis=1).cumsum(axis=1) * step
    noise = dice.normal(0, found.sigma[0], shape)
    simulated = found.point() + found.scale[0] * (trend + noise)
    expected = np.quantile(simulated, LEVELS, axis=0).T
    width = (expected[:, -1] - expected[:, 0])[:, None]
    assert (np.abs(found.quantiles()[0] - expected) <= tolerance * width / 2).all()


@BOTH
def test_quantiles_rise(method):
    found = method.forecast(monthly(wavy(60, noise=40)), 36)
    assert (np.diff(found.quantiles, axis=1) >= 0).all() and (found.quantiles >= 0).all()


@BOTH
@pytest.mark.parametrize("level", [0.0, 5.0, 1e300])
def test_a_series_that_never_changes_stays_what_it_is(method, level):
    found = method.forecast(monthly(np.full(40, level)), 12)
    assert found.point == pytest.approx(np.full(12, level), rel=1e-6)
    assert found.interval(95)[1] == pytest.approx(np.full(12, level), rel=1e-6, abs=1e-6)


@BOTH
def test_huge_values_scale(method):
    small, huge = (method.forecast(monthly(wavy(60) * factor), 6).point for factor in (1.0, 2.0**100))
    assert huge == pytest.approx(small * 2.0**100)


@BOTH
@pytest.mark.parametrize("values", [[], [1.0], [np.nan] * 30, [1.0] * 11 + [np.nan] * 40], ids=len)
def test_too_little_is_refused(method, values):
    with pytest.raises(TooShort):
        method.forecast(monthly(values), 6)


@BOTH
def test_a_million_points_are_cut_to_the_latest(method):
    found = method.forecast(
        DemandSeries("k", "D", 7, date(1, 1, 1), np.resize(np.arange(7.0), 10**6), "EA", "receipts"), 7
    )
    assert found.point == pytest.approx(np.resize(np.arange(7.0), 10**6 + 7)[-7:], abs=0.1)


def test_a_straight_line_is_followed():
    """An exact fit has no finite optimum: sigma stops at its floor."""
    found = FastProphet().forecast(monthly(np.arange(1.0, 61)), 6)
    assert found.point == pytest.approx(np.arange(61, 67), rel=0.01)


def test_compiled_code_is_not_imported_with_the_method():
    code = "import sys, forecasting.timeseries.methods.fast_prophet as p; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("name", "deepest"), [("N1468", -68.143), ("N2806", -120.605), ("N2808", -160.207)])
def test_the_deepest_of_several_valleys_is_found(name, deepest):
    """Short series have several stationary values of sigma; the figures are those of a fine grid over sigma."""
    with gzip.open(shared("demand/m3_monthly.csv.gz"), "rt") as lines:
        rows = [row for row in csv.DictReader(lines) if row["series"] == name and row["part"] == "train"]
    series = monthly([float(row["y"]) for row in rows], start=date(2000, 1, 1))
    days, future, values = calendar_of(series, 18)
    found = fit_batch(design_of(days, future), values).objective[0]
    assert found <= deepest + 0.01
    assert found <= objective(stock(series)) + 0.01
