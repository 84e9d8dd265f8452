"""Members of a body that are told apart: opened in their place, and nothing that is not named by its digest."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.tlog.bundle import format_bundle, parse_bundle, verify_bundle
from ledger.tlog.disclosure import (
    ALGORITHM,
    DIGESTS,
    Disclosure,
    digest_of,
    hide,
    make_disclosure,
    open_body,
    parse_disclosure,
)
from ledger.tlog.errors import Malformed, ProofInvalid, TlogError
from ledger.tlog.report import report_bundle
from ledger.tlog.text import encode_base64url
from tests.ledger.tlog.bundles import CHAIN, TRUST, trade

EVENT = {"type": "ObjectEvent", "ex:driver": "Jane", "ex:temperature": 4.5, "ex:more": {"a": 1, "b": [2]}}
SALT = "_26bc4LT-ac6q2KI6cBW5es"


def told(salt: object, name: object, value: object) -> str:
    return encode_base64url(json.dumps([salt, name, value]).encode())


def body_of(event: dict) -> bytes:
    return json.dumps({"@context": [], "event": event}).encode()


def with_digests(*texts: str, **more: object) -> bytes:
    return body_of({"type": "ObjectEvent", **more, DIGESTS: [digest_of(text) for text in texts]})


def test_the_digest_is_that_of_the_standards_own_example() -> None:
    # RFC 9901, 4.2.3: the disclosure of family_name in its first example
    text = "WyI2cU1RdlJMNWhhaiIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"
    assert digest_of(text) == "uutlBuYeMDyjLLTpf6Jxi7yNkEF35jdyWMn9U7b_RYY"


def test_what_is_hidden_is_told_and_opened_in_its_place() -> None:
    left, disclosures = hide(EVENT, ["ex:driver", "ex:temperature"])
    assert "Jane" not in json.dumps(left) and len(left[DIGESTS]) == 2
    body, driver, temperature = body_of(left), *(each.text for each in disclosures)
    assert open_body(body, [driver, temperature]).value["event"] == EVENT
    shown = open_body(body, [temperature])
    assert shown.value["event"] == {name: value for name, value in EVENT.items() if name != "ex:driver"}
    assert (shown.names, shown.closed) == (("ex:temperature",), 1)


def test_a_member_of_a_member_is_hidden_and_shown_too() -> None:
    inner, deep = hide({"a": 1, "b": [2]}, ["a"])
    outer, flat = hide({**EVENT, "ex:more": inner}, ["ex:more"])
    body = body_of(outer)
    assert open_body(body, [flat[0].text, deep[0].text]).value["event"] == EVENT
    assert open_body(body, [flat[0].text]).value["event"]["ex:more"] == {"b": [2]}
    with pytest.raises(ProofInvalid, match="matches no digest"):
        open_body(body, [deep[0].text])  # what names it is not shown


ONE = told(SALT, "ex:driver", "Jane")


@pytest.mark.parametrize(
    ("body", "disclosures", "why"),
    [
        (with_digests(ONE), [told(SALT, "ex:driver", "John")], "matches no digest"),
        (with_digests(ONE), [told(SALT[:-1] + "t", "ex:driver", "Jane")], "matches no digest"),
        (with_digests(ONE, ONE), [ONE], "a digest appears twice"),
        (with_digests(ONE, **{"ex:in": {DIGESTS: [digest_of(ONE)]}}), [ONE], "a digest appears twice"),
        (with_digests(ONE), [ONE, ONE], "a disclosure appears twice"),
        (with_digests(ONE, **{"ex:driver": "John"}), [ONE], "another member's place"),
        (with_digests(ONE, told(SALT, "ex:driver", 2)), [ONE, told(SALT, "ex:driver", 2)], "another member's place"),
        (with_digests(ONE, **{ALGORITHM: "md5"}), [ONE], "sha-256"),
        (body_of({DIGESTS: []}), [], "list of digests"),
        (body_of({DIGESTS: ["short"]}), [], "43 letters"),
        *[
            (with_digests(told(SALT, name, 1)), [told(SALT, name, 1)], "a name that none may have")
            for name in (DIGESTS, ALGORITHM, "_sd", "...", "@context", "", "a\nb")
        ],
        (with_digests(ONE), [told("short", "ex:driver", "Jane")], "salt"),
        (with_digests(ONE), [encode_base64url(b"[1,2]")], "salt, a name and a value"),
        (with_digests(ONE), [ONE + "="], "base64url"),
    ],
)
def test_what_does_not_hold_is_refused(body: bytes, disclosures: list[str], why: str) -> None:
    with pytest.raises(TlogError, match=why):
        open_body(body, disclosures)


def test_disclosures_in_disclosures_end() -> None:
    texts = [ONE]
    for number in range(80):
        texts.append(told(SALT, f"ex:n{number}", {DIGESTS: [digest_of(texts[-1])]}))
    with pytest.raises(Malformed, match="nested deeper"):
        open_body(with_digests(texts[-1]), texts)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc:", max_size=4), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text("abcd:", min_size=1, max_size=5), JSON, max_size=6), st.data())
def test_whatever_is_hidden_comes_back_as_it_was(members: dict, data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(sorted(members)), unique=True)) if members else []
    members = json.loads(json.dumps(members).replace("\\u0000", ""))
    left, disclosures = hide(members, names)
    opened = open_body(body_of(left), [each.text for each in disclosures])
    assert opened.value["event"] == members and opened.closed == 0


def test_a_disclosure_is_read_as_it_was_made() -> None:
    made = make_disclosure("ex:driver", {"a": [1, None]})
    assert parse_disclosure(made.text) == made == Disclosure(made.text, "ex:driver", {"a": [1, None]})


def test_a_bundle_shows_the_temperature_and_not_the_driver() -> None:
    world = trade()
    left, disclosures = hide(EVENT, ["ex:driver", "ex:temperature"])
    index = world.event("grower", CHAIN, body=body_of(left))
    temperature = next(each.text for each in disclosures if each.name == "ex:temperature")
    data = format_bundle(world.bundle(range(index + 1), {CHAIN: [6, 7, 9, 13, index]}, [index], {index: [temperature]}))
    assert b"Jane" not in data
    verdict = verify_bundle(parse_bundle(data), TRUST)
    opened = verdict.entries[index].opened
    assert opened is not None and opened.value["event"]["ex:temperature"] == 4.5
    lines = report_bundle(verdict).lines()
    assert f"  disclosed       of entry {index}: ex:temperature" in lines
    assert any(line.startswith("  - 1 digests in these bodies") for line in lines)
    value = json.loads(data)
    value["entries"][index]["disclosures"] = [told(SALT, "ex:temperature", 40)]
    forged = (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()
    with pytest.raises(ProofInvalid, match=f"what is disclosed of entry {index} does not hold"):
        verify_bundle(parse_bundle(forged), TRUST)
    value["entries"][index]["body"] = value["entries"][index]["salt"] = None
    with pytest.raises(Malformed, match="come with the body"):
        parse_bundle((json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode())
