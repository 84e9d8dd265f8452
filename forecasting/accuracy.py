"""The accuracy watch: what came of forecasts, per series, class and site; attested history apart; and its alarms.

Bias is the mean of forecast minus actual. The tracking signal is the sum of these errors over their mean size: beyond
four, the errors lean one way. FVA is what the forecast saves of the error of the last season repeated. Coverage is the
share of actuals inside the interval.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Avg, Case, Count, F, FloatField, Func, Q, QuerySet, Sum, Value, When
from django.db.models.functions import TruncWeek

from forecasting.models import ForecastRun, Outcome, Tested

WINDOW = timedelta(days=91)
ENOUGH = 8
ENOUGH_FOR_COVERAGE = 20
LEANS = 4.0
LEAST_COVERAGE = 0.65
MOST_COVERAGE = 0.95


@dataclass(frozen=True, slots=True)
class Line:
    """How forecasts did in one group; None where nothing is to be told.

    An interval that begins at nothing holds every period without demand, however wide it is: whether intervals are too
    wide is told by the other periods, the `judged` ones.
    """

    name: tuple[Any, ...]
    periods: int
    error: float
    bias: float
    tracking_signal: float | None
    value_added: float | None
    coverage_80: float
    coverage_95: float
    volume: float
    judged: int
    coverage_80_judged: float

    @property
    def relative_error(self) -> float | None:
        """The error as a share of what came."""
        return self.error * self.periods / self.volume if self.volume > 0 else None

    @property
    def alarms(self) -> tuple[str, ...]:
        """What somebody should look at, in words."""
        return tuple(_alarms(self))


def _alarms(line: Line) -> Iterator[str]:
    if line.periods < ENOUGH:
        return
    if line.tracking_signal is not None and abs(line.tracking_signal) > LEANS:
        lean = "much" if line.tracking_signal > 0 else "little"
        yield f"Forecasts are steadily too {lean}: the tracking signal is {line.tracking_signal:+.1f}."
    if line.value_added is not None and line.value_added < 0:
        yield f"The last season repeated would have been better, by {-100 * line.value_added:.0f} %."
    if line.periods >= ENOUGH_FOR_COVERAGE and line.coverage_80 < LEAST_COVERAGE:
        yield f"The 80 % interval held {100 * line.coverage_80:.0f} % of what came: it is too narrow."
    if line.judged >= ENOUGH_FOR_COVERAGE and line.coverage_80_judged > MOST_COVERAGE:
        yield f"The 80 % interval held {100 * line.coverage_80_judged:.0f} % of what came: it is too wide."


def outcomes(*, party: UUID | None, today: date, attested: bool | None = None) -> QuerySet[Outcome]:
    """What came of forecasts in the last 91 days at the sites of a party; live and attested, or one of them."""
    if party is None:
        return Outcome.objects.none()
    found = Outcome.objects.filter(tenant=party, period__gte=today - WINDOW)
    return found if attested is None else found.filter(attested=attested)


def lines(found: QuerySet[Outcome], *groups: str) -> list[Line]:
    """One line a group, the largest volume first; without groups one for all."""
    told = found.order_by().values(*groups) if groups else found.order_by().values(all=Value(1))
    rows = told.annotate(**_FIGURES)
    made = [_line(tuple(row[group] for group in groups), row) for row in rows if row["periods"]]
    return sorted(made, key=lambda line: (-line.volume, str(line.name)))


def by_series(found: QuerySet[Outcome]) -> list[Line]:
    """One line a series, named by product, site, unit and its id."""
    return lines(found, "observed__product", "observed__site", "observed__unit", "observed")


def by_week(found: QuerySet[Outcome]) -> list[tuple[date, float]]:
    """Each week's error over that of the last season repeated."""
    rows = found.order_by().annotate(week=TruncWeek("period")).values("week").annotate(**_FIGURES).order_by("week")
    return [(row["week"], row["error"] / row["naive"]) for row in rows if row["naive"]]


_ERROR = F("point") - F("actual")


def _absolute(what: Any) -> Func:
    return Func(what, function="ABS", output_field=FloatField())


def _within(lower: str, upper: str) -> Case:
    inside = Q(actual__gte=F(lower), actual__lte=F(upper))
    return Case(When(inside, then=Value(1.0)), default=Value(0.0), output_field=FloatField())


_JUDGED = Q(lower_80__gt=0) | Q(actual__gt=0)
_FIGURES: dict[str, Any] = {
    "periods": Count("pk"),
    "error": Avg(_absolute(_ERROR)),
    "bias": Avg(_ERROR, output_field=FloatField()),
    "naive": Avg(_absolute(F("naive") - F("actual"))),
    "in_80": Avg(_within("lower_80", "upper_80")),
    "judged": Count("pk", filter=_JUDGED),
    "in_80_judged": Avg(_within("lower_80", "upper_80"), filter=_JUDGED),
    "in_95": Avg(_within("lower_95", "upper_95")),
    "volume": Sum("actual"),
}


def _line(name: tuple[Any, ...], row: dict[str, Any]) -> Line:
    error = float(row["error"])
    return Line(
        name=name,
        periods=row["periods"],
        error=error,
        bias=float(row["bias"]),
        tracking_signal=row["bias"] * row["periods"] / error if error > 0 else None,
        value_added=1 - error / row["naive"] if row["naive"] else None,
        coverage_80=float(row["in_80"]),
        coverage_95=float(row["in_95"]),
        volume=float(row["volume"]),
        judged=row["judged"],
        coverage_80_judged=float(row["in_80_judged"] or 0.0),
    )


def of_partners(*, today: date) -> list[Line]:
    """One line a party, for whoever runs the server: is anybody served worse?"""
    return lines(Outcome.objects.filter(period__gte=today - WINDOW), "tenant")


def of_everybody(*, today: date) -> Line | None:
    """All parties together, to compare oneself with; names nobody."""
    return next(iter(lines(Outcome.objects.filter(period__gte=today - WINDOW))), None)


# --- past origins ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PastLine:
    """How the champion of a pool did at past origins of a party's series, beside the last season repeated."""

    method: str
    series: int
    mase: float | None
    naive_mase: float | None
    bias: float | None
    coverage_80: float | None
    coverage_95: float | None

    @property
    def value_added(self) -> float | None:
        """What it saves of the error of the last season repeated."""
        return 1 - self.mase / self.naive_mase if self.mase is not None and self.naive_mase else None


def at_past_origins(choice: ForecastRun | None, *, party: UUID) -> list[PastLine]:
    """One line a champion, from the choice run that forecasts use."""
    if choice is None:
        return []
    rows = Tested.objects.filter(run=choice, tenant=party).values_list("method", "scores")
    by_method: dict[str, list[dict[str, Any]]] = {}
    for method, scores in rows:
        by_method.setdefault(method, []).append(scores)
    return [_past(method, by_method[method]) for method in sorted(by_method, key=lambda name: -len(by_method[name]))]


def _past(method: str, scores: Sequence[dict[str, Any]]) -> PastLine:
    mine = [one[method] for one in scores if method in one]
    naive = [one["seasonal_naive"] for one in scores if "seasonal_naive" in one]
    return PastLine(
        method=method,
        series=len(scores),
        mase=_mean(one["mase"] for one in mine),
        naive_mase=_mean(one["mase"] for one in naive),
        bias=_mean(one["bias"] for one in mine),
        coverage_80=_mean(one["coverage_80"] for one in mine),
        coverage_95=_mean(one["coverage_95"] for one in mine),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
