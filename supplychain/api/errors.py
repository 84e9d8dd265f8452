"""Which status an error gets: every refusal is one RFC 9457 problem document, with one message a fault.

{"title": "Bad Request", "status": 400, "detail": "The request holds 1 fault.", "code": "malformed",
 "errors": [{"pointer": "/0/envelop", "message": "there is no such member", "did_you_mean": "envelope"}]}
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpResponse, UnreadablePostError
from rest_framework import exceptions

from ledger.admission import Refused
from ledger.queries import EntryMissing, LogMissing
from ledger.tlog.errors import Malformed
from supplychain.queries import feeds

MEDIA_TYPE = "application/problem+json"
_SHOWN = 120
_LONGEST_WORD = 80


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: in the body (`pointer`, RFC 6901) or in the address (`parameter`)."""

    message: str
    pointer: str | None = None
    parameter: str | None = None
    value: Any = None
    allowed: tuple[str, ...] = ()
    did_you_mean: str | None = None

    def moved(self, place: str) -> Fault:
        """The same fault of what stands at `place`."""
        return replace(self, pointer=place + (self.pointer or ""))

    def document(self) -> dict[str, Any]:
        """The fault as a member of `errors`; what is not known is left out."""
        found: dict[str, Any] = {}
        if self.parameter is not None:
            found["parameter"] = self.parameter
        else:
            found["pointer"] = self.pointer or ""
        found["message"] = self.message
        if self.value is not None:
            found["value"] = shown(self.value)
        if self.allowed:
            found["allowed"] = list(self.allowed)
        if self.did_you_mean:
            found["did_you_mean"] = self.did_you_mean
        return found


class Problem(Exception):
    """A request that is refused as a whole."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        code: str = "",
        faults: Sequence[Fault] = (),
        more: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.code = code
        self.faults = tuple(faults)
        self.more = dict(more or {})
        self.headers = dict(headers or {})

    def document(self) -> dict[str, Any]:
        """The problem document."""
        return document(self.status, self.detail, code=self.code, faults=self.faults, more=self.more)


def not_found(detail: str = "There is nothing here, or nothing that you may see.") -> Problem:
    """What is absent and what is somebody else's: the same answer."""
    return Problem(404, detail, code="not_found")


def bad_request(faults: Sequence[Fault], *, status: int = 400) -> Problem:
    """A request with faults; the sentence counts them."""
    count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    return Problem(status, f"The request holds {count}.", code="malformed", faults=faults)


def unavailable() -> Problem:
    """The database is away: said in words, not with a 500. What was committed was committed before it answered."""
    detail = "The database does not answer. Send the request again: what it kept the first time is found, not doubled."
    return Problem(503, detail, code="unavailable", headers={"Retry-After": "5"})


def document(
    status: int,
    detail: str,
    *,
    code: str = "",
    faults: Iterable[Fault] = (),
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write a problem document. Members of `more` never replace the standard ones."""
    found: dict[str, Any] = dict(more or {})
    found |= {"title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    if code:
        found["code"] = code
    if listed := [fault.document() for fault in faults]:
        found["errors"] = listed
    return found


def response(found: Problem) -> HttpResponse:
    """Answer with a problem."""
    text = json.dumps(found.document(), ensure_ascii=False, default=plain)
    answer = HttpResponse(text, status=found.status, content_type=MEDIA_TYPE)
    for name, value in found.headers.items():
        answer[name] = value
    answer["Cache-Control"] = "no-store"
    return answer


def closest(word: str, allowed: Iterable[str]) -> str | None:
    """The allowed word that was probably meant."""
    if len(word) > _LONGEST_WORD:
        return None
    found = difflib.get_close_matches(word, list(allowed), n=1, cutoff=0.6)
    return found[0] if found else None


def shown(value: Any) -> Any:
    """A value as it may stand in an answer: whole when it is small, else its beginning."""
    if isinstance(value, str):
        return value if len(value) <= _SHOWN else value[:_SHOWN] + "..."
    if value is None or isinstance(value, bool | int | float):
        return value
    text = json.dumps(value, ensure_ascii=False, default=plain)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def plain(value: Any) -> Any:
    """What JSON has no word for: bytes as hex, everything else as its text."""
    return bytes(value).hex() if isinstance(value, bytes | memoryview) else str(value)


def problem_of_refusal(refused: Refused, *, at: str = "") -> Problem:
    """A refusal of the ledger or of custody; `at` is where the item stands in the request."""
    fault = Fault(str(refused), pointer=at + refused.pointer)
    return Problem(refused.status, _sentence(str(refused)), code=refused.code, faults=[fault], more=refused.detail)


def problem_of_malformed(malformed: Malformed, *, status: int = 400, at: str = "") -> Problem:
    """A text that is not written as its format demands."""
    fault = Fault(str(malformed), pointer=at + malformed.pointer)
    return Problem(status, _sentence(str(malformed)), code="malformed", faults=[fault])


def problem(raised: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """Answer an exception of a view (REST_FRAMEWORK's EXCEPTION_HANDLER); None for what is a bug of ours."""
    found = _translate(raised)
    return None if found is None else response(found)


def _translate(raised: Exception) -> Problem | None:
    match raised:
        case Problem():
            return raised
        case Refused():
            return problem_of_refusal(raised)
        case Malformed():
            return problem_of_malformed(raised)
        case feeds.Missing() | EntryMissing() | Http404():
            return not_found()
        case PermissionDenied():
            return Problem(403, "This is not allowed.", code="forbidden")
        case RequestDataTooBig():
            return Problem(413, "The request is too large.", code="too_large")
        case UnreadablePostError():
            return Problem(400, "The request ended before it was whole.", code="unreadable")
        case exceptions.APIException():
            return _translate_rest(raised)
        case LogMissing():
            return Problem(503, "There is no log here yet.", code="no_log")
        case OperationalError() | InterfaceError():
            return unavailable()
    return None


def _translate_rest(raised: exceptions.APIException) -> Problem:
    headers = {}
    if challenge := getattr(raised, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(raised, "wait", None):
        headers["Retry-After"] = str(int(wait) + 1)
    if isinstance(raised, exceptions.UnsupportedMediaType):
        headers["Accept"] = "application/json"
    detail = raised.detail if isinstance(raised.detail, str) else str(raised.default_detail)
    code = str(raised.default_code)
    return Problem(raised.status_code, str(detail), code=code, headers=headers)


def _sentence(text: str) -> str:
    capital = text[:1].upper() + text[1:]
    return capital if capital.endswith((".", "!", "?")) else capital + "."
