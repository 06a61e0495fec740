"""Where the keyboard is after a verb by mouse: where one was, though all around was drawn anew."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from crm.models import User
from qualification.models import Decision, ScoreDispute, Touch
from qualification.review.claims import claim_item
from tests.qualification.decision_support import active_model
from tests.qualification.queue_support import waiting_item

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def page(people: dict[str, User], open_browser: Callable[..., Page]) -> Page:
    """The page of a lead one holds."""
    active_model()
    now = timezone.now()
    item = waiting_item(700, now=now, team=people["sdr"].team, title="VP")
    claim_item(item=item, by=people["sdr"], now=now)
    page = open_browser(people["sdr"])
    page.goto(f"/leads/{item.lead_id}/")
    return page


def test_a_logged_touch_leaves_it_at_the_menu(page: Page) -> None:
    before = Touch.objects.count()
    page.locator("[data-focus-key=touch]").click()
    page.get_by_role("button", name="Voicemail").click()
    expect(page.locator("#toasts .toast").first).to_contain_text("Logged: voicemail")
    expect(page.locator("[data-focus-key=touch]")).to_be_focused()
    assert Touch.objects.count() == before + 1


def test_a_dispute_leaves_it_at_the_flag(page: Page) -> None:
    row = page.locator("#ledger tr:has(summary.flag)").first
    row.locator("summary").click()
    row.get_by_role("button", name="Stale").click()
    expect(page.locator("#ledger .chip.warn")).to_contain_text("Stale")
    expect(page.locator("#ledger tr:has(.chip.warn) summary.flag")).to_be_focused()
    assert ScoreDispute.objects.get().kind == "stale"


def test_a_refused_answer_starts_at_what_is_wrong(page: Page) -> None:
    page.locator("#ask [data-submit]").click()
    expect(page.locator("#ask")).to_contain_text("Say how sure it is.")
    expect(page.locator("#ask [name=state]").first).to_be_focused()
    page.keyboard.press("1")
    page.locator("#ask [data-submit]").click()
    expect(page.locator("#ask .error").first).to_be_visible()
    expect(page.locator("#id_value")).to_be_focused()


def test_a_line_is_flagged_in_the_dialog_and_nothing_typed_is_lost(page: Page) -> None:
    """The flag goes by itself: what was typed stays, also in the draft, and is sent once."""
    page.keyboard.press("r")
    dialog = page.locator("#dialog")
    dialog.locator("#id_note").fill("180 people, one site")
    line = dialog.locator("#misled select").first
    line.focus()
    line.select_option("stale")
    expect(page.locator("#ledger .chip.warn")).to_contain_text("Stale")
    expect(dialog.locator("#misled select").first).to_have_value("stale")
    expect(dialog.locator("#misled select").first).to_be_focused()
    expect(dialog.locator("#id_note")).to_have_value("180 people, one site")
    dispute = ScoreDispute.objects.get()
    assert (dispute.kind, dispute.note) == ("stale", "")
    page.reload()
    page.keyboard.press("r")
    expect(dialog.locator("#id_note")).to_have_value("180 people, one site")
    dialog.get_by_label("Company too small").check()
    dialog.locator("#id_note").press("Control+Enter")
    expect(page.locator("#toasts")).to_contain_text("Rejected: Company too small")
    assert Decision.objects.get().note == "180 people, one site"
    assert ScoreDispute.objects.get().kind == "stale"
