"""Pages for everyone: no violation that axe knows, nothing wider than a phone, all by keyboard."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from supplychain.models import Site
from supplychain.operations.subscriptions import manage
from tests.browser.conftest import Live
from tests.cast import sscc
from tests.receiver import make_webhook

ADDRESSES = [
    "/",
    "/shipments/",
    "/shipments/new/",
    "/forecasts/",
    "/forecasts/totals/",
    "/forecasts/accuracy/",
    "/forecasts/days/",
    "/forecasts/runs/",
    "/forecasts/load/",
    "/plan/",
    "/ledger/",
    "/ledger/1/",
    "/ledger/keys/",
    "/device/",
]
MORE = [
    "/keys/",
    "/names/",
    "/partners/",
    "/erasures/",
    "/verify",
    "/accounts/2fa/",
    "/accounts/password/change/",
    "/nothing-here/",
]
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
}
PHONE = {"viewport": {"width": 360, "height": 740}}


def addresses(live: Live) -> list[str]:
    """Every kind of page, with a shipment in each interesting state."""
    world = live.world
    unit = sscc(1)
    world.packer.pack(unit)
    world.packer.dispatch(unit, world.carrier, max_temperature=8.0)
    world.packer.observe(unit, 9.5)
    world.packer.observe(unit, 5.0)
    world.carrier.dispatch(pack_for_packer(live), world.packer)
    waiting = world.shipment(sscc(2))
    Site.objects.update(latitude=46.2, longitude=7.4)  # pages show maps
    shipment = world.shipment(unit)
    hook = make_webhook(world.packer, now=world.now)
    manage.pause(hook.pk, party=world.packer.id, now=world.now)
    webhooks = ["/webhooks/", f"/webhooks/{hook.pk}/"]
    own = [f"/shipments/{shipment.pk}/", f"/shipments/{waiting.pk}/accept/", f"/shipments/{shipment.pk}/correct/"]
    return [*ADDRESSES, *MORE, *own, *webhooks]


def pack_for_packer(live: Live) -> str:
    live.world.carrier.pack(sscc(2))
    return sscc(2)


@pytest.mark.parametrize(("scheme", "size"), [("light", {}), ("dark", PHONE)], ids=["wide-light", "phone-dark"])
def test_pages_break_no_rule_of_axe_and_fit_the_screen(live: Live, scheme: str, size: dict) -> None:
    page = live.enter(live.people.packer_manager, color_scheme=scheme, **size).page
    said = []
    for address in addresses(live):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        found = Axe().run(page, options=RULES).response["violations"]
        said += [f"{address} {each['id']}: {node['html'][:160]}" for each in found for node in each["nodes"][:3]]
        width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if width > 0:
            said.append(f"{address} is {width} px too wide")
    assert said == []


def test_the_sign_in_page_breaks_no_rule_of_axe(live: Live, page) -> None:
    page.goto(f"{live.url}/accounts/login/")
    assert Axe().run(page, options=RULES).response["violations"] == []


def test_a_keyboard_skips_to_the_content_and_reaches_the_search(live: Live) -> None:
    page = live.enter(live.people.packer).page
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_label("Find a shipment")).to_be_focused()


def test_the_list_answers_while_somebody_types(live: Live) -> None:
    live.world.packer.pack(sscc(1))
    page = live.enter(live.people.packer).page
    page.goto("/shipments/")
    field = page.get_by_label("Search by unit")
    field.press_sequentially("bananas", delay=20)
    expect(page.get_by_text("Nothing found for")).to_be_visible()
    field.fill("apples")
    expect(page.get_by_role("link", name=sscc(1).rpartition("/")[2])).to_be_visible()
    assert "q=apples" in page.url


def tab_to(page, target) -> None:
    """Press Tab until the control has the focus, and see that this shows."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if target.evaluate("each => each === document.activeElement"):
            break
    expect(target).to_be_focused()
    outline = "each => getComputedStyle(each).outlineStyle + ' ' + getComputedStyle(each).outlineWidth"
    assert target.evaluate(outline) == "solid 2px"


def test_goods_are_packed_and_accepted_by_keyboard_alone(live: Live) -> None:
    page = live.enter(live.people.packer, color_scheme="dark").page
    page.goto("/")
    tab_to(page, page.get_by_role("link", name="New shipment"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="New shipment")).to_be_visible()
    expect(page.locator("form[data-ready]")).to_be_visible()
    tab_to(page, page.get_by_label("Product 1"))
    page.keyboard.type("Apples")
    tab_to(page, page.get_by_label("Quantity 1"))
    page.keyboard.type("5")
    tab_to(page, page.get_by_role("button", name="Another line"))
    page.keyboard.press("Enter")
    expect(page.get_by_label("Product 2")).to_be_focused()
    tab_to(page, page.get_by_role("button", name="Pack"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("The way so far")).to_be_visible()

    live.world.carrier.dispatch(pack_for_packer(live), live.world.packer)
    page.goto(f"/shipments/{live.world.shipment(sscc(2)).pk}/")
    tab_to(page, page.get_by_role("link", name="Accept", exact=True))
    page.keyboard.press("Enter")
    tab_to(page, page.locator("[name=seal]:checked"))
    page.keyboard.press("ArrowUp")
    expect(page.get_by_label("broken")).to_be_checked()
    tab_to(page, page.get_by_role("button", name="Accept"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("The way so far")).to_be_visible()
    assert live.world.shipment(sscc(2)).seal == "broken"


def test_what_the_tower_reads_again_keeps_focus_and_what_was_folded_out(live: Live) -> None:
    unit = sscc(1)
    live.world.packer.pack(unit)
    live.world.packer.dispatch(unit, live.world.carrier, final_location=live.world.carrier.site)
    page = live.enter(live.people.packer).page
    page.goto("/")
    page.get_by_text("Table of the lanes").click()
    page.locator("#card-moving").focus()
    page.evaluate("document.querySelector('#lanes').dataset.seen = 'yes'")
    read = "htmx.ajax('GET', '/', {target: '#figures', source: '#figures'})"
    page.evaluate(read)
    expect(page.locator("#lanes[data-seen]")).to_be_visible()
    expect(page.locator("#card-moving")).to_be_focused()
    live.world.packer.pack(sscc(3))
    live.world.packer.dispatch(sscc(3), live.world.carrier, final_location=live.world.carrier.site)
    page.evaluate(read)
    expect(page.locator("#tower-said")).to_contain_text("On the move: 2")
    expect(page.locator("#lanes:not([data-seen]) details[open]")).to_be_visible()
