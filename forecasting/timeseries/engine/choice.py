"""What a choice run settles and a nightly run takes as given: champions and calibrations, as values and as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import numpy as np

from forecasting.timeseries.candidates import DEFAULT, DISTRIBUTIONS
from forecasting.timeseries.champion import Pool
from forecasting.timeseries.classify import DemandClass
from forecasting.timeseries.conformal import Calibration, Widening, scales_of, size_of
from forecasting.timeseries.likeness import USUAL, Likeness
from forecasting.timeseries.methods import Forecast
from forecasting.timeseries.series import DemandSeries, Frequency

Group = tuple[Frequency, DemandClass]
"""What shares a calibration."""


@dataclass(frozen=True, slots=True)
class PoolScore:
    """A method over all series of a pool and all their past origins: mean MASE, pooled WQL; None without a scale."""

    series: int
    trials: int
    mase: float | None
    wql: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """One champion a pool and one calibration a frequency and class. `scores` are the grounds it was chosen on.

    Paths are calibrated around their points, distributions widened where they were too narrow. A pool that is absent
    gets what all of its frequency and class chose (`defaults`), or else the default of the class; a group that is
    absent the method's own quantiles. `unreached` counts series that a budget left out of the choice. `likenesses` say
    how errors go on from step to step: what plans need.
    """

    champions: Mapping[Pool, str] = field(default_factory=dict)
    calibrations: Mapping[Group, Calibration] = field(default_factory=dict)
    widenings: Mapping[Group, Widening] = field(default_factory=dict)
    scores: Mapping[Pool, Mapping[str, PoolScore]] = field(default_factory=dict)
    unreached: int = 0
    likenesses: Mapping[Group, Likeness] = field(default_factory=dict)
    defaults: Mapping[Group, str] = field(default_factory=dict)

    def likeness(self, frequency: str, demand_class: str) -> Likeness:
        """How alike errors of neighbouring steps are; the usual where nothing was learnt."""
        for (one, kind), found in self.likenesses.items():
            if (one, kind.value) == (frequency, demand_class):
                return found
        return USUAL

    def champion(self, pool: Pool) -> str:
        """The method of every series of a pool."""
        default = self.defaults.get((pool.frequency, pool.demand_class), DEFAULT[pool.demand_class])
        return self.champions.get(pool, default)

    def calibrated(self, pool: Pool, series: DemandSeries, forecast: Forecast) -> Forecast:
        """The champion's forecast with the quantiles that past origins ask for; as it is where nothing was learnt."""
        group = (pool.frequency, pool.demand_class)
        if self.champion(pool) in DISTRIBUTIONS:
            widening = self.widenings.get(group)
            return forecast if widening is None else widening.applied(forecast, size_of(series.values))
        calibration = self.calibrations.get(group)
        scales = scales_of(series.values, series.season_length, forecast)
        if calibration is None or scales is None or not np.isfinite(scales).all():
            return forecast
        return calibration.applied(forecast.point, scales)


NO_CHOICE = Choice()
"""Before the first choice: the default of each class, with its own quantiles."""


def format_choice(choice: Choice) -> dict[str, Any]:
    """A choice as JSON that `parse_choice` reads back to the same bits."""
    pools = sorted(choice.champions, key=lambda pool: (pool.frequency, pool.demand_class, pool.length))
    likenesses = [
        {"frequency": frequency, "class": kind.value, **asdict(one)}
        for (frequency, kind), one in sorted(choice.likenesses.items())
    ]
    defaults = [
        {"frequency": frequency, "class": kind.value, "champion": name}
        for (frequency, kind), name in sorted(choice.defaults.items())
    ]
    # Left out where nothing was learnt: so a choice that was signed before there were any comes out the same.
    return {
        **({"likenesses": likenesses} if likenesses else {}),
        **({"defaults": defaults} if defaults else {}),
        "pools": [
            {
                "frequency": pool.frequency,
                "class": pool.demand_class.value,
                "length": pool.length,
                "champion": choice.champions[pool],
                "scores": {name: asdict(one) for name, one in sorted(choice.scores.get(pool, {}).items())},
            }
            for pool in pools
        ],
        "calibrations": [
            {
                "frequency": frequency,
                "class": kind.value,
                "levels": list(one.levels),
                "offsets": [row.tolist() for row in one.offsets],
            }
            for (frequency, kind), one in sorted(choice.calibrations.items())
        ],
        "widenings": [
            {"frequency": frequency, "class": kind.value, "levels": list(one.levels), "offsets": one.offsets.tolist()}
            for (frequency, kind), one in sorted(choice.widenings.items())
        ],
        "unreached": choice.unreached,
    }


def parse_choice(told: Mapping[str, Any]) -> Choice:
    """Read what `format_choice` wrote. Raises KeyError, TypeError or ValueError for anything else."""
    champions: dict[Pool, str] = {}
    scores: dict[Pool, dict[str, PoolScore]] = {}
    for row in told["pools"]:
        pool = Pool(_frequency(row["frequency"]), DemandClass(row["class"]), str(row["length"]))
        champions[pool] = str(row["champion"])
        scores[pool] = {str(name): PoolScore(**one) for name, one in row["scores"].items()}
    calibrations = {
        (_frequency(row["frequency"]), DemandClass(row["class"])): Calibration(
            tuple(np.array(offsets, dtype=np.float64) for offsets in row["offsets"]), tuple(row["levels"])
        )
        for row in told["calibrations"]
    }
    widenings = {
        (_frequency(row["frequency"]), DemandClass(row["class"])): Widening(
            np.array(row["offsets"], dtype=np.float64), tuple(row["levels"])
        )
        for row in told["widenings"]
    }
    likenesses = {
        (_frequency(row["frequency"]), DemandClass(row["class"])): Likeness(float(row["share"]), float(row["fade"]))
        for row in told.get("likenesses", ())
    }
    defaults = {
        (_frequency(row["frequency"]), DemandClass(row["class"])): str(row["champion"])
        for row in told.get("defaults", ())
    }
    return Choice(champions, calibrations, widenings, scores, int(told["unreached"]), likenesses, defaults)


def _frequency(text: Any) -> Frequency:
    if text not in ("D", "W", "MS"):
        raise ValueError(f"there is no frequency {text!r}")
    return cast(Frequency, text)
