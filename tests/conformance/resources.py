"""Collections and named queries (EPCIS 2.0, 12.7 and 12.8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conformance.material import Run
from tests.conformance.server import event_list, in_path, members
from tests.conformance.suite import Examined, check, names, refused

COLLECTIONS: tuple[tuple[str, Callable[[Run], str], set[str]], ...] = (
    ("eventTypes", lambda r: "AggregationEvent", {"joined"}),
    ("epcs", lambda r: r.made, {"turned", "checked"}),
    ("bizSteps", lambda r: "storing", {"stored"}),
    ("dispositions", lambda r: "active", {"made"}),
    (
        "readPoints",
        lambda r: r.read_point,
        {"made", "stored", "measured", "declared", "joined", "billed", "turned", "attached", "checked"},
    ),
    (
        "bizLocations",
        lambda r: r.biz_location,
        {"made", "stored", "measured", "declared", "joined", "billed", "turned", "attached", "checked"},
    ),
)


def _members(to: Examined, path: str) -> set[str]:
    """All members of a collection, page by page."""
    answer = to.server.get(path, {"perPage": 100})
    found: set[str] = set()
    for _each in range(1_000):
        assert answer.status == 200, f"GET {path} is answered with {answer.status}"
        found |= {str(each) for each in members(answer)}
        following = answer.link("next")
        if not following:
            return found
        answer = to.server.get(following)
    raise AssertionError("there is always a next page")


def _collection(name: str, member: Callable[[Run], str], wanted: set[str]) -> None:
    @check(f"collections.{name}", "12.7", f"GET /{name} lists what events name")
    def _(to: Examined) -> None:
        assert to.capture
        found = _members(to, f"/{name}")
        assert found, "it is empty"
        if name in ("eventTypes", "bizSteps", "dispositions"):
            assert member(to.run) in {each.rpartition("-")[2].rpartition(":")[2] for each in found}, sorted(found)[:20]

    @check(f"collections.{name}.events", "12.7", f"GET /{name}/{{id}}/events answers its events")
    def _(to: Examined) -> None:
        assert to.capture
        query = {"EQ_readPoint": to.run.read_point}
        found = names(to.server.events(query, f"/{name}/{in_path(member(to.run))}/events"))
        assert found == wanted, f"finds {sorted(found)}, not {sorted(wanted)}"

    @check(f"collections.{name}.one", "12.7", f"GET /{name}/{{id}} answers for one that there is")
    def _(to: Examined) -> None:
        assert to.capture
        answer = to.server.get(f"/{name}/{in_path(member(to.run))}")
        assert answer.status == 200, f"answered with {answer.status}"
        assert "events" in members(answer), "it does not name its events"

    @check(f"collections.{name}.none", "12.7", f"GET /{name}/{{id}} refuses what no event names")
    def _(to: Examined) -> None:
        absent = f"urn:epc:id:sgln:9521321.00009.{to.run.number}" if name != "eventTypes" else "DreamEvent"
        answer = to.server.get(f"/{name}/{in_path(absent)}/events")
        if answer.status == 200:  # a value that could be there and is not may have an empty list of events
            assert not answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
        else:
            assert answer.status in (400, 404), f"answered with {answer.status}"


for _each in COLLECTIONS:
    _collection(*_each)


@check("collections.digital-link", "12.7", "a GS1 Digital Link is one step of a path")
def _(to: Examined) -> None:
    assert to.capture
    [found] = to.server.events({"EQ_eventID": to.run.id_of("checked")})
    thing = found["epcList"][0]
    query = {"EQ_readPoint": to.run.read_point}
    assert names(to.server.events(query, f"/epcs/{in_path(thing)}/events")) == {"turned", "checked"}, thing


@check("collections.pages", "12.7", "perPage and Link rel=next lead through a collection, each member once")
def _(to: Examined) -> None:
    assert to.capture
    answer = to.server.get("/bizSteps", {"perPage": 1})
    seen: list[str] = []
    for _each in range(1_000):
        listed = members(answer)
        assert len(listed) <= 1, f"a page of {len(listed)}"
        seen += listed
        following = answer.link("next")
        if not following:
            break
        answer = to.server.get(following)
    assert len(seen) == len(set(seen)) > 1, f"{len(seen)} members, {len(set(seen))} different ones"


@check("collections.forms-of-words", "12.7", "a word of CBV goes by its bare name, its Web URI and its URN")
def _(to: Examined) -> None:
    assert to.capture
    query = {"EQ_readPoint": to.run.read_point}
    for word in ("storing", "https://ref.gs1.org/cbv/BizStep-storing", "urn:epcglobal:cbv:bizstep:storing"):
        found = names(to.server.events(query, f"/bizSteps/{in_path(word)}/events"))
        assert found == {"stored"}, f"{word} finds {sorted(found)}"


@check("collections.and-a-query", "12.7", "a query narrows the events of a resource, in pages")
def _(to: Examined) -> None:
    assert to.capture
    path = f"/readPoints/{in_path(to.run.read_point)}/events"
    assert names(to.server.events({"EQ_bizStep": "storing"}, path)) == {"stored"}
    answer = to.server.get(path, {"perPage": 2})
    assert len(event_list(answer)) == 2 and answer.link("next"), "perPage is not heeded"


@check("collections.unknown-parameter", "12.7", "a parameter that is none is refused there too")
def _(to: Examined) -> None:
    assert to.capture
    answer = to.server.get(f"/readPoints/{in_path(to.run.read_point)}/events", {"EQ_bizStp": "storing"})
    refused(answer, 400, "QueryParameterException", "QueryValidationException")


def _name(to: Examined) -> str:
    return f"conformance-{to.run.number}"


def _definition(to: Examined) -> dict[str, Any]:
    return {"name": _name(to), "query": {"EQ_readPoint": [to.run.read_point], "EQ_bizStep": ["storing", "assembling"]}}


@check("queries.create", "12.8", "POST /queries makes a named query and says where it is")
def _(to: Examined) -> None:
    assert to.capture
    answer = to.server("POST", "/queries", _definition(to))
    assert answer.status == 201, f"{answer.status}: {answer.body[:300]!r}"
    assert _name(to) in answer.headers.get("location", ""), "no Location"


@check("queries.duplicate", "12.8", "a name that is taken is refused")
def _(to: Examined) -> None:
    answer = to.server("POST", "/queries", _definition(to))
    refused(answer, 409, "ResourceAlreadyExistsException", "DuplicateNameException")


@check("queries.list", "12.8", "GET /queries lists it")
def _(to: Examined) -> None:
    answer = to.server.get("/queries", {"perPage": 100})
    told = answer.json()
    listed = told["member"] if isinstance(told, dict) and "member" in told else told
    assert _name(to) in [each["name"] if isinstance(each, dict) else each for each in listed]


@check("queries.one", "12.8", "GET /queries/{name} answers its definition")
def _(to: Examined) -> None:
    answer = to.server.get(f"/queries/{_name(to)}")
    assert answer.status == 200, f"answered with {answer.status}"
    assert answer.json()["name"] == _name(to) and answer.json()["query"] == _definition(to)["query"]


@check("queries.events", "12.8", "GET /queries/{name}/events answers what it finds")
def _(to: Examined) -> None:
    assert names(to.server.events({}, f"/queries/{_name(to)}/events")) == {"stored", "attached"}


@check("queries.events-pages", "12.8", "what a named query finds comes in pages too")
def _(to: Examined) -> None:
    answer = to.server.get(f"/queries/{_name(to)}/events", {"perPage": 1})
    assert len(event_list(answer)) == 1, "perPage is not heeded"
    assert len(event_list(to.server.get(answer.link("next")))) == 1, "there is no next page"


@check("queries.events-none", "12.8", "the events of a query that is none are refused")
def _(to: Examined) -> None:
    refused(to.server.get(f"/queries/{_name(to)}-none/events"), 404, "NoSuchResourceException", "NoSuchNameException")


@check("queries.no-name", "12.8", "a query without a name, or a name without a query, is refused")
def _(to: Examined) -> None:
    for wrong in ({"query": {}}, {"name": f"{_name(to)}-bare"}):
        refused(to.server("POST", "/queries", wrong), 400, "ValidationException", "QueryValidationException")


@check("queries.media-type", "12.5", "a query in another media type is refused")
def _(to: Examined) -> None:
    answer = to.server("POST", "/queries", b"<query/>", Content_Type="application/xml")
    refused(answer, 415, "UnsupportedMediaTypeException")


@check("queries.wrong", "12.8", "a named query with a parameter that is none is refused")
def _(to: Examined) -> None:
    wrong = {"name": f"{_name(to)}-wrong", "query": {"EQ_bizStp": ["storing"]}}
    answer = to.server("POST", "/queries", wrong)
    refused(answer, 400, "QueryValidationException", "QueryParameterException", "ValidationException")
    refused(to.server.get(f"/queries/{_name(to)}-wrong"), 404, "NoSuchResourceException", "NoSuchNameException")
