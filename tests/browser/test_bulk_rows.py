"""Rows of the queue chosen by keyboard; the choice and the place outlive the live refresh."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from crm.models import Team, User
from qualification.choices import TouchKind, TouchResult
from qualification.models import ReviewItem
from qualification.review.claims import claim_item
from qualification.review.touches import log_touch
from tests import factories
from tests.qualification.decision_support import active_model
from tests.qualification.queue_support import waiting_item

pytestmark = pytest.mark.django_db(transaction=True)
POLL = "document.body.dispatchEvent(new CustomEvent('poll'))"


@pytest.fixture
def leads(team: Team) -> list[ReviewItem]:
    """Waiting leads, best first."""
    active_model()
    return [waiting_item(900 - 50 * n, now=timezone.now(), team=team, title="VP") for n in range(4)]


def order(page: Page) -> list[str]:
    return page.locator("#queue-rows tr").evaluate_all("rows => rows.map((row) => row.id)")


def ticked(page: Page) -> list[str]:
    return page.locator("#queue-rows tr:has([data-pick]:checked)").evaluate_all(
        "rows => rows.map((row) => row.id)"
    )


def test_x_selects_and_the_choice_outlives_a_refresh(
    open_browser: Callable[..., Page], people: dict[str, User], team: Team, leads: list[ReviewItem]
) -> None:
    page = open_browser(people["sdr"])
    page.goto("/queue/")
    bar = page.locator("#bulk")
    expect(bar).to_be_hidden()
    for key in ("x", "j", "j", "x"):
        page.keyboard.press(key)
    expect(bar).to_contain_text("2 selected")
    mine = [f"lead-{leads[0].lead_id}", f"lead-{leads[2].lead_id}"]
    assert ticked(page) == mine
    before = order(page)

    aisha = factories.person("sdr", team, first_name="Aisha")
    claim_item(item=leads[2], by=aisha, now=timezone.now())
    waiting_item(990, tier="hot", now=timezone.now(), team=team)
    page.evaluate(POLL)
    expect(page.locator(f"#own-{leads[2].pk}")).to_contain_text("Aisha")
    expect(page.locator("#queue-pulse")).to_contain_text("1 new")
    assert (order(page), ticked(page)) == (before, mine)
    cursor = page.locator("#queue-rows tr[aria-current]")
    expect(cursor).to_have_id(f"lead-{leads[2].lead_id}")

    page.locator("#queue-pulse a").click()
    expect(page.locator("#queue-rows tr")).to_have_count(5)
    assert ticked(page) == mine
    page.reload()
    assert ticked(page) == mine

    bar.get_by_role("button", name="Claim").click()
    expect(page.locator("#bulk-result")).to_contain_text("Aisha claimed this lead")
    expect(bar).to_contain_text("1 selected")
    expect(page.locator(f"#own-{leads[0].pk}")).to_contain_text("You")
    page.keyboard.press("Escape")
    expect(bar).to_be_hidden()


def test_a_manager_assigns_the_chosen(
    open_browser: Callable[..., Page], people: dict[str, User], leads: list[ReviewItem]
) -> None:
    page = open_browser(people["manager"], width=390, height=800)
    page.goto("/queue/")
    for row in (0, 1):
        page.locator("[data-pick]").nth(row).check()
    page.locator("#bulk").get_by_role("button", name="Assign…").click()
    page.locator("#dialog select[name=to]").select_option(str(people["sdr"].pk))
    page.locator("#dialog").get_by_role("button", name="Assign").click()
    expect(page.locator("#toasts .toast")).to_contain_text("2 assigned")
    expect(page.locator("#dialog")).to_be_hidden()
    assert ReviewItem.objects.held_by(people["sdr"]).count() == 2


def test_undo_gives_claims_back(
    open_browser: Callable[..., Page], people: dict[str, User], leads: list[ReviewItem]
) -> None:
    page = open_browser(people["sdr"])
    page.goto("/queue/")
    page.locator("[data-pick-all]").check()
    expect(page.locator("#bulk")).to_contain_text("4 selected")
    page.locator("#bulk").get_by_role("button", name="Claim").click()
    expect(page.locator("#toasts .toast")).to_contain_text("4 claimed")
    page.keyboard.press("z")
    expect(page.locator("#toasts .toast")).to_contain_text("4 taken back")
    assert ReviewItem.objects.waiting().count() == 4


def test_undo_of_an_assignment_tells_the_rows_where_they_stand(
    open_browser: Callable[..., Page], people: dict[str, User], leads: list[ReviewItem]
) -> None:
    page = open_browser(people["manager"])
    page.goto("/queue/")
    page.locator("[data-pick]").nth(0).check()
    page.locator("[data-pick]").nth(1).check()
    page.locator("#bulk").get_by_role("button", name="Assign…").click()
    page.locator("#dialog select[name=to]").select_option(str(people["sdr"].pk))
    page.locator("#dialog").get_by_role("button", name="Assign").click()
    expect(page.locator("#toasts .toast")).to_contain_text("2 assigned")
    log_touch(
        item=ReviewItem.objects.get(pk=leads[0].pk),
        by=people["sdr"],
        kind=TouchKind.CALL,
        result=TouchResult.SPOKE,
        now=timezone.now(),
    )
    before = order(page)
    page.keyboard.press("z")
    expect(page.locator("#toasts .toast")).to_contain_text("1 could not be taken back")
    expect(page.locator("#bulk-result")).to_contain_text("worked on this lead at")
    expect(page.locator(f"#own-{leads[1].pk}")).not_to_contain_text("Maya")
    assert order(page) == before
    assert ReviewItem.objects.waiting().count() == 3


def test_the_keyboard_goes_on_where_it_was_after_a_verb(
    open_browser: Callable[..., Page], people: dict[str, User], leads: list[ReviewItem]
) -> None:
    """What it was on is gone, the bar first and then the message; it is never left on the page."""
    page = open_browser(people["sdr"])
    page.goto("/queue/")
    row = page.locator("#queue-rows tr[aria-current]")
    for key in ("x", "j", "x"):
        page.keyboard.press(key)
    claim = page.locator("#bulk").get_by_role("button", name="Claim")
    claim.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#toasts .toast")).to_contain_text("2 claimed")
    expect(row).to_be_focused()
    expect(row).to_have_id(f"lead-{leads[1].lead_id}")
    page.keyboard.press("j")
    expect(row).to_have_id(f"lead-{leads[2].lead_id}")
    expect(row).to_be_focused()

    undo = page.locator("#toasts .toast-undo")
    undo.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#toasts .toast")).to_contain_text("2 taken back")
    expect(row).to_be_focused()
    page.keyboard.press("Tab")
    expect(row.locator("[data-pick]")).to_be_focused()
    page.keyboard.press("k")
    page.keyboard.press("x")
    page.locator("#bulk").get_by_role("button", name="Clear").click()
    expect(row).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/leads/{leads[1].lead_id}/**")


def test_the_keyboard_goes_on_where_it_was_after_a_dialog(
    open_browser: Callable[..., Page], people: dict[str, User], leads: list[ReviewItem]
) -> None:
    page = open_browser(people["manager"])
    page.goto("/queue/")
    page.keyboard.press("x")
    page.locator("#bulk").get_by_role("button", name="Assign…").focus()
    page.keyboard.press("Enter")
    page.locator("#dialog select[name=to]").select_option(str(people["sdr"].pk))
    page.locator("#dialog").get_by_role("button", name="Assign").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#toasts .toast")).to_contain_text("1 assigned")
    expect(page.locator(f"#lead-{leads[0].lead_id}")).to_be_focused()
    page.keyboard.press("j")
    expect(page.locator(f"#lead-{leads[1].lead_id}")).to_be_focused()
