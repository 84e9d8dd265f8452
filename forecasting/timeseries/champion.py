"""Series that share a champion: frequency, class of demand, and how long their history is."""

from dataclasses import dataclass

from forecasting.timeseries.classify import DemandClass, demand_class
from forecasting.timeseries.series import DemandSeries, Frequency

ENOUGH_ORIGINS = 3
"""Past origins that a series must have to choose with the others of its pool."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Series that share a champion."""

    frequency: Frequency
    demand_class: DemandClass
    length: str

    @classmethod
    def of(cls, series: DemandSeries) -> "Pool":
        """The pool of a series."""
        length = cls.length_of(len(series), series.season_length)
        return cls(series.frequency, demand_class(series.values), length)

    @staticmethod
    def length_of(periods: int, season_length: int) -> str:
        """Whether a history has fewer than three seasons, fewer than five, or more."""
        seasons = periods / max(season_length, 1)
        return "short" if seasons < 3 else "medium" if seasons < 5 else "long"
