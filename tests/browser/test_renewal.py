"""A device's key is renewed in the browser: a new key, vouched for by the old one, approved by nobody again."""

from django.utils import timezone
from playwright.sync_api import expect

from ledger import queries as log
from ledger import tenancy
from supplychain import operations
from supplychain.models import KeyRequest
from tests.browser.conftest import Live


def test_a_device_renews_its_key_and_signs_with_the_new_one(live: Live) -> None:
    page = live.enter(live.people.packer).page
    page.goto("/device/")
    page.get_by_role("button", name="Make a key").click()
    expect(page.get_by_text("waits for approval")).to_be_visible()
    with tenancy.system():
        request = KeyRequest.objects.get()
    operations.approve_key(request.pk, party=live.world.packer.id, decided_by=None, now=timezone.now())
    page.goto("/device/")
    expect(page.get_by_text("It ends on")).to_be_visible()
    shown = page.locator("[data-state=approved] [data-key-id]")
    expect(shown).to_have_text(request.key_id)
    page.get_by_role("button", name="Renew it now").click()
    expect(shown).not_to_have_text(request.key_id)
    renewed = log.key(shown.inner_text())
    assert renewed is not None and renewed.role == "device" and renewed.expires_ms is not None
    assert log.key(request.key_id).revoked_index is None  # both are valid until the old one's end
