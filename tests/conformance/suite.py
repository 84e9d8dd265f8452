"""The register of checks, and running them."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property

from tests.conformance.material import Run
from tests.conformance.server import Answer, Server

CHECKS: list[Check] = []


class NotOffered(Exception):
    """The server says itself that it does not do this: the check is left out, and the report says so."""


@dataclass
class Examined:
    """The server with what a run has captured."""

    server: Server
    run: Run = field(default_factory=Run)

    @cached_property
    def capture(self) -> Answer:
        """The capture of the run's events, and of the declaration that one of them was wrong."""
        answer = self.server("POST", "/capture", self.run.document(*self.run.events.values()))
        assert answer.status == 202, f"{answer.status}: {answer.body[:500].decode(errors='replace')}"
        job = self.server.finished(answer.headers["location"])
        assert job["success"], f"the run's events are not captured: {str(job.get('errors'))[:500]}"
        again = self.server("POST", "/capture", self.run.document(self.run.error_declaration()))
        assert again.status == 202, f"{again.status}: {again.body[:500].decode(errors='replace')}"
        job = self.server.finished(again.headers["location"])
        assert job["success"], f"the error declaration is not captured: {str(job.get('errors'))[:500]}"
        return answer

    def found(self, **query: object) -> set[str]:
        """The short names of the run's events that a query finds; an error declaration is named `declared`."""
        assert self.capture.status == 202
        return names(self.server.events({"EQ_readPoint": self.run.read_point, **query}))


def names(events: Iterable[dict[str, object]]) -> set[str]:
    """The short names of events of the run."""
    return {"declared" if "errorDeclaration" in each else str(each["eventID"]).rpartition("/")[2] for each in events}


@dataclass(frozen=True)
class Check:
    """One requirement."""

    id: str
    clause: str
    title: str
    call: Callable[[Examined], None]


@dataclass(frozen=True)
class Verdict:
    """What became of a check: `pass`, `fail`, or `left out` when the server does not offer it."""

    check: Check
    outcome: str
    why: str = ""


def check(id: str, clause: str, title: str) -> Callable[[Callable[[Examined], None]], Callable[[Examined], None]]:
    """Register a function as the check of a requirement."""

    def register(call: Callable[[Examined], None]) -> Callable[[Examined], None]:
        assert id not in {each.id for each in CHECKS}, id
        CHECKS.append(Check(id, clause, title, call))
        return call

    return register


def run(server: Server, *, only: str = "", heard: Callable[[Verdict], None] = lambda _: None) -> list[Verdict]:
    """Run the checks whose id begins with `only`, in order."""
    examined, verdicts = Examined(server), []
    for each in CHECKS:
        if not each.id.startswith(only):
            continue
        try:
            each.call(examined)
            verdict = Verdict(each, "pass")
        except NotOffered as missing:
            verdict = Verdict(each, "left out", str(missing))
        except Exception as fault:  # whatever a strange server does to a check, it has not passed
            said = str(fault) or traceback.format_exc().strip().splitlines()[-1]
            verdict = Verdict(each, "fail", said.splitlines()[0][:400])
        verdicts.append(verdict)
        heard(verdict)
    return verdicts


def refused(answer: Answer, status: int, *exceptions: str) -> None:
    """Check that a request was refused with this status and one of these exceptions."""
    assert answer.status == status, f"answered with {answer.status}, not {status}: {answer.body[:200]!r}"
    kind = answer.headers.get("content-type", "").partition(";")[0]
    assert kind == "application/problem+json", f"a problem is application/problem+json (RFC 9457), this is {kind}"
    told = answer.json()
    assert answer.exception in exceptions, f"the exception is {answer.exception!r}, not {' or '.join(exceptions)}"
    assert told.get("status", status) == status, "the problem names another status"
    assert told.get("title"), "the problem has no title"
