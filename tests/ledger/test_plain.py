"""The quick look takes an event only where the careful reading finds nothing wrong, and says the same of it."""

import functools
import random
from typing import Any

import pytest

from ledger import examining, operations, tenancy
from ledger.examined import Run, Said
from ledger.models import LogHead
from ledger.plain import Look
from ledger.tlog import envelope, keys
from ledger.tlog.errors import TlogError
from ledger.tlog.merkle import leaf_hash
from ledger.tlog.statement import ZERO, link
from tests.ledger.conftest import Log, Member, filled

pytestmark = pytest.mark.django_db


class Careful(Look):
    """A look that takes nothing."""

    def at(self, row: Any, body: Any) -> None:
        return None


@pytest.fixture
def tables(log: Log, grower: Member, carrier: Member, monkeypatch: pytest.MonkeyPatch) -> dict[bytes, list[Any]]:
    """Rows of a log with everything in it, and two events of many chains and of a document."""
    filled(log, grower, carrier)
    chains = [bytes([n]) * 16 for n in range(5)]
    links = tuple(link(chain, ZERO) for chain in chains)
    claims = {"source": "ab" * 32}
    told = operations.submission("event", claims, origin=log.origin, by=carrier.signer, body=b"{}")
    log.append(log.event(carrier, links=links, context=chains), told)
    with tenancy.system():
        held = {sql: examining._read(sql, 0, 300) for sql in (examining._ENTRIES, examining._BODIES)}
    monkeypatch.setattr(examining, "_read", lambda sql, first, end: [r for r in held[sql] if first <= r[0] < end])
    monkeypatch.setattr(keys, "verify_signature", functools.cache(keys.verify_signature))
    return held


def examined(look: type[Look]) -> tuple[list[Said], list[Any], list[bytes]]:
    with tenancy.system():
        examiner = examining.Examiner(LogHead.objects.get().origin, examining.public_keys())
    examiner._look = look(examiner.origin, examiner.public_keys)
    found = examiner.examine(0, 272)
    said = [one for each in found.said for one in (each.each() if isinstance(each, Run) else [each])]
    return said, sorted(found.faults), found.leaf_hashes


def needed(said: list[Said]) -> list[Any]:
    """What the audit takes of it: an event without links has its commitment checked already."""
    return [
        each._replace(commitment=None, row_key="") if each.tenant is not None and not each.links else each
        for each in said
    ]


def test_both_say_the_same_of_a_log_that_holds(tables: dict[bytes, list[Any]]) -> None:
    plain, careful = examined(Look), examined(Careful)
    assert plain[1] == careful[1] == []
    assert needed(plain[0]) == needed(careful[0]) and plain[2] == careful[2]
    with tenancy.system():
        look = Look(LogHead.objects.get().origin, examining.public_keys())
    bodies = {row[0]: row for row in tables[examining._BODIES]}
    taken = [row[0] for row in tables[examining._ENTRIES] if look.at(row, bodies.get(row[0]))]
    assert len(taken) > 250 and taken[-2:] == [270, 271]  # nearly all, many links and a source among them


@pytest.mark.parametrize("seed", range(3))
def test_both_find_the_same_wherever_a_value_is_changed(tables: dict[bytes, list[Any]], seed: int) -> None:
    """Every column of entries and bodies, bits flipped, bytes cut and added, values of other rows."""
    dice, faults = random.Random(seed), 0
    for sql, rows in tables.items():
        for column in range(1, len(rows[0])):
            tables[sql] = [changed(row, column, rows, dice) if dice.random() < 0.3 else row for row in rows]
            plain, careful = examined(Look), examined(Careful)
            assert plain[1] == careful[1]
            assert needed(plain[0]) == needed(careful[0]) and plain[2] == careful[2]
            tables[sql], faults = rows, faults + len(plain[1])
    assert faults > 500  # who a body is filed under is the audit's to say, and most types are the same


def changed(row: Any, column: int, rows: list[Any], dice: random.Random) -> Any:
    value = row[column]
    is_array = len(row) == 7 and column > 4  # as PostgreSQL sends it: well-formed
    if isinstance(value, bytes) and value and not is_array and dice.random() < 0.8:
        at, raw = dice.randrange(len(value)), bytearray(value)
        how = dice.randrange(4)
        if how == 0:
            raw[at] ^= 1 << dice.randrange(8)
        elif how == 1:
            del raw[at:]
        elif how == 2:
            raw[at:at] = raw[at : at + 3]
        else:
            raw = bytearray(value.swapcase())
        value = bytes(raw)
    else:
        value = dice.choice(rows)[column]
    return (*row[:column], value, *row[column + 1 :])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"v":1', b'"v":2'),
        (b'"v":1,', b'"v":1, '),
        (b'"links":[]', b'"links":[""]'),
        (b'"claims":{}', b'"claims":{"source":"' + b"AB" * 32 + b'"}'),
        (b'"claims":{}', b'"claims":{"source":"' + b"ab" * 31 + b'"}'),
        (b'"type":"event"', b'"type":"agreement"'),
        (b'"id":"', b'"id":"A'),
    ],
)
def test_a_statement_in_another_form_is_read_with_care(
    tables: dict[bytes, list[Any]], old: bytes, new: bytes, carrier: Member, log: Log
) -> None:
    """Signed and hashed as it stands, so that nothing but the form can be told of it."""
    row = tables[examining._ENTRIES][200]
    payload = envelope.parse_leaf(row[1]).payload.replace(old, new)
    signed = envelope.signed_bytes(payload)
    signature = carrier.signer.sign(signed).signature
    leaf = envelope.format_leaf(
        record_time_ms=envelope.parse_leaf(row[1]).record_time_ms,
        payload=payload,
        key_id=carrier.key_id,
        signature=signature,
    )
    other = (row[0], leaf, leaf_hash(leaf), envelope.hash_of_signed(signed), *row[4:])
    body = next(each for each in tables[examining._BODIES] if each[0] == 200)
    with tenancy.system():
        look = Look(LogHead.objects.get().origin, examining.public_keys())
    assert look.at(row, body) is not None and look.at(other, body) is None


def test_an_origin_that_json_would_escape_is_left_to_the_careful_reading(tables: dict[bytes, list[Any]]) -> None:
    with tenancy.system():
        known = examining.public_keys()
    row, [body] = tables[examining._ENTRIES][200], [b for b in tables[examining._BODIES] if b[0] == 200]
    for origin in ('log"x', "log\\u0041", "", "lög"):
        assert Look(origin, known).at(row, body) is None
    with pytest.raises(TlogError):
        envelope.parse_time(b"2026-02-30T08:00:00.000Z")
