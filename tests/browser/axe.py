"""Pages in front of axe: WCAG 2.2 AA in both themes, wide and on a phone; a clean console and no
sideways scrolling in the same visits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page, Response, expect

WCAG = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]
# axe leaves the size of targets out unless it is asked for by name.
EVERY_RULE = {
    "runOnly": {"type": "tag", "values": WCAG},
    "rules": {"target-size": {"enabled": True}},
}
# The other theme changes colours and nothing else.
COLOUR_RULES = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
THEMES: tuple[tuple[Any, dict[str, Any]], ...] = (("light", EVERY_RULE), ("dark", COLOUR_RULES))
WIDTHS = ((1440, 900), (390, 844))
PHONE = 390
AXE = Axe().axe_script
# Only what is wrong comes back: the rest of the answer is large.
RUN = """async ([within, options]) => {
    const found = await axe.run(within, {...options, resultTypes: ["violations"]});
    return found.violations;
}"""


class Visit(NamedTuple):
    """A page, what is opened on it before axe looks, and the part it looks at."""

    name: str
    path: str
    open_up: Callable[[Page], None] = lambda page: None
    within: str = "html"


def opened(name: str, path: str, *keys: str, within: str = "#dialog[open]") -> Visit:
    """A part that keys open, looked at alone: the page around it is a visit of its own."""
    return Visit(name, path, pressed(*keys, until=f"{within} :is(button, form)"), within)


def pressed(*keys: str, until: str) -> Callable[[Page], None]:
    """Presses keys until something can be seen."""

    def press(page: Page) -> None:
        for key in keys:
            page.keyboard.press(key)
        expect(page.locator(until).first).to_be_visible()

    return press


def settle(page: Page) -> None:
    """What the page asks for by itself is there."""
    expect(page.locator(".htmx-request")).to_have_count(0)


def problems_of(page: Page, visit: Visit) -> Iterator[str]:
    """What is wrong with a page, in both widths and themes."""
    page.set_viewport_size({"width": 1440, "height": 900})
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.goto(visit.path)
    settle(page)
    visit.open_up(page)
    page.evaluate(AXE)
    for width, height in WIDTHS:
        page.set_viewport_size({"width": width, "height": height})
        if width == PHONE and page.evaluate("document.scrollingElement.scrollWidth > innerWidth"):
            yield f"{visit.name}: scrolls sideways"
        for theme, options in THEMES:
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            for found in page.evaluate(RUN, [visit.within, options]):
                yield f"{visit.name}, {theme}, {width}: {_told(found)}"


def _told(violation: dict[str, Any]) -> str:
    nodes = violation["nodes"]
    targets = "; ".join(" ".join(map(str, node["target"])) for node in nodes[:4])
    return f"{violation['id']} on {targets} ({len(nodes)}): {nodes[0]['failureSummary']}"


def check(page: Page, visits: list[Visit]) -> list[str]:
    """The problems of all visits, script errors and what the policy refuses among them."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda message: _note(message, found))
    page.on("response", lambda answer: _note_answer(answer, found))
    for visit in visits:
        found += problems_of(page, visit)
    return found


def _note(message: ConsoleMessage, found: list[str]) -> None:
    # What failed to load is noted with its address by `_note_answer`.
    if message.type == "error" and "Failed to load resource" not in message.text:
        found.append(message.text)


def _note_answer(answer: Response, found: list[str]) -> None:
    """Pages that refuse are visited on purpose, forms that refuse as well."""
    is_wanted = answer.status == 422 or answer.request.resource_type == "document"
    if answer.status >= 400 and not is_wanted:
        found.append(f"{answer.status} {answer.url}")
