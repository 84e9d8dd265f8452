"""Reading events: answers, pages, forms of identifiers (EPCIS 2.0, 12.7)."""

from __future__ import annotations

import json
from typing import Any

from tests.conformance.server import Answer, event_list, in_path
from tests.conformance.suite import Examined, check, names, refused


def _one(answer: Answer) -> list[dict[str, Any]]:
    """The events in an answer to one event's address: the event itself, or a document around it."""
    assert answer.status == 200, f"answered with {answer.status}: {answer.body[:200]!r}"
    told = answer.json()
    if told.get("type") == "EPCISQueryDocument":
        return event_list(answer)
    if told.get("type") == "EPCISDocument":
        return list(told["epcisBody"]["eventList"])
    return [told]


@check("events.get", "12.7", "GET /events answers an EPCISQueryDocument")
def _(to: Examined) -> None:
    assert to.capture
    answer = to.server.get("/events", {"EQ_eventID": to.run.id_of("made")})
    [found] = event_list(answer)
    told = answer.json()
    assert told["schemaVersion"].startswith("2.") and told["creationDate"] and told["@context"]
    assert found["eventID"] == to.run.id_of("made") and found["type"] == "ObjectEvent"


@check("events.record-time", "7.4.1", "answers say when an event was recorded")
def _(to: Examined) -> None:
    assert to.capture
    [found] = to.server.events({"EQ_eventID": to.run.id_of("made")})
    assert found.get("recordTime"), "no recordTime"


@check("events.whole", "12.7", "an event comes back with all its members")
def _(to: Examined) -> None:
    assert to.capture
    for name in ("made", "stored", "measured", "joined", "turned"):
        [found] = [
            each for each in to.server.events({"EQ_eventID": to.run.id_of(name)}) if "errorDeclaration" not in each
        ]
        missing = to.run.events[name].keys() - found.keys()
        assert not missing, f"{name} lost {', '.join(sorted(missing))}"
    assert found["transformationID"]


@check("events.one", "12.7", "GET /events/{eventID} answers that event, its id in one step of the path")
def _(to: Examined) -> None:
    assert to.capture
    found = _one(to.server.get(f"/events/{in_path(to.run.id_of('stored'))}"))
    assert names(found) == {"stored"}


@check("events.one-and-its-declaration", "7.4.1.2", "an event that was declared wrong comes with its declaration")
def _(to: Examined) -> None:
    assert to.capture
    found = _one(to.server.get(f"/events/{in_path(to.run.id_of('measured'))}"))
    assert "declared" in names(found), "the declaration is not told"


@check("events.no-such", "12.7", "an event that is none is NoSuchResourceException")
def _(to: Examined) -> None:
    refused(to.server.get(f"/events/{in_path(to.run.id_of('never'))}"), 404, "NoSuchResourceException")


@check("events.pages", "12.7.2", "perPage and Link rel=next lead through all events, each once")
def _(to: Examined) -> None:
    assert to.capture
    answer = to.server.get("/events", {"EQ_readPoint": to.run.read_point, "perPage": 2})
    seen: list[str] = []
    for _each in range(20):
        page = event_list(answer)
        assert 0 < len(page) <= 2, f"a page of {len(page)}"
        seen += [json.dumps([each["eventID"], "errorDeclaration" in each]) for each in page]
        following = answer.link("next")
        if not following:
            break
        assert answer.headers.get("gs1-next-page-token-expires"), "no GS1-Next-Page-Token-Expires"
        answer = to.server.get(following)
    assert len(seen) == len(set(seen)) == 9, f"{len(seen)} events, {len(set(seen))} different ones, 9 captured"


@check("events.pages-end", "12.7.2", "the last page has no next")
def _(to: Examined) -> None:
    assert to.capture
    assert not to.server.get("/events", {"EQ_readPoint": to.run.read_point, "perPage": 100}).link("next")


@check("events.page-size", "12.7.2", "perPage that is no number above 0 is refused")
def _(to: Examined) -> None:
    for wrong in ("0", "-1", "many"):
        refused(
            to.server.get("/events", {"perPage": wrong}), 400, "QueryParameterException", "QueryValidationException"
        )


@check("events.default-page", "12.7.2", "without perPage a page holds 30")
def _(to: Examined) -> None:
    answer = to.server.get("/events")
    assert len(event_list(answer)) <= 30


@check("events.page-token", "12.7.2", "a page token that is none is refused")
def _(to: Examined) -> None:
    answer = to.server.get("/events", {"nextPageToken": "nonsense"})
    assert answer.status in (400, 404, 410), f"answered with {answer.status}"


@check("events.page-token-ended", "12.7.2", "DELETE /nextPageToken/{token} ends it")
def _(to: Examined) -> None:
    assert to.capture
    following = to.server.get("/events", {"EQ_readPoint": to.run.read_point, "perPage": 2}).link("next")
    token = following.partition("nextPageToken=")[2].partition("&")[0]
    assert token, "no nextPageToken in the Link"
    assert to.server("DELETE", f"/nextPageToken/{token}").status == 204
    assert to.server.get(following).status >= 400, "the token still holds"


@check("events.digital-link", "12.4", "GS1-EPC-Format: Always_GS1_Digital_Link writes identifiers so")
def _(to: Examined) -> None:
    assert to.capture
    answer = to.server.get("/events", {"EQ_eventID": to.run.id_of("made")}, GS1_EPC_Format="Always_GS1_Digital_Link")
    [found] = event_list(answer)
    assert found["epcList"][0].startswith("https://id.gs1.org/01/"), found["epcList"][0]


@check("events.as-written", "12.4", "GS1-EPC-Format: Never_Translates leaves identifiers as they came")
def _(to: Examined) -> None:
    assert to.capture
    [found] = event_list(
        to.server.get("/events", {"EQ_eventID": to.run.id_of("made")}, GS1_EPC_Format="Never_Translates")
    )
    assert found["epcList"] == [to.run.first, to.run.second], found["epcList"]


@check("events.urn", "12.4", "GS1-EPC-Format: Always_EPC_URN leaves URNs as they are")
def _(to: Examined) -> None:
    assert to.capture
    [found] = event_list(
        to.server.get("/events", {"EQ_eventID": to.run.id_of("made")}, GS1_EPC_Format="Always_EPC_URN")
    )
    assert found["epcList"] == [to.run.first, to.run.second], found["epcList"]


@check("events.cbv-format", "12.4", "GS1-CBV-XML-Format says how words of CBV are written in XML")
def _(to: Examined) -> None:
    assert to.capture
    for form, word in (("Always_URN", b"urn:epcglobal:cbv:bizstep:"), ("Always_Web_URI", b"ref.gs1.org/cbv/BizStep-")):
        query = {"EQ_eventID": to.run.id_of("made")}
        answer = to.server.get("/events", query, Accept="application/xml", GS1_CBV_XML_Format=form)
        assert word in answer.body, f"{form} writes no {word.decode()}"


@check("events.head", "RFC 9110", "HEAD answers as GET does, without a body")
def _(to: Examined) -> None:
    answer = to.server("HEAD", "/eventTypes")
    assert answer.status == 200 and not answer.body, f"answered with {answer.status}"


@check("events.none-found", "12.7", "a query that finds nothing is answered with an empty list")
def _(to: Examined) -> None:
    answer = to.server.get("/events", {"EQ_readPoint": f"{to.run.read_point}.9"})
    assert answer.status == 200 and event_list(answer) == [], f"answered with {answer.status}"


@check("events.format", "12.4", "another GS1-EPC-Format is refused")
def _(to: Examined) -> None:
    answer = to.server.get("/events", GS1_EPC_Format="Sometimes")
    assert answer.status in (400, 406), f"answered with {answer.status}"


@check("events.xml", "12.5", "Accept: application/xml is answered in XML")
def _(to: Examined) -> None:
    assert to.capture
    answer = to.server.get("/events", {"EQ_eventID": to.run.id_of("made")}, Accept="application/xml")
    assert answer.status == 200, f"answered with {answer.status}"
    assert answer.headers["content-type"].startswith(("application/xml", "text/xml"))
    assert b"EPCISQueryDocument" in answer.body and to.run.id_of("made").encode() in answer.body


@check("events.ld-json", "12.5", "Accept: application/ld+json is answered so")
def _(to: Examined) -> None:
    answer = to.server.get("/events", {"perPage": 1}, Accept="application/ld+json")
    assert answer.headers["content-type"].startswith("application/ld+json"), answer.headers["content-type"]
