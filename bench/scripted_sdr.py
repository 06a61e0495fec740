#!/usr/bin/env python3
"""Works through leads of a running demo by keyboard, as an SDR would: key presses, seconds, paint.

Rejects every other lead with a reason, answers what is required of the others and accepts them.
Needs Chromium and the demo company. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

PROJECT_ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT_ROOT))

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = os.environ.get("CHROMIUM_BIN") or shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
# What is promised, in presses; paint in milliseconds.
MOST_REJECT, MOST_ACCEPT, MOST_PAINT = 6, 10, 1000
# Paints are told after the fact, shifts as they happen; both are kept by the browser.
WATCH = """
    window.__shift = 0;
    new PerformanceObserver((list) => {
      for (const one of list.getEntries()) if (!one.hadRecentInput) window.__shift += one.value;
    }).observe({ type: "layout-shift", buffered: true });
"""
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1"


@dataclass
class Hand:
    """The keyboard, which counts what it presses, and what was seen of the pages."""

    page: Page
    presses: int = 0
    paints: list[float] = field(default_factory=list)
    shifts: list[float] = field(default_factory=list)

    def press(self, *keys: str) -> None:
        """One key after the other."""
        for key in keys:
            self.page.keyboard.press(key)
        self.presses += len(keys)

    def look(self) -> None:
        """Opens the lead of the moment anew and notes when it painted and whether it moved."""
        self.page.reload(wait_until="networkidle")
        self.paints.append(float(self.page.evaluate(PAINT)))
        self.shifts.append(float(self.page.evaluate("window.__shift")))


@dataclass(frozen=True)
class Done:
    """One decision: its kind, key presses from the lead page on, seconds until the page said so."""

    kind: str
    presses: int
    seconds: float


def arguments() -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="where the demo runs")
    parser.add_argument("--leads", type=int, default=20, help="leads to decide")
    parser.add_argument(
        "--people", nargs="+", default=["maya", "rafael"], help="SDRs, one after the other"
    )
    chosen = parser.parse_args()
    if chosen.leads < 2:
        parser.error("--leads is 2 or more")
    return chosen


def log_in(page: Page, person: str) -> None:
    """Through the log-in page, with the password of the demo."""
    from qualification.demo.company import PASSWORD

    page.goto("/login/")
    page.fill("[name=username]", person)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url(lambda url: "/login/" not in url)


def toast(page: Page, text: str) -> None:
    """Waits until the page says it."""
    page.locator("#toasts .toast").filter(has_text=text).first.wait_for()


def reject(hand: Hand) -> None:
    """R, two letters of the reason, choose, submit."""
    hand.press("r")
    hand.page.locator("#find-reason").wait_for()
    hand.press("s", "m", "Enter", "Control+Enter")
    toast(hand.page, "Rejected")


def answer_required(page: Page) -> None:
    """Asks what is suggested until every required answer is there; not counted, that is the talk
    with the lead."""
    asked = page.locator(".next-ask blockquote")
    while not page.locator("#ready.is-ready").count():
        before = asked.inner_text()
        page.keyboard.press("1")
        value = page.locator(".next-ask #id_value")
        if value.evaluate("one => one.tagName") == "SELECT":
            value.select_option(index=1)
        else:
            kind = value.get_attribute("type") or ""
            value.fill({"number": "50000", "date": "2027-03-01"}.get(kind, "As told"))
        page.keyboard.press("Control+Enter")
        changed = "before => document.querySelector('.next-ask blockquote')?.innerText !== before"
        page.wait_for_function(changed, arg=before)
        page.locator("h1").focus()


def accept(hand: Hand) -> None:
    """A, say yes to what the destination must know, submit what is suggested."""
    hand.press("a")
    hand.page.locator("#dialog [type=submit]").first.wait_for()
    for _need in range(hand.page.locator("#dialog [type=checkbox][name^=need-]:visible").count()):
        hand.press("Tab", "Space")
    hand.press("Control+Enter")
    toast(hand.page, "Handed to")


def work(hand: Hand, leads: int) -> list[Done]:
    """Takes the next lead and decides it, so many times or until nothing waits any more."""
    page, done = hand.page, list[Done]()
    page.goto("/queue/")
    page.keyboard.press("n")
    page.wait_for_load_state("networkidle")
    while len(done) < leads and "/leads/" in page.url:
        hand.look()
        decided, is_reject = page.url, len(done) % 2 == 0
        if not is_reject:
            answer_required(page)
        page.locator("h1").focus()
        hand.presses, began = 0, time.perf_counter()
        (reject if is_reject else accept)(hand)
        kind = "reject" if is_reject else "accept"
        done.append(Done(kind, hand.presses, time.perf_counter() - began))
        # The page goes on to the next lead by itself, claimed; to the queue when there is none.
        page.wait_for_url(lambda url, decided=decided: url != decided)
    return done


def main() -> int:
    """Run the measurement; 1 when a promise does not hold."""
    chosen = arguments()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        done, paints, shifts = list[Done](), list[float](), list[float]()
        for person in chosen.people:
            wide = browser.new_context(base_url=chosen.url, viewport={"width": 1440, "height": 900})
            hand = Hand(wide.new_page())
            hand.page.add_init_script(WATCH)
            log_in(hand.page, person)
            done += work(hand, chosen.leads - len(done))
            paints, shifts = paints + hand.paints, shifts + hand.shifts
        browser.close()
    if len(done) < 2:
        raise SystemExit("fewer than two leads wait: start with a fresh demo")
    figures = {}
    for kind in ("reject", "accept"):
        of_kind = [row for row in done if row.kind == kind]
        figures[f"{kind}_presses"] = max(row.presses for row in of_kind)
        figures[f"{kind}_p50_s"] = round(median(row.seconds for row in of_kind), 2)
    paint, shift = max(paints), max(shifts)
    line = " ".join(f"{name}={value}" for name, value in figures.items())
    print(f"leads={len(done)} {line} paint_max_ms={paint:.0f} shift_max={shift:.3f}")
    holds = (
        figures["reject_presses"] <= MOST_REJECT
        and figures["accept_presses"] <= MOST_ACCEPT
        and 0 <= paint <= MOST_PAINT
        and shift == 0
    )
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
