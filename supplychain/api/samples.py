"""/api/v1/samples: documents for integrators to capture, as often as they like."""

from __future__ import annotations

import re
import secrets
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from supplychain.api import params, schema
from supplychain.api.base import Endpoint, now
from supplychain.api.client import ANY
from supplychain.api.errors import not_found
from supplychain.api.schema import in_path, parameter
from supplychain.sandbox import samples

_RUN = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


def run(value: str) -> str:
    """A run's name."""
    if not _RUN.fullmatch(value):
        raise params.Unreadable("a run is named by 1 to 64 letters, digits, dots, hyphens and underscores")
    return value


class Samples(Endpoint):
    """Samples, as a list."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": ANY}

    @extend_schema(
        operation_id="list_samples",
        summary="Documents to try capture with, who captures each, and what becomes of it",
        tags=["samples"],
        responses=schema.answers({200: "Samples"}, problems=(401, 403)),
    )
    def get(self, request: Request) -> Response:
        """Answer them in the order in which they make a story."""
        return Response({"items": [_shown(each) for each in samples.SAMPLES]})


class OneSample(Endpoint):
    """One sample."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": ANY}
    parameters: ClassVar[dict[str, params.Reader]] = {"run": run}

    @extend_schema(
        operation_id="read_sample",
        summary="A document to capture; another run gives new identifiers, so it is captured anew",
        tags=["samples"],
        parameters=[
            in_path("name", "The sample's name."),
            parameter("run", "Samples of one run tell one story; without it, a new run.", pattern=_RUN.pattern),
        ],
        responses=schema.answers({200: "EpcisDocument"}, problems=(400, 401, 403, 404)),
    )
    def get(self, request: Request, name: str) -> Response:
        """Answer an EPCIS 2.0 document."""
        named = self.given.get("run") or secrets.token_hex(8)
        try:
            return Response(samples.make(name, run=named, now=now()), headers={"Waylog-Run": named})
        except samples.SampleUnknown:
            raise not_found("There is no such sample; /api/v1/samples lists those there are.") from None


def _shown(each: samples.Sample) -> dict[str, Any]:
    return {"name": each.name, "title": each.title, "by": each.by, "outcome": each.outcome}
