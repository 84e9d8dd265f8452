"""POST /epcis/capture: documents of clients that do not sign go in, and their jobs say what became of each event."""

from __future__ import annotations

import gzip
import hashlib
import json
from typing import Any

import pytest

from ledger import kept, tenancy
from ledger.tlog.statement import parse_statement
from supplychain.epcis.identifiers import canonical
from supplychain.epcis.parsing import parse_body
from supplychain.models import CapturedDocument, CaptureJob, DocumentPart, Event, MasterData, Shipment
from supplychain.operations import documents
from tests.cast import World, gtin, sscc
from tests.supplychain.epcis_api.conftest import EpcisClient, document, event, packed

AT = "/epcisBody/eventList"


def rows(**where: Any) -> list[Event]:
    with tenancy.system():
        return list(Event.objects.filter(**where).order_by("index"))


def body_of(row: Event) -> bytes:
    with tenancy.system():
        return kept.bodies([row.index])[row.index].body


def test_a_document_is_captured_and_its_job_says_so(grower: EpcisClient, world: World):
    answer = grower.capture(document(event(1), event(2)))
    assert answer.status_code == 202
    job = grower.get(answer["Location"].partition("/epcis")[2]).json()
    assert (job["running"], job["success"], job["errors"]) == (False, True, [])
    assert job["captured"] == 2
    assert [row.tenant for row in rows()[-2:]] == [world.grower.id] * 2


def test_a_body_is_cut_out_of_the_document_as_it_was_written(grower: EpcisClient):
    text = (
        '{"type":"EPCISDocument", "schemaVersion":"2.0","creationDate":"2026-03-01T07:00:00Z",\n'
        ' "epcisBody":{"eventList":['
        ' { "eventTimeZoneOffset":"+00:00",  "type":"ObjectEvent","action":"OBSERVE","ex:note":"Äpfel \\u0041",'
        '"eventTime":"2026-03-01T06:00:00Z","epcList":["urn:epc:id:sgtin:9521141.012345.1"] } ]},'
        ' "@context": [ "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",{"ex":"https://example.org/ex/"}]}'
    ).encode()
    assert grower.job(text)["success"]
    row = rows()[-1]
    body = body_of(row)
    assert (
        body
        == (
            '{"@context":[ "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",'
            '{"ex":"https://example.org/ex/"}],"event":{ "eventTimeZoneOffset":"+00:00",'
            '  "type":"ObjectEvent","action":"OBSERVE","ex:note":"Äpfel \\u0041",'
            '"eventTime":"2026-03-01T06:00:00Z","epcList":["urn:epc:id:sgtin:9521141.012345.1"] }}'
        ).encode()
    )
    with tenancy.system():
        [entry] = kept.entries(row.index, row.index + 1)
    assert entry.statement.claims == {"source": hashlib.sha256(text).hexdigest()}
    assert (
        row.event_id
        == f"urn:uuid:{entry.statement.id[:8]}-{entry.statement.id[8:12]}-{entry.statement.id[12:16]}-"
        + (f"{entry.statement.id[16:20]}-{entry.statement.id[20:]}")
    )
    assert parse_statement(entry.envelope.payload).key == row.key_id


def test_rollback_keeps_nothing_when_one_event_is_bad(grower: EpcisClient):
    before = len(rows())
    job = grower.job(document(event(1), event(2, bizStep="shiping"), event(3)))
    assert (job["running"], job["success"], job["captured"]) == (False, False, 0)
    [error] = job["errors"]
    assert error["type"] == "epcisException:ValidationException"
    assert error["pointer"] == f"{AT}/1/bizStep"
    assert error["didYouMean"] == "shipping"
    assert len(rows()) == before


def test_proceed_captures_what_is_good_and_names_the_rest(grower: EpcisClient):
    before = len(rows())
    job = grower.job(document(event(1), event(2, action="SEE"), event(3)), GS1_Capture_Error_Behaviour="proceed")
    assert (job["running"], job["success"], job["captured"], job["refused"]) == (False, False, 2, 1)
    assert [error["pointer"] for error in job["errors"]] == [f"{AT}/1/action"]
    assert job["captureErrorBehaviour"] == "proceed"
    assert len(rows()) == before + 2


@pytest.mark.parametrize("behaviour", ["rollback", "proceed"])
def test_a_refusal_of_custody_is_an_error_of_its_event(grower: EpcisClient, behaviour: str):
    before = len(rows())
    accepted = event(epcList=[sscc(77)], quantityList=None, bizStep="receiving")
    job = grower.job(document(event(1), accepted), GS1_Capture_Error_Behaviour=behaviour)
    assert job["success"] is False
    assert [error["pointer"] for error in job["errors"]] == [f"{AT}/1"]
    assert len(rows()) - before == (1 if behaviour == "proceed" else 0)


def test_acts_of_one_document_follow_each_other(grower: EpcisClient, world: World):
    gone = event(
        9,
        epcList=[sscc(5)],
        quantityList=None,
        bizStep="shipping",
        disposition="in_transit",
        sourceList=[{"type": "possessing_party", "source": world.grower.uri}],
        destinationList=[{"type": "possessing_party", "destination": world.carrier.uri}],
    )
    job = grower.job(document(packed(5), gone))
    assert job["success"], job
    with tenancy.system():
        assert Shipment.objects.get(unit=sscc(5)).status == "dispatched"


def test_an_act_behind_a_refused_one_is_signed_anew(grower: EpcisClient, world: World):
    """Its link led to the refused act; linked to the head as it is, it stands."""
    twice = packed(6)
    gone = event(
        9,
        epcList=[sscc(6)],
        quantityList=None,
        bizStep="shipping",
        disposition="in_transit",
        sourceList=[{"type": "possessing_party", "source": world.grower.uri}],
        destinationList=[{"type": "possessing_party", "destination": world.carrier.uri}],
    )
    wrong = event(8, epcList=[sscc(6)], quantityList=None, bizStep="receiving")
    job = grower.job(document(twice, wrong, gone), GS1_Capture_Error_Behaviour="proceed")
    assert (job["captured"], job["refused"]) == (2, 1), job
    with tenancy.system():
        assert Shipment.objects.get(unit=sscc(6)).status == "dispatched"


def test_the_same_document_again_is_reported_as_captured(grower: EpcisClient):
    sent = document(event(1), event(2))
    assert grower.job(sent)["captured"] == 2
    before = rows()
    again = grower.job(sent)
    assert (again["success"], again["captured"], again["alreadyCaptured"]) == (True, 0, 2)
    assert again["repeated"][1] == {"pointer": f"{AT}/1", "index": before[-1].index}
    assert len(rows()) == len(before)


def test_the_same_event_written_another_way_is_the_same_event(grower: EpcisClient):
    assert grower.job(document(event(1)))["captured"] == 1
    other = event(
        1, readPoint={"id": canonical("urn:epc:id:sgln:9521141.00100.0")}, bizStep="cbv:BizStep-cycle_counting"
    )
    other["eventID"] = "urn:uuid:0f1c2d3e-0000-4000-8000-000000000001"
    assert grower.job(document(other))["alreadyCaptured"] == 1


def test_the_same_event_of_another_party_is_another_event(grower: EpcisClient, stranger: EpcisClient):
    assert grower.job(document(event(1)))["captured"] == 1
    assert stranger.job(document(event(1)))["captured"] == 1


def test_a_declaration_without_an_id_takes_back_the_event_with_its_hash(grower: EpcisClient):
    assert grower.job(document(packed(7)))["captured"] == 1
    declared = packed(7, errorDeclaration={"declarationTime": "2026-03-01T08:00:00Z", "reason": "did_not_occur"})
    job = grower.job(document(declared))
    assert (job["success"], job["captured"]) == (True, 1), job
    first, declaration = rows()[-2:]
    assert declaration.is_error_declaration
    assert first.declared_in_error_by == declaration.index
    assert declaration.event_id == first.event_id
    assert grower.job(document(declared))["alreadyCaptured"] == 1


def test_an_id_is_used_once(grower: EpcisClient):
    assert grower.job(document(event(1, eventID="urn:uuid:1")))["success"]
    job = grower.job(document(event(2, eventID="urn:uuid:1")))
    assert job["errors"][0]["type"] == "epcisException:ResourceAlreadyExistsException"
    assert job["errors"][0]["pointer"] == f"{AT}/0/eventID"


def test_a_query_document_goes_in_like_a_captured_one(grower: EpcisClient):
    sent = document(type="EPCISQueryDocument")
    sent["epcisBody"] = {"queryResults": {"queryName": "q", "resultsBody": {"eventList": [event(1)]}}}
    assert grower.job(sent)["captured"] == 1


def test_master_data_of_the_header_is_kept_for_its_party(grower: EpcisClient, world: World):
    element = {
        "id": "urn:epc:id:sgln:9521141.00100.0",
        "attributes": [{"id": "urn:epcglobal:cbv:mda#name", "attribute": "Cold store 4"}],
    }
    vocabulary = {"type": "urn:epcglobal:epcis:vtype:BusinessLocation", "vocabularyElementList": [element]}
    header = {"epcisMasterData": {"vocabularyList": [vocabulary]}}
    assert grower.job(document(event(1), epcisHeader=header))["success"]
    with tenancy.acting_for(world.grower.id):
        assert MasterData.objects.get(uri=canonical("urn:epc:id:sgln:9521141.00100.0")).name == "Cold store 4"
    with tenancy.acting_for(world.stranger.id):
        assert not MasterData.objects.exists()


# --- who may ---------------------------------------------------------------------------------------------------------


def test_another_partys_job_is_not_there(grower: EpcisClient, stranger: EpcisClient):
    where = grower.capture(document(event(1)))["Location"].partition("/epcis")[2]
    answer = stranger.get(where)
    assert answer.status_code == 404
    assert answer.json()["type"] == "epcisException:NoSuchResourceException"
    assert stranger.get("/capture").json() == []
    assert answer.json() == stranger.get("/capture/00000000-0000-4000-8000-000000000000").json()


def test_capture_needs_a_token_with_its_scope(world: World, speak: Any):
    assert EpcisClient(None).capture(document(event(1))).status_code == 401
    answer = speak(world.grower, "epcis:query").capture(document(event(1)))
    assert answer.status_code == 403
    assert answer.json()["type"] == "epcisException:SecurityException"


def test_a_party_without_a_key_here_is_told_so(grower: EpcisClient, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ledger.keystore.held_key_ids", lambda **_: [])
    answer = grower.capture(document(event(1)))
    assert answer.status_code == 403
    assert "/api/v1/events" in answer.json()["detail"]


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        (b"{", ""),
        (b"[]", ""),
        (b'{"type":"EPCISDocument"}', "/@context"),
        (json.dumps(document(event(1))).replace('"2.0"', '"1.2"', 1).encode(), "/schemaVersion"),
        (json.dumps(document(event(1))).encode()[:-1], ""),
        (json.dumps(document(event(1))).encode() + b"x", ""),
        (json.dumps(document(event(1), bizStep="x")).encode(), "/bizStep"),
        (json.dumps(document(event(1))).encode().replace(b"ObjectEvent", b"Object\xffEvent"), ""),
        (json.dumps(document(event(1))).encode().replace(b'"action"', b'"type"'), f"{AT}/0"),
        (json.dumps(document(event(1))).encode().replace(b": 2}", b": 1e999}"), f"{AT}/0/quantityList/0/quantity"),
        (json.dumps(document(event(1, **{"ex:deep": json.loads("[" * 40 + "]" * 40)}))).encode(), None),
        (b"\xef\xbb\xbf" + json.dumps(document(event(1))).encode(), ""),
        (b" ", ""),
    ],
)
def test_a_document_that_cannot_be_read_is_refused_whole(grower: EpcisClient, data: bytes, pointer: str | None):
    answer = grower.capture(data)
    assert answer.status_code == 400, answer.content
    said = answer.json()
    assert said["type"] == "epcisException:ValidationException"
    assert answer["Content-Type"] == "application/problem+json"
    if pointer is not None:
        assert said["errors"][0]["pointer"].startswith(pointer)
    assert said["errors"][0]["message"]


def test_more_bytes_than_announced_are_refused(grower: EpcisClient):
    answer = grower.capture(b" " * (128 * 1024 * 1024 + 1))
    assert answer.status_code == 413
    assert answer.json()["type"] == "epcisException:CaptureLimitExceededException"
    announced = grower("options", "/capture")
    assert announced["GS1-EPCIS-Capture-File-Size-Limit"] == str(128 * 1024 * 1024)
    assert announced["GS1-EPCIS-Capture-Limit"] == "100000"
    assert announced["GS1-Capture-Error-Behaviour"] == "rollback"


def test_a_bomb_is_refused_while_it_is_unpacked(grower: EpcisClient):
    bomb = gzip.compress(b" " * (129 * 1024 * 1024), 9)
    assert len(bomb) < 200_000
    answer = grower.capture(bomb, Content_Encoding="gzip")
    assert answer.status_code == 413
    assert answer.json()["type"] == "epcisException:CaptureLimitExceededException"
    assert answer["GS1-EPCIS-Capture-File-Size-Limit"] == str(128 * 1024 * 1024)


def test_a_packed_document_is_read(grower: EpcisClient):
    data = gzip.compress(json.dumps(document(event(1))).encode())
    assert grower.job(data, Content_Encoding="gzip")["captured"] == 1
    assert grower.capture(data[:-9], Content_Encoding="gzip").status_code == 400
    assert grower.capture(data + b"x", Content_Encoding="gzip").status_code == 400
    assert grower.capture(b"plain", Content_Encoding="gzip").status_code == 400
    assert grower.capture(data, Content_Encoding="br").status_code == 415


def test_more_events_than_announced_are_refused(grower: EpcisClient, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("supplychain.epcis_api.headers.MAX_CAPTURE_EVENTS", 3)
    monkeypatch.setattr("supplychain.operations.documents.jobs.AT_ONCE", 2)
    answer = grower.capture(document(*(event(n) for n in range(4))))
    assert answer.status_code == 413
    assert answer.json()["type"] == "epcisException:CaptureLimitExceededException"
    assert answer["GS1-EPCIS-Capture-Limit"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/json; charset=latin-1", "image/png"])
def test_other_forms_are_not_read(grower: EpcisClient, content_type: str):
    answer = grower.capture(document(event(1)), content_type=content_type)
    assert answer.status_code == 415
    assert answer.json()["type"] == "epcisException:UnsupportedMediaTypeException"


def test_an_answer_in_another_form_is_not_made(grower: EpcisClient):
    answer = grower.get("/capture", Accept="text/html")
    assert answer.status_code == 406
    assert answer.json()["type"] == "epcisException:NotAcceptableException"


@pytest.mark.parametrize(
    "headers",
    [{"GS1_EPCIS_Version": "3.0"}, {"GS1_EPCIS_Min": "2.1"}, {"GS1_EPCIS_Max": "1.2"}, {"GS1_CBV_Version": "1.2"}],
)
def test_other_versions_are_not_spoken(grower: EpcisClient, headers: dict[str, str]):
    assert grower.get("/capture", **headers).status_code == 406


def test_the_version_that_is_spoken_is_accepted(grower: EpcisClient):
    answer = grower.get("/capture", GS1_EPCIS_Version="2.0.0", GS1_EPCIS_Min="1.2", GS1_EPCIS_Max="2.0")
    assert answer.status_code == 200
    assert answer["GS1-EPCIS-Version"] == "2.0"
    assert grower.get("/capture", GS1_EPCIS_Version="two").status_code == 400


def test_an_unknown_error_behaviour_is_refused(grower: EpcisClient):
    assert grower.capture(document(event(1)), GS1_Capture_Error_Behaviour="explode").status_code == 400


# --- one event, lists, options ---------------------------------------------------------------------------------------


def test_one_event_is_captured_at_once(grower: EpcisClient):
    sent = {"@context": document()["@context"], **event(1)}
    answer = grower("post", "/events", sent)
    assert answer.status_code == 201, answer.content
    row = rows()[-1]
    assert answer["Location"].endswith("/epcis/events/" + row.event_id.replace(":", "%3A"))
    assert parse_body(body_of(row)).event_time == row.event_time
    again = grower("post", "/events", sent)
    assert (again.status_code, again["Waylog-Index"]) == (200, str(row.index))
    assert again["Location"] == answer["Location"]
    assert again.json() == answer.json()
    told = answer.json()
    assert (told["type"], told["eventID"], told["bizStep"]) == (sent["type"], row.event_id, sent["bizStep"])
    assert told["recordTime"] and told["@context"]


def test_one_bad_event_is_refused_with_its_faults(grower: EpcisClient):
    answer = grower("post", "/events", {"@context": document()["@context"], **event(1, action="SEE", bizStep="packin")})
    assert answer.status_code == 400
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/action", "/bizStep"]


def test_jobs_are_listed_page_by_page(grower: EpcisClient):
    made = [grower.job(document(event(n)))["captureID"] for n in range(5)]
    seen: list[str] = []
    path = "/capture?perPage=2"
    while path:
        answer = grower.get(path)
        seen += [job["captureID"] for job in answer.json()]
        link = answer.headers.get("Link", "")
        path = link.partition(";")[0].strip("<>").partition("/epcis")[2]
    assert seen == made[::-1]
    assert grower.get("/capture?perPage=none").status_code == 400
    assert grower.get("/capture?nextPageToken=none").status_code == 400
    assert grower.get("/capture?page=2").json()["type"] == "epcisException:QueryParameterException"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/capture", "/capture/x", "/events"])
def test_options_are_told_to_everybody(path: str):
    answer = EpcisClient(None)("options", path)
    assert answer.status_code == 204
    assert "OPTIONS" in answer["Allow"]
    for name in ("GS1-EPCIS-Version", "GS1-EPCIS-Min", "GS1-EPCIS-Max", "GS1-CBV-Version", "GS1-Vendor-Version"):
        assert answer[name]


def test_what_is_not_done_is_said(grower: EpcisClient):
    answer = grower("delete", "/capture")
    assert (answer.status_code, answer["Allow"]) == (405, "GET, POST, HEAD, OPTIONS")
    assert grower.get("/nowhere").status_code == 404
    assert grower.get("/").json()["member"][0] == "events"


# --- large documents -------------------------------------------------------------------------------------------------


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is a large document now, captured in batches of two."""
    monkeypatch.setattr("supplychain.operations.documents.jobs.AT_ONCE", 0)
    monkeypatch.setattr("supplychain.operations.documents.jobs.BATCH", 2)
    monkeypatch.setattr("supplychain.operations.documents.keeping.PART", 700)


def work(job: dict[str, Any], world: World) -> None:
    """Do what the worker does."""
    from uuid import UUID

    with tenancy.system():
        documents.run(UUID(job["captureID"]), beat=lambda done, total: None, clock=lambda: world.now)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("behaviour", ["rollback", "proceed"])
def test_a_large_document_waits_for_the_worker(grower: EpcisClient, world: World, behaviour: str):
    job = grower.job(document(*(event(n) for n in range(5))), GS1_Capture_Error_Behaviour=behaviour)
    assert (job["running"], job["success"], job["events"], job["captured"]) == (True, True, 5, 0)
    work(job, world)
    after = grower.get(f"/capture/{job['captureID']}").json()
    assert (after["running"], after["success"], after["captured"]) == (False, True, 5)
    with tenancy.system():
        assert not DocumentPart.objects.exists()
    work(job, world)
    assert grower.get(f"/capture/{job['captureID']}").json() == after


@pytest.mark.usefixtures("large")
def test_a_large_rollback_is_all_or_nothing(grower: EpcisClient, world: World):
    before = len(rows())
    refused = event(epcList=[sscc(77)], quantityList=None, bizStep="receiving")
    for bad, pointer in ((event(9, action="SEE"), f"{AT}/3/action"), (refused, f"{AT}/3")):
        job = grower.job(document(*(event(n) for n in range(3)), bad))
        work(job, world)
        after = grower.get(f"/capture/{job['captureID']}").json()
        assert (after["running"], after["success"], after["captured"]) == (False, False, 0)
        assert [error["pointer"] for error in after["errors"]] == [pointer]
        assert len(rows()) == before


@pytest.mark.usefixtures("large")
def test_a_second_attempt_goes_on_where_the_first_one_died(grower: EpcisClient, world: World):
    job = grower.job(document(*(event(n) for n in range(6))), GS1_Capture_Error_Behaviour="proceed")
    from uuid import UUID

    def dies(done: int, total: int) -> None:
        if done >= 4:
            raise ConnectionError("the worker died")

    with tenancy.system(), pytest.raises(ConnectionError):
        documents.run(UUID(job["captureID"]), beat=dies, clock=lambda: world.now)
    half = grower.get(f"/capture/{job['captureID']}").json()
    assert (half["running"], half["captured"]) == (True, 4)
    work(job, world)
    after = grower.get(f"/capture/{job['captureID']}").json()
    assert (after["running"], after["captured"], after["alreadyCaptured"]) == (False, 6, 0)


@pytest.mark.usefixtures("large")
def test_a_job_whose_work_failed_for_good_says_so(grower: EpcisClient, world: World):
    from forecasting.models import Job

    job = grower.job(document(event(1)))
    with tenancy.system():
        row = CaptureJob.objects.get(pk=job["captureID"])
        Job.objects.filter(pk=row.work).update(status="failed", error="its worker died 3 times")
    after = grower.get(f"/capture/{job['captureID']}").json()
    assert (after["running"], after["success"]) == (False, False)
    assert after["errors"][0]["status"] == 500


# --- XML -------------------------------------------------------------------------------------------------------------

XML = f"""<?xml version="1.0" encoding="UTF-8"?>
<epcis:EPCISDocument xmlns:epcis="urn:epcglobal:epcis:xsd:1" xmlns:ex="https://example.org/ex/"
  schemaVersion="1.2" creationDate="2026-03-01T07:00:00Z">
 <EPCISBody><EventList>
  <ObjectEvent><eventTime>2026-03-01T06:00:00Z</eventTime><eventTimeZoneOffset>+00:00</eventTimeZoneOffset>
   <epcList/><action>OBSERVE</action><bizStep>urn:epcglobal:cbv:bizstep:cycle_counting</bizStep>
   <extension><quantityList><quantityElement><epcClass>{gtin(101, "A1")}</epcClass><quantity>7</quantity>
   </quantityElement></quantityList></extension><ex:note>a note</ex:note></ObjectEvent>
 </EventList></EPCISBody>
</epcis:EPCISDocument>""".encode()


def test_xml_is_translated_and_the_original_kept(grower: EpcisClient, world: World):
    assert grower.job(XML, content_type="application/xml")["captured"] == 1
    row = rows()[-1]
    body = json.loads(body_of(row))
    assert body["event"]["quantityList"] == [{"epcClass": gtin(101, "A1"), "quantity": 7}]
    assert body["event"]["ex:note"] == "a note"
    digest = hashlib.sha256(XML).digest()
    with tenancy.acting_for(world.grower.id):
        kept_one = CapturedDocument.objects.get(digest=digest)
        assert b"".join(documents.keeping.parts_of(kept_one)) == XML
    with tenancy.acting_for(world.stranger.id):
        assert not CapturedDocument.objects.exists()
        assert not DocumentPart.objects.exists()
    assert documents.erase_document(party=world.grower.id, digest=digest, now=world.now) == 1
    with tenancy.system():
        assert not DocumentPart.objects.filter(document=kept_one).exists()


def test_faults_of_xml_name_the_line(grower: EpcisClient):
    job = grower.job(XML.replace(b"OBSERVE", b"SEE"), content_type="text/xml")
    [error] = job["errors"]
    assert (error["pointer"], error["line"]) == (f"{AT}/0/action", 5)


def test_entities_are_refused(grower: EpcisClient):
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + XML.partition(b"?>")[2]
    answer = grower.capture(bomb, content_type="application/xml")
    assert answer.status_code == 400
    assert "document type" in answer.json()["errors"][0]["message"]
