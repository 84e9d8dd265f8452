"""What people enter beside the log: what they know of the days ahead, and what they expect instead of the model."""

from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction

from forecasting.models import Known, Override, SeriesForecast
from forecasting.timeseries.series import LARGEST_QUANTITY
from ledger import tenancy

LONGEST = timedelta(days=400)
FURTHEST = timedelta(days=3 * 366)
MOST_KNOWN = 2_000
"""Rows that one party may have standing: each is a column of many regressions."""


class KnownRefused(ValueError):
    """A promotion, holiday or stockout that makes no sense; says why."""


class OverrideRefused(ValueError):
    """An override that makes no sense; says why."""


def enter_known(
    *,
    party: UUID,
    kind: str,
    name: str,
    start: date,
    end: date,
    by: str,
    now: datetime,
    product: str = "",
    site: str = "",
) -> Known:
    """Note a promotion, a holiday of one's own or a stockout; runs see it from now on. Raises KnownRefused."""
    if kind not in Known.Kind.values:
        raise KnownRefused(f"There is no kind {kind!r}: it is promotion, holiday or stockout.")
    if not name.strip() or len(name) > 60 or not name.isprintable():
        raise KnownRefused("It needs a name of 1 to 60 printable characters.")
    if end < start:
        raise KnownRefused("Its last day lies before its first.")
    if end - start > LONGEST:
        raise KnownRefused("It takes longer than 400 days.")
    if abs(start - now.date()) > FURTHEST:
        raise KnownRefused("It lies more than three years from today.")
    if kind == Known.Kind.STOCKOUT and end > now.date():
        raise KnownRefused("A stockout is entered once it has happened: its last day is not over yet.")
    with tenancy.system(), transaction.atomic():
        if Known.objects.filter(tenant=party, withdrawn_at__isnull=True).count() >= MOST_KNOWN:
            raise KnownRefused(f"{MOST_KNOWN:,} of them stand already; withdraw some first.")
        return Known.objects.create(
            kind=kind,
            tenant=party,
            name=name.strip(),
            product=product,
            site=site,
            start=start,
            end=end,
            entered_by=by,
            entered_at=now,
        )


def withdraw_known(pk: int, *, party: UUID, by: str, now: datetime) -> bool:
    """Take back what was entered; runs of an earlier cutoff still see it. False when there is nothing to take back."""
    with tenancy.system():
        standing = Known.objects.filter(pk=pk, tenant=party, withdrawn_at__isnull=True)
        return bool(standing.update(withdrawn_at=now, withdrawn_by=by))


def override(
    row: SeriesForecast, *, party: UUID, period: date, quantity: float, reason: str, by: str, now: datetime
) -> Override:
    """Say what is expected instead of the model in one period of a series; the one before it is kept, and ends.

    Raises OverrideRefused.
    """
    said = next((step for step in row.steps if step["period"] == period.isoformat()), None)
    if row.tenant != party or said is None:
        raise OverrideRefused(f"{period.isoformat()} is no period of this forecast.")
    if not 0 <= quantity <= LARGEST_QUANTITY:  # NaN is refused too
        raise OverrideRefused("A quantity is a number from 0 to 10^12.")
    if not reason.strip() or len(reason) > 500:
        raise OverrideRefused("An override needs a reason of 1 to 500 characters.")
    which = {
        "tenant": party,
        "product": row.product,
        "site": row.site,
        "unit": row.unit,
        "frequency": row.frequency,
        "period": period,
    }
    with tenancy.system(), transaction.atomic():
        Override.objects.filter(**which, ended_at__isnull=True).update(ended_at=now)
        return Override.objects.create(
            **which,
            quantity=quantity,
            model_quantity=float(said["point"]),
            reason=reason.strip(),
            author=by,
            made_at=now,
        )


def end_override(pk: int, *, party: UUID, now: datetime) -> bool:
    """Withdraw an override; it is kept, and counts no more."""
    with tenancy.system():
        return bool(Override.objects.filter(pk=pk, tenant=party, ended_at__isnull=True).update(ended_at=now))
