"""The GS1-* headers of the bindings: what a request may ask for, and what an answer says (EPCIS 2.0, 12.4)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from supplychain.epcis.contexts import Context
from supplychain.epcis.identifiers import is_uri
from supplychain.epcis.values import Reader
from supplychain.epcis_api.problems import EpcisProblem, implementation

EPCIS_VERSION: Final = "GS1-EPCIS-Version"
EPCIS_MIN: Final = "GS1-EPCIS-Min"
EPCIS_MAX: Final = "GS1-EPCIS-Max"
CBV_VERSION: Final = "GS1-CBV-Version"
CBV_MIN: Final = "GS1-CBV-Min"
CBV_MAX: Final = "GS1-CBV-Max"
CAPTURE_LIMIT: Final = "GS1-EPCIS-Capture-Limit"
CAPTURE_FILE_SIZE_LIMIT: Final = "GS1-EPCIS-Capture-File-Size-Limit"
CAPTURE_ERROR_BEHAVIOUR: Final = "GS1-Capture-Error-Behaviour"
EPC_FORMAT: Final = "GS1-EPC-Format"
CBV_XML_FORMAT: Final = "GS1-CBV-XML-Format"
NEXT_PAGE_TOKEN_EXPIRES: Final = "GS1-Next-Page-Token-Expires"
VENDOR_VERSION: Final = "GS1-Vendor-Version"
EXTENSIONS: Final = "GS1-Extensions"
STREAM: Final = "Waylog-Stream"
"""Ours: where the events of a query are to be had over WebSocket."""
INDEX: Final = "Waylog-Index"
"""Ours: the index of the entry of an event that was captured alone."""
MIN_RECORD_TIME: Final = "GS1-Query-Min-Record-Time"

SUPPORTED_VERSION: Final = "2.0"
MAX_CAPTURE_EVENTS: Final = 100_000
MAX_CAPTURE_BYTES: Final = 128 * 1024 * 1024
VENDOR: Final = "Waylog/1"
OUR_EXTENSIONS: Final = "waylog=urn:waylog:epcis:"

EPC_FORMATS: Final = ("Always_GS1_Digital_Link", "Always_EPC_URN", "No_Preference", "Never_Translates")
CBV_XML_FORMATS: Final = ("No_Preference", "Always_Web_URI", "Always_URN", "Never_Translates")
ERROR_BEHAVIOURS: Final = ("rollback", "proceed")

VERSIONS: Final[Mapping[str, str]] = {
    EPCIS_VERSION: SUPPORTED_VERSION,
    EPCIS_MIN: SUPPORTED_VERSION,
    EPCIS_MAX: SUPPORTED_VERSION,
    CBV_VERSION: SUPPORTED_VERSION,
    CBV_MIN: SUPPORTED_VERSION,
    CBV_MAX: SUPPORTED_VERSION,
    VENDOR_VERSION: VENDOR,
    EXTENSIONS: OUR_EXTENSIONS,
}
"""What every answer says of the versions that are spoken here."""

CAPTURE: Final[Mapping[str, str]] = {
    CAPTURE_LIMIT: str(MAX_CAPTURE_EVENTS),
    CAPTURE_FILE_SIZE_LIMIT: str(MAX_CAPTURE_BYTES),
    CAPTURE_ERROR_BEHAVIOUR: ERROR_BEHAVIOURS[0],
}
"""What is announced of capture, besides, where a document may be sent."""

FORMATS: Final[Mapping[str, str]] = {EPC_FORMAT: EPC_FORMATS[0], CBV_XML_FORMAT: CBV_XML_FORMATS[0]}
"""How identifiers are written in answers unless the request asks otherwise."""


_PREFIX = re.compile(r"[A-Za-z_][A-Za-z0-9._\-]{0,99}").fullmatch


def epc_format(request: HttpRequest) -> str:
    """How the caller wants identifiers written. Raises EpcisProblem (400) for a word that is none."""
    return _choice(request, EPC_FORMAT, EPC_FORMATS)


def cbv_xml_format(request: HttpRequest) -> str:
    """How the caller wants words of CBV written in XML. Raises EpcisProblem (400) for a word that is none."""
    return _choice(request, CBV_XML_FORMAT, CBV_XML_FORMATS)


def extensions(request: HttpRequest) -> dict[str, str]:
    """What the prefixes stand for that the request declares: `GS1-Extensions: ex=https://example.org/ex/, ...`.

    Raises EpcisProblem (400) for what declares nothing.
    """
    found: dict[str, str] = {}
    for part in request.headers.get(EXTENSIONS, "").split(","):
        name, equals, uri = part.strip().partition("=")
        if not part.strip():
            continue
        if not equals or not _PREFIX(name) or not is_uri(uri):
            said = f"{EXTENSIONS} declares prefixes, as in ex=https://example.org/ex/; this does not: {part[:60]!r}."
            raise EpcisProblem("ValidationException", said)
        found[name] = uri
    return found


def min_record_time(request: HttpRequest) -> datetime | None:
    """From which record time on the request wants events. Raises EpcisProblem (400) for what is no time."""
    text = request.headers.get(MIN_RECORD_TIME, "").strip()
    if not text:
        return None
    reader = Reader(Context({}, is_epcis=False))
    moment = reader.time(text, "")
    if moment is None:
        raise EpcisProblem("ValidationException", f"{MIN_RECORD_TIME}: {reader.faults[0].message}")
    return moment


def stream_url(name: str) -> str:
    """Where the events of a query are to be had over WebSocket."""
    return f"{settings.WAYLOG_STREAM_URL}{reverse('epcis-query-events', args=[name])}"


def error_behaviour(request: HttpRequest) -> str:
    """`rollback`, the default, or `proceed`. Raises EpcisProblem (400) for another word."""
    return _choice(request, CAPTURE_ERROR_BEHAVIOUR, ERROR_BEHAVIOURS)


def check_versions(request: HttpRequest) -> None:
    """Refuse a request that insists on a version of EPCIS or CBV that is not spoken here (406)."""
    ours = _version(SUPPORTED_VERSION)
    assert ours is not None
    for wanted, lowest, highest in ((EPCIS_VERSION, EPCIS_MIN, EPCIS_MAX), (CBV_VERSION, CBV_MIN, CBV_MAX)):
        exact, low, high = (_asked_version(request, name) for name in (wanted, lowest, highest))
        if (exact and exact[:2] != ours[:2]) or (low and low[:2] > ours) or (high and high < ours[: len(high)]):
            standard = wanted.split("-")[1]
            raise implementation(406, f"{standard} {SUPPORTED_VERSION} is spoken here; {wanted} asks for another.")


def _choice(request: HttpRequest, name: str, words: tuple[str, ...]) -> str:
    given = request.headers.get(name)
    if given is None or given == "":
        return words[0]
    for word in words:
        if given.strip().lower() == word.lower():
            return word
    raise EpcisProblem("ValidationException", f"{name} is one of {', '.join(words)}; this one is {given[:60]!r}.")


def _asked_version(request: HttpRequest, name: str) -> tuple[int, ...] | None:
    text = request.headers.get(name, "").strip()
    if not text:
        return None
    found = _version(text)
    if found is None:
        raise EpcisProblem("ValidationException", f"{name} is a version such as 2.0; this one is {text[:60]!r}.")
    return found


def _version(text: str) -> tuple[int, ...] | None:
    parts = text.split(".")
    if not 1 <= len(parts) <= 3 or not all(part.isascii() and part.isdecimal() and len(part) < 4 for part in parts):
        return None
    return tuple(int(part) for part in parts)
