"""The JavaScript example of docs/api.md, in a real browser."""

from __future__ import annotations

import base64

from ledger import queries
from ledger.tlog import proof
from supplychain import operations
from tests.browser.conftest import Live
from tests.cast import sscc
from tests.conftest import ROOT
from tests.supplychain.api.conftest import make_client

CODE = (ROOT / "docs" / "examples" / "capture.mjs").read_text().partition("if (globalThis.process")[0]


def test_the_example_signs_and_captures_with_the_browsers_own_cryptography(live: Live) -> None:
    client, secret = make_client(live.world.packer)
    settings = {
        "url": live.url,
        "clientId": client.client_id,
        "clientSecret": secret,
        "signingKey": base64.b64encode(bytes(operations.held_key(live.world.packer.id))).decode(),
    }
    page = live.enter(live.people.packer).page
    told = page.evaluate(f"async ([unit, settings]) => {{ {CODE} return run(unit, settings); }}", [sscc(1), settings])
    proven = proof.verify_in_itself(proof.parse_proof(told.encode()))
    assert proven.index == queries.tree_size() - 1
    assert live.world.shipment(sscc(1)).status == "packed"
