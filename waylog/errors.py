"""What can go wrong, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class WaylogError(Exception):
    """Whatever the client cannot do; the message is a sentence that a user may read."""


class Unreachable(WaylogError):
    """The server did not answer, after all attempts."""


class Refused(WaylogError):
    """The server refused a request; `problem` is its problem document (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = dict(problem)
        super().__init__(describe(status, problem))


def describe(status: int, problem: Mapping[str, Any]) -> str:
    """A problem in lines: the sentence, then each fault with its place."""
    lines = [f"{status} {problem.get('detail') or problem.get('title') or 'refused'}"]
    for fault in problem.get("errors", ()):
        place = fault.get("pointer") or fault.get("parameter") or "/"
        meant = f' Did you mean "{fault["did_you_mean"]}"?' if fault.get("did_you_mean") else ""
        lines.append(f"  {place}: {fault.get('message', '')}{meant}")
    return "\n".join(lines)
