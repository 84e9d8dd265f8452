"""The query side of the bindings: events by query, collections, named queries, pages, forms, and who sees nothing."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.db import connection, transaction

from ledger import tenancy
from supplychain.epcis_api import events as events_api
from supplychain.epcis_api import paging
from supplychain.models import CompanyPrefix, NamedQuery
from supplychain.queries.timelimit import TooSlow, time_limit
from tests.cast import World, gtin
from tests.supplychain.epcis_api.conftest import EpcisClient, document, event

LINK = "https://id.gs1.org/01/09521141012345/21/7"
URN = "urn:epc:id:sgtin:9521141.001234.7"
HERE = "https://id.gs1.org/414/9521141001004"
ALL = "?" + urlencode({"EQ_bizStep": "cycle_counting", "orderBy": "eventTime", "orderDirection": "ASC"})


def listed(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.content
    return list(answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"])


def ids(answer: Any) -> list[str]:
    return [each["eventID"] for each in listed(answer)]


def next_of(answer: Any) -> str:
    """The address of the next page, as a client follows it; empty where there is none."""
    link = answer.headers.get("Link", "")
    assert not link or link.endswith('; rel="next"')
    return str(link.partition("/epcis")[2].partition(">")[0])


@pytest.fixture
def filled(grower: EpcisClient, stranger: EpcisClient) -> EpcisClient:
    """Five events of the grower's, one of a stranger's."""
    many = [event(number, eventID=f"urn:x:{number}") for number in range(4)]
    one = event(
        9,
        eventID=f"https://example.org/events/{LINK}?a=b#c",
        epcList=[URN],
        quantityList=None,
        bizStep="shipping",
        bizLocation={"id": HERE},
        **{"ex:grade": "A"},
    )
    assert grower.job(document(*many, one))["success"]
    secret = event(
        1, eventID="urn:x:secret", epcList=["urn:x:secret:epc"], quantityList=None, bizStep="urn:x:secret:step"
    )
    assert stranger.job(document(secret))["success"]
    return grower


def test_events_are_found_by_query(filled: EpcisClient):
    assert ids(filled.get("/events" + ALL)) == [f"urn:x:{number}" for number in range(4)]
    answer = filled.get(f"/events?MATCH_epc={quote(LINK, safe='')}&EQ_bizStep=shipping%7Creceiving")
    [found] = listed(answer)
    assert found["epcList"] == [LINK]
    assert found["recordTime"]
    assert answer.json()["type"] == "EPCISQueryDocument"
    assert answer.json()["epcisBody"]["queryResults"]["queryName"] == "SimpleEventQuery"
    assert answer["GS1-EPC-Format"] == "Always_GS1_Digital_Link"
    assert answer["GS1-EPCIS-Version"] == "2.0"
    assert ids(filled.get("/events?EQ_bizStep=void_shipping")) == []


def test_a_prefix_is_declared_by_the_header(filled: EpcisClient):
    assert len(ids(filled.get("/events?EQ_e:grade=A", GS1_Extensions="e=https://example.org/ex/"))) == 1
    assert ids(filled.get("/events?EQ_ex:grade=A", GS1_Extensions="ex=https://other.example/")) == []
    assert filled.get("/events?EQ_ex:grade=A", GS1_Extensions="ex").status_code == 400


def test_record_times_are_bounded_by_the_header(filled: EpcisClient):
    assert ids(filled.get("/events", GS1_Query_Min_Record_Time="2999-01-01T00:00:00Z")) == []
    assert len(ids(filled.get("/events", GS1_Query_Min_Record_Time="2020-01-01T00:00:00Z"))) == 5
    assert filled.get("/events", GS1_Query_Min_Record_Time="soon").status_code == 400


def test_pages_are_followed_by_link_while_events_are_captured(filled: EpcisClient):
    answer = filled.get(f"/events{ALL}&perPage=2")
    seen = ids(answer)
    assert answer["GS1-Next-Page-Token-Expires"]
    filled.job(document(event(1, eventID="urn:x:later", eventTime="2026-03-01T06:00:01.500Z")))
    answer = filled.get(next_of(answer))
    assert next_of(answer) == ""
    assert seen + ids(answer) == [f"urn:x:{number}" for number in range(4)]
    assert len(ids(filled.get("/events" + ALL))) == 5


ORDER_AND_LIMIT_HOLD_ACR = [
    ("orderBy=eventTime&orderDirection=DESC&eventCountLimit=3", ["3", "2", "1"]),
    ("orderBy=recordTime&orderDirection=ASC", ["0", "1", "2", "3"]),
    ("orderBy=quantity&orderDirection=DESC&eventCountLimit=3", ["3", "2", "1"]),
    ("orderBy=quantity&orderDirection=ASC", ["0", "1", "2", "3"]),
]


def test_order_and_limit_hold_across_pages(filled: EpcisClient):
    for asked, expected in ORDER_AND_LIMIT_HOLD_ACR:
        at, seen = f"/events?EQ_bizStep=cycle_counting&perPage=2&{asked}", []
        while at:
            answer = filled.get(at)
            seen += ids(answer)
            at = next_of(answer)
        assert seen == [f"urn:x:{number}" for number in expected]


def test_more_than_max_event_count_is_too_large(filled: EpcisClient):
    assert len(ids(filled.get("/events?maxEventCount=5"))) == 5
    answer = filled.get("/events?maxEventCount=4")
    assert (answer.status_code, answer.json()["type"]) == (413, "epcisException:QueryTooLargeException")


def test_a_page_token_is_one_partys_for_one_query_until_it_is_deleted(
    filled: EpcisClient, stranger: EpcisClient, monkeypatch: pytest.MonkeyPatch
):
    at = next_of(filled.get(f"/events{ALL}&perPage=2"))
    token = at.rpartition("nextPageToken=")[2]
    refused = [
        filled.get(f"/events?EQ_bizStep=shipping&perPage=2&nextPageToken={token}"),
        filled.get(f"/events{ALL}&nextPageToken=x{token}"),
        stranger.get(at),
    ]
    assert [answer.status_code for answer in refused] == [400] * 3
    assert {answer.json()["type"] for answer in refused} == {"epcisException:QueryParameterException"}
    assert stranger("delete", f"/nextPageToken/{token}").status_code == 404
    assert filled.get(at).status_code == 200
    assert filled("delete", f"/nextPageToken/{token}").status_code == 204
    assert filled.get(at).status_code == 400
    assert filled("delete", f"/nextPageToken/{token}").status_code == 404
    monkeypatch.setattr(paging, "LIFETIME", timedelta(seconds=-1))
    assert filled.get(next_of(filled.get(f"/events{ALL}&perPage=2"))).status_code == 400


def test_one_event_is_read_with_its_declarations(filled: EpcisClient):
    wrong = event(1, eventID="urn:x:1")
    wrong["errorDeclaration"] = {"declarationTime": "2026-03-02T00:00:00Z"}
    assert filled.job(document(wrong))["success"]
    found = listed(filled.get("/events/urn:x:1"))
    assert ["errorDeclaration" in each for each in found] == [False, True]
    given = f"https://example.org/events/{LINK}?a=b#c"
    assert ids(filled.get(f"/events/{quote(given, safe='')}")) == [given]


def test_an_id_that_the_server_gave_leads_to_its_event(grower: EpcisClient):
    answer = grower("post", "/events", {"@context": document()["@context"]} | event(3))
    assert answer.status_code == 201
    [found] = listed(grower.get(answer["Location"].partition("/epcis")[2]))
    assert found["eventID"] == answer.json()["eventID"]
    assert "recordTime" in found


def test_identifiers_are_written_as_asked_for(filled: EpcisClient, world: World):
    at = "/events?EQ_bizStep=shipping"
    never = listed(filled.get(at, GS1_EPC_Format="Never_Translates"))[0]
    assert (never["epcList"], never["bizLocation"]["id"]) == ([URN], HERE)
    left = filled.get(at, GS1_EPC_Format="Always_EPC_URN")
    assert listed(left)[0]["bizLocation"]["id"] == HERE
    assert left["GS1-EPC-Format-Untranslated"] == "1"
    with tenancy.system():
        CompanyPrefix.objects.create(prefix="9521141", party_id=world.grower.id)
    answer = filled.get(at, GS1_EPC_Format="Always_EPC_URN")
    found = listed(answer)[0]
    assert (found["epcList"], found["bizLocation"]["id"]) == ([URN], "urn:epc:id:sgln:9521141.00100.0")
    assert "GS1-EPC-Format-Untranslated" not in answer
    assert filled.get(at, GS1_EPC_Format="Sometimes").status_code == 400


def test_events_are_answered_as_xml(filled: EpcisClient):
    at = f"/events?MATCH_anyEPC={quote(LINK, safe='')}"
    answer = filled.get(
        at, Accept="application/xml", GS1_CBV_XML_Format="Always_URN", GS1_EPC_Format="Never_Translates"
    )
    assert answer["Content-Type"].startswith("application/xml")
    root = ElementTree.fromstring(answer.content)
    assert root.tag == "{urn:epcglobal:epcis-query:xsd:2}EPCISQueryDocument"
    assert [each.text for each in root.iter("bizStep")] == ["urn:epcglobal:cbv:bizstep:shipping"]
    assert [each.text for each in root.iter("epc")] == [URN]
    assert filled.get(at, Accept="text/csv").status_code == 406


COLLECTIONS_LIST_WHAT_TH = [
    ("eventTypes", ["ObjectEvent"]),
    ("epcs", [gtin(101, "A1"), LINK]),
    ("bizSteps", ["cycle_counting", "shipping"]),
    ("bizLocations", [HERE]),
    ("readPoints", [HERE]),
    ("dispositions", ["in_progress"]),
]


def test_collections_list_what_the_partys_events_name(filled: EpcisClient):
    for collection, expected in COLLECTIONS_LIST_WHAT_TH:
        answer = filled.get(f"/{collection}")
        assert answer.json()["type"] == "Collection" and "epcis-context" in answer.json()["@context"]
        assert answer.json()["member"] == sorted(expected)
        paged, at = [], f"/{collection}?perPage=1"
        while at:
            answer = filled.get(at)
            paged += answer.json()["member"]
            at = next_of(answer)
        assert paged == sorted(expected)
        for each in expected:
            place = f"/{collection}/{quote(each, safe='')}"
            assert filled.get(place).json()["member"] == ["events"]
            assert len(ids(filled.get(f"{place}/events"))) >= 1
            assert ids(filled.get(f"{place}/events?LT_eventTime=2000-01-01T00:00:00Z")) == []


def test_resources_go_by_any_form_of_their_names(filled: EpcisClient):
    for path in (
        f"/epcs/{URN}/events",
        f"/epcs/{quote('https://example.com/01/09521141012345/21/7', safe='')}/events",
        "/bizSteps/shipping/events",
        f"/bizSteps/{quote('https://ref.gs1.org/cbv/BizStep-shipping', safe='')}/events",
        "/bizSteps/urn:epcglobal:cbv:bizstep:shipping/events",
        "/bizLocations/urn:epc:id:sgln:9521141.00100.0/events",
    ):
        assert len(ids(filled.get(path))) == 1, path
    assert ids(filled.get("/bizSteps/killing/events")) == []
    assert len(ids(filled.get("/eventTypes/ObjectEvent/events?EQ_bizStep=shipping"))) == 1


WHAT_IS_FOREIGN_LOOKS_AS = [
    ("/events/urn:x:nothing", "/events/urn:x:secret"),
    ("/epcs/urn:x:nothing", "/epcs/urn:x:secret:epc"),
    ("/epcs/urn:x:nothing/events", "/epcs/urn:x:secret:epc/events"),
    ("/bizSteps/urn:x:nothing", "/bizSteps/urn:x:secret:step"),
    ("/bizSteps/urn:x:nothing/events", "/bizSteps/urn:x:secret:step/events"),
    ("/queries/nothing", "/queries/secret"),
    ("/queries/nothing/events", "/queries/secret/events"),
]


def test_what_is_foreign_looks_as_if_it_were_not_there(filled: EpcisClient, stranger: EpcisClient):
    stranger("post", "/queries", {"name": "secret", "query": {}})
    for absent, foreign in WHAT_IS_FOREIGN_LOOKS_AS:
        assert stranger.get(foreign).status_code == 200
        answers = [filled.get(absent), filled.get(foreign)]
        assert [each.status_code for each in answers] == [404, 404]
        assert answers[0].content == answers[1].content


def test_nothing_of_a_stranger_is_counted_or_listed(filled: EpcisClient):
    whole = json.dumps([filled.get(f"/{name}").json() for name in ("epcs", "bizSteps", "queries", "events")])
    assert "secret" not in whole
    assert ids(filled.get("/events?EQ_eventID=urn:x:secret&maxEventCount=1")) == []


# --- named queries ----------------------------------------------------------------------------------------------------


def test_a_query_is_kept_asked_and_deleted(filled: EpcisClient, world: World):
    context = {"e": "https://example.org/ex/"}
    query = {"@context": context, "EQ_e:grade": ["A"], "orderBy": "eventTime", "eventCountLimit": 5}
    answer = filled("post", "/queries", {"name": "grade-a", "query": query})
    assert answer.status_code == 201, answer.content
    at = answer["Location"].partition("/epcis")[2]
    assert filled.get(at).json()["query"] == query
    found = filled.get(f"{at}/events")
    assert len(ids(found)) == 1
    assert found.json()["epcisBody"]["queryResults"]["queryName"] == "grade-a"
    assert filled("post", "/queries", {"name": "grade-a", "query": {}}).status_code == 409
    assert (
        filled("post", "/queries", {"name": "SimpleEventQuery", "query": {}})
        .json()["type"]
        .endswith("DuplicateNameException")
    )
    filled("post", "/queries", {"name": "all", "query": {}})
    assert [each["name"] for each in filled.get("/queries").json()] == ["all", "grade-a"]
    first = filled.get("/queries?perPage=1")
    assert [each["name"] for each in filled.get(next_of(first)).json()] == ["grade-a"]
    paged = filled.get("/queries/all/events?perPage=3")
    assert len(ids(paged)) + len(ids(filled.get(next_of(paged)))) == 5
    assert filled.get("/queries/all/events?EQ_bizStep=shipping").status_code == 400
    assert filled("delete", at).status_code == 204
    assert [filled.get(path).status_code for path in (at, f"{at}/events")] == [404, 404]
    assert filled("delete", at).json()["type"] == "epcisException:NoSuchNameException"
    with tenancy.system():
        assert [row.tenant for row in NamedQuery.objects.all()] == [world.grower.id]


def test_the_query_of_the_standard_is_there(filled: EpcisClient):
    assert len(ids(filled.get("/queries/SimpleEventQuery/events?EQ_bizStep=shipping"))) == 1


EACH_FAULT_OF_A_NAMED_QU = [
    ({"name": "a"}, ["/query"]),
    ({"name": "a b", "query": {}}, ["/name"]),
    ({"name": 7, "query": []}, ["/name", "/query"]),
    (
        {"name": "a", "query": {"EQ_bizStep": ["shiping"], "GE_eventTime": "soon"}},
        ["/query/EQ_bizStep/0", "/query/GE_eventTime"],
    ),
    ({"name": "a", "query": {}, "qeury": 1}, ["/qeury"]),
    ([], [""]),
    (b'{"name": "a", "name": "b", "query": {}}', ["/name"]),
    (b"{", [""]),
]


def test_each_fault_of_a_named_query_is_named(grower: EpcisClient):
    for body, pointers in EACH_FAULT_OF_A_NAMED_QU:
        answer = grower("post", "/queries", body)
        assert answer.status_code == 400, answer.content
        assert answer.json()["type"] == "epcisException:QueryValidationException"
        assert [each["pointer"] for each in answer.json()["errors"]] == pointers


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_each_fault_of_an_address_is_named(grower: EpcisClient):
    answer = grower.get("/events?EQ_bizStep=shiping&GE_eventTime=soon&EQ_colour=red&GE_quantity=1&GE_quantity=2")
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (400, "epcisException:QueryParameterException")
    first, second, third, fourth = problem["errors"]
    assert (first["parameter"], first["value"], first["didYouMean"]) == ("EQ_bizStep", "shiping", "shipping")
    assert "shipping" in first["allowed"]
    assert (second["parameter"], third["parameter"]) == ("GE_eventTime", "EQ_colour")
    assert fourth["parameter"] == "GE_quantity"


NO_INPUT_IS_AN_ERROR_OF_ = [
    ("/events?perPage=0", 400),
    ("/events?perPage=many", 400),
    ("/events?nextPageToken=", 400),
    ("/events?nextPageToken=%00", 400),
    ("/events?%00=1", 400),
    ("/events?EQ_ex:a=%00", 200),
    ("/events?EQ_eventID=urn:x:%00", 400),
    ("/events?MATCH_epc=*", 400),
    ("/events?MATCH_epc=urn:epc:idpat:sgtin:*.*.*", 200),
    ("/events?MATCH_epc=urn:epc:idpat:nothing:*", 200),
    ("/events?eventCountLimit=99999999999999999999", 400),
    ("/events?GE_quantity=1e308", 200),
    ("/events?EQ_value_CEL=-1e308", 200),
    ("/events?EQ_value_QQQ=1", 200),
    ("/events?GE_eventTime=0001-01-01T00:00:00Z", 400),
    ("/events?orderBy=colour", 400),
    ("/events?orderBy=ex:a", 200),
    ("/events?orderBy=value_CEL", 200),
    ("/events?EQ_=1", 400),
    ("/events?" + "a" * 20_000, 414),
    ("/events?" + "&".join(f"a{n}=1" for n in range(1_500)), 400),
    ("/events/%00", 404),
    ("/events/urn:x:1?a=1", 400),
    ("/epcs/%00", 404),
    ("/epcs?EQ_bizStep=shipping", 400),
    ("/epcs/not a uri/events", 404),
    ("/bizSteps/shiping", 404),
    ("/eventTypes/QuantityEvent/events", 404),
    ("/queries/%00", 404),
    ("/queries?name=a", 400),
    ("/nothing", 404),
]


def test_no_input_is_an_error_of_the_server(grower: EpcisClient):
    for path, status in NO_INPUT_IS_AN_ERROR_OF_:
        answer = grower.get(path)
        assert answer.status_code == status, (path, answer.content)
        if status >= 400:
            assert answer["Content-Type"] == "application/problem+json"


OPTIONS_SAY_WHAT_IS_DONE = [
    ("", "GET, HEAD, OPTIONS"),
    ("/events", "GET, POST, HEAD, OPTIONS"),
    ("/events/urn:x:1", "GET, HEAD, OPTIONS"),
    ("/epcs", "GET, HEAD, OPTIONS"),
    ("/epcs/urn:x:1", "GET, HEAD, OPTIONS"),
    ("/epcs/urn:x:1/events", "GET, HEAD, OPTIONS"),
    ("/queries", "GET, POST, HEAD, OPTIONS"),
    ("/queries/a", "GET, DELETE, HEAD, OPTIONS"),
    ("/queries/a/events", "GET, HEAD, OPTIONS"),
    ("/nextPageToken/a", "DELETE, OPTIONS"),
]


def test_options_say_what_is_done_and_in_which_forms(grower: EpcisClient):
    for path, allowed in OPTIONS_SAY_WHAT_IS_DONE:
        answer = grower("options", path or "/")
        assert (answer.status_code, answer["Allow"]) == (204, allowed)
        assert answer["GS1-EPCIS-Max"] == "2.0"
        if "nextPageToken" not in path:
            assert answer["GS1-EPC-Format"] == "Always_GS1_Digital_Link"
        assert grower("put", path or "/", {}).status_code == 405


def test_reading_needs_the_scope_of_reading(world: World, speak: Any):
    capturer, nobody = speak(world.grower, "epcis:capture"), speak(world.grower)
    nobody.token = None
    for path in ("/events", "/events/urn:x:1", "/epcs", "/epcs/urn:x:1/events", "/queries", "/queries/a/events"):
        assert capturer.get(path).status_code == 403
        assert nobody.get(path).status_code == 401


def test_what_takes_too_long_is_said_so(grower: EpcisClient, monkeypatch: pytest.MonkeyPatch, db: None):
    def slow(*_: Any, **__: Any) -> Any:
        raise TooSlow("too long")

    monkeypatch.setattr(events_api.epcis_events, "search", slow)
    answer = grower.get("/events")
    assert (answer.status_code, answer.json()["type"]) == (413, "epcisException:QueryTooComplexException")


def test_the_database_ends_what_takes_too_long(db: None):
    with pytest.raises(TooSlow), transaction.atomic(), time_limit(0.05), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(5)")
    with time_limit(5), connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("5s",)
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)
