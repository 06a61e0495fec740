"""The demo shows outcomes and routing, through the same doors as real work, and breaks no law."""

from __future__ import annotations

import datetime as dt

import pytest

from crm.models import Lead, Outcome
from qualification.demo.seed import seed
from qualification.invariants import violations
from qualification.models import Assignment, ReviewItem, RoutingRule

pytestmark = pytest.mark.django_db


def test_deals_of_the_demo_go_on_and_its_leads_are_routed() -> None:
    now = dt.datetime.now(dt.UTC)
    seed(leads=120, now=now, on_progress=lambda done, whole: None)
    told = set(Outcome.objects.values_list("value", flat=True))
    assert {"opportunity", "lost"} <= told
    assert not Outcome.objects.filter(lead=None).exists()
    assert not Outcome.objects.exclude(effect="").exists()
    assert Lead.objects.filter(stage__in=["opportunity", "won", "lost"]).exists()
    assert RoutingRule.objects.filter(segment="dach", skills=["german"]).exists()
    # Aisha keeps her last places for those who write in French; who writes in Portuguese is held.
    given = Assignment.objects.filter(person__username="aisha", rule_name="French speakers")
    held = ReviewItem.objects.waiting().filter(assignee=None).exclude(hold_reason="")
    assert (given.exists(), held.exists()) == (True, True)
    assert violations(now=now) == []
