"""Events signed by hand, as a client of its own would, and what capture answers about them."""

import json
import secrets
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest

from ledger import tenancy
from ledger.admission import Refusal, Refused
from ledger.tlog import envelope, keys, statement
from ledger.tlog.statement import Statement
from supplychain import operations
from supplychain.epcis import builders
from supplychain.epcis.events import Quantity
from supplychain.models import Shipment
from tests.cast import APPLES_LOT, Hand, World, sscc

UNIT = sscc(1)


def sign_by_hand(
    hand: Hand, event: Mapping[str, Any], *links: tuple[bytes, bytes], chains: Mapping[str, bytes] | None = None
) -> operations.CaptureItem:
    """Sign as a client of its own would: body, salt, commitment, links, statement, envelope."""
    key, body, salt = operations.held_key(hand.id), builders.body_bytes(event), secrets.token_bytes(32)
    payload = statement.format_statement(
        Statement(
            v=1,
            log=hand.world.origin,
            type="event",
            id=secrets.token_hex(16),
            key=keys.key_id(bytes(key.verify_key)),
            links=tuple(statement.link(chain, prev) for chain, prev in links),
            body=statement.commitment(salt, body),
            claims={},
        )
    )
    return operations.CaptureItem(envelope.parse_envelope(envelope.sign(payload, key)), body, salt, chains or {})


def pack(world: World, unit: str = UNIT, **more: Any) -> dict[str, Any]:
    contents = [Quantity(APPLES_LOT, 50)]
    return builders.pack_event(unit=unit, contents=contents, event_time=world.later(), event_id=new_id(), **more)


def accept(world: World, by: Hand, unit: str = UNIT, **more: Any) -> dict[str, Any]:
    return builders.accept_event(
        units=[unit], giver=world.grower.uri, taker=by.uri, event_time=world.later(), event_id=new_id(), **more
    )


def new_id() -> str:
    return f"urn:uuid:{uuid4()}"


def refused(code: str) -> Any:
    return pytest.raises(Refused, check=lambda error: error.code == code)


def error_of(outcome: object) -> Refused:
    assert isinstance(outcome, Refusal), outcome
    return outcome.error


def link_of(shipment: Shipment) -> tuple[bytes, bytes]:
    return bytes(shipment.chain), bytes(shipment.head)


def raw(world: World, index: int) -> dict[str, Any]:
    from ledger import kept

    with tenancy.system():
        return json.loads(kept.bodies([index])[index].body)["event"]
