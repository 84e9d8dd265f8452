"""What this room refuses, and how it says so: one fault, one place, one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MAX_FAULTS = 100


class EpcisError(Exception):
    """Whatever is wrong with EPCIS data; the message is a sentence a user may read."""


class IdentifierInvalid(EpcisError):
    """An identifier that claims to be a GS1 key and is not one."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong at one place.

    Example: ``Fault("/bizStep", '"shiping" is not a business step of CBV 2.0.', "shiping", (...), "shipping")``.
    """

    pointer: str
    message: str
    value: Any = None
    allowed: tuple[str, ...] = ()
    did_you_mean: str | None = None

    def __str__(self) -> str:
        hint = f' Did you mean "{self.did_you_mean}"?' if self.did_you_mean else ""
        return f"{self.pointer or '/'}: {self.message}{hint}"

    def as_dict(self) -> dict[str, Any]:
        """Return the members of a problem document's error entry; empty ones are left out."""
        entry: dict[str, Any] = {"pointer": self.pointer, "message": self.message}
        if self.value is not None:
            entry["value"] = self.value
        if self.allowed:
            entry["allowed"] = list(self.allowed)
        if self.did_you_mean:
            entry["didYouMean"] = self.did_you_mean
        return entry


class EventInvalid(EpcisError):
    """An event with all its faults at once (the first 100 of them)."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults[:MAX_FAULTS])
        super().__init__("\n".join(str(fault) for fault in self.faults))


class DocumentInvalid(EventInvalid):
    """A document whose envelope, or at least one of whose events, is at fault."""


class QueryInvalid(EventInvalid):
    """A query with parameters that EPCIS does not know or values that they cannot take."""
