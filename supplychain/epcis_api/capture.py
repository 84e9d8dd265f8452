"""/epcis/capture: documents go in, and their jobs say what became of them. One event alone goes to /epcis/events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from ledger.admission import Refusal, Refused, Repeated
from supplychain.epcis.answers import bare_event
from supplychain.epcis.builders import format_time
from supplychain.epcis.documents import MAX_BODY
from supplychain.epcis.errors import DocumentInvalid
from supplychain.epcis_api import headers, paging, problems, rendering
from supplychain.epcis_api.base import CAPTURE, Endpoint, json_response, now
from supplychain.epcis_api.problems import EpcisProblem
from supplychain.epcis_api.receiving import received
from supplychain.operations import documents
from supplychain.operations.documents import Received
from supplychain.queries import captures
from supplychain.queries.captures import JobState

_MAX_AT_ONCE = 4 * 1024 * 1024
"""Bytes of a document that may be captured in its request; a larger one waits for the worker."""


class Captures(Endpoint):
    """POST a document; GET the jobs of those that were posted."""

    scopes = {"GET": CAPTURE, "POST": CAPTURE}
    announces = {**headers.CAPTURE, **headers.FORMATS}

    def post(self, request: HttpRequest) -> HttpResponse:
        """Capture a document: 202 with the address of its job."""
        behaviour = headers.error_behaviour(request)
        with received(request) as document, _refusals():
            job = self._job(document, behaviour)
        answer = json_response(job_document(JobState(job)), status=202, form=self.form)
        answer["Location"] = request.build_absolute_uri(reverse("epcis-capture-job", args=[job.id]))
        answer[headers.CAPTURE_ERROR_BEHAVIOUR] = behaviour
        return answer

    def _job(self, document: Received, behaviour: str) -> Any:
        if document.size <= _MAX_AT_ONCE:
            job = documents.capture_at_once(document, party=self.party, behaviour=behaviour, now=now())
            if job is not None:
                return job
        count = document.stream().survey(headers.MAX_CAPTURE_EVENTS)
        if count > headers.MAX_CAPTURE_EVENTS:
            said = f"A document has at most {headers.MAX_CAPTURE_EVENTS:,} events; send this one in parts."
            raise EpcisProblem("CaptureLimitExceededException", said, headers=dict(headers.CAPTURE))
        return documents.capture_later(document, party=self.party, behaviour=behaviour, events=count, now=now())

    def get(self, request: HttpRequest) -> HttpResponse:
        """List the party's jobs, newest first, a page at a time."""
        asked = paging.asked(request, party=self.party)
        paging.refuse_others(asked)
        place = asked.place
        after = None if place is None else (datetime.fromisoformat(place["t"]), UUID(place["j"]))
        found = captures.capture_jobs(party=self.party, limit=asked.per_page + 1, after=after)
        listed = found[: asked.per_page]
        answer = json_response([job_document(each) for each in listed], form=self.form)
        if len(found) == len(listed):
            return answer
        last = listed[-1].job
        return paging.linked(answer, request, asked, {"t": last.created_at.isoformat(), "j": last.id.hex})


class Job(Endpoint):
    """GET one job: running, success, and the faults of each event."""

    scopes = {"GET": CAPTURE}

    def get(self, request: HttpRequest, job_id: str) -> HttpResponse:
        """Say how the job stands (the truth tables of the bindings)."""
        try:
            state = captures.capture_job(UUID(job_id), party=self.party)
        except (captures.JobMissing, ValueError):
            raise problems.no_such_resource("There is no such capture job, or none that you may see.") from None
        answer = json_response(job_document(state), form=self.form)
        answer[headers.CAPTURE_ERROR_BEHAVIOUR] = state.job.behaviour
        return answer


class EventCapture(Endpoint):
    """POST one event. The endpoint of all events adds how they are read."""

    scopes = {"POST": CAPTURE}
    announces = {**headers.CAPTURE, **headers.FORMATS}

    def post(self, request: HttpRequest) -> HttpResponse:
        """Capture one event at once."""
        return capture_one(self, request)


def capture_one(endpoint: Endpoint, request: HttpRequest) -> HttpResponse:
    """Capture the one event of a POST to /epcis/events: 201 with the event and its address, 200 when it was captured
    before."""
    translation = rendering.translation_for(request)
    with received(request, max_bytes=2 * MAX_BODY) as document, _refusals():
        events = list(document.stream().events())
        if len(events) != 1:
            said = f"One event is captured here, and this holds {len(events)}; documents go to /epcis/capture."
            raise EpcisProblem("ValidationException", said)
        if events[0].faults:
            raise problems.validation([fault.as_dict() for fault in events[0].faults])
        taken = documents.capture_event(document, events[0], party=endpoint.party, now=now())
    if isinstance(taken.outcome, Refusal):
        raise problem_of_refusal(taken.outcome.error)
    captured = captures.captured(taken.outcome.index, party=endpoint.party)
    event = bare_event(captured, translation) if captured.body else {"eventID": captured.event_id}
    status = 200 if isinstance(taken.outcome, Repeated) else 201
    answer = rendering.finished(json_response(event, status=status, form=endpoint.form), translation)
    answer[headers.INDEX] = str(taken.outcome.index)
    answer["Location"] = request.build_absolute_uri(reverse("epcis-root")) + f"events/{_quoted(captured.event_id)}"
    return answer


@contextmanager
def _refusals() -> Iterator[None]:
    """Answer what the document's reader, the log and custody refuse."""
    try:
        yield
    except DocumentInvalid as invalid:
        raise problems.validation([fault.as_dict() for fault in invalid.faults]) from None
    except Refused as refused:
        raise problem_of_refusal(refused) from None


def problem_of_refusal(refused: Refused) -> EpcisProblem:
    """A refusal of the ledger or of custody in the words of EPCIS."""
    names = {403: "SecurityException", 404: "NoSuchResourceException", 409: "ResourceAlreadyExistsException"}
    status = 400 if refused.status == 422 else refused.status
    kind = names.get(status, "ValidationException" if status < 500 else "ImplementationException")
    more = {"code": refused.code, "pointer": refused.pointer.removeprefix("/body/event")}
    return EpcisProblem(kind, str(refused), status=status, more=more)


def job_document(state: JobState) -> dict[str, Any]:
    """A CaptureJob as the bindings write it, with our counts beside it."""
    job = state.job
    errors = list(job.errors)
    if state.failure:
        errors.append(
            {
                "type": "epcisException:ImplementationException",
                "title": "Internal Server Error",
                "status": 500,
                "detail": f"The capture failed on the server: {state.failure}",
            }
        )
    found: dict[str, Any] = {
        "captureID": str(job.id),
        "createdAt": format_time(job.created_at),
        "running": state.running,
        "success": state.success,
        "errors": errors,
        "captureErrorBehaviour": job.behaviour,
        "events": job.events_total,
        "captured": job.events_captured,
        "alreadyCaptured": job.events_repeated,
        "refused": job.events_refused,
    }
    if job.finished_at is not None:
        found["finishedAt"] = format_time(job.finished_at)
    if job.repeated:
        found["repeated"] = job.repeated
    return found


def _quoted(identifier: str) -> str:
    return quote(identifier, safe="")
