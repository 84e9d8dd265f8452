"""Refusals of the bindings: one RFC 9457 problem with the exception type that EPCIS gives it, and its status.

{"type": "epcisException:ValidationException", "title": "Bad Request", "status": 400,
 "detail": "The request holds 1 fault.",
 "errors": [{"pointer": "/epcisBody/eventList/3/bizStep", "message": "...", "didYouMean": "shipping"}]}
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from django.http import HttpResponse

MEDIA_TYPE: Final = "application/problem+json"

STATUS: Final[Mapping[str, int]] = {
    "ValidationException": 400,
    "QueryValidationException": 400,
    "QueryParameterException": 400,
    "SubscriptionControlsException": 400,
    "InvalidURIException": 400,
    "SubscribeNotPermittedException": 400,
    "SecurityException": 403,
    "NoSuchNameException": 404,
    "NoSuchSubscriptionException": 404,
    "NoSuchResourceException": 404,
    "NotAcceptableException": 406,
    "DuplicateNameException": 409,
    "DuplicateSubscriptionException": 409,
    "ResourceAlreadyExistsException": 409,
    "CaptureLimitExceededException": 413,
    "QueryTooLargeException": 413,
    "URITooLongException": 414,
    "QueryTooComplexException": 413,
    "UnsupportedMediaTypeException": 415,
    "ImplementationException": 500,
}
"""The exceptions of EPCIS 2.0 (8.2.6, 12.3) and the status that each has unless the raiser says another."""


class EpcisProblem(Exception):
    """A request that is refused as a whole. `type` is an exception's name from STATUS.

    `errors` are the faults, one object each (`epcis.errors.Fault.as_dict()`); `more` are further members.
    """

    def __init__(
        self,
        type: str,
        detail: str,
        *,
        status: int | None = None,
        errors: Sequence[Mapping[str, Any]] = (),
        more: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.type = type
        self.status = STATUS[type] if status is None else status
        self.detail = detail
        self.errors = tuple(errors)
        self.more = dict(more or {})
        self.headers = dict(headers or {})

    def document(self) -> dict[str, Any]:
        """The problem document; members of `more` never replace the standard ones."""
        found: dict[str, Any] = dict(self.more)
        found["type"] = f"epcisException:{self.type}"
        found["title"] = HTTPStatus(self.status).phrase
        found |= {"status": self.status, "detail": self.detail}
        if self.errors:
            found["errors"] = [dict(each) for each in self.errors]
        return found


def response(problem: EpcisProblem) -> HttpResponse:
    """Answer with a problem."""
    text = json.dumps(problem.document(), ensure_ascii=False, default=str)
    answer = HttpResponse(text, status=problem.status, content_type=MEDIA_TYPE)
    for name, value in problem.headers.items():
        answer[name] = value
    answer["Cache-Control"] = "no-store"
    return answer


def validation(errors: Iterable[Mapping[str, Any]], detail: str = "") -> EpcisProblem:
    """What was sent is wrong, in the places that `errors` name."""
    listed = list(errors)
    count = "1 fault" if len(listed) == 1 else f"{len(listed)} faults"
    return EpcisProblem("ValidationException", detail or f"The request holds {count}.", errors=listed)


def unauthorized(detail: str, *, error: str = "") -> EpcisProblem:
    """No token, or one that does not hold (401)."""
    challenge = 'Bearer realm="waylog"' + (f', error="{error}"' if error else "")
    return EpcisProblem("SecurityException", detail, status=401, headers={"WWW-Authenticate": challenge})


def forbidden(detail: str, *, scope: str = "") -> EpcisProblem:
    """A good token that may not do this (403)."""
    headers = {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'} if scope else {}
    return EpcisProblem("SecurityException", detail, headers=headers)


def no_such_resource(detail: str = "There is nothing here, or nothing that you may see.") -> EpcisProblem:
    """What is absent and what is somebody else's: the same answer."""
    return EpcisProblem("NoSuchResourceException", detail)


def implementation(status: int, detail: str, *, headers: Mapping[str, str] | None = None) -> EpcisProblem:
    """What this server does not do, or cannot do now."""
    names = {406: "NotAcceptableException", 415: "UnsupportedMediaTypeException"}
    return EpcisProblem(names.get(status, "ImplementationException"), detail, status=status, headers=headers)
