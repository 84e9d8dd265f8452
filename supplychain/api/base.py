"""What every endpoint shares: who may call it, what its answers say to caches, and which time it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, cast

from django.conf import settings
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from supplychain.api import idempotency, params
from supplychain.api.errors import Problem, not_found
from supplychain.operations.idempotency import Claim, release
from supplychain.ratelimits import Limiter, Standing
from supplychain.tokens import Grant

EVENTS_READ = ("events:read",)
EVENTS_WRITE = ("events:write",)
SHIPMENTS_READ = ("shipments:read",)
FORECASTS_READ = ("forecasts:read",)
FORECASTS_WRITE = ("forecasts:write",)
KEYS_WRITE = ("keys:write",)
MANAGE = ("party:manage",)
LIMITER = Limiter("api")


class Endpoint(APIView):
    """One address. `scopes` names, for each method, the scopes of which the token must have one."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {}
    parameters: ClassVar[dict[str, params.Reader]] = {}
    secrets: ClassVar[tuple[str, ...]] = ()
    """Members of an answer that are told once: a request that is answered again gets null there."""
    cache_control = "private, no-cache"
    metadata_class = None
    standing: Standing | None = None
    claimed: Claim | None = None

    @property
    def grant(self) -> Grant:
        """What the caller's token allows."""
        return cast(Grant, self.request.auth)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check who calls before anything else, then read the parameters of the address, strictly."""
        super().initial(request, *args, **kwargs)
        self._count(request)
        if not hasattr(self, str(request.method).lower()):
            raise MethodNotAllowed(str(request.method))
        if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
            raise Problem(411, "Say how long the body is: Content-Length.", code="length_required")
        self.given: dict[str, Any] = params.read(request, self.readers())
        if request.method in ("POST", "PUT", "PATCH", "DELETE") and isinstance(request.auth, Grant):
            self.claimed = idempotency.claim(request._request, self.grant, now=now())

    def _count(self, request: Request) -> None:
        """Take one of the client's permits for this minute; raise Problem (429) when it has none left."""
        if not isinstance(request.auth, Grant):
            return
        limit = settings.WAYLOG_API_RATE
        self.standing = LIMITER.take(self.grant.client_id, limit=limit, now=now().timestamp())
        if self.standing.is_over:
            detail = f"This client has made its {limit:,} requests of this minute."
            raise Problem(429, detail, code="too_many_requests")

    def readers(self) -> dict[str, params.Reader]:
        """The parameters that the address takes."""
        return self.parameters

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Say that an answer is for this caller alone."""
        answer: HttpResponseBase = super().finalize_response(request, response, *args, **kwargs)
        if "Cache-Control" not in answer:
            answer["Cache-Control"] = self.cache_control
        patch_vary_headers(answer, ["Authorization"])
        if self.standing is not None:
            _set(answer, self.standing.headers())
        if self.claimed is not None:
            self._keep(self.claimed, answer)
        return answer

    def _keep(self, claimed: Claim, answer: HttpResponseBase) -> None:
        """Keep the answer for the same request again, once it is written out."""
        if isinstance(answer, Response):
            answer.add_post_render_callback(lambda written: idempotency.keep(claimed, written, self.secrets))
        else:
            idempotency.keep(claimed, answer)

    def handle_exception(self, exc: Exception) -> Any:
        """Answer an exception; what was answered before is answered again, and a bug of ours gives the key back."""
        if isinstance(exc, idempotency.Replayed):
            return exc.answer
        try:
            return super().handle_exception(exc)
        except Exception:
            if self.claimed is not None:
                release(self.claimed)
            raise


def _set(answer: HttpResponseBase, headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        answer[name] = value


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
