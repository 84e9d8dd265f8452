"""Somebody sets their company up in a real browser: what it sends is what the server takes."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from supplychain.models import Party
from supplychain.operations import firstrun


@pytest.fixture
def link(live_server: Any, transactional_db: None, settings: Any, tmp_path: Any) -> str:
    settings.WAYLOG_DATA, settings.WAYLOG_SECRETS = tmp_path, tmp_path / "secrets"
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    return f"{live_server.url.replace('127.0.0.1', 'localhost')}/first-run/{firstrun.make_token()}/"


def test_a_company_is_set_up_and_its_manager_signs_in(link: str, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto(link)
    page.get_by_label("Company").fill("Alpine Packing")
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("Your e-mail address").fill("ada@alpine.example")
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Set up").click()
    expect(page.get_by_text("at least 12 characters", exact=False).first).to_be_visible()
    page.get_by_label("Password").fill("a-long-enough-secret")
    page.get_by_role("button", name="Set up").click()
    expect(page.get_by_role("heading", name="Set this server up")).to_be_hidden()
    assert Party.objects.get().name == "Alpine Packing"
    context.close()
