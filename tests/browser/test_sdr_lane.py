"""An SDR's hour by keyboard: queue, next lead, touch, answers, a flag, reject, undo, accept."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from crm.models import Team, User
from qualification.models import ChecklistAnswer, Decision, ReviewItem, ScoreDispute, Touch
from tests.qualification.decision_support import active_model
from tests.qualification.queue_support import waiting_item

pytestmark = pytest.mark.django_db(transaction=True)
REQUIRED = 4


@pytest.fixture
def leads(team: Team) -> list[ReviewItem]:
    """Three waiting leads, best first."""
    active_model()
    return [
        waiting_item(tenths, now=timezone.now(), team=team, title="VP", first_name=name)
        for tenths, name in ((900, "Hannah"), (700, "Marcus"), (500, "Ingrid"))
    ]


@pytest.fixture
def window(open_browser: Callable[..., Page], people: dict[str, User]) -> Page:
    return open_browser(people["sdr"])


def toast(page: Page, text: str) -> None:
    expect(page.locator("#toasts .toast").filter(has_text=text).first).to_be_visible()


def open_next(page: Page) -> None:
    page.goto("/queue/")
    page.keyboard.press("n")
    page.wait_for_url("**/leads/*/")


def test_it_claims_and_releases_a_row(window: Page, leads: list[ReviewItem]) -> None:
    window.goto("/queue/")
    rows = window.locator("#queue-rows tr")
    expect(rows).to_have_count(3)
    window.keyboard.press("j")
    second = rows.nth(1)
    expect(second).to_have_attribute("aria-current", "true")
    window.keyboard.press("c")
    expect(second.locator(".own")).to_contain_text("You")
    expect(window.locator("#my-claims")).to_contain_text("1")
    expect(second).to_have_attribute("aria-current", "true")
    window.keyboard.press("c")
    expect(second.locator(".own")).to_contain_text("Claim")
    expect(second).to_have_attribute("aria-current", "true")


def test_it_narrows_the_list_and_keeps_the_url(window: Page, leads: list[ReviewItem]) -> None:
    window.goto("/queue/")
    window.keyboard.press("/")
    window.keyboard.type("marcus")
    expect(window.locator("#queue-rows tr")).to_have_count(1)
    assert "q=marcus" in window.url
    expect(window.locator("#q")).to_be_focused()
    window.reload()
    expect(window.locator("#queue-rows tr")).to_have_count(1)


def test_it_works_a_lead_from_touch_to_handoff(
    window: Page, leads: list[ReviewItem], people: dict[str, User]
) -> None:
    open_next(window)
    expect(window.locator("h1")).to_be_focused()
    expect(window.locator("h1")).to_contain_text("Hannah")

    window.keyboard.press("t")
    window.keyboard.press("5")
    toast(window, "Logged: spoke")
    expect(window.locator("#sla-clock")).to_contain_text("Answered in")
    assert Touch.objects.get().result == "spoke"

    for done in range(1, REQUIRED + 1):
        asked = window.locator(".next-ask blockquote").inner_text()
        window.keyboard.press("1")
        window.fill("#id_value", f"Answer {done}")
        window.keyboard.press("Control+Enter")
        left = REQUIRED - done
        said = f"{left} required answer" if left else "Ready to decide"
        expect(window.locator("#ready")).to_contain_text(said)
        expect(window.locator(".next-ask blockquote")).not_to_have_text(asked)

    window.locator("h1").focus()
    window.keyboard.press("f")
    window.keyboard.press("Enter")
    window.keyboard.press("1")
    expect(window.locator("#ledger .chip.warn")).to_contain_text("Bad data")
    assert ScoreDispute.objects.get().kind == "bad_data"

    window.keyboard.press("a")
    dialog = window.locator("#dialog")
    expect(dialog).to_contain_text("Accept and hand off")
    expect(dialog).to_contain_text("Answer 1")
    window.keyboard.press("Control+Enter")
    toast(window, "Handed to")
    assert Decision.objects.get().ae == people["ae"]
    expect(window.locator("h1")).to_contain_text("Marcus")


def test_it_decides_by_keys_alone(window: Page, leads: list[ReviewItem]) -> None:
    """Claim, answer, dispute, reject: no pointer, and a reject with its reason in six presses."""
    pressed: list[str] = []

    def press(*keys: str) -> None:
        for key in keys:
            window.keyboard.press(key)
            pressed.append(key)

    window.goto("/queue/")
    press("c")
    row = window.locator("#queue-rows tr").first
    expect(row.locator(".own")).to_contain_text("You")
    expect(row).to_have_attribute("aria-current", "true")
    press("Enter")
    expect(window.locator("h1")).to_be_focused()

    asked = window.locator(".next-ask blockquote").inner_text()
    press("1", "Tab")
    expect(window.locator("#id_value")).to_be_focused()
    press(*"Yes", "Control+Enter")
    expect(window.locator(".next-ask blockquote")).not_to_have_text(asked)
    assert ChecklistAnswer.objects.get().state == "confirmed"

    press("f", "Enter", "3")
    expect(window.locator("#ledger .chip.warn")).to_contain_text("Wrong rule")

    pressed.clear()
    press("r")
    expect(window.locator("#find-reason")).to_be_focused()
    press("s", "m", "Enter", "Control+Enter")
    toast(window, "Rejected: Company too small")
    assert len(pressed) <= 6
    decision = Decision.objects.get()
    assert (decision.kind, decision.lead_id) == ("reject", leads[0].lead_id)
    expect(window.locator("h1")).to_contain_text("Marcus")


def test_it_rejects_and_takes_it_back(window: Page, leads: list[ReviewItem]) -> None:
    open_next(window)
    window.keyboard.press("r")
    expect(window.locator("#find-reason")).to_be_focused()
    window.keyboard.type("too small")
    window.keyboard.press("Enter")
    window.keyboard.press("Control+Enter")
    toast(window, "Rejected: Company too small")
    expect(window.locator("h1")).to_contain_text("Marcus")
    window.keyboard.press("z")
    toast(window, "is yours again")
    expect(window.locator("h1")).to_contain_text("Hannah")
    assert list(Decision.objects.order_by("id").values_list("kind", flat=True)) == [
        "reject",
        "reversed",
    ]


def test_it_keeps_the_note_when_it_becomes_nurture(window: Page, leads: list[ReviewItem]) -> None:
    open_next(window)
    window.keyboard.press("r")
    window.fill("#id_note", "Budget comes in spring")
    window.get_by_label("No project now").check()
    window.get_by_role("button", name="Switch to nurture").click()
    expect(window.locator("#dialog h2")).to_contain_text("Nurture")
    expect(window.locator("#id_note")).to_have_value("Budget comes in spring")
    window.keyboard.press("Control+Enter")
    toast(window, "In nurture until")
    decision = Decision.objects.get()
    assert (decision.kind, decision.reason.key) == ("nurture", "no_project")


def test_it_keeps_the_text_of_a_refused_dialog(window: Page, leads: list[ReviewItem]) -> None:
    open_next(window)
    window.keyboard.press("r")
    window.fill("#id_note", "typed before choosing")
    window.keyboard.press("Control+Enter")
    expect(window.locator("#id_reason_error")).to_be_visible()
    expect(window.locator("#id_note")).to_have_value("typed before choosing")
    expect(window.locator("#reasons input").first).to_be_focused()


def test_it_snoozes_and_shows_it_in_my_work(window: Page, leads: list[ReviewItem]) -> None:
    open_next(window)
    window.keyboard.press("t")
    window.keyboard.press("1")
    toast(window, "Next: Call again")
    expect(window.get_by_role("button", name="Snooze")).to_be_visible()
    window.keyboard.press("s")
    expect(window.locator("#dialog h2")).to_contain_text("Snooze")
    window.fill("#id_task", "Call after the fair")
    window.keyboard.press("Control+Enter")
    toast(window, "Snoozed until")
    expect(window.locator("#dialog")).not_to_be_visible()
    expect(window.locator("#lead-top")).to_contain_text("Call after the fair")
    window.keyboard.press("g")
    window.keyboard.press("m")
    window.wait_for_url("**/my-work/")
    expect(window.locator(".work")).to_contain_text("Call after the fair")


def test_it_walks_to_the_neighbours_and_back(window: Page, leads: list[ReviewItem]) -> None:
    open_next(window)
    window.keyboard.press("j")
    expect(window.locator("h1")).to_contain_text("Marcus")
    expect(window.locator("#decision-bar")).to_contain_text("Read only")
    window.keyboard.press("c")
    expect(window.locator("#decision-bar")).to_contain_text("required answers open")
    window.keyboard.press("k")
    expect(window.locator("h1")).to_contain_text("Hannah")
    window.keyboard.press("l")
    window.wait_for_url("**/queue/")
    toast(window, "Released")


def test_it_edits_facts_where_they_stand(window: Page, leads: list[ReviewItem]) -> None:
    """E, type, Enter; Tab to the next one; Escape takes back what was typed and leaves the page."""
    open_next(window)
    window.keyboard.press("e")
    field = window.locator("#fact-first_name input[name=text]")
    expect(field).to_be_focused()
    window.keyboard.type("Johanna")
    window.keyboard.press("Enter")
    toast(window, "Saved: First name")
    expect(window.locator("#fact-first_name a")).to_be_focused()
    for place in ("h1", "#person", "#fact-first_name"):
        expect(window.locator(place).first).to_contain_text("Johanna")
    expect(window.locator("#fact-first_name")).to_contain_text("written by us")

    window.keyboard.press("Tab")
    window.keyboard.press("Enter")
    field = window.locator("#fact-last_name input[name=text]")
    expect(field).to_be_focused()
    before = field.input_value()
    window.keyboard.type("Nobody")
    window.keyboard.press("Escape")
    expect(window.locator("#fact-last_name a")).to_be_focused()
    expect(window.locator("#fact-last_name")).to_contain_text(before)
    window.keyboard.press("Enter")
    expect(field).to_have_value(before)


def test_a_fact_that_cannot_be_says_so_at_its_field(window: Page, leads: list[ReviewItem]) -> None:
    open_next(window)
    pencil = window.get_by_role("link", name="Change: E-mail")
    pencil.press("Enter")
    field = window.locator("#fact-email input[name=text]")
    expect(field).to_be_focused()
    window.keyboard.type("nobody")
    window.keyboard.press("Enter")
    expect(window.locator("#fact-email .error")).to_contain_text("not an e-mail address")
    expect(field).to_be_focused()
    expect(field).to_have_value("nobody")
    window.reload()
    pencil.press("Enter")
    expect(field).to_have_value("nobody")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_phone(
    open_browser: Callable[..., Page],
    people: dict[str, User],
    leads: list[ReviewItem],
    theme: str,
) -> None:
    page = open_browser(people["sdr"], width=390, height=844, theme=theme)
    for path in ("/queue/", "/my-work/", f"/leads/{leads[0].lead_id}/"):
        page.goto(path)
        too_wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        assert not too_wide, path
    page.goto("/queue/")
    page.get_by_role("button", name="Next lead").click()
    page.wait_for_url("**/leads/*/")
    page.get_by_text("Discovery", exact=False).first.click()
    expect(page.locator("#ask")).to_be_visible()
