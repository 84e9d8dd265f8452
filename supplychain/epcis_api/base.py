"""What every endpoint of the bindings shares: who calls, which version and form they speak, OPTIONS, and problems."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from ledger import tenancy
from ledger.queries import LogMissing
from supplychain import tokens
from supplychain.epcis.contexts import EPCIS_CONTEXT
from supplychain.epcis_api import headers, problems
from supplychain.epcis_api.problems import EpcisProblem
from supplychain.tokens import Grant

CAPTURE = ("epcis:capture",)
QUERY = ("epcis:query",)
EITHER = CAPTURE + QUERY

JSON = "application/json"
JSON_LD = "application/ld+json"
XML = "application/xml"
FORMS: dict[str, str] = {JSON: JSON, JSON_LD: JSON_LD, XML: XML, "text/xml": XML}


@method_decorator(csrf_exempt, name="dispatch")
class Endpoint(View):
    """One address. `scopes` names for each method the scopes of which the token must have one.

    A handler (`get`, `post`, `delete`) returns an HttpResponse or raises EpcisProblem. While it runs, the database
    shows the rows of the caller's party alone, whose id is `self.party`.
    """

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {}
    produces: ClassVar[tuple[str, ...]] = (JSON, JSON_LD)
    announces: ClassVar[Mapping[str, str]] = {}
    """Further headers of OPTIONS: what may be asked for at this address."""

    grant: Grant
    form: str
    """The media type to answer with: one of `produces`."""

    @property
    def party(self) -> Any:
        """The id of the party that the caller acts for."""
        return self.grant.party

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer with what the handler answers, or with a problem."""
        try:
            answer = self._answer(request, *args, **kwargs)
        except EpcisProblem as problem:
            answer = problems.response(problem)
        except (OperationalError, InterfaceError):
            answer = problems.response(unavailable())
        except LogMissing:
            answer = problems.response(problems.implementation(503, "There is no log here yet."))
        except Http404:
            answer = problems.response(problems.no_such_resource())
        except PermissionDenied:
            answer = problems.response(problems.forbidden("This is not allowed."))
        except RequestDataTooBig:
            answer = problems.response(EpcisProblem("CaptureLimitExceededException", "The request is too large."))
        except SuspiciousOperation:
            answer = problems.response(EpcisProblem("ValidationException", "The request has too many parameters."))
        except UnreadablePostError:
            answer = problems.response(EpcisProblem("ValidationException", "The request ended before it was whole."))
        return self._completed(answer)

    def _answer(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        method = "GET" if request.method == "HEAD" else str(request.method)
        if method == "OPTIONS":
            return self.options(request, *args, **kwargs)
        if method not in self.methods():
            raise problems.implementation(
                405,
                f"{method[:20]} is not done here; {', '.join(self.methods())} are.",
                headers={"Allow": self._allowed()},
            )
        self._authenticate(request, method)
        headers.check_versions(request)
        self.form = self._negotiated(request)
        handler = getattr(self, method.lower())
        answer: HttpResponse = handler(request, *args, **kwargs)
        return answer

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Say what is done here, and within which limits; this needs no token."""
        answer = HttpResponse(status=204)
        answer["Allow"] = self._allowed()
        for name, value in self.announces.items():
            answer[name] = value
        return answer

    def methods(self) -> tuple[str, ...]:
        """The methods that have a handler here."""
        return tuple(name for name in ("GET", "POST", "DELETE") if hasattr(self, name.lower()))

    def _allowed(self) -> str:
        has_head = ("HEAD",) if "GET" in self.methods() else ()
        return ", ".join((*self.methods(), *has_head, "OPTIONS"))

    def _authenticate(self, request: HttpRequest, method: str) -> None:
        token = tokens.bearer_token(request)
        grant = None if token is None else tokens.grant_of(token, now=now())
        tenancy.set_party("" if grant is None else str(grant.party))
        if token is None:
            raise problems.unauthorized("Send a token: Authorization: Bearer <token>, from /oauth/token/.")
        if grant is None:
            said = "The token is unknown, expired or revoked; ask for a new one at /oauth/token/."
            raise problems.unauthorized(said, error="invalid_token")
        needed = self.scopes[method]
        if not grant.scopes.intersection(needed):
            raise problems.forbidden(f"The token lacks the scope {' or '.join(needed)}.", scope=needed[0])
        self.grant = grant

    def offered(self, method: str) -> tuple[str, ...]:
        """The forms in which a method may answer here, the preferred one first."""
        return self.produces

    def _negotiated(self, request: HttpRequest) -> str:
        """The form that the caller prefers among those made here (RFC 9110, 12.5.1); 406 where none will do."""
        produces = self.offered(str(request.method))
        if not request.headers.get("Accept", "").strip():
            return produces[0]
        offered = [name for name, form in FORMS.items() if form in produces]
        found = request.get_preferred_type(offered)
        if found is None:
            raise problems.implementation(406, f"Answers are made here as {', '.join(offered)}.")
        return FORMS[found]

    def _completed(self, answer: HttpResponse) -> HttpResponse:
        for name, value in headers.VERSIONS.items():
            answer.setdefault(name, value)
        if "Cache-Control" not in answer:
            answer["Cache-Control"] = "private, no-cache"
        patch_vary_headers(answer, ["Authorization", "Accept"])
        return answer


RESOURCES = (
    "events",
    "eventTypes",
    "epcs",
    "bizSteps",
    "bizLocations",
    "readPoints",
    "dispositions",
    "capture",
    "queries",
)


class Root(Endpoint):
    """The resources there are; OPTIONS says all that is announced anywhere."""

    scopes = {"GET": EITHER}
    announces = {**headers.CAPTURE, **headers.FORMATS}

    def get(self, request: HttpRequest) -> HttpResponse:
        """List the top-level resources."""
        return json_response(resource_list(RESOURCES), form=self.form)


class Nothing(Endpoint):
    """Every other address under /epcis/: a problem document instead of a page."""

    def _answer(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Nothing is here, whoever asks."""
        raise problems.no_such_resource("There is no such address under /epcis/.")


def resource_list(member: Iterable[str]) -> dict[str, Any]:
    """The resources beneath an address, as the bindings list them."""
    return {"@context": EPCIS_CONTEXT, "type": "Collection", "member": list(member)}


def json_response(value: Any, *, status: int = 200, form: str = JSON) -> HttpResponse:
    """Answer with JSON."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return HttpResponse(text, status=status, content_type=form)


def unavailable() -> EpcisProblem:
    """The database is away: said in words. What was committed was committed before it answered."""
    detail = "The database does not answer. Send the request again: what it kept the first time is found, not doubled."
    return problems.implementation(503, detail, headers={"Retry-After": "5"})


def now() -> datetime:
    """Read the clock, at the edge."""
    return timezone.now()  # noqa: TID251
