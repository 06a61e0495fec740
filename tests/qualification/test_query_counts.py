"""Every page has a committed number of queries, and none of them grows with the leads.

`UPDATE_QUERY_COUNTS=1` writes `tests/query_counts.json` anew; the change is then a reviewed line.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.models import User
from qualification.choices import ItemState
from qualification.demo.seed import seed
from qualification.handoff.partner_links import token_for
from qualification.models import Decision, Handoff, PracticeRound, ReviewItem
from qualification.practice.rounds import judge_case
from qualification.scoring import versions
from tests.qualification.practice import past_leads

pytestmark = pytest.mark.django_db
COUNTS = Path(__file__).parent.parent / "query_counts.json"


@pytest.fixture
def demo(db: None) -> None:
    """A small demo company."""
    now = dt.datetime.now(dt.UTC)
    seed(leads=60, now=now, on_progress=lambda done, whole: None)


def pages() -> dict[str, tuple[str, str]]:
    """Page → (who looks, path), with objects that exist."""
    owned = ReviewItem.objects.filter(state=ItemState.OWNED, holder__username="maya").first()
    waiting = ReviewItem.objects.filter(state=ItemState.WAITING, team__name="EMEA").first()
    rejected = Decision.objects.filter(kind="reject", lead__team__name="EMEA").first()
    accepted = Decision.objects.filter(kind="accept", lead__team__name="EMEA").first()
    handoff = Handoff.objects.filter(ae__username="elena").first()
    at_partner = Handoff.objects.filter(target="partner", state="waiting").first()
    assert at_partner is not None
    live = versions.active_model()
    assert live is not None
    maya = User.objects.get(username="maya")
    assert owned is not None
    assert waiting is not None
    assert rejected is not None
    assert accepted is not None
    assert handoff is not None
    begun, finished = (_practice(name) for name in ("aisha", "jonas"))
    past_leads.judge_all(finished, timezone.now())
    move = owned.lead.score_moves.latest("id").pk
    then = owned.entered_at.astimezone(ZoneInfo(maya.time_zone)) + dt.timedelta(seconds=1)
    return {
        "queue": ("maya", "/queue/"),
        "queue searched": ("maya", "/queue/?q=freight"),
        "my work": ("maya", "/my-work/"),
        "lead owned": ("maya", f"/leads/{owned.lead_id}/"),
        "lead waiting": ("maya", f"/leads/{waiting.lead_id}/"),
        "what would change the verdict": ("maya", f"/leads/{owned.lead_id}/changers/"),
        "how a lead moves": ("maya", "/stages/"),
        "what moved a score": ("maya", f"/leads/{owned.lead_id}/scores/{move}/"),
        "what to say": ("maya", f"/leads/{owned.lead_id}/talk/"),
        "score over time": ("maya", f"/leads/{owned.lead_id}/scores/"),
        "a fact as a field": ("maya", f"/leads/{owned.lead_id}/facts/title/"),
        "possible duplicates": ("maya", f"/leads/{owned.lead_id}/duplicates/"),
        "two leads compared": ("kenji", f"/leads/{owned.lead_id}/compare/{waiting.lead_id}/"),
        "why this clock": ("maya", f"/leads/{owned.lead_id}/clock/"),
        "score as of": ("maya", f"/leads/{owned.lead_id}/past/?at={then:%Y-%m-%dT%H:%M:%S}"),
        "accounts": ("maya", "/accounts/"),
        "account": ("maya", f"/accounts/{owned.lead.account_id}/"),
        "journey of a lead": ("maya", f"/leads/{owned.lead_id}/timeline/"),
        "journey of its company": ("maya", f"/leads/{owned.lead_id}/timeline/?scope=account"),
        "journey of a company": ("maya", f"/accounts/{owned.lead.account_id}/timeline/"),
        "accept dialog": ("maya", f"/leads/{owned.lead_id}/accept/"),
        "reject dialog": ("maya", f"/leads/{owned.lead_id}/reject/"),
        "nurture dialog": ("maya", f"/leads/{owned.lead_id}/nurture/"),
        "nurture list": ("kenji", "/nurture/"),
        "rejected list": ("kenji", "/rejected/"),
        "replay": ("kenji", f"/decisions/{rejected.pk}/"),
        "replay of an accept": ("kenji", f"/decisions/{accepted.pk}/"),
        "deliveries": ("kenji", "/deliveries/"),
        "outcomes": ("kenji", "/outcomes/"),
        "proposals": ("kenji", "/proposals/"),
        "versions": ("kenji", "/models/"),
        "version": ("kenji", f"/models/{live.pk}/"),
        "release notes": ("maya", "/releases/"),
        "sources": ("priya", "/sources/"),
        "response times": ("kenji", "/sla/"),
        "skipped leads": ("kenji", "/skips/"),
        "practice": ("jonas", "/practice/"),
        "practice, a team": ("kenji", "/practice/"),
        "practice, before": ("aisha", f"/practice/{begun.pk}/2/"),
        "practice, after": ("aisha", f"/practice/{begun.pk}/1/"),
        "practice, result": ("jonas", f"/practice/{finished.pk}/"),
        "no lead forgotten": ("kenji", "/self-check/"),
        "alarms": ("kenji", "/alarms/"),
        "counts of views": ("maya", "/queue/views/counts/"),
        "personal data": ("kenji", f"/leads/{owned.lead_id}/personal-data/"),
        "erasures": ("kenji", "/erasures/"),
        "notices": ("maya", "/notices/"),
        "preferences of notices": ("maya", "/notices/preferences/"),
        "handoffs": ("elena", "/handoffs/"),
        "AE desks": ("kenji", "/desks/"),
        "handoff": ("elena", f"/handoffs/{handoff.pk}/"),
        "moving a handoff": ("kenji", f"/handoffs/{at_partner.pk}/move/"),
        "answering for a partner": ("kenji", f"/handoffs/{at_partner.pk}/answer/"),
        "a partner's page": ("maya", f"/partner/{token_for(at_partner)}/"),
    }


def _practice(username: str) -> PracticeRound:
    """A round of this person whose first lead is judged."""
    person, now = User.objects.get(username=username), timezone.now()
    begun = past_leads.begin(person, now)
    judge_case(case=begun.cases.get(position=1), choice="accept", by=person, now=now)
    return begun


def count(client: Client, path: str) -> int:
    """Queries of one GET, after one that warms what is cached for the process."""
    assert client.get(path).status_code == 200, path
    with CaptureQueriesContext(connection) as queries:
        client.get(path)
    return len(queries)


def test_every_page_has_its_committed_number_of_queries(
    demo: None, login: Callable[[User], Client]
) -> None:
    found = {}
    for name, (username, path) in pages().items():
        found[name] = count(login(User.objects.get(username=username)), path)
    if os.environ.get("UPDATE_QUERY_COUNTS"):
        COUNTS.write_text(json.dumps(found, indent=2) + "\n")
    assert found == json.loads(COUNTS.read_text())
