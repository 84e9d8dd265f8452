"""The class of a demand pattern (Syntetos, Boylan and Croston, 2005): how often, and how evenly, demand comes."""

from enum import StrEnum

import numpy as np

from forecasting.timeseries.series import NothingToForecast, Vector

ADI_LIMIT = 1.32
CV2_LIMIT = 0.49


class DemandClass(StrEnum):
    """Smooth and erratic demand comes most periods; intermittent and lumpy demand leaves many empty."""

    SMOOTH = "smooth"
    ERRATIC = "erratic"
    INTERMITTENT = "intermittent"
    LUMPY = "lumpy"

    @property
    def is_sparse(self) -> bool:
        return self in (DemandClass.INTERMITTENT, DemandClass.LUMPY)


def average_interval(values: Vector) -> float:
    """ADI: periods for each period with demand. Raises NothingToForecast when none has any."""
    seen = values[~np.isnan(values)]
    active = int((seen > 0).sum())
    if active == 0:
        raise NothingToForecast("No period of this history has any demand.")
    return seen.size / active


def squared_variation(values: Vector) -> float:
    """CV^2 of the demand of those periods that have some."""
    sizes = values[~np.isnan(values) & (values > 0)]
    if sizes.size == 0:
        raise NothingToForecast("No period of this history has any demand.")
    scaled = sizes / sizes.max()  # so that squares of huge quantities stay finite
    return float(np.var(scaled) / np.mean(scaled) ** 2)


def demand_class(values: Vector) -> DemandClass:
    """Tell the class by ADI 1.32 and CV^2 0.49. Raises NothingToForecast without demand."""
    sparse = average_interval(values) >= ADI_LIMIT
    uneven = squared_variation(values) >= CV2_LIMIT
    if sparse:
        return DemandClass.LUMPY if uneven else DemandClass.INTERMITTENT
    return DemandClass.ERRATIC if uneven else DemandClass.SMOOTH
