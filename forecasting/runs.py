"""Compute a run: what was known at its cutoff becomes series, a frozen choice forecasts them. No database."""

import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np

from forecasting.history import SeriesHistory, SeriesKey
from forecasting.timeseries.backtest import AsKnown
from forecasting.timeseries.calendars import Days, columns_for, missing_periods
from forecasting.timeseries.candidates import CHEAP_METHODS, METHODS
from forecasting.timeseries.champion import Pool
from forecasting.timeseries.cleaning import Flag, cleaned
from forecasting.timeseries.engine import Choice, Item, Kin, Past, choose, forecast_pool
from forecasting.timeseries.methods import Forecast
from forecasting.timeseries.series import (
    MAX_PERIODS,
    DemandSeries,
    Frequency,
    SeriesRefused,
    begins_at,
    choose_frequency,
    ensure_forecastable,
    known,
    last_end,
    season_length_of,
    series_as_known,
    step_from,
)

HORIZON: dict[Frequency, int] = {"D": 28, "W": 13, "MS": 6}
MOST_CHOOSING = 2_000
"""Series that a choice run looks at: more would not change what a pool chooses, and must be done in a night."""
MOST_OF_ONE_TENANT = 0.5
"""Of those, no party has more than this share while others have series: nobody chooses for everybody."""
FEW_ENOUGH = 1_000
"""Up to so many series any method may be a champion; beyond, the cheap set alone, or nights would be too short."""
ORIGINS = 3
FEW_SERIES, MORE_ORIGINS = 100, 9
"""Intervals of fewer series are learnt from nine origins: three are one short stretch of time."""
LATELY = timedelta(days=91)
MOST_SHARES = 20
PIECES = frozenset({"", "EA", "C62", "H87", "NAR", "NPR", "XBX", "XCS", "XPX", "XCT"})
"""Units (UN/ECE rec. 20 and 21) of which there is no half."""
LIBRARIES = ("numpy", "scipy", "numba", "prophet", "holidays")

Progress = Callable[[int, int], None]


class RunRefused(ValueError):
    """The settings of a run make no sense; the message says which."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What a run is asked for. Frequency and horizon are chosen for each series where they are None.

    With a tenant only that party's series are forecast. A chained run is one of the nightly ones: it computes what has
    changed and shares the rest with those before. `choosing` is how many series a choice run may look at.
    With `step_days` a signed night asks for the next one so many days later, until today: a past is caught up with.
    """

    cutoff: datetime
    frequency: Frequency | None = None
    horizon: int | None = None
    seed: int = 1
    tenant: UUID | None = None
    label: str = ""
    chained: bool = False
    choosing: int = MOST_CHOOSING
    step_days: int = 0

    def __post_init__(self) -> None:
        if self.cutoff.tzinfo is None:
            raise RunRefused("the cutoff has no time zone")
        if self.frequency not in (None, "D", "W", "MS"):
            raise RunRefused(f"there is no frequency {self.frequency!r}; it is D, W or MS")
        if self.horizon is not None and not 1 <= self.horizon <= 366:
            raise RunRefused(f"a horizon of {self.horizon} is not between 1 and 366")
        if not 0 <= self.seed < 2**31:
            raise RunRefused(f"the seed {self.seed} is not between 0 and 2^31 - 1")
        if not 1 <= self.choosing <= 100_000:
            raise RunRefused(f"a choice among {self.choosing} series is not between 1 and 100,000")
        if len(self.label) > 80 or not self.label.isprintable():
            raise RunRefused("a label has at most 80 printable characters")
        if not 0 <= self.step_days <= 366:
            raise RunRefused(f"a step of {self.step_days} days is not between 0 and 366")
        if self.chained and (self.tenant or self.frequency or self.horizon or self.label):
            raise RunRefused("a nightly run is everybody's: it has no party, frequency, horizon or label of its own")


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What a forecast of one series is made from: what the log tells, and what is known beside it."""

    history: SeriesHistory
    country: str = ""
    days: tuple[Days, ...] = ()


@dataclass(slots=True)
class SeriesResult:
    """What a run found for one series: a forecast, or a reason."""

    key: SeriesKey
    frequency: Frequency
    attested: bool
    country: str = ""
    days: tuple[Days, ...] = ()
    series: DemandSeries | None = None
    item: Item | None = None
    flags: tuple[Flag, ...] = ()
    shares: Mapping[str, float] = field(default_factory=dict)
    pool: Pool | None = None
    method: str = ""
    forecast: Forecast | None = None
    reason: str = ""

    def beside(self) -> str:
        """What stood beside the history, as text to be digested."""
        days = [[one.kind, one.name, one.start.isoformat(), one.end.isoformat()] for one in self.days]
        if self.item is None or self.item.parent is None:
            return json.dumps([days, None], separators=(",", ":"))
        kin = self.item.kin
        learnt = [] if kin is None else [kin.between, kin.within]
        return json.dumps([days, self.item.parent.digest().hex(), *learnt], separators=(",", ":"))


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


# --- forecasting -----------------------------------------------------------------------------------------------------

Siblings = Callable[[SeriesKey], Iterable[SeriesHistory]]


def nobody(key: SeriesKey) -> Iterable[SeriesHistory]:
    """No series of the same product elsewhere."""
    return ()


def compute(
    told: Sequence[Told], settings: RunSettings, choice: Choice, *, siblings: Siblings = nobody
) -> list[SeriesResult]:
    """Forecast some series with a frozen choice, in their order. Whatever cannot be forecast gets its reason.

    A series has the same bits whichever others it is computed with.
    """
    results = [prepared(one, settings, siblings) for one in told]
    by_frequency: dict[Frequency, list[SeriesResult]] = {}
    for one in results:
        if one.item is not None:
            by_frequency.setdefault(one.frequency, []).append(one)
    for frequency, some in by_frequency.items():
        items = [one.item for one in some if one.item is not None]
        try:
            outcomes = forecast_pool(items, choice, horizon=horizon_of(settings, frequency), seed=settings.seed)
        except SeriesRefused as refused:  # a horizon beyond the frequency's limit, which is the same for all
            for one in some:
                one.reason = str(refused)
            continue
        for one, outcome in zip(some, outcomes, strict=True):
            one.pool, one.method, one.forecast = outcome.pool, outcome.method, outcome.forecast
            one.reason = outcome.reason
    return results


def prepared(told: Told, settings: RunSettings, siblings: Siblings = nobody) -> SeriesResult:
    """What was known of a series at the cutoff, ready for a method; or the reason why it is not."""
    history, cutoff = told.history, settings.cutoff
    frequency = settings.frequency or choose_frequency(history.observations, cutoff)
    result = SeriesResult(history.key, frequency, history.attested, told.country, told.days)
    try:
        result.series = series = as_known(told, frequency, cutoff)(cutoff)
        result.item, result.flags = _item(series, told, settings)
        result.shares = _shares(history, cutoff)
        if _is_young(series):
            parent, kin = _parent(series, siblings(history.key), cutoff)
            result.item = replace(result.item, parent=parent, kin=kin)
    except SeriesRefused as refused:
        result.reason = str(refused)
    return result


def as_known(told: Told, frequency: Frequency, cutoff: datetime) -> AsKnown:
    """The series as it was known at any instant; the season is that of `cutoff`, so that errors are scaled alike."""
    history = told.history

    def build(at: datetime, season_length: int | None = None) -> DemandSeries:
        end = last_end(at, frequency)
        first = step_from(end, frequency, -MAX_PERIODS[frequency])
        return series_as_known(
            history.observations,
            cutoff=at,
            key=history.key.text,
            frequency=frequency,
            unit=history.key.unit,
            kind=history.key.kind,
            season_length=season_length,
            missing=missing_periods(told.days, frequency, first, end),
        )

    season_length = season_length_of(frequency, len(build(cutoff)))
    return lambda at: build(at, season_length)


def _item(series: DemandSeries, told: Told, settings: RunSettings) -> tuple[Item, tuple[Flag, ...]]:
    values, flags = cleaned(series.values, series.season_length)
    used = series if values is series.values else replace(series, values=values)
    horizon = horizon_of(settings, series.frequency)
    columns = columns_for(series, horizon, country=told.country, days=told.days)
    return Item(used, ahead=columns, whole_units=is_whole(series)), flags


def is_whole(series: DemandSeries) -> bool:
    """Whether demand comes in whole units: nobody orders half a piece."""
    seen = series.values[~np.isnan(series.values)]
    return series.unit in PIECES and bool((seen == np.floor(seen)).all())


def _is_young(series: DemandSeries) -> bool:
    try:
        ensure_forecastable(series)
    except SeriesRefused:
        return True
    return False


def _parent(
    series: DemandSeries, siblings: Iterable[SeriesHistory], cutoff: datetime
) -> tuple[DemandSeries | None, Kin | None]:
    """The mean of the same product elsewhere, from its first common period on, and what those are like; else None."""
    found = []
    for one in siblings:
        try:
            sibling = as_known(Told(one), series.frequency, cutoff)(cutoff)
            ensure_forecastable(sibling)
        except SeriesRefused:
            continue
        found.append(sibling)
    if not found:
        return None, None
    length = min(len(one) for one in found)
    values = np.nanmean(
        [np.nan_to_num(one.values[-length:], nan=float(np.nanmean(one.values))) for one in found], axis=0
    )
    start = step_from(found[0].end, series.frequency, -length)
    season = season_length_of(series.frequency, length)
    parent = DemandSeries("parent", series.frequency, season, start, values, series.unit, series.kind)
    return parent, Kin.of([one.values[-length:] for one in found])


def _shares(history: SeriesHistory, cutoff: datetime) -> dict[str, float]:
    """What share of the last 91 days' demand came from which place: the lanes of this site."""
    sums: dict[str, float] = {}
    for one in known(history.observations, cutoff):
        if one.at >= cutoff - LATELY and np.isfinite(one.quantity) and one.quantity > 0:
            sums[one.origin] = sums.get(one.origin, 0.0) + one.quantity
    if set(sums) <= {""}:
        return {}
    total = sum(sums.values())
    largest = sorted(sums, key=lambda origin: (-sums[origin], origin))[:MOST_SHARES]
    shares = {origin: sums[origin] / total for origin in largest if origin}
    rest = 1.0 - sum(shares.values())
    return {**shares, "": rest} if rest > 1e-9 else shares


def horizon_of(settings: RunSettings, frequency: Frequency) -> int:
    """The steps ahead: as asked for, else the frequency's own."""
    return settings.horizon or HORIZON[frequency]


# --- choosing --------------------------------------------------------------------------------------------------------


def sample(keys: Mapping[int, SeriesKey], settings: RunSettings) -> list[int]:
    """Which series a choice run looks at: drawn by digest, so that nobody picks them, and capped for each party."""
    drawn = sorted(keys, key=lambda pk: hashlib.sha256(f"{settings.seed}\n{keys[pk].text}".encode()).digest())
    tenants = {key.tenant for key in keys.values()}
    most = settings.choosing if len(tenants) < 2 else max(1, int(settings.choosing * MOST_OF_ONE_TENANT))
    taken: dict[UUID | None, int] = {}
    found: list[int] = []
    for pk in drawn:
        tenant = keys[pk].tenant
        if len(found) < settings.choosing and taken.get(tenant, 0) < most:
            taken[tenant] = taken.get(tenant, 0) + 1
            found.append(pk)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """What a choice run found, and the series (in order) whose past it looked at."""

    choice: Choice
    looked_at: tuple[SeriesResult, ...]
    past: tuple[Past | None, ...]
    blocks: int


def make_choice(
    told: Sequence[Told],
    settings: RunSettings,
    *,
    enough: Callable[[], bool] = lambda: False,
    left_out: int = 0,
) -> Chosen:
    """Choose a champion a pool and learn its intervals, from what was known at past origins. Late events never leak.

    `enough` ends it between two blocks of series; `blocks` says after how many, so that it can be made again.
    `left_out` series are forecast with the choice and not looked at: of very many, nights must be cheap.
    """
    asked = 0

    def counted() -> bool:
        nonlocal asked
        asked += 1
        return enough()

    origins = ORIGINS if len(told) + left_out >= FEW_SERIES else MORE_ORIGINS
    results, past = [], []
    for one in told:
        result = prepared(one, settings)
        results.append(result)
        past.append(_past(one, result, settings, origins))
    horizon = {frequency: horizon_of(settings, frequency) for frequency in HORIZON}
    methods = METHODS if len(told) + left_out <= FEW_ENOUGH else CHEAP_METHODS
    known_past = [one for one in past if one is not None]
    choice = choose(known_past, horizon=horizon, methods=methods, enough=counted, seed=settings.seed)
    return Chosen(choice, tuple(results), tuple(past), asked)


def _past(told: Told, result: SeriesResult, settings: RunSettings, origins: int) -> Past | None:
    """A series as it was known at its past origins, which lie as far into a period as the cutoff does."""
    if result.series is None or result.item is None or result.reason:
        return None
    series, frequency = result.series, result.frequency
    into = settings.cutoff - begins_at(last_end(settings.cutoff, frequency))
    horizon, build = horizon_of(settings, frequency), as_known(told, frequency, settings.cutoff)
    ends = [len(series) - max(1, -(-horizon * thirds // ORIGINS)) for thirds in range(origins, 0, -1)]
    then = []
    for end in dict.fromkeys(ends):
        if end < max(12, 2 * series.season_length):
            continue
        try:
            one = build(begins_at(step_from(series.start, frequency, end)) + into)
            ensure_forecastable(one)
        except SeriesRefused:
            continue
        then.append(replace(one, values=cleaned(one.values, one.season_length)[0]))
    return Past(result.item, tuple(then))
