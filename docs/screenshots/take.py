"""Takes the pictures of the documentation from a running demo.

    .venv/bin/python docs/screenshots/take.py [http://127.0.0.1:8000]

Needs Chromium and the demo company. Writes PNG files beside itself.
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent))

from qualification.demo.company import PASSWORD  # noqa: E402

CHROMIUM = "/usr/bin/chromium"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}

# Numbers are those of the demo: version 2 is in shadow.
MANAGERS_PAGES = {
    "/models/2/": "version",
    "/rejected/by-rules/": "turned-away",
    "/routing/": "routing",
    "/sla/": "sla",
    "/notices/": "notices",
}


def logged_in(browser: Browser, base: str, username: str, *, phone: bool, dark: bool) -> Page:
    """A page of this person's, at the size and in the theme wanted."""
    context = browser.new_context(
        base_url=base,
        viewport=PHONE if phone else WIDE,
        color_scheme="dark" if dark else "light",
    )
    page = context.new_page()
    page.goto("/login/")
    page.fill("[name=username]", username)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url(lambda url: "/login/" not in url)
    return page


def shoot(page: Page, name: str) -> None:
    """Saves the page as it is once nothing moves any more."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(400)
    page.screenshot(path=HERE / f"{name}.png")


def open_owned_lead(page: Page) -> None:
    """The first lead this person works on."""
    page.goto("/my-work/")
    page.locator(".lead-link").last.click()
    page.wait_for_selector("h1")


def take(browser: Browser, base: str) -> None:
    """Every picture."""
    for dark in (False, True):
        suffix = "-dark" if dark else ""
        page = logged_in(browser, base, "maya", phone=False, dark=dark)
        page.goto("/queue/")
        shoot(page, f"queue{suffix}")
        open_owned_lead(page)
        shoot(page, f"lead{suffix}")
        page.keyboard.press("r")
        page.wait_for_selector("dialog[open]")
        shoot(page, f"reject{suffix}")
    page = logged_in(browser, base, "maya", phone=True, dark=False)
    page.goto("/queue/")
    shoot(page, "queue-phone")
    open_owned_lead(page)
    shoot(page, "lead-phone")
    page = logged_in(browser, base, "kenji", phone=False, dark=False)
    page.goto("/proposals/")
    shoot(page, "proposals")
    page.goto("/rejected/")
    shoot(page, "rejected")
    page.locator("tbody a").first.click()
    shoot(page, "replay")
    for path, name in MANAGERS_PAGES.items():
        page.goto(path)
        shoot(page, name)
    page = logged_in(browser, base, "dana", phone=False, dark=False)
    page.goto("/admin/qualification/scoringmodel/2/matrix/")
    shoot(page, "points-matrix")
    page = logged_in(browser, base, "elena", phone=False, dark=False)
    page.goto("/handoffs/")
    shoot(page, "handoffs")


if __name__ == "__main__":
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        take(chromium, sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
        chromium.close()
