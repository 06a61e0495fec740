"""What somebody typed is there again: after a reload, without a network, after the log-in ran out,
and when the lead changed hands meanwhile. Once the server took it, it is gone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from crm.models import Team, User
from qualification.models import ReviewItem
from qualification.review.claims import claim_item, reassign_item
from tests import factories
from tests.browser.conftest import PASSWORD
from tests.qualification.queue_support import active_model, waiting_item

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[..., Page]
WORDS = "Their plant is closed until May"


@pytest.fixture
def item(team: Team, people: dict[str, User]) -> ReviewItem:
    """A lead in the hands of the SDR."""
    active_model()
    now = timezone.now()
    waiting = waiting_item(900, tier="hot", now=now, team=team, first_name="Ana")
    return claim_item(item=waiting, by=people["sdr"], now=now)


@pytest.mark.loses_network
def test_a_reason_to_skip_outlives_reload_network_and_log_in(
    open_browser: Open, people: dict[str, User], item: ReviewItem
) -> None:
    page = open_browser(people["sdr"])
    page.goto(f"/leads/{item.lead_id}/")
    page.keyboard.press("x")
    note, other = page.locator("#id_note"), page.get_by_label("Another reason")
    note.fill(WORDS)
    other.check()
    for lose in (page.reload, lambda: without_network(page), lambda: after_log_in(page, people)):
        lose()
        if not page.locator("#dialog[open]").count():
            page.keyboard.press("x")
        expect(note).to_have_value(WORDS)
        expect(other).to_be_checked()
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/queue/")
    page.goto(f"/leads/{item.lead_id}/skip/")
    assert WORDS not in page.content()


def without_network(page: Page) -> None:
    """Sends the dialog where nobody answers."""
    page.keyboard.press("x")
    page.context.set_offline(True)
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-network-banner]").first).to_be_visible()
    page.context.set_offline(False)
    page.reload()


def after_log_in(page: Page, people: dict[str, User]) -> None:
    """Sends it with a log-in that ran out, and logs in again."""
    page.keyboard.press("x")
    expect(page.locator("#id_note")).to_have_value(WORDS)
    page.context.clear_cookies(name="session")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/login/**")
    page.fill("input[name=username]", people["sdr"].username)
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/leads/**")


def test_a_note_outlives_a_lead_that_changed_hands(
    open_browser: Open, people: dict[str, User], team: Team, item: ReviewItem
) -> None:
    page = open_browser(people["sdr"])
    page.goto(f"/leads/{item.lead_id}/")
    page.keyboard.press("x")
    page.locator("#id_note").fill(WORDS)
    page.get_by_label("Another reason").check()
    aisha = factories.person("sdr", team, first_name="Aisha")
    reassign_item(item=item, to=aisha, by=people["manager"], now=timezone.now())
    page.keyboard.press("Control+Enter")
    expect(page.locator("#dialog")).to_contain_text("Aisha")
    expect(page.locator("#id_note")).to_have_value(WORDS)


def test_bulk_dialogs_keep_words_and_choice(
    open_browser: Open, people: dict[str, User], team: Team, item: ReviewItem
) -> None:
    zoe = factories.person("sdr", team, first_name="Zoe")
    page = open_browser(people["manager"])
    release, assign = ("Give back…", "#id_note"), ("Assign…", "#id_to")
    page.goto("/queue/")
    page.keyboard.press("x")
    page.get_by_role("button", name=release[0]).click()
    page.locator(release[1]).fill(WORDS)
    page.keyboard.press("Escape")
    page.get_by_role("button", name=assign[0]).click()
    page.locator(assign[1]).select_option(str(zoe.pk))
    page.reload()
    page.get_by_role("button", name=release[0]).click()
    expect(page.locator(release[1])).to_have_value(WORDS)
    page.keyboard.press("Escape")
    page.get_by_role("button", name=assign[0]).click()
    expect(page.locator(assign[1])).to_have_value(str(zoe.pk))
    page.keyboard.press("Control+Enter")
    expect(page.locator(f"#own-{item.pk}")).to_contain_text("Zoe")
