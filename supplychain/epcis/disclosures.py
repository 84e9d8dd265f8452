"""What an event may name by a digest alone (`waylog:_sd`, RFC 9901): its own extensions, readings and instance data.

What custody decides by cannot be hidden, and an event is a valid one with what is hidden and without it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ledger.tlog.disclosure import ALGORITHM, DIGESTS, has_digests, hide, open_body
from ledger.tlog.errors import TlogError
from supplychain.epcis.contexts import escape, read_context
from supplychain.epcis.errors import EventInvalid, Fault
from supplychain.epcis.events import Event
from supplychain.epcis.parsing import parse_body

HIDEABLE = ("ilmd", "sensorElementList")
"""Members of EPCIS itself that may be hidden, beside those that a party names with a prefix of its own."""


def whole(body: bytes, disclosures: Sequence[str]) -> bytes:
    """Return the body with what is disclosed in its place; one that names no digests as it is. Raise EventInvalid."""
    if not disclosures and not has_digests(body):
        return body
    try:
        opened = open_body(body, disclosures).value
    except TlogError as fault:
        raise EventInvalid([Fault("/disclosures", f"{fault}.")]) from None
    written = json.loads(body)
    faults = _faults(written, opened)
    if faults:
        raise EventInvalid(faults)
    return json.dumps(opened, ensure_ascii=False, separators=(",", ":")).encode()


def parse_whole(body: bytes, disclosures: Sequence[str]) -> Event:
    """Read the event of a body with what is disclosed in its place; raise EventInvalid."""
    return parse_body(whole(body, disclosures))


def hide_members(body: bytes, names: Sequence[str]) -> tuple[bytes, tuple[str, ...]]:
    """Write a body with digests in the place of these members of its event; return it and their disclosures.

    Members that the event does not have are left out. Raises EventInvalid for what may not be hidden.
    """
    value = json.loads(body)
    event, told = hide(value["event"], [name for name in names if name in value["event"]])
    texts = tuple(each.text for each in told)
    hidden = json.dumps({**value, "event": event}, ensure_ascii=False, separators=(",", ":")).encode()
    whole(hidden, texts)
    return hidden, texts


def _faults(written: Any, opened: Any) -> list[Fault]:
    event = written.get("event") if isinstance(written, dict) else None
    if not isinstance(event, dict):
        return []
    ours = read_context(written.get("@context")).waylog_prefixes | {"waylog"}
    faults = [
        Fault("/event", f"{name} may not be hidden: only members with a prefix of one's own, {' and '.join(HIDEABLE)}.")
        for name in opened["event"].keys() - event.keys()
        if name not in HIDEABLE and not _is_own(name, ours)
    ]
    for name, value in event.items():
        if name not in (DIGESTS, ALGORITHM) and not _is_own(name, ours) and _names_digests(value):
            faults.append(Fault(f"/event/{escape(name)}", f"Nothing inside {name} may be hidden."))
    outside = {name: value for name, value in written.items() if name != "event"}
    if _names_digests(outside):
        faults.append(Fault("", "Only members of the event may be hidden."))
    return sorted(faults, key=lambda fault: (fault.pointer, fault.message))


def _is_own(name: str, ours: set[str]) -> bool:
    prefix, colon, _ = name.partition(":")
    return bool(colon) and prefix not in ours


def _names_digests(value: Any) -> bool:
    if isinstance(value, dict):
        return DIGESTS in value or any(_names_digests(each) for each in value.values())
    return isinstance(value, list) and any(_names_digests(each) for each in value)
