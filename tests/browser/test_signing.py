"""Two people hand over a shipment with keys that never leave their browsers."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from ledger import kept, tenancy
from ledger import queries as log
from supplychain.models import Event
from tests.browser.conftest import Live
from tests.cast import sscc

NOT_EXTRACTABLE = """async () => {
  const asked = indexedDB.open("waylog", 1);
  const database = await new Promise((resolve) => { asked.onsuccess = () => resolve(asked.result); });
  const all = database.transaction("keys").objectStore("keys").getAll();
  const [kept] = await new Promise((resolve) => { all.onsuccess = () => resolve(all.result); });
  database.close();
  try { await crypto.subtle.exportKey("pkcs8", kept.privateKey); return "exported"; }
  catch (error) { return error.name; }
}"""


def enrol(page: Page, name: str) -> None:
    """Make a key in this browser and ask for it."""
    page.goto("/device/")
    page.get_by_label("Name of this device").fill(name)
    page.get_by_role("button", name="Make a key").click()
    expect(page.get_by_text("waits for approval", exact=True)).to_be_visible()


def approve(page: Page, name: str) -> None:
    """Approve the key of this name."""
    page.goto("/keys/")
    page.get_by_role("button", name=f"Approve {name}").click()
    expect(page.get_by_text("The key is registered")).to_be_visible()


def sign(page: Page) -> None:
    """Look at what is signed, then sign it."""
    page.get_by_role("button", name="Review and sign").click()
    expect(page.get_by_role("heading", name="What you sign")).to_be_visible()
    page.get_by_role("button", name="Sign and send").click()


def latest_act(act: str) -> Event:
    with tenancy.system():
        return Event.objects.filter(act=act).order_by("-index")[0]


def test_a_hand_over_is_signed_on_two_devices(live: Live) -> None:
    world, people = live.world, live.people
    unit = sscc(1)
    world.packer.pack(unit)
    shipment = world.shipment(unit)
    giver, manager = live.enter(people.packer).page, live.enter(people.packer_manager).page
    enrol(giver, "Dock 4")
    assert giver.evaluate(NOT_EXTRACTABLE) == "InvalidAccessError"
    approve(manager, "Dock 4")

    giver.goto(f"/shipments/{shipment.pk}/dispatch/")
    expect(giver.get_by_text("Signed on this device")).to_be_visible()
    giver.get_by_label("Handed to").select_option(label="Carrier")
    giver.get_by_role("textbox", name="Driver").fill("Jane Q. Driver")
    giver.get_by_role("button", name="Review and sign").click()
    expect(giver.get_by_text("Jane Q. Driver (signed apart)")).to_be_visible()
    expect(giver.get_by_text("hands the unit over")).to_be_visible()
    expect(giver.get_by_text("1 linked statement", exact=False)).to_be_visible()
    giver.get_by_role("button", name="Sign and send").click()
    giver.wait_for_url(f"**/shipments/{shipment.pk}/")
    expect(giver.get_by_text("signed with a device key")).to_be_visible()
    assert log.key(latest_act("dispatch").key_id).role == "device"
    expect(giver.get_by_text("driver Jane Q. Driver")).to_be_visible()  # the server opened the digest made here
    with tenancy.system():
        index = latest_act("dispatch").index
        assert b"Jane" not in kept.bodies([index])[index].body

    taker, carrier_manager = live.enter(people.carrier).page, live.enter(people.carrier_manager).page
    enrol(taker, "Truck 7")
    approve(carrier_manager, "Truck 7")
    taker.goto(f"/shipments/{shipment.pk}/")
    taker.get_by_role("link", name="Accept").click()
    expect(taker.get_by_text("Signed on this device")).to_be_visible()
    taker.get_by_label("Counted of Apples").fill("48")
    expect(taker.get_by_text("2 short")).to_be_visible()
    sign(taker)
    taker.wait_for_url(f"**/shipments/{shipment.pk}/")
    expect(taker.get_by_text("Carrier reported a discrepancy")).to_be_visible()
    assert log.key(latest_act("accept").key_id).party == world.carrier.id.hex

    giver.reload()
    giver.get_by_role("link", name="Answer the discrepancy").click()
    expect(giver.get_by_text("Signed on this device")).to_be_visible()
    giver.get_by_label("Acknowledge").check()
    sign(giver)
    giver.wait_for_url(f"**/shipments/{shipment.pk}/")
    expect(giver.get_by_text("acknowledged the discrepancy with its own signature")).to_be_visible()


def test_a_new_shipment_is_opened_with_a_secret_made_on_the_device(live: Live) -> None:
    packer, manager = live.enter(live.people.packer).page, live.enter(live.people.packer_manager).page
    enrol(packer, "Packing line")
    approve(manager, "Packing line")
    packer.goto("/shipments/new/")
    expect(packer.get_by_text("Signed on this device")).to_be_visible()
    packer.get_by_label("Product 1").select_option(label="Apples")
    packer.get_by_label("Quantity 1").fill("24")
    packer.get_by_role("button", name="Review and sign").click()
    expect(packer.get_by_text("its secret was made here")).to_be_visible()
    packer.get_by_role("button", name="Sign and send").click()
    expect(packer.get_by_role("heading", name="Apples, 24 cases")).to_be_visible()
    expect(packer.get_by_text("signed with a device key")).to_be_visible()


def test_a_device_signs_nothing_when_the_chain_does_not_hold(live: Live) -> None:
    world = live.world
    unit = sscc(2)
    world.packer.pack(unit)
    shipment = world.shipment(unit)
    packer, manager = live.enter(live.people.packer).page, live.enter(live.people.packer_manager).page
    enrol(packer, "Dock 4")
    approve(manager, "Dock 4")
    size = log.tree_size()

    def forge(route) -> None:  # a server that shows another head than the chain has
        answer = route.fetch()
        draft = answer.json()
        draft["chains"][0]["head"] = "00" * 32
        route.fulfill(response=answer, json=draft)

    packer.route("**/draft/", forge)
    packer.goto(f"/shipments/{shipment.pk}/dispatch/")
    expect(packer.get_by_text("Signed on this device")).to_be_visible()
    packer.get_by_label("Handed to").select_option(label="Carrier")
    packer.get_by_role("button", name="Review and sign").click()
    expect(packer.get_by_role("alert")).to_contain_text("Do not sign")
    assert log.tree_size() == size


def test_whoever_signs_after_something_happened_is_shown_what(live: Live) -> None:
    world = live.world
    unit = sscc(3)
    world.packer.pack(unit)
    shipment = world.shipment(unit)
    packer, manager = live.enter(live.people.packer).page, live.enter(live.people.packer_manager).page
    enrol(packer, "Dock 4")
    approve(manager, "Dock 4")
    packer.goto(f"/shipments/{shipment.pk}/dispatch/")
    expect(packer.get_by_text("Signed on this device")).to_be_visible()
    packer.get_by_label("Handed to").select_option(label="Carrier")
    packer.get_by_role("button", name="Review and sign").click()
    expect(packer.get_by_role("heading", name="What you sign")).to_be_visible()
    world.packer.pack(unit)
    packer.get_by_role("button", name="Sign and send").click()
    expect(packer.get_by_role("alert")).to_contain_text("has moved on since you last looked")
    expect(packer.get_by_role("link", name="Load what happened since")).to_be_visible()


def test_without_an_approved_key_the_managed_key_signs_and_the_page_says_so(live: Live) -> None:
    world = live.world
    unit = sscc(4)
    world.packer.pack(unit)
    shipment = world.shipment(unit)
    packer = live.enter(live.people.packer).page
    enrol(packer, "Dock 4")
    packer.goto(f"/shipments/{shipment.pk}/dispatch/")
    expect(packer.get_by_text("Signed here with the managed key of Packer")).to_be_visible()
    packer.get_by_label("Handed to").select_option(label="Carrier")
    packer.get_by_role("button", name="Dispatch", exact=True).click()
    packer.wait_for_url(f"**/shipments/{shipment.pk}/")
    assert log.key(latest_act("dispatch").key_id).role == "managed"
