"""The list of nurtured leads: the soonest to wake first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client

from crm.models import User
from qualification.models import Decision, ReviewItem
from qualification.review.decisions import nurture_lead, undo_decision
from qualification.review.nurture import WakeWish
from tests.qualification.decision_support import reason

pytestmark = pytest.mark.django_db
Put = Callable[..., Decision]


@pytest.fixture
def nurture(claimed: Callable[..., ReviewItem], people: dict[str, User], here: dt.datetime) -> Put:
    """Puts a lead to sleep: `nurture("Baert", days=10)`."""

    def make(
        name: str, *, days: int | None = None, by: User | None = None, **wake: object
    ) -> Decision:
        by = by or people["sdr"]
        item = claimed(by=by, team=by.team, last_name=name)
        return nurture_lead(
            item=item,
            token=item.token,
            by=by,
            reason=reason("no_project"),
            note="Budget in spring.",
            wake=WakeWish(on=None if days is None else here.date() + dt.timedelta(days), **wake),
            now=here,
        )

    return make


def test_it_shows_the_soonest_first(sdr: Client, nurture: Put) -> None:
    nurture("Later", days=60)
    nurture("Sooner", days=5)
    nurture("Someday", activity="demo_request")
    html = sdr.get("/nurture/").content.decode()
    assert html.index("Sooner") < html.index("Later") < html.index("Someday")
    for text in ("3 leads asleep", "No project now", "Budget in spring.", "demo_request"):
        assert text in html


def test_it_shows_the_own_team_only(sdr: Client, nurture: Put, stranger: User) -> None:
    nurture("Elsewhere-Kx9", days=5, by=stranger)
    html = sdr.get("/nurture/").content.decode()
    assert "Elsewhere-Kx9" not in html
    assert "No lead is asleep" in html


def test_it_drops_those_taken_back(
    sdr: Client, nurture: Put, people: dict[str, User], here: dt.datetime
) -> None:
    decision = nurture("Awake-Kx9", days=5)
    undo_decision(decision=decision, by=people["sdr"], now=here)
    assert "No lead is asleep" in sdr.get("/nurture/").content.decode()


@pytest.mark.parametrize("page", ["x", "0", "99", "-1"])
def test_it_survives_odd_pages(sdr: Client, nurture: Put, page: str) -> None:
    nurture("Baert", days=5)
    assert "Baert" in sdr.get("/nurture/", {"page": page}).content.decode()
