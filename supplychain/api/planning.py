"""/api/v1/forecasts/days, overrides, accuracy and totals: what is entered beside forecasts, and what came of them."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar, cast

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from forecasting import accuracy, operations, queries
from forecasting.accuracy import Line
from forecasting.queries import Known, Override
from forecasting.timeseries.hierarchy import LEVELS_OF, Level
from forecasting.timeseries.methods import LEVELS
from forecasting.timeseries.series import Frequency
from supplychain.api import members, params, schema, shown
from supplychain.api.base import FORECASTS_READ, FORECASTS_WRITE, Endpoint, now
from supplychain.api.errors import Problem, not_found
from supplychain.api.params import Unreadable
from supplychain.api.schema import in_path, parameter
from supplychain.queries import totals as adding

_WRITES = (400, 401, 403, 409, 411, 413, 415, 422)
MOST = 2_000


def day(value: Any) -> date:
    """A day, such as 2026-03-01."""
    try:
        found = date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
    except ValueError:
        found = None
    if found is None or not 1900 <= found.year < 3000:
        raise Unreadable("a day is wanted, such as 2026-03-01")
    return found


def number(value: Any) -> float:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e15:
        raise Unreadable("a number is wanted")
    return float(value)


def whole(value: Any) -> int:
    """An id."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= params.MAX_INDEX:
        raise Unreadable("an id is wanted: a whole number")
    return value


class KnownDays(Endpoint):
    """Promotions, holidays of one's own, stockouts."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": FORECASTS_READ, "POST": FORECASTS_WRITE}

    @extend_schema(
        operation_id="list_known_days",
        summary="Promotions, holidays of one's own and stockouts that stand",
        tags=["forecasts"],
        responses=schema.answers({200: "KnownDaysList"}),
    )
    def get(self, request: Request) -> Response:
        """Answer all of them, by day."""
        found = queries.known_by(self.grant.party)[:MOST]
        return Response({"items": [_known(row) for row in found]})

    @extend_schema(
        operation_id="enter_known_days",
        summary="Say what is known of some days",
        description="The next night forecasts with it. The days of a stockout are missing, not without demand.",
        tags=["forecasts"],
        request={"application/json": schema.ref("NewKnownDays")},
        responses=schema.answers({201: "KnownDays"}, problems=_WRITES),
    )
    def post(self, request: Request) -> Response:
        """Enter one."""
        told = members.read(
            request.data,
            {
                "kind": members.one_of(*Known.Kind.values),
                "name": members.text(60),
                "start": day,
                "end": day,
                "product": members.text(500),
                "site": members.text(500),
            },
            optional=("product", "site"),
        )
        try:
            row = operations.enter_known(party=self.grant.party, by=_author(self), now=now(), **told)
        except operations.KnownRefused as refused:
            raise Problem(422, str(refused), code="known_refused") from None
        return Response(_known(row), status=201)


class KnownDay(Endpoint):
    """One of them."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"DELETE": FORECASTS_WRITE}

    @extend_schema(
        operation_id="withdraw_known_days",
        summary="Withdraw what was entered",
        description="Runs of an earlier cutoff still know of it.",
        tags=["forecasts"],
        parameters=[in_path("known_id", "Its id.", type="integer", minimum=0)],
        responses={204: schema.EMPTY} | schema.answers({}, problems=(401, 403, 404)),
    )
    def delete(self, request: Request, known_id: int) -> Response:
        """Withdraw it."""
        if known_id > params.MAX_INDEX or not operations.withdraw_known(
            known_id, party=self.grant.party, by=_author(self), now=now()
        ):
            raise not_found()
        return Response(status=204)


class Overrides(Endpoint):
    """What people expect instead of the model."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": FORECASTS_READ, "POST": FORECASTS_WRITE}

    @extend_schema(
        operation_id="list_overrides",
        summary="Overrides with author and reason, newest first",
        tags=["forecasts"],
        responses=schema.answers({200: "Overrides"}),
    )
    def get(self, request: Request) -> Response:
        """Answer those that stand and those that ended."""
        return Response({"items": [_override(row) for row in queries.overrides_by(self.grant.party)[:MOST]]})

    @extend_schema(
        operation_id="make_override",
        summary="Say what is expected instead of the model in one period",
        description="The model's number is kept beside it; an earlier override of the same period ends.",
        tags=["forecasts"],
        request={"application/json": schema.ref("NewOverride")},
        responses=schema.answers({201: "Override"}, problems=(400, 401, 403, 404, 409, 411, 413, 415, 422)),
    )
    def post(self, request: Request) -> Response:
        """Make one."""
        wanted = {"series": whole, "period": day, "quantity": number, "reason": members.text(500)}
        told = members.read(request.data, wanted)
        row = queries.series_forecast(told.pop("series"), party=self.grant.party)
        if row is None:
            raise not_found()
        try:
            made = operations.override(row, party=self.grant.party, by=_author(self), now=now(), **told)
        except operations.OverrideRefused as refused:
            raise Problem(422, str(refused), code="override_refused") from None
        return Response(_override(made), status=201)


class OneOverride(Endpoint):
    """One override."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"DELETE": FORECASTS_WRITE}

    @extend_schema(
        operation_id="end_override",
        summary="Withdraw an override; it is kept as one that ended",
        tags=["forecasts"],
        parameters=[in_path("override_id", "Its id.", type="integer", minimum=0)],
        responses={204: schema.EMPTY} | schema.answers({}, problems=(401, 403, 404)),
    )
    def delete(self, request: Request, override_id: int) -> Response:
        """The model counts again."""
        if override_id > params.MAX_INDEX or not operations.end_override(
            override_id, party=self.grant.party, now=now()
        ):
            raise not_found()
        return Response(status=204)


class Accuracy(Endpoint):
    """What came of forecasts."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": FORECASTS_READ}

    @extend_schema(
        operation_id="read_accuracy",
        summary="What came of forecasts in the last 91 days: bias, tracking signal, coverage, alarms",
        tags=["forecasts"],
        responses=schema.answers({200: "Accuracy"}),
    )
    def get(self, request: Request) -> Response:
        """Answer one line a group: all, live and attested apart, each class, site and series."""
        found = accuracy.outcomes(party=self.grant.party, today=now().date())
        groups = [
            ("all", accuracy.lines(found)),
            ("live", accuracy.lines(found.filter(attested=False))),
            ("attested", accuracy.lines(found.filter(attested=True))),
            ("class", accuracy.lines(found, "demand_class")),
            ("site", accuracy.lines(found, "site")),
            ("series", accuracy.by_series(found)[:MOST]),
        ]
        return Response({"items": [_line(group, line) for group, lines in groups for line in lines]})


class Totals(Endpoint):
    """Forecasts added up."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": FORECASTS_READ}
    parameters: ClassVar[dict[str, params.Reader]] = {
        "level": params.one_of(*LEVELS_OF),
        "every": params.one_of("D", "W", "MS"),
        "unit": params.text,
    }

    @extend_schema(
        operation_id="read_totals",
        summary="The latest forecasts added up: by product, site, lane or in all, a day, week or month",
        description="Levels and periods add up. Only what is counted in one unit is added.",
        tags=["forecasts"],
        parameters=[
            parameter("level", "`total`, `product`, `site` or `lane`.", enum=list(LEVELS_OF), default="total"),
            parameter("every", "`D`, `W` or `MS`.", enum=["D", "W", "MS"], default="W"),
            parameter("unit", "Which unit; absent: the one with most series.", **schema.SOME_TEXT),
        ],
        responses=schema.answers({200: "Totals"}, problems=(400, 401, 403, 404)),
    )
    def get(self, request: Request) -> Response:
        """Answer the rows of that level, the largest first."""
        level = cast(Level, self.given.get("level", "total"))
        every = cast(Frequency, self.given.get("every", "W"))
        found = adding.totals(party=self.grant.party, unit=self.given.get("unit"), level=level, every=every)
        if found is None:
            raise not_found("No forecast of your sites has been made yet.")
        return Response(
            {
                "run": str(found.run.id),
                "unit": found.unit,
                "units": [name for name, _ in found.units],
                "level": level,
                "every": every,
                "levels": list(LEVELS),
                "items": [
                    {
                        "name": list(node.name),
                        "series": node.series,
                        "cells": [
                            {
                                "period": cell.period.isoformat(),
                                "days": cell.days,
                                "is_whole": cell.is_whole,
                                "point": cell.point,
                                "quantiles": list(cell.quantiles),
                            }
                            for cell in node.cells
                        ],
                    }
                    for node in found.nodes
                ],
            }
        )


def _author(endpoint: Endpoint) -> str:
    return f"program {endpoint.grant.client_id}"[:160]


def _known(row: Known) -> dict[str, Any]:
    return {
        "id": row.pk,
        "kind": row.kind,
        "name": row.name,
        "start": row.start.isoformat(),
        "end": row.end.isoformat(),
        "product": row.product,
        "site": row.site,
        "entered_by": row.entered_by,
        "entered_at": shown.time(row.entered_at),
    }


def _override(row: Override) -> dict[str, Any]:
    return {
        "id": row.pk,
        "product": row.product,
        "site": row.site,
        "unit": row.unit or None,
        "frequency": row.frequency,
        "period": row.period.isoformat(),
        "quantity": row.quantity,
        "model_quantity": row.model_quantity,
        "reason": row.reason,
        "author": row.author,
        "made_at": shown.time(row.made_at),
        "ended_at": shown.time(row.ended_at) if row.ended_at else None,
    }


def _line(group: str, line: Line) -> dict[str, Any]:
    name = {"class": line.name, "site": line.name, "series": line.name[:3]}.get(group, ())
    return {
        "group": group,
        "name": [str(part) for part in name],
        "periods": line.periods,
        "error": line.error,
        "bias": line.bias,
        "tracking_signal": line.tracking_signal,
        "value_added": line.value_added,
        "coverage_80": line.coverage_80,
        "coverage_95": line.coverage_95,
        "volume": line.volume,
        "alarms": list(line.alarms),
    }
