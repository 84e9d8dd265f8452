"""Capture: documents, jobs, single events (EPCIS 2.0, 12.6)."""

from __future__ import annotations

import json
from typing import Any

from tests.conformance.material import CONTEXT
from tests.conformance.server import in_path
from tests.conformance.suite import Examined, check, refused


def _job(to: Examined, document: Any, **headers: str) -> dict[str, Any]:
    answer = to.server("POST", "/capture", document, **headers)
    assert answer.status == 202, f"{answer.status}: {answer.body[:300]!r}"
    return to.server.finished(answer.headers["location"])


def _has(to: Examined, name: str) -> bool:
    return to.server.get(f"/events/{in_path(to.run.id_of(name))}").status == 200


@check("capture.accepted", "12.6", "a document is taken with 202 and the Location of its job")
def _(to: Examined) -> None:
    assert "/capture/" in to.capture.headers.get("location", ""), "no Location of a job"


@check("capture.job", "12.6", "a job says whether it runs, how it ended and when")
def _(to: Examined) -> None:
    job = to.server.finished(to.capture.headers["location"])
    missing = [
        name
        for name in ("captureID", "createdAt", "finishedAt", "running", "success", "captureErrorBehaviour", "errors")
        if name not in job
    ]
    assert not missing, f"without {', '.join(missing)}"
    assert job["success"] is True and job["running"] is False and job["errors"] == []


@check("capture.job-headers", "12.6", "a job's answer names the version and the error behaviour it was captured with")
def _(to: Examined) -> None:
    answer = to.server.get(to.capture.headers["location"])
    assert answer.headers.get("gs1-epcis-version", "").startswith("2."), "no GS1-EPCIS-Version"
    assert answer.headers.get("gs1-capture-error-behaviour") == "rollback", "the default is rollback"


@check("capture.jobs", "12.6", "GET /capture lists the jobs, in pages")
def _(to: Examined) -> None:
    location = to.capture.headers["location"].rpartition("/")[2]
    answer = to.server.get("/capture", {"perPage": 1})
    first = answer.json()
    assert isinstance(first, list) and len(first) == 1, "not one job"
    following = to.server.get(answer.link("next")).json()
    assert following and following[0]["captureID"] != first[0]["captureID"], "the next page is the same"
    listed = {each["captureID"] for each in to.server.get("/capture", {"perPage": 30}).json()}
    assert location in listed, "the run's own job is not among them"


@check("capture.no-such-job", "12.6", "a job that is none is NoSuchResourceException")
def _(to: Examined) -> None:
    refused(to.server.get("/capture/00000000-0000-4000-8000-000000000000"), 404, "NoSuchResourceException")


@check("capture.ld-json", "12.5", "application/ld+json is taken too")
def _(to: Examined) -> None:
    document = to.run.document(to.run.observation("ld"))
    assert _job(to, document, Content_Type="application/ld+json")["success"]
    assert _has(to, "ld")


@check("capture.media-type", "12.5", "another media type is refused")
def _(to: Examined) -> None:
    answer = to.server("POST", "/capture", b"a,b\n", Content_Type="text/csv")
    refused(answer, 415, "UnsupportedMediaTypeException")


@check("capture.broken", "12.6", "what is no JSON is ValidationException")
def _(to: Examined) -> None:
    refused(to.server("POST", "/capture", b'{"type": "EPCISDocument",'), 400, "ValidationException")


@check("capture.no-document", "12.6", "what is no EPCIS document is ValidationException")
def _(to: Examined) -> None:
    refused(to.server("POST", "/capture", {"type": "Letter"}), 400, "ValidationException")


@check("capture.rollback", "12.6.1", "rollback: with one wrong event nothing is captured")
def _(to: Examined) -> None:
    good, bad = to.run.observation("kept-back"), to.run.observation("wrong-1", action="MAYBE")
    answer = to.server("POST", "/capture", to.run.document(good, bad), GS1_Capture_Error_Behaviour="rollback")
    if answer.status == 202:
        job = to.server.finished(answer.headers["location"])
        assert job["success"] is False and job["errors"], "the job ends well"
        assert job["captureErrorBehaviour"] == "rollback"
    else:
        refused(answer, 400, "ValidationException")
    assert not _has(to, "kept-back"), "the good event was captured"


@check("capture.proceed", "12.6.1", "proceed: the good events are captured, the wrong ones named")
def _(to: Examined) -> None:
    good, bad = to.run.observation("gone-on"), to.run.observation("wrong-2", action="MAYBE")
    job = _job(to, to.run.document(good, bad), GS1_Capture_Error_Behaviour="proceed")
    assert job["success"] is False and len(job["errors"]) >= 1, "the wrong event is not named"
    assert job["captureErrorBehaviour"] == "proceed"
    assert _has(to, "gone-on"), "the good event was not captured"
    assert not _has(to, "wrong-2"), "the wrong event was captured"


@check("capture.behaviour", "12.6.1", "another error behaviour is refused")
def _(to: Examined) -> None:
    document = to.run.document(to.run.observation("never"))
    answer = to.server("POST", "/capture", document, GS1_Capture_Error_Behaviour="hope")
    refused(answer, 400, "ValidationException")


@check("capture.query-document", "12.6", "an EPCISQueryDocument is taken as it was answered")
def _(to: Examined) -> None:
    document = to.run.document(type="EPCISQueryDocument")
    results = {"queryName": "any", "resultsBody": {"eventList": [to.run.observation("queried")]}}
    document["epcisBody"] = {"queryResults": results}
    assert _job(to, document)["success"]
    assert _has(to, "queried")


@check("capture.empty", "12.6", "a document without events is captured, and nothing with it")
def _(to: Examined) -> None:
    answer = to.server("POST", "/capture", to.run.document())
    if answer.status == 202:
        assert to.server.finished(answer.headers["location"])["running"] is False
    else:
        refused(answer, 400, "ValidationException")


@check("capture.master-data", "12.6", "master data in the header is taken with its events")
def _(to: Examined) -> None:
    element = {"id": to.run.read_point, "attributes": [{"id": "cbvmda:name", "attribute": "Gate"}]}
    vocabulary = {"type": "urn:epcglobal:epcis:vtype:ReadPoint", "vocabularyElementList": [element]}
    header = {"epcisMasterData": {"vocabularyList": [vocabulary]}}
    assert _job(to, to.run.document(to.run.observation("named"), epcisHeader=header))["success"]


@check("capture.xml", "12.5", "a document in XML is taken")
def _(to: Examined) -> None:
    document = f"""<?xml version="1.0" encoding="UTF-8"?>
<epcis:EPCISDocument xmlns:epcis="urn:epcglobal:epcis:xsd:2" schemaVersion="2.0" creationDate="2026-01-02T00:00:00Z">
<EPCISBody><EventList><ObjectEvent><eventTime>2026-01-01T20:00:00Z</eventTime>
<eventTimeZoneOffset>+00:00</eventTimeZoneOffset><eventID>{to.run.id_of("xml")}</eventID>
<epcList><epc>{to.run.first}</epc></epcList><action>OBSERVE</action>
<bizStep>urn:epcglobal:cbv:bizstep:cycle_counting</bizStep></ObjectEvent></EventList></EPCISBody>
</epcis:EPCISDocument>"""
    assert _job(to, document.encode(), Content_Type="application/xml")["success"]
    assert _has(to, "xml")


@check("capture.same-again", "7.4.1", "the same event under the same id is not captured twice")
def _(to: Examined) -> None:
    event = to.run.observation("twice")
    for _each in range(2):
        to.server.finished(to.server("POST", "/capture", to.run.document(event)).headers["location"])
    found = to.server.events({"EQ_eventID": event["eventID"]})
    assert len(found) == 1, f"there are {len(found)}"


@check("events.post", "12.7", "POST /events takes one event and says where it is")
def _(to: Examined) -> None:
    event = {"@context": CONTEXT, **to.run.observation("single")}
    answer = to.server("POST", "/events", event)
    assert answer.status == 201, f"answered with {answer.status}: {answer.body[:300]!r}"
    location = answer.headers.get("location", "")
    assert location, "no Location"
    assert to.server.get(location).status == 200, "its Location leads nowhere"


@check("events.post-answer", "12.7", "POST /events answers the event that was captured")
def _(to: Examined) -> None:
    event = {"@context": CONTEXT, **to.run.observation("answered")}
    told = to.server("POST", "/events", event).json()
    assert told.get("type") == "ObjectEvent", f"no event is answered but {str(told)[:200]}"
    assert (told["eventID"], told["bizStep"]) == (event["eventID"], event["bizStep"])


@check("events.post-many", "12.7", "POST /events takes no document of several events")
def _(to: Examined) -> None:
    document = to.run.document(to.run.observation("many-1"), to.run.observation("many-2"))
    refused(to.server("POST", "/events", document), 400, "ValidationException")


@check("events.post-media-type", "12.5", "POST /events in another media type is refused")
def _(to: Examined) -> None:
    answer = to.server("POST", "/events", b"a,b\n", Content_Type="text/csv")
    refused(answer, 415, "UnsupportedMediaTypeException")


@check("events.post-wrong", "12.7", "POST /events refuses a wrong event")
def _(to: Examined) -> None:
    wrong = {"@context": CONTEXT, **to.run.observation("wrong-3", eventTime=None)}
    refused(to.server("POST", "/events", wrong), 400, "ValidationException")


@check("events.post-without-id", "7.4.1", "an event without an id is given one")
def _(to: Examined) -> None:
    event = {"@context": CONTEXT, **to.run.observation("without", eventID=None)}
    answer = to.server("POST", "/events", event)
    assert answer.status == 201, f"answered with {answer.status}: {answer.body[:300]!r}"
    told = to.server.get(answer.headers["location"]).json()
    assert '"eventID"' in json.dumps(told), "it has no id"


@check("events.given-record-time", "7.4.1", "a record time that a client gives is not taken for the server's own")
def _(to: Examined) -> None:
    event = to.run.observation("recorded", recordTime="2001-01-01T00:00:00.000Z")
    answer = to.server("POST", "/capture", to.run.document(event))
    assert answer.status == 202, f"{answer.status}: {answer.body[:300]!r}"
    job = to.server.finished(answer.headers["location"])
    assert job["success"], f"it is refused: {str(job.get('errors'))[:300]}"
    [found] = to.server.events({"EQ_eventID": event["eventID"]})
    assert found.get("recordTime") and not found["recordTime"].startswith("2001"), found.get("recordTime")
