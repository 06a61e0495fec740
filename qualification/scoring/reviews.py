"""Decides when somebody must look again whether a rule still holds: the only writer of RuleReview.
By the rule's key, so that a date outlives versions; it is no content and may change when live."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.models import User
from qualification.choices import ModelStatus
from qualification.exceptions import ReviewRefused
from qualification.models import RuleReview, ScoringRule
from qualification.permissions import Right, has_right

NEXT_DAYS = 90
LONGEST_DAYS = 730


def set_review(
    *, rule_key: str, due_on: date, note: str = "", by: User, now: datetime
) -> RuleReview:
    """Look at this rule again by `due_on`; replaces the date there was, keeps who reviewed it last.

    Raises ReviewRefused: no right, no such rule, or a date in the past or beyond two years.
    """
    _may_review(rule_key, by)
    today = timezone.localdate(now)
    if not today <= due_on <= today + timedelta(days=LONGEST_DAYS):
        raise ReviewRefused(_("A review is due from today on, within two years."))
    review, _made = RuleReview.objects.update_or_create(
        rule_key=rule_key, defaults={"due_on": due_on, "note": note.strip()[:200]}
    )
    return review


@transaction.atomic
def mark_reviewed(
    *, rule_key: str, by: User, now: datetime, days: int = NEXT_DAYS, note: str = ""
) -> RuleReview:
    """Somebody looked today and the rule holds; next in `days`. A blank note keeps the old one.

    Raises ReviewRefused: no right, or no such rule.
    """
    _may_review(rule_key, by)
    kept = {"note": note.strip()[:200]} if note.strip() else {}
    due_on = timezone.localdate(now) + timedelta(days=days)
    review, _made = RuleReview.objects.update_or_create(
        rule_key=rule_key,
        defaults={"due_on": due_on, "reviewed_at": now, "reviewed_by": by, **kept},
    )
    return review


def _may_review(rule_key: str, by: User) -> None:
    if not has_right(by, Right.EDIT_SCORING):
        raise ReviewRefused(_("You may not review scoring rules."))
    if not ScoringRule.objects.filter(key=rule_key).exists():
        raise ReviewRefused(_("No version has a rule “%(key)s”.") % {"key": rule_key})


def overdue(*, now: datetime) -> QuerySet[RuleReview]:
    """Reviews whose day has passed, of rules that are live or in a draft."""
    current = ScoringRule.objects.exclude(model__status=ModelStatus.RETIRED).values("key")
    return RuleReview.objects.filter(due_on__lt=timezone.localdate(now), rule_key__in=current)


def reviews_of(rule_keys: Collection[str]) -> dict[str, RuleReview]:
    """The review of each of these rules that has one, by key."""
    rows = RuleReview.objects.filter(rule_key__in=rule_keys).select_related("reviewed_by")
    return {review.rule_key: review for review in rows}
