"""Compute one run: every series backtested, one champion a pool, one forecast or one reason a series. No database."""

import hashlib
import importlib.metadata
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from forecasting.history import SeriesHistory, SeriesKey
from forecasting.timeseries.backtest import DEFAULT_ORIGINS, AsKnown, Backtest, backtest, methods_for
from forecasting.timeseries.champion import Pool, champions, choose, forecast_with
from forecasting.timeseries.methods import Forecast, Method
from forecasting.timeseries.methods.empirical import Empirical
from forecasting.timeseries.methods.prophet import Prophet
from forecasting.timeseries.methods.seasonal_naive import SeasonalNaive
from forecasting.timeseries.series import (
    DemandSeries,
    Frequency,
    SeriesRefused,
    choose_frequency,
    ensure_forecastable,
    season_length_of,
    series_as_known,
)

METHODS: tuple[Method, ...] = (SeasonalNaive(), Empirical(), Prophet())
HORIZON: dict[Frequency, int] = {"D": 28, "W": 13, "MS": 6}
MOST_ORIGINS = 24
LIBRARIES = ("numpy", "pandas", "prophet", "cmdstanpy")

Progress = Callable[[int, int], None]


class RunRefused(ValueError):
    """The settings of a run make no sense; the message says which."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What a run is asked for. Frequency and horizon are chosen for each series where they are None."""

    cutoff: datetime
    frequency: Frequency | None = None
    horizon: int | None = None
    origins: int = DEFAULT_ORIGINS
    seed: int = 1

    def __post_init__(self) -> None:
        if self.cutoff.tzinfo is None:
            raise RunRefused("the cutoff has no time zone")
        if self.frequency not in (None, "D", "W", "MS"):
            raise RunRefused(f"there is no frequency {self.frequency!r}; it is D, W or MS")
        if self.horizon is not None and not 1 <= self.horizon <= 366:
            raise RunRefused(f"a horizon of {self.horizon} is not between 1 and 366")
        if not 0 <= self.origins <= MOST_ORIGINS:
            raise RunRefused(f"{self.origins} origins are not between 0 and {MOST_ORIGINS}")
        if not 0 <= self.seed < 2**31:
            raise RunRefused(f"the seed {self.seed} is not between 0 and 2^31 - 1")


@dataclass(slots=True)
class SeriesResult:
    """What a run found for one series: a forecast, or a reason."""

    key: SeriesKey
    frequency: Frequency
    attested: bool
    series: DemandSeries | None = None
    pool: Pool | None = None
    tested: Backtest = field(default_factory=lambda: Backtest({}))
    method: str = ""
    forecast: Forecast | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RunResult:
    """All series of a run, sorted by key, and the champion of each pool."""

    series: list[SeriesResult]
    champions: dict[Pool, str]


def versions() -> dict[str, str]:
    """What the numbers depend on besides data and seed: with all of it the same, a run repeats bit for bit."""
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "simd": _simd(),
        **{name: importlib.metadata.version(name) for name in LIBRARIES},
    }


def _simd() -> str:
    found = np.show_config(mode="dicts").get("SIMD Extensions", {}).get("found", [])
    return ",".join(found) or "baseline"


def compute(
    histories: Sequence[SeriesHistory],
    settings: RunSettings,
    *,
    methods: Sequence[Method] = METHODS,
    progress: Progress = lambda done, total: None,
) -> RunResult:
    """Backtest all series, choose a champion a pool, then forecast. Whatever cannot be forecast gets its reason."""
    ordered = sorted(histories, key=lambda history: history.key.text)
    steps, done = 2 * len(ordered), 0
    results: list[SeriesResult] = []
    for history in ordered:
        results.append(_test(history, settings, methods))
        done += 1
        progress(done, steps)
    best = champions({found.key.text: (found.pool, found.tested) for found in results if found.pool is not None})
    for found in results:
        if found.pool is not None:
            _forecast(found, best[found.pool], settings, methods)
        done += 1
        progress(done, steps)
    return RunResult(results, best)


def _test(history: SeriesHistory, settings: RunSettings, methods: Sequence[Method]) -> SeriesResult:
    frequency = settings.frequency or choose_frequency(history.observations, settings.cutoff)
    result = SeriesResult(history.key, frequency, history.attested)
    try:
        as_known = _as_known(history, frequency, settings.cutoff)
        result.series = series = as_known(settings.cutoff)
        ensure_forecastable(series)
        pool = Pool.of(series)
        result.tested = backtest(
            as_known,
            methods_for(methods, pool.demand_class),
            cutoff=settings.cutoff,
            horizon=horizon_of(settings, frequency),
            origins=settings.origins,
            seed=seed_of(settings.seed, history.key),
        )
        result.pool = pool
    except SeriesRefused as refused:
        result.reason = str(refused)
    return result


def _as_known(history: SeriesHistory, frequency: Frequency, cutoff: datetime) -> AsKnown:
    """The season is the same at all origins, so that their errors are scaled alike."""

    def build(at: datetime, season_length: int | None = None) -> DemandSeries:
        return series_as_known(
            history.observations,
            cutoff=at,
            key=history.key.text,
            frequency=frequency,
            unit=history.key.unit,
            kind=history.key.kind,
            season_length=season_length,
        )

    season_length = season_length_of(frequency, len(build(cutoff)))
    return lambda at: build(at, season_length)


def _forecast(result: SeriesResult, champion: str, settings: RunSettings, methods: Sequence[Method]) -> None:
    assert result.series is not None and result.pool is not None
    allowed = methods_for(methods, result.pool.demand_class)
    chosen = choose(result.pool, result.tested, champion)
    try:
        result.method, result.forecast = forecast_with(
            chosen,
            allowed,
            result.series,
            horizon=horizon_of(settings, result.frequency),
            seed=seed_of(settings.seed, result.key),
        )
    except SeriesRefused as refused:
        result.reason = str(refused)


def horizon_of(settings: RunSettings, frequency: Frequency) -> int:
    """The steps ahead: as asked for, else the frequency's own."""
    return settings.horizon or HORIZON[frequency]


def seed_of(seed: int, key: SeriesKey) -> int:
    """A seed for one series: the same whichever other series are in the run."""
    return int.from_bytes(hashlib.sha256(f"{seed}\n{key.text}".encode()).digest()[:4], "big") >> 1
