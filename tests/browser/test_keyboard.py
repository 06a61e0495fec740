"""Every page and every dialog by Tab, Enter and Esc alone: each control is reached and shows that
it is, dialogs keep the focus and give it back.

A page is walked wide or on a phone, as the seed has it; on both:
`KEYBOARD_SIZES=2 make test ARGS=tests/browser/test_keyboard.py`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from random import Random

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import pages
from tests.browser.axe import settle
from tests.browser.keyboard import problems_of_walk

pytestmark = pytest.mark.django_db(transaction=True)
OPENERS = "[hx-get][hx-target='#dialog']:visible"
# Pages once more, where they offer other dialogs.
MORE = {
    "queue, filtered": ("sdr", "/queue/?tier=hot"),
    "waiting lead": ("sdr", "/leads/{waiting}/"),
    "claimed lead": ("sdr", "/leads/{claimed}/"),
    "lead turned away": ("manager", "/leads/{turned_away}/"),
    "version in shadow": ("admin", "/models/{shadow}/"),
    "old version": ("admin", "/models/{old}/"),
    "personal data, asked": ("admin", "/leads/{asked}/personal-data/"),
    "merged lead": ("sdr", "/leads/{merged}/"),
}
SIZES = ({"width": 1440, "height": 900}, {"width": 390, "height": 844})
SIZES_EACH = int(os.environ.get("KEYBOARD_SIZES", "1"))


def pages_of(role: str, things: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Pages that this role is the reader of, with their address."""
    for name, (reader, address) in (pages.PAGES | MORE).items():
        if reader == role:
            yield name, address.format_map(things)


def walked(page: Page, role: str, things: dict[str, str]) -> list[str]:
    """The problems of all pages of a role, and of the dialogs they open."""
    random, found, known = Random(4), [], set()
    for name, path in pages_of(role, things):
        for size in random.sample(SIZES, SIZES_EACH):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            page.goto(path)
            settle(page)
            found += problems_of_walk(page, f"{name}, {size['width']}")
        page.set_viewport_size(SIZES[0])  # type: ignore[arg-type]
        for number in range(page.locator(OPENERS).count()):
            opener = page.locator(OPENERS).nth(number)
            kind = re.sub(r"\d+", "N", (opener.get_attribute("hx-get") or "").partition("?")[0])
            if kind not in known:
                known.add(kind)
                found += problems_of_dialog(page, opener, f"{name} {kind}")
    return found


def problems_of_dialog(page: Page, opener: Locator, name: str) -> Iterator[str]:
    """Opened by Enter on its opener, walked through, closed by Esc."""
    dialog = page.locator("#dialog")
    opener.focus()
    page.keyboard.press("Enter")
    expect(dialog.locator("form, .dialog-head").first).to_be_visible()
    settle(page)
    if not page.evaluate("document.getElementById('dialog').contains(document.activeElement)"):
        yield f"{name}: the focus does not come into the dialog"
    yield from problems_of_walk(page, name)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    if not opener.evaluate("el => el === document.activeElement"):
        yield f"{name}: the focus does not come back to its opener"


def test_everything_is_in_reach_of_a_keyboard(
    things: dict[str, str], open_as: Callable[[str], Page]
) -> None:
    found = []
    for role in (*pages.READERS, pages.STRANGER):
        page = open_as(role)
        found += walked(page, role, things)
        page.context.close()
    assert not found, "\n".join(found)
