"""/api/v1/forecasts: the runs, what each was made from, and the series at the party's own sites."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from forecasting import queries
from supplychain.api import params, schema, shown
from supplychain.api.base import FORECASTS_READ, Endpoint
from supplychain.api.errors import not_found
from supplychain.api.schema import LIMIT, in_path

_RUN = in_path("run_id", "The run's id.", format="uuid")


class Forecasts(Endpoint):
    """Forecast runs, as a list."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": FORECASTS_READ}
    parameters: ClassVar[dict[str, params.Reader]] = {"limit": params.page_size}

    @extend_schema(
        operation_id="list_forecasts",
        summary="The newest forecast runs, newest first",
        tags=["forecasts"],
        parameters=[LIMIT],
        responses=schema.answers({200: "ForecastRuns"}),
    )
    def get(self, request: Request) -> Response:
        """Answer the runs and what each was made from."""
        return Response(
            {"items": [_run(row) for row in queries.runs(self.given.get("limit", 100), party=self.grant.party)]}
        )


class Forecast(Endpoint):
    """One run."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": FORECASTS_READ}

    @extend_schema(
        operation_id="read_forecast",
        summary="One run, with the series at the party's own sites",
        tags=["forecasts"],
        parameters=[_RUN],
        responses=schema.answers({200: "ForecastRunWithSeries"}, problems=(401, 403, 404)),
    )
    def get(self, request: Request, run_id: UUID) -> Response:
        """Answer the run; each series names its method, or why there is no forecast."""
        row = _found(run_id, self.grant.party)
        series = queries.series_of(row, party=self.grant.party)
        return Response({**_run(row), "series": [_series(each) for each in series]})


class Series(Endpoint):
    """One series of a run."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": FORECASTS_READ}

    @extend_schema(
        operation_id="read_forecast_series",
        summary="One series: its history, forecast, scores and backtest",
        tags=["forecasts"],
        parameters=[_RUN, in_path("series_id", "The series' id.", type="integer", minimum=0)],
        responses=schema.answers({200: "ForecastSeries"}, problems=(401, 403, 404)),
    )
    def get(self, request: Request, run_id: UUID, series_id: int) -> Response:
        """Answer all of it."""
        found = None if series_id > params.MAX_INDEX else queries.series_forecast(series_id, party=self.grant.party)
        if found is None or found.run_id != run_id:
            raise not_found()
        tested = queries.tested_of(found)
        return Response(
            {
                **_series(found),
                "run": str(found.run_id),
                "history_start": found.history_start.isoformat() if found.history_start else None,
                "history": found.history,
                "levels": found.levels,
                "steps": found.steps,
                "components": found.components,
                "scores": tested.scores if tested else {},
                "backtest": tested.backtest if tested else {},
            }
        )


def _found(run_id: UUID, party: UUID) -> Any:
    try:
        row = queries.run(run_id)
    except queries.RunMissing:
        raise not_found() from None
    if row.kind != queries.ForecastRun.Kind.FORECAST or row.tenant not in (None, party):
        raise not_found()
    return row


def _run(row: Any) -> dict[str, Any]:
    made_from = queries.provenance(row)
    return {
        "id": str(row.id),
        "cutoff": shown.time(row.cutoff),
        "finished_at": shown.time(row.finished_at),
        "origin": made_from.origin,
        "tree_size": made_from.tree_size,
        "root_hash": made_from.root_hash,
        "statement_index": made_from.statement_index,
        "manifest_digest": made_from.manifest_digest,
        "provenance": made_from.sentence,
        "settings": row.settings,
        "versions": row.versions,
        "seed": row.seed,
    }


def _series(row: Any) -> dict[str, Any]:
    return {
        "id": row.pk,
        "kind": row.kind,
        "product": row.product,
        "site": row.site,
        "unit": row.unit or None,
        "frequency": row.frequency,
        "season_length": row.season_length,
        "demand_class": row.demand_class or None,
        "method": row.method or None,
        "reason": row.reason or None,
        "attested": row.attested,
    }
