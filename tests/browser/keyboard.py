"""A page by keyboard alone: Tab comes to every control, each shows where one is and is not hidden
behind something that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Page

# Controls somebody sees: of radios that belong together one is a stop. What scrolls may be one too.
CONTROLS = """() => {
    document.querySelectorAll('[data-stop]').forEach((el) => { delete el.dataset.stop; });
    const all = [...document.querySelectorAll(
        'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]')];
    const dialog = [...document.querySelectorAll('dialog[open]')].at(-1) ?? document;
    const seen = all.filter((el) => dialog.contains(el) && !el.disabled && el.tabIndex >= 0
        && !el.closest('[inert], [hidden], template')
        && el.checkVisibility({contentVisibilityAuto: true, visibilityProperty: true}));
    const radios = new Map();
    for (const el of seen.filter((one) => one.type === 'radio')) {
        const key = `${el.form?.action}|${el.name}`;
        if (!radios.has(key) || el.checked) radios.set(key, el);
    }
    const stops = seen.filter((el) => el.type !== 'radio' || [...radios.values()].includes(el));
    stops.forEach((el, number) => { el.dataset.stop = number; });
    return stops.map((el) => el.outerHTML.slice(0, 160));
}"""
# Where one is: which stop, whether it shows, whether any of it is in sight.
WHERE = """() => {
    const el = document.activeElement;
    if (!el || el === document.body) return null;
    const over = [...document.querySelectorAll('dialog[open]')].at(-1);
    const shown = [el, el.parentElement, el.closest('label'), el.nextElementSibling]
        .filter(Boolean).some((one) => {
            const style = getComputedStyle(one);
            return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
        });
    const label = el.closest('label');
    const points = [el, ...(label ? [label] : [])].flatMap((one) => [...one.getClientRects()])
        .flatMap((box) => [0.1, 0.5, 0.9].flatMap((x) => [0.1, 0.5, 0.9].map((y) =>
            [box.left + x * box.width, box.top + y * box.height])));
    const inSight = points.some(([x, y]) => {
        const top = document.elementFromPoint(x, y);
        return top && (el.contains(top) || top.contains(el) || label?.contains(top));
    });
    const strayed = Boolean(over) && !over.contains(el);
    const html = el.outerHTML.slice(0, 160);
    const before = points.length && document.elementFromPoint(...points[4])?.outerHTML.slice(0, 80);
    return {stop: el.dataset.stop ?? null, strayed, shown, inSight, before, html};
}"""


def problems_of_walk(page: Page, name: str) -> Iterator[str]:
    """What somebody meets who goes through the page, or the dialog over it, with Tab."""
    page.evaluate("document.activeElement?.blur()")
    controls: list[str] = page.evaluate(CONTROLS)
    reached: list[int] = []
    for here in steps(page, most=4 * len(controls) + 20):
        stop = here["stop"]
        if here["strayed"]:
            yield f"{name}: Tab leaves the dialog for {here['html']}"
        elif stop is not None and int(stop) not in reached:
            reached.append(int(stop))
            yield from (f"{name}: {problem}" for problem in problems_at(here))
        # A field for dates is several stops by itself; back at the first the round is over.
        elif stop is not None and int(stop) == reached[0] and len(reached) > 1:
            break
    for number, html in enumerate(controls):
        if number not in reached:
            yield f"{name}: Tab does not come to {html}"


def steps(page: Page, *, most: int) -> Iterator[dict[str, Any]]:
    """Where each press of Tab leads, without what is the browser's own."""
    for _step in range(most):
        page.keyboard.press("Tab")
        here: dict[str, Any] | None = page.evaluate(WHERE)
        if here is not None:
            yield here


def problems_at(here: dict[str, Any]) -> Iterator[str]:
    """What is wrong with a stop."""
    if not here["shown"]:
        yield f"nothing shows that one is at {here['html']}"
    if not here["inSight"]:
        yield f"hidden behind {here['before']}: {here['html']}"
