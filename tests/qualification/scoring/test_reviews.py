"""Rules have a day on which somebody must look at them again."""

from __future__ import annotations

import datetime as dt

import pytest

from crm.models import User
from qualification.exceptions import ReviewRefused
from qualification.models import RuleReview, ScoringModel
from qualification.scoring.reviews import mark_reviewed, overdue, set_review
from tests.qualification.feedback_support import live_model

pytestmark = pytest.mark.django_db


@pytest.fixture
def model() -> ScoringModel:
    """A live version with a rule `big`."""
    return live_model()


def test_it_sets_and_moves_the_day(
    model: ScoringModel, people: dict[str, User], now: dt.datetime
) -> None:
    day = now.date() + dt.timedelta(days=30)
    set_review(rule_key="big", due_on=day, note="ask sales", by=people["admin"], now=now)
    later = day + dt.timedelta(days=30)
    review = set_review(rule_key="big", due_on=later, by=people["admin"], now=now)
    assert (review.due_on, review.note, review.reviewed_at) == (later, "", None)
    assert RuleReview.objects.count() == 1


def test_reviewed_today_is_due_again_in_ninety_days(
    model: ScoringModel, people: dict[str, User], now: dt.datetime
) -> None:
    set_review(rule_key="big", due_on=now.date(), note="ask sales", by=people["admin"], now=now)
    review = mark_reviewed(rule_key="big", by=people["admin"], now=now)
    assert review.due_on == now.date() + dt.timedelta(days=90)
    assert (review.reviewed_by, review.reviewed_at) == (people["admin"], now)
    assert review.note == "ask sales"
    again = mark_reviewed(rule_key="big", by=people["admin"], now=now)
    assert again.pk == review.pk


def test_overdue_is_what_has_passed_and_still_matters(
    model: ScoringModel, people: dict[str, User], now: dt.datetime
) -> None:
    for key in ("big", "near"):
        set_review(rule_key=key, due_on=now.date(), by=people["admin"], now=now)
    RuleReview.objects.create(rule_key="long-gone", due_on=now.date())
    assert not overdue(now=now).exists()
    tomorrow = now + dt.timedelta(days=1)
    mark_reviewed(rule_key="near", by=people["admin"], now=now)
    assert [review.rule_key for review in overdue(now=tomorrow)] == ["big"]


@pytest.mark.parametrize("days", [-1, 731])
def test_it_refuses_other_days(
    model: ScoringModel, people: dict[str, User], now: dt.datetime, days: int
) -> None:
    day = now.date() + dt.timedelta(days=days)
    with pytest.raises(ReviewRefused):
        set_review(rule_key="big", due_on=day, by=people["admin"], now=now)


def test_it_refuses_unknown_rules_and_other_roles(
    model: ScoringModel, people: dict[str, User], now: dt.datetime
) -> None:
    with pytest.raises(ReviewRefused):
        mark_reviewed(rule_key="nothing", by=people["admin"], now=now)
    for role in ("manager", "sdr", "ae", "marketing"):
        with pytest.raises(ReviewRefused):
            mark_reviewed(rule_key="big", by=people[role], now=now)
        with pytest.raises(ReviewRefused):
            set_review(rule_key="big", due_on=now.date(), by=people[role], now=now)
    assert not RuleReview.objects.exists()
