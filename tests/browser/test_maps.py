"""Maps: the drawing of the server becomes one that moves, and keeps its place when the page reads itself again."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from supplychain.models import Site
from tests.browser.conftest import Live
from tests.cast import sscc

BERN, TURIN = (46.95, 7.45), (45.07, 7.69)


@pytest.fixture
def placed(live: Live) -> str:
    """Something is on its way between two sites whose positions are known."""
    packer, carrier = live.world.packer, live.world.carrier
    for hand, (lat, lon) in ((packer, BERN), (carrier, TURIN)):
        values = {"party": hand.party, "name": f"{hand.party.name} dock", "latitude": lat, "longitude": lon}
        Site.objects.update_or_create(uri=hand.site, defaults=values)
    packer.pack(sscc(1))
    packer.dispatch(sscc(1), carrier, final_location=carrier.site)
    return f"/shipments/{live.world.shipment(sscc(1)).pk}/"


def test_a_map_is_moved_and_stays_where_it_was_left(live: Live, placed: str) -> None:
    page = live.enter(live.people.packer).page
    page.goto("/")
    lanes = page.locator("#lanes")
    figure = lanes.get_by_role("group", name="Map of what is on its way")
    expect(figure).to_be_visible()
    expect(lanes.locator("svg.map.wide")).to_be_hidden()
    expect(figure.get_by_text("Packer dock")).to_be_visible()
    expect(figure.get_by_text("Switzerland")).to_be_visible()
    before = figure.locator(".leaflet-control-scale-line").inner_text()
    figure.get_by_role("button", name="Zoom in").click()
    expect(figure.locator(".leaflet-control-scale-line")).not_to_have_text(before)
    nearer = figure.locator(".leaflet-control-scale-line").inner_text()
    live.world.packer.pack(sscc(3))
    live.world.packer.dispatch(sscc(3), live.world.carrier, final_location=live.world.carrier.site)
    page.evaluate("htmx.ajax('GET', '/', { target: '#figures' })")
    expect(lanes.locator("svg.map.wide title", has_text="2 on the move")).to_have_count(1)
    expect(figure).to_be_visible()
    expect(figure.locator(".leaflet-control-scale-line")).to_have_text(nearer)


def test_the_drawing_stays_where_scripts_are_refused(live: Live, placed: str) -> None:
    page = live.enter(live.people.packer, java_script_enabled=False).page
    page.goto(placed)
    expect(page.get_by_role("img", name="Map of the way")).to_be_visible()
    expect(page.locator(".live")).to_have_count(0)
