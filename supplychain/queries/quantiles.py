"""All quantiles of a run as a table, with what people expect instead beside them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import UUID

from forecasting import queries
from forecasting.queries import ForecastRun
from supplychain.models import Product, Site

HEAD = (
    "product", "product name", "site", "site name", "unit", "demand is", "frequency", "period", "method", "forecast",
)  # fmt: skip
LEVELS = (0.025, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.975)
TAIL = ("override", "override by", "override because", "run", "entry", "root hash")


def rows(run: ForecastRun, *, party: UUID) -> Iterator[tuple[Any, ...]]:
    """The head, then one row a series and period, with the run and the root that it was made from."""
    yield (*HEAD, *(f"q{level:g}" for level in LEVELS), *TAIL)
    products = dict(Product.objects.values_list("uri", "name"))
    sites = dict(Site.objects.values_list("uri", "name"))
    standing = queries.standing_overrides(party)
    root = bytes(run.root_hash).hex()
    for row in queries.series_of(run, party=party).exclude(method="").iterator(500):
        names = (row.product, products.get(row.product, ""), row.site, sites.get(row.site, ""))
        for step in row.steps:
            period = date.fromisoformat(step["period"])
            instead = standing.get((row.product, row.site, row.unit, row.frequency, period))
            told = dict(zip(row.levels, step["quantiles"], strict=True))
            yield (
                *names,
                row.unit,
                row.kind,
                row.frequency,
                step["period"],
                row.method,
                step["point"],
                *(told.get(level) for level in LEVELS),
                *((instead.quantity, instead.author, instead.reason) if instead else (None, "", "")),
                str(run.id),
                run.statement_index,
                root,
            )
