"""One decision travels the whole lane in three windows: SDR, manager, admin; the queue turns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from playwright.sync_api import Page, expect
from redis import Redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from crm.models import Lead, Team, User
from qualification import pipeline
from qualification.models import (
    Decision,
    LeadScore,
    RejectionReason,
    ReviewItem,
    ScoreDispute,
    ScoringModel,
)
from qualification.review.claims import claim_item
from qualification.review.decisions import accept_lead, reject_lead
from qualification.scoring.document import read_document
from qualification.scoring.drafts import load_draft
from qualification.scoring.versions import activate_as_operator
from tests import factories
from tests.qualification import version_support

pytestmark = pytest.mark.django_db(transaction=True)

# The rule for VPs is written a point too high: decisions will say so.
RULES = b"""
name: Lane
base: {fit: 30, intent: 0}
thresholds: {mql: 40, accept: 70, fit: {A: 60, B: 40, C: 20}, intent: {1: 30, 2: 20, 3: 10}}
rules:
  - {name: VP, dimension: fit, points: 16, when: {subject: lead.title, op: is, value: VP}}
  - {name: Operations, dimension: fit, points: 15,
     when: {subject: lead.department, op: is, value: Operations}}
"""
ACCEPTED, REJECTED = 24, 25  # one short of the 50 that evidence needs


@pytest.fixture
def model(db: None) -> ScoringModel:
    """Rules from a file, made live from the shell."""
    now = timezone.now()
    return activate_as_operator(model=load_draft(read_document(RULES), by=None, now=now), now=now)


def queued(team: Team, **fields: object) -> ReviewItem:
    """A lead that came in a moment ago and was scored into the queue."""
    now = timezone.now()
    fields = {"received_at": now, "created_at": now, "stage_at": now, **fields}
    lead = factories.LeadFactory(team=team, **fields)
    pipeline.score_and_queue([lead.pk], now=now)
    return ReviewItem.objects.get(lead=lead)


def vp(team: Team, name: str) -> ReviewItem:
    return queued(team, title="VP", first_name=name)


def operations(team: Team, name: str) -> ReviewItem:
    return queued(team, department="Operations", first_name=name)


@pytest.fixture
def past(model: ScoringModel, team: Team, people: dict[str, User]) -> None:
    """Decisions of the last weeks: people from operations accepted, VPs rejected for their size."""
    by = people["manager"]
    for number in range(ACCEPTED):
        item = operations(team, f"Past {number}")
        claim_item(item=item, by=by, now=timezone.now())
        item.refresh_from_db()
        accept_lead(
            item=item,
            token=item.token,
            by=by,
            to=people["ae"],
            override_reason="Known customer.",
            now=timezone.now(),
        )
    too_small = RejectionReason.objects.get(key="too_small")
    for number in range(REJECTED):
        item = vp(team, f"Past {number}")
        claim_item(item=item, by=by, now=timezone.now())
        item.refresh_from_db()
        reject_lead(item=item, token=item.token, by=by, reason=too_small, now=timezone.now())


@pytest.fixture
def waiting(past: None, team: Team) -> list[Lead]:
    """What is in the queue now."""
    return [vp(team, "Rita").lead, vp(team, "Vera").lead, operations(team, "Olaf").lead]


def order(page: Page) -> list[str]:
    """First names in the queue from top to bottom."""
    page.goto("/queue/")
    links = page.locator("#queue-rows .lead-link")
    expect(links.first).to_be_visible()
    return [text.split()[0] for text in links.all_inner_texts()]


def run_worker() -> None:
    """What a worker does with the rings that wait."""
    connection = Redis.from_url(settings.REDIS_URL)
    queues = [
        Queue(name, connection=connection, serializer=JSONSerializer)
        for name in ("default", "bulk")
    ]
    SimpleWorker(queues, connection=connection, serializer=JSONSerializer).work(burst=True)
    connection.close()


def test_a_decision_changes_the_order_of_the_queue(
    open_browser: Callable[..., Page],
    people: dict[str, User],
    waiting: list[Lead],
    settings: Any,
) -> None:
    version_support.no_minimum(settings)
    sdr, manager = open_browser(people["sdr"]), open_browser(people["manager"])
    assert order(sdr) == ["Rita", "Vera", "Olaf"]
    manager.goto("/proposals/")
    expect(manager.locator("#no-proposals")).to_contain_text("49 of 50 counted decisions")

    reject_and_dispute(sdr)
    assert order(sdr) == ["Vera", "Olaf"]

    draft_and_shadow(manager)
    assert order(sdr) == ["Vera", "Olaf"]  # a draft changes nothing

    admin = open_browser(people["admin"])
    publish(admin)
    run_worker()
    assert order(sdr) == ["Olaf", "Vera"]
    live = ScoringModel.objects.get(status="active")
    assert not LeadScore.objects.exclude(model=live).exists()
    admin.reload()
    expect(admin.locator("#rescoring")).to_be_empty()


def reject_and_dispute(page: Page) -> None:
    """The SDR takes the next lead, flags the line that misled, rejects, releases the one after."""
    page.keyboard.press("n")
    page.wait_for_url("**/leads/*/")
    expect(page.locator("h1")).to_contain_text("Rita")
    page.keyboard.press("f")
    page.keyboard.press("Enter")
    page.keyboard.press("3")
    expect(page.locator("#ledger .chip.warn")).to_contain_text("Wrong rule")
    assert ScoreDispute.objects.get().rule_key == "vp"
    page.keyboard.press("r")
    dialog = page.locator("#dialog")
    expect(dialog).to_contain_text("Wrong rule")
    dialog.get_by_label("Company too small").check()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#toasts")).to_contain_text("Rejected: Company too small")
    assert Decision.objects.filter(by__groups__name="sdr", kind="reject").count() == 1
    expect(page.locator("h1")).to_contain_text("Vera")
    page.keyboard.press("l")
    page.wait_for_url("**/queue/")


def draft_and_shadow(page: Page) -> None:
    """The manager looks again, approves what is strong and starts the shadow."""
    page.reload()
    page.get_by_role("button", name="Look again").click()
    card = page.locator(".proposal").filter(has=page.get_by_role("heading", name="VP"))
    expect(card).to_contain_text("Strong evidence")
    expect(card).to_contain_text("1 wrong rule")
    expect(card).to_contain_text("Title is VP")
    card.get_by_role("button", name="Approve into draft").click()
    expect(page.locator("#draft")).to_contain_text("1 change")
    page.locator(".proposal").get_by_role("button", name="Approve into draft").first.click()
    expect(page.locator("#draft")).to_contain_text("2 changes")
    expect(page.locator("#backtest")).to_contain_text("Precision")
    page.get_by_role("button", name="Start shadow").click()
    expect(page.get_by_role("button", name="Publish v2")).to_be_disabled()


def publish(page: Page) -> None:
    """The admin, who wrote none of it, makes it live."""
    page.goto("/proposals/")
    page.get_by_role("link", name="Publish v2").click()
    dialog = page.locator("#dialog")
    expect(dialog).to_contain_text("VP")
    dialog.get_by_role("button", name="Publish v2").click()
    expect(page.locator("#toasts")).to_contain_text("v2 is live. The queue is being scored again.")
    expect(page.locator("#rescoring")).to_contain_text("0 leads scored anew so far")
