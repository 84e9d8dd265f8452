"""What every endpoint shares: who may call it, what its answers say to caches, and which time it is."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, cast

from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from rest_framework.request import Request
from rest_framework.views import APIView

from supplychain.api import params
from supplychain.api.errors import Problem, not_found
from supplychain.tokens import Grant

EVENTS_READ = ("events:read",)
EVENTS_WRITE = ("events:write",)
SHIPMENTS_READ = ("shipments:read",)
FORECASTS_READ = ("forecasts:read",)
KEYS_WRITE = ("keys:write",)


class Endpoint(APIView):
    """One address. `scopes` names, for each method, the scopes of which the token must have one."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {}
    parameters: ClassVar[dict[str, params.Reader]] = {}
    cache_control = "private, no-cache"
    metadata_class = None

    @property
    def grant(self) -> Grant:
        """What the caller's token allows."""
        return cast(Grant, self.request.auth)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check who calls before anything else, then read the parameters of the address, strictly."""
        super().initial(request, *args, **kwargs)
        if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
            raise Problem(411, "Say how long the body is: Content-Length.", code="length_required")
        self.given: dict[str, Any] = params.read(request, self.readers())

    def readers(self) -> dict[str, params.Reader]:
        """The parameters that the address takes."""
        return self.parameters

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Say that an answer is for this caller alone."""
        answer: HttpResponseBase = super().finalize_response(request, response, *args, **kwargs)
        if "Cache-Control" not in answer:
            answer["Cache-Control"] = self.cache_control
        patch_vary_headers(answer, ["Authorization"])
        return answer


class Nothing(Endpoint):
    """Every other address under /api/v1/: a problem document instead of a page."""

    permission_classes = ()
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Nothing is here, whoever asks."""
        raise not_found("There is no such address; /api/v1/schema lists those there are.")


def now() -> datetime:
    """Read the clock, at the edge."""
    return timezone.now()  # noqa: TID251
