"""Troubles of our own are said in words, and anything else that is raised is a bug that shows."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import InterfaceError, OperationalError

from ledger import tenancy
from ledger.admission import Refused
from ledger.tlog.errors import Malformed
from supplychain.api import errors
from tests.supplychain.api.conftest import Caller, Signer
from tests.supplychain.api.test_events import problem


@pytest.mark.parametrize("trouble", [OperationalError, InterfaceError])
def test_a_database_that_is_away_is_a_503(grower: Caller, monkeypatch: pytest.MonkeyPatch, trouble: Any) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise trouble("the connection is closed")

    monkeypatch.setattr(tenancy, "set_party", fail)
    answer = grower.get("/events")
    assert problem(answer, 503)["code"] == "unavailable"
    assert answer["Retry-After"] == "5"


def test_a_database_that_dies_within_a_capture_is_a_503(
    grower: Caller, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr("supplychain.api.capturing.capture", fail)
    assert "connection" not in problem(grower.post("/events", [signer.seen()]), 503)["detail"]


def test_a_bug_is_not_dressed_up_as_an_answer(grower: Caller, signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("a bug")

    monkeypatch.setattr("supplychain.api.capturing.capture", fail)
    with pytest.raises(AssertionError):
        grower.post("/events", [signer.seen()])


def test_a_refusal_names_its_place_within_the_item() -> None:
    refused = Refused("the shipment has moved on", pointer="/envelope/payload", detail={"head": b"\x01", "status": 1})
    found = errors.problem_of_refusal(refused, at="/3").document()
    assert found["errors"] == [{"pointer": "/3/envelope/payload", "message": "the shipment has moved on"}]
    assert (found["status"], found["head"], found["detail"]) == (409, b"\x01", "The shipment has moved on.")
    assert b'"head": "01"' in errors.response(errors.problem_of_refusal(refused)).content


def test_a_malformed_text_names_its_place() -> None:
    found = errors.problem_of_malformed(Malformed("a name appears twice", pointer="/a", line=1, column=7)).document()
    assert found["errors"][0]["pointer"] == "/a"
    assert "line 1, column 7" in found["detail"]


@pytest.mark.parametrize(("word", "meant"), [("dispach", "dispatch"), ("zzz", None), ("x" * 10_000, None)])
def test_the_nearest_word_is_offered(word: str, meant: str | None) -> None:
    assert errors.closest(word, ("dispatch", "accept")) == meant


def test_long_values_are_shown_by_their_beginning() -> None:
    assert len(errors.shown("x" * 10_000)) < 200
    assert len(errors.shown([{"a": "x"}] * 1000)) < 200
    assert errors.shown(5) == 5
