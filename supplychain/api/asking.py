"""What is asked of forecasts and plans: runs and how they stand, plans, orders and counts that a managed key signs."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from forecasting import operations, plans, queries
from forecasting.planning.routing import RoutingRefused
from forecasting.queries import Job
from forecasting.runs import RunSettings
from supplychain.api import members, params, planning, schema, shown
from supplychain.api.base import FORECASTS_READ, FORECASTS_WRITE, Endpoint, now
from supplychain.api.errors import Problem, not_found
from supplychain.api.params import Unreadable
from supplychain.api.schema import in_path
from supplychain.models import Party
from supplychain.operations import plans as planned

SIGNED = ("epcis:capture",)
"""Orders and counts are signed by the party's managed key, as captured EPCIS documents are."""
_WRITES = (400, 401, 403, 409, 411, 413, 415, 422)
_ORDERS = (400, 401, 403, 404, 409, 411, 413, 415, 422, 503)
_LINE = in_path("line_id", "The line's id, from the newest plan.", type="integer", minimum=0)
_CLOCK_MOST = 24 * 60


class ForecastRequests(Endpoint):
    """Asking for a run."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"POST": FORECASTS_WRITE}

    @extend_schema(
        operation_id="ask_forecast",
        summary="Ask for a forecast of the party's series, or one frozen as of a day under a name",
        tags=["forecasts"],
        request={"application/json": schema.ref("NewForecast")},
        responses=schema.answers({202: "Job"}, problems=(*_WRITES, 429)),
    )
    def post(self, request: Request) -> Response:
        """Queue it; asked twice in a minute it is queued once."""
        told = members.read(
            request.data,
            {"cutoff": planning.day, "label": members.text(80)},
            optional=("cutoff", "label"),
        )
        party, moment = self.grant.party, now()
        label, cutoff = told.get("label", ""), moment
        cause = f"asked by a program of {party.hex} at {moment:%Y-%m-%dT%H:%M}"
        if ("cutoff" in told) != ("label" in told):
            raise Problem(422, "A forecast that is frozen has a day and a name.", code="malformed")
        if "cutoff" in told:
            cutoff = datetime.combine(told["cutoff"], time(), UTC)
            if cutoff > moment:
                raise Problem(422, "This day lies ahead.", code="malformed")
            cause = f"frozen by {party.hex} as of {cutoff:%Y-%m-%d}: {label}"
        settings = RunSettings(cutoff=cutoff, tenant=party, label=label)
        try:
            job = operations.request_forecast(cause=cause, settings=settings, now=moment, requested_by=party)
        except operations.QuotaExceeded as refused:
            raise Problem(429, str(refused), code="quota") from None
        return Response(_job(job), status=202)


class OneJob(Endpoint):
    """A job that the party asked for."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": FORECASTS_READ}

    @extend_schema(
        operation_id="read_job",
        summary="How a run or a plan that the party asked for stands",
        tags=["forecasts"],
        parameters=[in_path("job_id", "The job's id.", format="uuid")],
        responses=schema.answers({200: "Job"}, problems=(401, 403, 404)),
    )
    def get(self, request: Request, job_id: UUID) -> Response:
        """Answer it; of others' jobs not even that they exist."""
        job = queries.job(job_id)
        if job is None or job.requested_by != self.grant.party:
            raise not_found()
        return Response(_job(job))


class PlanRequests(Endpoint):
    """Asking for a plan."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"POST": FORECASTS_WRITE}

    @extend_schema(
        operation_id="ask_plan",
        summary="Ask for a plan: reorder proposals, and the day's routes with this fleet",
        tags=["forecasts"],
        request={"application/json": schema.ref("NewPlan")},
        responses=schema.answers({202: "Job"}, problems=_WRITES),
    )
    def post(self, request: Request) -> Response:
        """Queue it; asked twice in a minute it is queued once."""
        shape = {"vehicles": planning.whole, "capacity": planning.number, "start": _minutes, "end": _minutes}
        told = members.read(request.data, shape, optional=shape)
        try:
            fleet = planned.Fleet(**told)
        except RoutingRefused as refused:
            raise Problem(422, str(refused), code="fleet") from None
        return Response(_job(planned.request(self.grant.party, fleet=fleet, now=now())), status=202)


class Order(Endpoint):
    """The order of a proposal."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"POST": SIGNED}

    @extend_schema(
        operation_id="place_order",
        summary="Place the order of a proposal, as proposed or changed with a reason; signed by the managed key",
        tags=["forecasts"],
        parameters=[_LINE],
        request={"application/json": schema.ref("NewOrder")},
        responses=schema.answers({201: "PlanSigned"}, problems=_ORDERS),
    )
    def post(self, request: Request, line_id: int) -> Response:
        """Answer the entry that signs it."""
        shape = {"quantity": planning.number, "reason": members.text(500)}
        told = members.read(request.data, shape, optional=("reason",))
        index = planned.order(
            _line(line_id, self.grant.party),
            quantity=told["quantity"],
            reason=told.get("reason", ""),
            by=f"API client {self.grant.client_id}",
            party=Party.objects.get(pk=self.grant.party),
            now=now(),
        )
        return Response({"index": index}, status=201)


class Count(Endpoint):
    """What was counted."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"POST": SIGNED}

    @extend_schema(
        operation_id="sign_count",
        summary="Sign what was counted of a line's product at its site, with the managed key",
        tags=["forecasts"],
        parameters=[_LINE],
        request={"application/json": schema.ref("NewCount")},
        responses=schema.answers({201: "PlanSigned"}, problems=_ORDERS),
    )
    def post(self, request: Request, line_id: int) -> Response:
        """Answer the entry that signs it."""
        quantity = members.read(request.data, {"quantity": planning.number})["quantity"]
        found, party = _line(line_id, self.grant.party), Party.objects.get(pk=self.grant.party)
        return Response({"index": planned.count(found, quantity=quantity, party=party, now=now())}, status=201)


class Rule(Endpoint):
    """How the party orders."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"POST": FORECASTS_WRITE}

    @extend_schema(
        operation_id="set_ordering_rule",
        summary="Say how the party orders: by default, or one product at one site",
        tags=["forecasts"],
        request={"application/json": schema.ref("OrderingRule")},
        responses=schema.answers({200: "OrderingRule"}, problems=_WRITES),
    )
    def post(self, request: Request) -> Response:
        """The next plan uses it."""
        numbers = dict.fromkeys(("target", "review_days", "handling_days", "pack", "minimum"), planning.number)
        names = {"product": members.text(255), "site": members.text(255)}
        told = members.read(request.data, {**numbers, **names}, optional=names)
        planned.set_rule(self.grant.party, **told)
        return Response(told)


def _line(line_id: int, party: UUID) -> plans.PlanLine:
    found = plans.line(line_id, party=party) if line_id <= params.MAX_INDEX else None
    if found is None:
        raise not_found()
    return found


def _job(job: Job) -> dict[str, Any]:
    state = queries.progress(job)
    return {
        "id": str(job.id),
        "kind": job.kind,
        "status": job.status,
        "is_open": state.is_open,
        "shards": state.shards,
        "shards_done": state.done,
        "error": state.error or None,
        "created_at": shown.time(job.created_at),
    }


def _minutes(value: Any) -> int:
    """A time of day in minutes since midnight, written such as 05:30."""
    text = value if isinstance(value, str) else ""
    hours, colon, minutes = text.partition(":")
    if len(text) != 5 or not colon or not (hours.isdecimal() and minutes.isdecimal() and text.isascii()):
        raise Unreadable("a time of day is wanted, such as 05:30")
    found = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or found > _CLOCK_MOST:
        raise Unreadable("a time of day is wanted, such as 05:30")
    return found
