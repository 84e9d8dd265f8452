"""What a run is made from, besides the log: the country of sites, and what parties entered, as known at its cutoff."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from forecasting import observing
from forecasting.history import SeriesHistory, SeriesKey, countries_of
from forecasting.models import ForecastRun, Known
from forecasting.queries import days_for
from forecasting.runs import Told


def told_of(
    histories: Sequence[SeriesHistory], *, cutoff: datetime, countries: Mapping[str, str] | None = None
) -> list[Told]:
    """Put beside each history what was known of its site at `cutoff`; `countries` of a run that is computed again."""
    where = countries_of({one.key.site for one in histories}) if countries is None else countries
    known = known_by_tenant({one.key.tenant for one in histories if one.key.tenant}, cutoff=cutoff)
    return [
        Told(one, where.get(one.key.site, ""), days_for(one.key, known.get(one.key.tenant, ()))) for one in histories
    ]


def known_by_tenant(tenants: Iterable[UUID], *, cutoff: datetime) -> dict[UUID | None, list[Known]]:
    """What these parties had entered at `cutoff`, and not withdrawn."""
    rows = Known.objects.filter(tenant__in=set(tenants), entered_at__lte=cutoff)
    found: dict[UUID | None, list[Known]] = {}
    for row in rows.filter(Q(withdrawn_at__isnull=True) | Q(withdrawn_at__gt=cutoff)).order_by("start", "id"):
        found.setdefault(row.tenant, []).append(row)
    return found


def siblings_in(run: ForecastRun, key: SeriesKey) -> list[SeriesHistory]:
    """The same product at other sites, as the run's part of the log tells of it."""
    return [one for _, one in observing.histories(observing.siblings(key), tree_size=run.tree_size)]
