"""A real Chromium in front of the live server, with a person logged in through the log-in page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from playwright.sync_api import Browser, BrowserContext, Page, Playwright
from pytest_django.live_server_helper import LiveServer

from crm.models import User
from tests.browser import pages

# Playwright runs an event loop in this thread; Django must not take that for async code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

CHROMIUM = os.environ.get("CHROMIUM_BIN") or shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Of the console: refusals a page is meant to show, and what htmx says of a lost connection.
REFUSALS = ("Failed to load resource",)
LOST = ("htmx:sendError", "htmx:afterRequest")
PASSWORD = "only-for-the-browser-tests"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here drives a browser; without one it is skipped."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("browser")
            if not Path(CHROMIUM).exists():
                item.add_marker(pytest.mark.skip(reason=f"no Chromium at {CHROMIUM}"))


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """Debian's Chromium; nothing is ever downloaded."""
    return {"executable_path": CHROMIUM, "args": FLAGS}


@pytest.fixture(scope="session", autouse=True)
def own_database_connection(playwright: Playwright) -> Iterator[None]:
    """While Playwright's event loop runs Django keeps another connection in this thread; it ends
    with the loop, or the test database could not be dropped."""
    yield
    connections.close_all()


@pytest.fixture
def open_browser(
    request: pytest.FixtureRequest, browser: Browser, live_server: LiveServer
) -> Iterator[Callable[..., Page]]:
    """Opens a window for a person: `open_browser(user, width=390)`, whose machine may be in another
    `zone`; fails on any script error."""
    is_meant = request.node.get_closest_marker("loses_network") is not None
    meant = (*REFUSALS, *LOST) if is_meant else REFUSALS
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def open_for(
        user: User,
        *,
        width: int = 1440,
        height: int = 900,
        theme: Any = "light",
        zone: str | None = None,
    ) -> Page:
        user.set_password(PASSWORD)
        user.save(update_fields=["password"])
        context = browser.new_context(
            base_url=live_server.url,
            viewport={"width": width, "height": height},
            color_scheme=theme,
            timezone_id=zone,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: _note(message, problems, meant))
        page.goto("/login/")
        page.fill("input[name=username]", user.username)
        page.fill("input[name=password]", PASSWORD)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(lambda url: "/login/" not in url)
        return page

    yield open_for
    for context in contexts:
        context.close()
    assert not problems, problems


@pytest.fixture
def things(db: None) -> dict[str, str]:
    """A company with something on every page."""
    return pages.made_up_company()


@pytest.fixture
def open_as(
    open_browser: Callable[..., Page], browser: Browser, live_server: LiveServer
) -> Callable[[str], Page]:
    """Opens a window for whoever looks in a role of `pages`; a stranger does not log in."""

    def open_for(role: str) -> Page:
        if role == pages.STRANGER:
            return browser.new_context(base_url=live_server.url).new_page()
        return open_browser(User.objects.get(username=pages.READERS[role]))

    return open_for


def _note(message: Any, problems: list[str], meant: Sequence[str]) -> None:
    """Errors of the console are errors of ours, but for what a test means to happen."""
    if message.type == "error" and not any(text in message.text for text in meant):
        problems.append(message.text)
