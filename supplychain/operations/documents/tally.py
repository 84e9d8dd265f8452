"""What a capture job has to say: how many events were captured, repeated, refused, and the first faults in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from ledger.admission import BatchRefused, Refusal, Refused, Repeated
from supplychain.epcis.documents import DocumentEvent
from supplychain.epcis.errors import MAX_FAULTS, Fault
from supplychain.models import CaptureJob
from supplychain.operations.capture import BodyInvalid, EventIdTaken
from supplychain.operations.documents.batches import Taken

Problem = dict[str, Any]


@dataclass(slots=True)
class Tally:
    """Counts what happened; `errors` and `repeated` hold the first hundred."""

    done: int = 0
    captured: int = 0
    repeated: int = 0
    refused: int = 0
    errors: list[Problem] = field(default_factory=list)
    repeats: list[Problem] = field(default_factory=list)

    @classmethod
    def of(cls, job: CaptureJob) -> Tally:
        """Go on where a job stands."""
        return cls(
            job.events_done,
            job.events_captured,
            job.events_repeated,
            job.events_refused,
            list(job.errors),
            list(job.repeated),
        )

    @property
    def is_clean(self) -> bool:
        return not self.refused and not self.errors

    @property
    def is_full(self) -> bool:
        """Whether further faults would not be listed."""
        return len(self.errors) >= MAX_FAULTS

    def add_faults(self, event: DocumentEvent) -> None:
        """An event that cannot be read."""
        self.refused += 1
        self._add([problem_of_fault(fault, event) for fault in event.faults])

    def add(self, events: Sequence[DocumentEvent], taken: Sequence[Taken]) -> None:
        """What became of the readable ones of these events, in their order."""
        results = iter(taken)
        for event in events:
            self.done += 1
            if event.event is None:
                self.add_faults(event)
            else:
                self._add_result(event, next(results))

    def _add_result(self, event: DocumentEvent, each: Taken) -> None:
        match each.outcome:
            case Refusal(error=error):
                self.refused += 1
                if not isinstance(error, BatchRefused):
                    self._add(problems_of_refusal(error, event))
            case Repeated(index=index):
                self.repeated += 1
                if len(self.repeats) < MAX_FAULTS:
                    self.repeats.append({"pointer": event.pointer, "index": index})
            case _:
                self.captured += 1

    def _add(self, problems: Sequence[Problem]) -> None:
        self.errors += problems[: max(0, MAX_FAULTS - len(self.errors))]

    def forget_captured(self) -> None:
        """Everything was taken back."""
        self.captured = self.repeated = 0
        self.repeats = []

    def columns(self) -> dict[str, Any]:
        """The job's columns that say this."""
        return {
            "events_done": self.done,
            "events_captured": self.captured,
            "events_repeated": self.repeated,
            "events_refused": self.refused,
            "errors": self.errors,
            "repeated": self.repeats,
            "success": self.is_clean,
        }


def problem_of_fault(fault: Fault, event: DocumentEvent | None = None) -> Problem:
    """One fault as an RFC 9457 problem."""
    found = _problem("ValidationException", 400, fault.message, fault.pointer)
    found |= {name: value for name, value in fault.as_dict().items() if name not in ("pointer", "message")}
    if event is not None and event.line is not None:
        found["line"] = event.line
    return found


def problems_of_refusal(error: Refused, event: DocumentEvent) -> list[Problem]:
    """A refusal of the log or of custody as problems, one a fault, with the place in the document."""
    listed = error.detail.get("faults", ()) if isinstance(error, BodyInvalid) else ()
    if listed:
        faults = [
            Fault(event.pointer + _inside(each["pointer"]), each["message"], each.get("value")) for each in listed
        ]
        return [problem_of_fault(fault, event) for fault in faults]
    kind = "ResourceAlreadyExistsException" if isinstance(error, EventIdTaken) else "ValidationException"
    found = _problem(kind, error.status, str(error), event.pointer + _inside(error.pointer))
    found["code"] = error.code
    if event.line is not None:
        found["line"] = event.line
    return [found]


def failure(reason: str) -> Problem:
    """What is said when the server itself failed."""
    return _problem("ImplementationException", 500, reason, "")


def _problem(kind: str, status: int, detail: str, pointer: str) -> Problem:
    return {
        "type": f"epcisException:{kind}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "pointer": pointer,
    }


def _inside(pointer: str) -> str:
    """A pointer into a submission as one into its event; what is about the signature is about the event itself."""
    return pointer.removeprefix("/body/event") if pointer.startswith("/body/event") else ""
