"""Reads the items of a capture: envelope, body, salt and the secrets of the chains it opens.

What surrounds the items is right or the request is refused; each item is right or refused alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ledger import turns
from ledger.admission import Invalid, Refused
from ledger.tlog.envelope import Envelope, parse_envelope
from ledger.tlog.errors import Malformed
from ledger.tlog.text import decode_base64
from supplychain.api.errors import Fault, Problem, bad_request, closest

MAX_ITEMS = 1_000
MAX_CHAINS = 40
_MEMBERS = ("envelope", "body", "salt", "chains", "disclosures")
_PLAIN = frozenset(("envelope", "body", "salt"))
_ENVELOPE = frozenset(("payload", "payloadType", "signatures"))
_OUTER = ("items", "atomic")
_LONGEST_URI = 500


@dataclass(frozen=True, slots=True)
class Item:
    """An item, read: what `capture` takes."""

    envelope: Envelope
    body: bytes
    salt: bytes
    chains: dict[str, bytes]
    disclosures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """What a request asks for: each item read, or the problem that it has; and whether all stand or fall together."""

    items: list[Item | Problem]
    places: list[str]
    atomic: bool


def read_batch(data: Any, *, atomic: bool | None) -> Batch:
    """Read `[item, ...]`, `{"items": [...], "atomic": ...}` or one item; raise Problem (400, 413).

    `atomic` is what the address says, None when it says nothing.
    """
    listed, prefix, inside = _outer(data)
    if atomic is not None and inside is not None and atomic is not inside:
        fault = Fault("the body says otherwise", parameter="atomic", value=atomic)
        raise bad_request([fault])
    if len(listed) > MAX_ITEMS:
        raise Problem(413, f"A request holds 1 to {MAX_ITEMS:,} items; this holds {len(listed):,}.", code="too_many")
    if not listed:
        raise bad_request([Fault(f"a request holds 1 to {MAX_ITEMS:,} items", pointer=prefix or "")])
    places = (
        [prefix] if isinstance(data, dict) and "items" not in data else [f"{prefix}/{n}" for n in range(len(listed))]
    )
    items = [_read_item(value, place) for value, place in zip(listed, places, strict=True)]
    return Batch(items, places, bool(atomic or inside))


def _outer(data: Any) -> tuple[list[Any], str, bool | None]:
    if isinstance(data, list):
        return data, "", None
    if not isinstance(data, dict) or not data:
        raise bad_request([Fault("a list of items is wanted, or an object with items", pointer="")])
    if "items" not in data:
        return [data], "", None
    faults = unknown_members(data, _OUTER, "")
    if not isinstance(data["items"], list):
        faults.append(Fault("a list of items is wanted", pointer="/items"))
    if not isinstance(data.get("atomic", False), bool):
        faults.append(Fault("true or false is wanted", pointer="/atomic", value=data["atomic"]))
    if faults:
        raise bad_request(faults)
    return data["items"], "/items", data.get("atomic")


def _read_item(value: Any, place: str) -> Item | Problem:
    """An item, or what is wrong with it: 400 for its shape, 422 for what its members hold."""
    turns.give_way()
    if not _has_plain_shape(value) and (faults := _shape_faults(value, place)):
        return bad_request(faults)
    try:
        return Item(
            envelope=_envelope(value["envelope"]),
            body=_bytes(value, "body"),
            salt=_salt(value),
            chains=_chains(value.get("chains", {})),
            disclosures=tuple(value.get("disclosures", ())),
        )
    except Refused as refused:
        fault = Fault(str(refused), pointer=place + refused.pointer)
        return Problem(refused.status, "The item cannot be read.", code=refused.code, faults=[fault])


def _has_plain_shape(value: Any) -> bool:
    """Whether an item has the shape of nearly every one there is: then nobody need look for what is wrong with it."""
    return (
        type(value) is dict
        and value.keys() == _PLAIN
        and type(value["body"]) is type(value["salt"]) is str
        and type(value["envelope"]) is dict
        and value["envelope"].keys() == _ENVELOPE
    )


def _shape_faults(value: Any, place: str) -> list[Fault]:
    if not isinstance(value, dict):
        return [Fault("an item is an object with envelope, body and salt", pointer=place)]
    faults = unknown_members(value, _MEMBERS, place)
    for name, kind, word in (("envelope", dict, "an object"), ("body", str, "a text"), ("salt", str, "a text")):
        if name not in value:
            faults.append(Fault(f"the member {name} is missing", pointer=place))
        elif not isinstance(value[name], kind):
            faults.append(Fault(f"{word} is wanted", pointer=f"{place}/{name}", value=value[name]))
    if isinstance(value.get("envelope"), dict):
        faults += unknown_members(value["envelope"], ("payload", "payloadType", "signatures"), f"{place}/envelope")
    disclosures = value.get("disclosures", [])
    if not isinstance(disclosures, list) or not all(isinstance(each, str) for each in disclosures):
        faults.append(Fault("a list of texts is wanted", pointer=f"{place}/disclosures"))
    chains = value.get("chains", {})
    if not isinstance(chains, dict):
        faults.append(Fault("an object is wanted: identifier to secret", pointer=f"{place}/chains", value=chains))
    else:
        wrong = [name for name, secret in chains.items() if not isinstance(secret, str)]
        faults += [Fault("a text is wanted", pointer=f"{place}/chains/{escaped(name)}") for name in wrong]
    return faults


def unknown_members(value: dict[str, Any], known: tuple[str, ...], place: str) -> list[Fault]:
    """One fault for each member that is not known, with the one that was probably meant."""
    return [
        Fault(
            "there is no such member",
            pointer=f"{place}/{escaped(name)}",
            did_you_mean=closest(name, known),
            allowed=known,
        )
        for name in value
        if name not in known
    ]


def escaped(name: str) -> str:
    """A member's name as a step of a JSON pointer (RFC 6901, 3)."""
    return name[:_LONGEST_URI].replace("~", "~0").replace("/", "~1")


def _envelope(value: dict[str, Any]) -> Envelope:
    try:
        return parse_envelope(value)
    except Malformed as malformed:
        raise Invalid(malformed.reason, pointer=f"/envelope{malformed.pointer}") from None


def _bytes(value: dict[str, Any], name: str) -> bytes:
    try:
        return decode_base64(value[name], f"the {name}")
    except Malformed as malformed:
        raise Invalid(malformed.reason, pointer=f"/{name}") from None


def _salt(value: dict[str, Any]) -> bytes:
    salt = _bytes(value, "salt")
    if len(salt) != 32:
        raise Invalid(f"a salt is 32 bytes; this is {len(salt)}", pointer="/salt")
    return salt


def _chains(value: dict[str, str]) -> dict[str, bytes]:
    if len(value) > MAX_CHAINS:
        raise Invalid(f"an item opens at most {MAX_CHAINS} chains", pointer="/chains")
    found: dict[str, bytes] = {}
    for unit, text in value.items():
        place = f"/chains/{escaped(unit)}"
        try:
            found[unit] = decode_base64(text, "the secret")
        except Malformed as malformed:
            raise Invalid(malformed.reason, pointer=place) from None
        if len(found[unit]) != 16 or not 0 < len(unit) <= _LONGEST_URI:
            raise Invalid("a chain's secret is 16 bytes, and its name the unit's identifier", pointer=place)
    return found
