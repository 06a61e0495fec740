"""A browser on a machine in another time zone than its person: times are instants, not digits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from crm.models import Team, User
from qualification.models import ReviewItem
from qualification.review.claims import claim_item
from qualification.review.touches import log_touch
from tests.qualification.decision_support import active_model
from tests.qualification.queue_support import waiting_item

pytestmark = pytest.mark.django_db(transaction=True)
BERLIN = ZoneInfo("Europe/Berlin")
# As when a piece of the page was put in: every clock is read anew.
TICK = (
    "document.body.dispatchEvent(new CustomEvent('htmx:afterSettle',"
    " {bubbles: true, detail: {target: document.body}}))"
)
# East and west of the person, by more than the time a lead has.
ZONES = ("Asia/Tokyo", "America/Los_Angeles")


@pytest.fixture
def berliner(people: dict[str, User]) -> User:
    people["sdr"].time_zone = "Europe/Berlin"
    people["sdr"].save(update_fields=["time_zone"])
    return people["sdr"]


@pytest.fixture
def lead(team: Team) -> ReviewItem:
    """Came a moment ago, due in an hour."""
    active_model()
    return waiting_item(tier="warm", now=timezone.now(), team=team, title="VP")


@pytest.mark.parametrize("zone", ZONES)
def test_helpdesk_3776_a_lead_is_not_late_because_the_browser_is_elsewhere(
    open_browser: Callable[..., Page], berliner: User, lead: ReviewItem, zone: str
) -> None:
    page = open_browser(berliner, zone=zone)
    for path in ("/queue/", f"/leads/{lead.lead_id}/"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        page.evaluate(TICK)
        chip = page.locator(".sla[data-due]").first
        expect(chip).to_have_attribute("data-state", "ok")
        assert chip.locator("[data-clock]").inner_text() in ("1 h", "59 m")


@pytest.mark.parametrize("zone", ZONES)
def test_control_a_page_that_reads_the_digits_as_its_own_is_wrong(
    open_browser: Callable[..., Page], berliner: User, lead: ReviewItem, zone: str
) -> None:
    """The same page with the offset cut off: seen as late in Tokyo, as hours away in California."""

    def naive(route: Route) -> None:
        response = route.fetch()
        script = response.text()
        assert "Date.parse(chip.dataset.due)" in script
        cut = "Date.parse(chip.dataset.due.slice(0, 19))"
        route.fulfill(response=response, body=script.replace("Date.parse(chip.dataset.due)", cut))

    page = open_browser(berliner, zone=zone)
    page.route("**/clocks*.js", naive)
    page.goto("/queue/")
    page.evaluate(TICK)
    assert page.locator(".sla[data-due] [data-clock]").first.inner_text() not in ("1 h", "59 m")


@pytest.mark.parametrize("zone", ZONES)
def test_a_time_that_is_typed_is_the_persons_not_the_browsers(
    open_browser: Callable[..., Page], berliner: User, lead: ReviewItem, zone: str
) -> None:
    claim_item(item=lead, by=berliner, now=timezone.now())
    log_touch(
        item=ReviewItem.objects.get(pk=lead.pk),
        by=berliner,
        kind="call",  # type: ignore[arg-type]
        result="no_answer",  # type: ignore[arg-type]
        now=timezone.now(),
    )
    wanted = (timezone.now() + dt.timedelta(days=3)).astimezone(BERLIN).replace(hour=9, minute=30)
    page = open_browser(berliner, zone=zone)
    page.goto(f"/leads/{lead.lead_id}/")
    page.wait_for_load_state("networkidle")
    page.locator(f'[hx-get="/leads/{lead.lead_id}/snooze/"]').first.click()
    page.fill("#dialog #id_until", wanted.strftime("%Y-%m-%dT%H:%M"))
    page.locator("#dialog [data-submit]").click()
    expect(page.locator("#toasts .toast")).to_contain_text("09:30")
    lead.refresh_from_db()
    assert lead.next_task_at == wanted.replace(second=0, microsecond=0)
