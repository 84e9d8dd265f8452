"""`manage.py screenshots`: pictures of every page of a running server, wide and narrow, light and dark."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
SIZES = {"wide": (1440, 900), "phone": (360, 740)}
PAGES = {
    "tower": "/",
    "shipments": "/shipments/",
    "forecasts": "/forecasts/",
    "plan": "/plan/",
    "totals": "/forecasts/totals/",
    "accuracy": "/forecasts/accuracy/",
    "days-ahead": "/forecasts/days/",
    "runs": "/forecasts/runs/",
    "load": "/forecasts/load/",
    "ledger": "/ledger/",
    "ledger-keys": "/ledger/keys/",
    "device": "/device/",
    "keys": "/keys/",
    "approvals": "/keys/approvals/",
    "erasures": "/erasures/",
    "names": "/names/",
    "partners": "/partners/",
    "webhooks": "/webhooks/",
    "verify": "/verify",
    "new": "/shipments/new/",
    "nothing-found": "/shipments/?q=nothing-of-this-name",
    "password": "/accounts/password/change/",
    "mfa": "/accounts/2fa/",
    "mfa-totp": "/accounts/2fa/totp/activate/",
    "sign-out": "/accounts/logout/",
    "missing": "/no-such-page/",
}
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


class Command(BaseCommand):
    help = "Take pictures of every page of a running server (needs Playwright and Chromium)"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", default=settings.WAYLOG_URL)
        parser.add_argument("--email", default="", help="who signs in (default: the first in demo.json)")
        parser.add_argument("--out", type=Path, default=settings.WAYLOG_DATA / "screenshots")
        parser.add_argument("--only", default="", help="names of pages, separated by commas")
        parser.add_argument("--scheme", choices=["light", "dark", "both"], default="both")

    def handle(self, *args: Any, **options: Any) -> None:
        """Sign in once a look, then picture page by page."""
        try:
            from playwright.sync_api import sync_playwright
        except ImportError:
            raise CommandError("Playwright is missing: it is among the development dependencies") from None
        user = _user(options["email"])
        options["out"].mkdir(parents=True, exist_ok=True)
        schemes: list[Literal["light", "dark"]] = ["light", "dark"]
        if options["scheme"] != "both":
            schemes = [options["scheme"]]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            for scheme in schemes:
                for size, (width, height) in SIZES.items():
                    context = browser.new_context(
                        viewport={"width": width, "height": height}, color_scheme=scheme, base_url=options["url"]
                    )
                    for name in _pictures(context.new_page(), user, options, f"{size}-{scheme}"):
                        self.stdout.write(name)
                    context.close()
            browser.close()


def _pictures(page: Any, user: dict[str, str], options: dict[str, Any], look: str) -> Iterator[str]:
    only = {name for name in options["only"].split(",") if name}
    page.goto("/accounts/login/")
    if not only or "login" in only:
        yield _take(page, options["out"] / f"login-{look}.png")
    page.fill("[name=login]", user["email"])
    page.fill("[name=password]", user["password"])
    page.click("button[type=submit]")
    page.wait_for_url("**/")
    for name, address in {**PAGES, **_found(page)}.items():
        if not only or name in only:
            page.goto(address)
            page.wait_for_load_state("networkidle")
            yield _take(page, options["out"] / f"{name}-{look}.png") + _wider(page)


def _wider(page: Any) -> str:
    """Say by how much a page is wider than the screen: nobody should have to push a page sideways."""
    pixels = page.evaluate(WIDER)
    return f"  {pixels} px wider than the screen" if pixels else ""


def _found(page: Any) -> dict[str, str]:
    """Pages of things that this server happens to hold."""
    links = {
        "shipment": ("/shipments/?state=moving", "td a.mono"),
        "shipment-waiting": ("/shipments/?state=waiting", "td a.mono"),
        "shipment-breached": ("/shipments/?state=breached", "td a.mono"),
        "shipment-discrepancy": ("/shipments/?state=discrepancy", "td a.mono"),
        "entry": ("/ledger/", "tbody td a"),
        "series": ("/forecasts/", "tbody td a"),
        "webhook": ("/webhooks/", "tbody a"),
    }
    found = {}
    for name, (address, selector) in links.items():
        page.goto(address)
        link = page.query_selector(selector)
        if link is not None:
            found[name] = link.get_attribute("href")
    for act in ("accept", "dispatch", "answer", "correct"):
        for name in ("shipment-waiting", "shipment-discrepancy", "shipment"):
            if name in found and act not in found:
                page.goto(found[name])
                link = page.query_selector(f".acts a[href$='/{act}/']")
                if link is not None:
                    found[act] = link.get_attribute("href")
    return found


def _take(page: Any, path: Path) -> str:
    page.screenshot(path=str(path), full_page=True)
    return str(path)


def _user(email: str) -> dict[str, str]:
    path = settings.WAYLOG_DATA / "demo.json"
    if not path.is_file():
        raise CommandError(f"{path} is missing: start the demo world first")
    users: list[dict[str, str]] = json.loads(path.read_text())["users"]
    chosen = [user for user in users if not email or user["email"] == email]
    if not chosen:
        raise CommandError(f"nobody in {path} has the address {email}")
    return chosen[0]
