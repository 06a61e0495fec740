"""Through leads and back to the list: the cursor comes along, the filters stay, and what somebody
typed is nobody else's."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from crm.models import Team, User
from crm.roles import Role
from qualification.models import ReviewItem
from qualification.review.claims import claim_item
from tests import factories
from tests.browser.conftest import PASSWORD
from tests.qualification.decision_support import MINUTE
from tests.qualification.queue_support import active_model, waiting_item

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[..., Page]


@pytest.fixture
def queue(team: Team) -> list[ReviewItem]:
    """Three leads, best first."""
    active_model()
    now = timezone.now() - MINUTE
    return [
        waiting_item(tenths, tier="hot", now=now, team=team, first_name=name)
        for tenths, name in ((900, "Ana"), (800, "Bo"), (700, "Cleo"))
    ]


def test_the_cursor_comes_along_and_the_filters_stay(
    open_browser: Open, people: dict[str, User], queue: list[ReviewItem]
) -> None:
    page = open_browser(people["sdr"])
    page.goto("/queue/?tier=hot")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/leads/{queue[0].lead_id}/")
    page.keyboard.press("j")
    page.wait_for_url(f"**/leads/{queue[1].lead_id}/")
    page.keyboard.press("Escape")
    page.wait_for_url("**/queue/?tier=hot")
    expect(page.locator("#queue-rows tr[aria-current=true]")).to_contain_text("Bo")


def test_a_draft_is_its_writers(
    open_browser: Open, people: dict[str, User], team: Team, queue: list[ReviewItem]
) -> None:
    manager = factories.person(Role.MANAGER, team)
    manager.set_password(PASSWORD)
    manager.save()
    item = claim_item(item=queue[0], by=people["sdr"], now=timezone.now())
    page = open_browser(people["sdr"])
    reject = f"/leads/{item.lead_id}/reject/"
    page.goto(reject)
    page.fill("#id_note", "Only between us")
    page.goto(reject)
    expect(page.locator("#id_note")).to_have_value("Only between us")
    page.context.clear_cookies()
    page.goto("/login/")
    page.fill("input[name=username]", manager.username)
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda url: "/login/" not in url)
    page.goto(reject)
    expect(page.locator("#id_note")).to_have_value("")
