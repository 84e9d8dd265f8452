"""Versions, OPTIONS, authentication, content negotiation (EPCIS 2.0, 12.1 to 12.5)."""

from __future__ import annotations

from tests.conformance.server import members
from tests.conformance.suite import Examined, check, refused

VERSIONS = ("gs1-epcis-version", "gs1-epcis-min", "gs1-epcis-max", "gs1-cbv-version", "gs1-cbv-min", "gs1-cbv-max")
RESOURCES = (
    "/capture",
    "/events",
    "/eventTypes",
    "/epcs",
    "/bizSteps",
    "/bizLocations",
    "/readPoints",
    "/dispositions",
    "/queries",
)


@check("discovery.root", "12.4", "OPTIONS / names the versions of EPCIS and CBV")
def _(to: Examined) -> None:
    answer = to.server("OPTIONS", "/")
    assert answer.status in (200, 204), f"answered with {answer.status}"
    missing = [name for name in VERSIONS if not answer.headers.get(name)]
    assert not missing, f"without {', '.join(missing)}"
    assert answer.headers["gs1-epcis-version"].startswith("2."), "not EPCIS 2"


@check("discovery.options", "12.4", "every top-level resource answers OPTIONS with Allow")
def _(to: Examined) -> None:
    for path in RESOURCES:
        answer = to.server("OPTIONS", path)
        assert answer.status in (200, 204), f"OPTIONS {path} is answered with {answer.status}"
        assert "GET" in answer.headers.get("allow", ""), f"OPTIONS {path} allows no GET"


@check("discovery.capture-limits", "12.4", "OPTIONS /capture announces its limits and its error behaviour")
def _(to: Examined) -> None:
    found = to.server("OPTIONS", "/capture").headers
    for name in ("gs1-epcis-capture-limit", "gs1-epcis-capture-file-size-limit"):
        assert found.get(name, "").isdigit(), f"{name} is no number: {found.get(name)!r}"
    assert found.get("gs1-capture-error-behaviour") in ("rollback", "proceed"), "no default error behaviour"


@check("discovery.formats", "12.4", "OPTIONS /events announces how identifiers are written")
def _(to: Examined) -> None:
    found = to.server("OPTIONS", "/events").headers
    assert found.get("gs1-epc-format"), "no GS1-EPC-Format"


@check("discovery.version-headers", "12.4", "answers name the version that they are written in")
def _(to: Examined) -> None:
    found = to.server.get("/eventTypes").headers
    assert found.get("gs1-epcis-version") and found.get("gs1-cbv-version"), "no versions in an answer"


@check("discovery.other-version", "12.4", "a request for another version of EPCIS is refused")
def _(to: Examined) -> None:
    refused(to.server.get("/events", GS1_EPCIS_Version="9.0"), 406, "NotAcceptableException")
    refused(to.server.get("/events", GS1_EPCIS_Max="1.2"), 406, "NotAcceptableException")


@check("discovery.no-token", "12.3", "without credentials the answer is 401")
def _(to: Examined) -> None:
    if not to.server.token:
        return
    for path in ("/events", "/capture", "/queries"):
        refused(to.server("GET", path, token="", Authorization=""), 401, "SecurityException")


@check("discovery.not-acceptable", "12.5", "a form that cannot be made is refused")
def _(to: Examined) -> None:
    refused(to.server.get("/events", Accept="image/png"), 406, "NotAcceptableException")


@check("discovery.no-such-resource", "12.3", "an address that is none is NoSuchResourceException")
def _(to: Examined) -> None:
    refused(to.server.get("/nothing"), 404, "NoSuchResourceException")


@check("discovery.method", "RFC 9110", "a method that is not done is 405 with Allow")
def _(to: Examined) -> None:
    answer = to.server("DELETE", "/events")
    assert answer.status == 405, f"answered with {answer.status}"
    assert "GET" in answer.headers.get("allow", ""), "no Allow"


@check("discovery.resources", "12.3", "GET / lists the top-level resources as a Collection")
def _(to: Examined) -> None:
    answer = to.server.get("/")
    assert answer.status == 200, f"answered with {answer.status}"
    missing = {path[1:] for path in RESOURCES} - set(members(answer))
    assert not missing, f"without {', '.join(sorted(missing))}"


ALLOWED: tuple[tuple[str, set[str]], ...] = (
    ("/capture", {"GET", "POST", "OPTIONS"}),
    ("/events", {"GET", "POST", "OPTIONS"}),
    ("/queries", {"GET", "POST", "OPTIONS"}),
    ("/queries/any", {"GET", "DELETE", "OPTIONS"}),
    ("/queries/any/events", {"GET", "OPTIONS"}),
    ("/queries/any/subscriptions", {"GET", "POST", "OPTIONS"}),
    ("/capture/any", {"GET", "OPTIONS"}),
    ("/bizSteps/shipping", {"GET", "OPTIONS"}),
    ("/bizSteps/shipping/events", {"GET", "OPTIONS"}),
    ("/eventTypes/ObjectEvent/events", {"GET", "OPTIONS"}),
)


@check("discovery.allow", "12.4", "OPTIONS names the methods of an address, and the versions spoken there")
def _(to: Examined) -> None:
    for path, wanted in ALLOWED:
        answer = to.server("OPTIONS", path)
        if answer.status == 404 and "any" in path:
            continue  # a server may say that there is no such resource
        assert answer.status in (200, 204), f"OPTIONS {path} is answered with {answer.status}"
        told = {word.strip() for word in answer.headers.get("allow", "").split(",")}
        assert told - {"HEAD"} == wanted, f"OPTIONS {path} allows {sorted(told)}, not {sorted(wanted)}"
        missing = [name for name in VERSIONS if name.endswith(("min", "max")) and not answer.headers.get(name)]
        assert not missing, f"OPTIONS {path} comes without {', '.join(missing)}"


@check("discovery.vendor", "12.4", "OPTIONS / names the vendor's version and its extensions")
def _(to: Examined) -> None:
    found = to.server("OPTIONS", "/").headers
    missing = [name for name in ("gs1-vendor-version", "gs1-extensions") if name not in found]
    assert not missing, f"without {', '.join(missing)}"


@check("discovery.other-cbv", "12.4", "a request for another version of CBV is refused")
def _(to: Examined) -> None:
    refused(to.server.get("/events", GS1_CBV_Version="9.0"), 406, "NotAcceptableException")
    refused(to.server.get("/events", GS1_CBV_Min="9.0"), 406, "NotAcceptableException")


@check("discovery.this-version", "12.4", "a request for this version of EPCIS and CBV is answered")
def _(to: Examined) -> None:
    answer = to.server.get("/eventTypes", GS1_EPCIS_Version="2.0", GS1_CBV_Version="2.0", GS1_EPCIS_Min="1.0")
    assert answer.status == 200, f"answered with {answer.status}"


@check("discovery.long-address", "12.3", "an address that is too long is URITooLongException")
def _(to: Examined) -> None:
    step = "https://ns.example.org/steps/" + "x" * 1_000
    answer = to.server.get("/events", {"EQ_bizStep": "|".join(f"{step}{number}" for number in range(30))})
    if answer.status != 414 or answer.headers.get("content-type", "").startswith("text/html"):
        assert answer.status in (200, 400, 414, 431), f"answered with {answer.status}"
        return  # a long one may be answered, and a proxy may have refused it
    refused(answer, 414, "URITooLongException")
