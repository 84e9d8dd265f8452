"""A live server with the cast in it, and people in real browsers, each with a profile of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from supplychain.models import User
from tests.cast import World, make_world
from tests.people import PASSWORD, People, add_people

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page


@dataclass
class Person:
    """Somebody at a browser. `complaints` are what the browser's console says against the page."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def hear(self, message: ConsoleMessage) -> None:
        # An answer that refuses (422, 409) is part of the protocol; everything else on the console is a fault.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)


@dataclass
class Live:
    """The server, its world and its people."""

    url: str
    world: World
    people: People
    enter: Callable[..., Person]


@pytest.fixture
def live(live_server: Any, transactional_db: None, settings: Any, tmp_path: Any, browser: Browser) -> Iterator[Live]:
    settings.WAYLOG_SECRETS = tmp_path / "secrets"
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]
    world = make_world()
    people = add_people(world, password=PASSWORD)
    url = live_server.url.replace("127.0.0.1", "localhost")
    contexts: list[BrowserContext] = []
    persons: list[Person] = []

    def enter(user: User, **options: Any) -> Person:
        context = browser.new_context(base_url=url, **options)
        context.set_default_timeout(20_000)
        contexts.append(context)
        person = Person(context.new_page())
        persons.append(person)
        person.page.on("console", person.hear)
        person.page.on("pageerror", lambda error: person.complaints.append(str(error)))
        person.page.goto("/accounts/login/")
        person.page.get_by_label("Email").fill(user.email)
        person.page.get_by_label("Password").fill(PASSWORD)
        person.page.get_by_role("button", name="Sign in").click()
        person.page.wait_for_url("**/")
        return person

    yield Live(url, world, people, enter)
    for context in contexts:
        context.close()
    for person in persons:
        assert person.complaints == []
