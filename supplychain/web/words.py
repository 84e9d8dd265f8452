"""Values in words, as pages show them. Pure: no request, no database, no clock."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from urllib.parse import unquote

_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)")
_UNITS = {"KGM": "kg", "GRM": "g", "LTR": "l", "TNE": "t", "MTR": "m", "CEL": "°C", "FAH": "°F", "H87": "", "EA": ""}
_AI_NAMES = {
    "00": "SSCC",
    "01": "GTIN",
    "414": "GLN",
    "417": "party GLN",
    "8003": "GRAI",
    "8004": "GIAI",
}
ACTS = {
    "commission": "Commissioned",
    "pack": "Packed",
    "dispatch": "Dispatched",
    "observe": "Seen on the way",
    "accept": "Accepted",
    "acknowledge": "Discrepancy acknowledged",
    "dispute": "Discrepancy disputed",
    "unpack": "Unpacked",
    "correct": "Corrected",
    "transform": "Transformed",
}
SEEN = {
    "arriving": "Arrived",
    "departing": "Departed",
    "loading": "Loaded",
    "unloading": "Unloaded",
    "storing": "Stored",
    "stocking": "Put on the shelf",
    "cycle_counting": "Counted",
    "stock_taking": "Counted",
    "inspecting": "Inspected",
    "retail_selling": "Sold",
    "consuming": "Used up",
    "destroying": "Destroyed",
}
"""What an observation is called by its business step, where that says more than `observe`."""
MEMBERS = {
    "trip:driver": "Driver",
    "trip:vehicle": "Vehicle",
    "sensorElementList": "Sensor readings",
    "ilmd": "Data of the lot or item",
}
KEY_KINDS = {
    "device": "device key",
    "external": "external key",
    "managed": "managed key",
    "admin": "managed admin key",
    "root": "root key",
    "log": "log key",
    "forecaster": "forecaster key",
}


def with_article(noun: str) -> str:
    """`an external key`, `a device key`."""
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"


def in_offset(moment: datetime, offset: str) -> datetime:
    """`moment` on the clock of `offset` (`+01:00`); UTC when there is none."""
    found = _OFFSET.fullmatch(offset or "")
    if not found:
        return moment.astimezone(UTC)
    sign = -1 if found[1] == "-" else 1
    return moment.astimezone(timezone(sign * timedelta(hours=int(found[2]), minutes=int(found[3]))))


def zone(offset: str) -> str:
    """`+01:00` -> `UTC+1`, `+05:30` -> `UTC+5:30`, `+00:00` -> `UTC`."""
    found = _OFFSET.fullmatch(offset or "")
    if not found or (found[2], found[3]) == ("00", "00"):
        return "UTC"
    minutes = "" if found[3] == "00" else f":{found[3]}"
    return f"UTC{found[1]}{int(found[2])}{minutes}"


def day_and_time(local: datetime) -> str:
    """`Tue 22 Nov 2026, 14:20`."""
    return f"{local:%a %-d %b %Y, %H:%M}"


def near_time(local: datetime, now: datetime) -> str:
    """A time as people say it: `today 14:20`, `yesterday 16:10`, `Tue 17 Nov, 09:30`, `3 Mar 2025, 09:30`."""
    days = (now.astimezone(local.tzinfo).date() - local.date()).days
    near = {0: "today", 1: "yesterday", -1: "tomorrow"}.get(days)
    if near:
        return f"{near} {local:%H:%M}"
    return f"{local:%a %-d %b, %H:%M}" if abs(days) < 200 else f"{local:%-d %b %Y, %H:%M}"


def ago(moment: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that fits: `just now`, `2 min ago`, `3 h ago`, `5 days ago`."""
    return "just now" if span(now - moment) == "0 min" else f"{span(now - moment)} ago"


def span(length: timedelta) -> str:
    """`2 h 10 min`, `45 min`, `3 days`."""
    minutes = max(0, int(length.total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        rest = minutes % 60
        return f"{minutes // 60} h {rest} min" if rest and minutes < 10 * 60 else f"{minutes // 60} h"
    days = minutes // (24 * 60)
    return "1 day" if days == 1 else f"{days:,} days"


def quantity(value: Decimal | float, uom: str = "") -> str:
    """`1,240`, `12.5 kg`: grouped, no trailing zeros."""
    number = f"{Decimal(str(value)):,.6f}".rstrip("0").rstrip(".")
    unit = _UNITS.get(uom, uom)
    return f"{number} {unit}".strip()


def units(count: Decimal | float, name: str) -> str:
    """`23 cases`, `1 case`: the unit's name in its number."""
    plural = name if count == 1 or not name else f"{name}es" if name.endswith(("s", "x", "ch", "sh")) else f"{name}s"
    return f"{quantity(count)} {plural}".strip()


def short_identifier(uri: str) -> str:
    """The part that people read out: the key of a Digital Link with its lot or serial, the end of a private URI.

    `https://id.gs1.org/00/376123450000042184` -> `376123450000042184`;
    `https://id.gs1.org/01/07612345000011/10/L-2291` -> `07612345000011 lot L-2291`.
    """
    if uri.startswith("https://id.gs1.org/"):
        parts = [unquote(part) for part in uri.removeprefix("https://id.gs1.org/").split("/")]
        labels = {"10": "lot", "21": "serial", "254": "", "22": "variant"}
        rest = [f"{labels.get(ai, ai)} {value}".strip() for ai, value in zip(parts[2::2], parts[3::2], strict=False)]
        return " ".join([parts[1] if len(parts) > 1 else uri, *rest])
    return unquote(re.split(r"[:/#]", uri.rstrip("/"))[-1]) or uri


def identifier_kind(uri: str) -> str:
    """What kind of identifier it is, in words: `SSCC`, `GTIN`, `private identifier`."""
    if uri.startswith("https://id.gs1.org/"):
        return _AI_NAMES.get(uri.removeprefix("https://id.gs1.org/").split("/")[0], "GS1 identifier")
    return "private identifier"


def lot_of(uri: str) -> str:
    """The lot in a class identifier, or nothing."""
    found = re.search(r"/10/([^/?]+)", uri)
    return unquote(found[1]) if found else ""


def act(name: str, biz_step: str = "") -> str:
    """An act of custody as a word that starts a line; an observation by its business step."""
    return SEEN.get(biz_step, ACTS["observe"]) if name == "observe" else ACTS.get(name, name.capitalize())


def member(name: str) -> str:
    """What a member of an event is called."""
    return MEMBERS.get(name, name)


def key_kind(role: str) -> str:
    """Which kind of key it is, in words."""
    return KEY_KINDS.get(role, f"{role} key")
