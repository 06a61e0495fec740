"""Decides whether a rejection needs two people, and who the first of them was.

The policy is a setting. One asks a manager, with what they learned; a manager who agrees takes the
lead over and rejects it, one who does not lets it be. Called by rejections and their dialog.
"""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _

from crm.models import User
from qualification.choices import Tier
from qualification.exceptions import NeedsSecondPerson
from qualification.models import ReviewItem, ScoringModel
from qualification.permissions import Right, has_right
from qualification.review.help_wanted import request_on


def is_needed(grade: str, model: ScoringModel | None) -> bool:
    """Whether a lead of this grade is rejected by two: hot ones, where the policy is on."""
    if model is None or not settings.HOT_REJECTS_NEED_TWO:
        return False
    return grade in model.tiers.get(Tier.HOT, ())


def may_agree(item: ReviewItem, by: User) -> bool:
    """Whether this person is the second one: a manager whom somebody else asked on this stay."""
    return _asker(item, by) is not None


def first_person(
    item: ReviewItem, *, by: User, grade: str, model: ScoringModel | None
) -> User | None:
    """Who asked for the rejection, None where nobody needs to. Raises NeedsSecondPerson."""
    if not is_needed(grade, model):
        return None
    asker = _asker(item, by)
    if asker is None:
        raise NeedsSecondPerson(
            _("A hot lead is rejected by two people: one asks, a manager agrees. Ask a manager.")
        )
    return asker


def _asker(item: ReviewItem, by: User) -> User | None:
    asked = request_on(item) if has_right(by, Right.OVERRIDE) else None
    return asked.by if asked is not None and asked.by_id != by.pk else None
