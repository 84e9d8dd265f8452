"""Collections and named queries (EPCIS 2.0, 12.8 and 12.9)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conformance.material import Run
from tests.conformance.server import in_path
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
        told = answer.json()
        listed = told["member"] if isinstance(told, dict) and "member" in told else told
        assert isinstance(listed, list), f"{path} is no collection: {str(told)[:200]}"
        found |= {str(each) for each in listed}
        following = answer.link("next")
        if not following:
            return found
        answer = to.server.get(following)
    raise AssertionError("there is always a next page")


def _collection(name: str, member: Callable[[Run], str], wanted: set[str]) -> None:
    @check(f"collections.{name}", "12.8", f"GET /{name} lists what events name")
    def _(to: Examined) -> None:
        assert to.capture
        found = _members(to, f"/{name}")
        assert found, "it is empty"
        if name in ("eventTypes", "bizSteps", "dispositions"):
            assert member(to.run) in {each.rpartition("-")[2].rpartition(":")[2] for each in found}, sorted(found)[:20]

    @check(f"collections.{name}.events", "12.8", f"GET /{name}/{{id}}/events answers its events")
    def _(to: Examined) -> None:
        assert to.capture
        query = {"EQ_readPoint": to.run.read_point}
        found = names(to.server.events(query, f"/{name}/{in_path(member(to.run))}/events"))
        assert found == wanted, f"finds {sorted(found)}, not {sorted(wanted)}"

    @check(f"collections.{name}.one", "12.8", f"GET /{name}/{{id}} answers for one that there is")
    def _(to: Examined) -> None:
        assert to.capture
        answer = to.server.get(f"/{name}/{in_path(member(to.run))}")
        assert answer.status == 200, f"answered with {answer.status}"

    @check(f"collections.{name}.none", "12.8", f"GET /{name}/{{id}} refuses what no event names")
    def _(to: Examined) -> None:
        absent = f"urn:epc:id:sgln:9521321.00009.{to.run.number}" if name != "eventTypes" else "DreamEvent"
        answer = to.server.get(f"/{name}/{in_path(absent)}/events")
        if answer.status == 200:  # a value that could be there and is not may have an empty list of events
            assert not answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
        else:
            assert answer.status in (400, 404), f"answered with {answer.status}"


for _each in COLLECTIONS:
    _collection(*_each)


@check("collections.digital-link", "12.8", "a GS1 Digital Link is one step of a path")
def _(to: Examined) -> None:
    assert to.capture
    [found] = to.server.events({"EQ_eventID": to.run.id_of("checked")})
    thing = found["epcList"][0]
    query = {"EQ_readPoint": to.run.read_point}
    assert names(to.server.events(query, f"/epcs/{in_path(thing)}/events")) == {"turned", "checked"}, thing


def _name(to: Examined) -> str:
    return f"conformance-{to.run.number}"


def _definition(to: Examined) -> dict[str, Any]:
    return {"name": _name(to), "query": {"EQ_readPoint": [to.run.read_point], "EQ_bizStep": ["storing", "assembling"]}}


@check("queries.create", "12.9", "POST /queries makes a named query and says where it is")
def _(to: Examined) -> None:
    assert to.capture
    answer = to.server("POST", "/queries", _definition(to))
    assert answer.status == 201, f"{answer.status}: {answer.body[:300]!r}"
    assert _name(to) in answer.headers.get("location", ""), "no Location"


@check("queries.duplicate", "12.9", "a name that is taken is refused")
def _(to: Examined) -> None:
    answer = to.server("POST", "/queries", _definition(to))
    refused(answer, 409, "ResourceAlreadyExistsException", "DuplicateNameException")


@check("queries.list", "12.9", "GET /queries lists it")
def _(to: Examined) -> None:
    answer = to.server.get("/queries", {"perPage": 100})
    told = answer.json()
    listed = told["member"] if isinstance(told, dict) and "member" in told else told
    assert _name(to) in [each["name"] if isinstance(each, dict) else each for each in listed]


@check("queries.one", "12.9", "GET /queries/{name} answers its definition")
def _(to: Examined) -> None:
    answer = to.server.get(f"/queries/{_name(to)}")
    assert answer.status == 200 and answer.json()["query"], f"answered with {answer.status}"


@check("queries.events", "12.9", "GET /queries/{name}/events answers what it finds")
def _(to: Examined) -> None:
    assert names(to.server.events({}, f"/queries/{_name(to)}/events")) == {"stored", "attached"}


@check("queries.wrong", "12.9", "a named query with a parameter that is none is refused")
def _(to: Examined) -> None:
    wrong = {"name": f"{_name(to)}-wrong", "query": {"EQ_bizStp": ["storing"]}}
    answer = to.server("POST", "/queries", wrong)
    refused(answer, 400, "QueryValidationException", "QueryParameterException", "ValidationException")
    refused(to.server.get(f"/queries/{_name(to)}-wrong"), 404, "NoSuchResourceException", "NoSuchNameException")
