"""/api/v1/plan: what to order and the day's routes, as the newest plan of the party has them."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from forecasting import plans
from supplychain.api import schema, shown
from supplychain.api.base import FORECASTS_READ, Endpoint
from supplychain.api.errors import not_found


class Plan(Endpoint):
    """The newest plan."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": FORECASTS_READ}

    @extend_schema(
        operation_id="read_plan",
        summary="The newest plan: reorder proposals with the risk of running out, and the day's routes",
        description=(
            "Made from verified events alone. An order is placed by capturing a TransactionEvent that adds a `po`; a"
            " count is an ObjectEvent with the step `stock_taking`. 404 before the first plan."
        ),
        tags=["forecasts"],
        responses=schema.answers({200: "Plan"}, problems=(401, 403, 404)),
    )
    def get(self, request: Request) -> Response:
        """Answer the party's own plan."""
        found = plans.latest(self.grant.party)
        if found is None:
            raise not_found("There is no plan yet.")
        return Response(
            {
                "id": str(found.pk),
                "made_at": shown.time(found.made_at),
                "origin": found.origin,
                "tree_size": found.tree_size,
                "root_hash": bytes(found.root_hash).hex(),
                "run": str(found.run) if found.run else None,
                "lines": [_line(row) for row in found.lines.all()],
                "routes": found.routes,
            }
        )


def _line(row: plans.PlanLine) -> dict[str, Any]:
    return {
        "id": row.pk,
        **plans.as_dict(row),
        "unit": row.unit or None,
        "counted_at": shown.time(row.counted_at),
        "reason": row.reason or None,
        "ordered": row.ordered,
        "order_index": row.order_index,
    }
