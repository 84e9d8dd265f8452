"""The try-it page in a real browser, under the content security policy that every page has."""

from __future__ import annotations

from typing import Any


def test_the_try_it_page_renders_without_breaking_the_policy(live_server: Any, page: Any) -> None:
    from playwright.sync_api import expect

    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda request: said.append(request.url))
    page.goto(f"{live_server.url}/api/v1/docs")
    expect(page.get_by_role("heading", name="Waylog")).to_be_visible()
    capture = page.locator("#operations-events-capture")
    expect(capture).to_be_visible()
    capture.get_by_role("button").first.click()
    expect(capture.get_by_role("button", name="Try it out")).to_be_visible()
    assert said == []
