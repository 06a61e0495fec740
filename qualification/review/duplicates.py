"""Decides what a reader is told about leads that may be the same person, and who may tell two
apart.

Called by the fragment of the lead page and its verb.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.matching import duplicates
from crm.matching.duplicates import Sign
from crm.models import Lead, LeadMerge, User
from qualification.exceptions import NotHolder
from qualification.models import ReviewItem
from qualification.permissions import Right, has_right
from qualification.review.guard import has_lapsed, require_right
from qualification.review.merge import standing_merges

SIGNS: dict[Sign, str | Promise] = {
    Sign.PHONE: gettext_lazy("same phone number"),
    Sign.ADDRESS: gettext_lazy("same mail address, written otherwise"),
    Sign.NAME: gettext_lazy("same name at the same company"),
    Sign.SIMILAR_NAME: gettext_lazy("similar name at the same company"),
}
# More are no help to anybody who has to look at each.
SHOWN = 5


@dataclass(frozen=True)
class Likeness:
    """A lead in sight that may be the same person, and why in words."""

    lead: Lead
    words: list[str]


@dataclass(frozen=True)
class Likenesses:
    """The first leads in sight that may be the same person, how many more, and whether there is one
    elsewhere."""

    likely: list[Likeness]
    more: int
    is_elsewhere: bool


@dataclass(frozen=True)
class Duplicates(Likenesses):
    """What the reader is told; of leads elsewhere only that there is one. `merges`: what became
    part of this lead."""

    may_tell_apart: bool
    merges: list[LeadMerge]


def duplicates_of(lead: Lead, *, reader: User, now: datetime) -> Duplicates:
    """The leads in the reader's sight that may be this person, and what the reader may do."""
    found = likenesses_of(lead, reader=reader)
    return Duplicates(
        likely=found.likely,
        more=found.more,
        is_elsewhere=found.is_elsewhere,
        may_tell_apart=bool(found.likely) and may_tell_apart(lead, reader, now),
        merges=standing_merges(lead),
    )


def likenesses_of(lead: Lead, *, reader: User) -> Likenesses:
    """The leads in the reader's sight that may be this person, the likeliest first."""
    found = duplicates.candidates_of(lead)
    ids = [one.lead.pk for one in found]
    seen = set(Lead.objects.visible_to(reader).filter(pk__in=ids).values_list("pk", flat=True))
    likely = [one for one in found if one.lead.pk in seen]
    return Likenesses(
        likely=[
            Likeness(lead=one.lead, words=[str(SIGNS[sign]) for sign in one.signs])
            for one in likely[:SHOWN]
        ],
        more=len(likely[SHOWN:]),
        is_elsewhere=any(
            one.lead.pk not in seen and one.lead.team_id != lead.team_id for one in found
        ),
    )


def may_tell_apart(lead: Lead, user: User, now: datetime) -> bool:
    """Who holds the lead, or a manager."""
    if not has_right(user, Right.WORK_QUEUE):
        return False
    if has_right(user, Right.REASSIGN):
        return True
    held = ReviewItem.objects.open().filter(lead=lead, holder=user).first()
    return held is not None and not has_lapsed(held, now)


def tell_apart(*, lead: Lead, other: Lead, by: User, now: datetime) -> bool:
    """Remembers for good that these are two people; whether nobody had said so. Both leads are in
    the sight of `by`.

    Raises PermissionDenied without the right, NotHolder.
    """
    require_right(by, Right.WORK_QUEUE)
    if not may_tell_apart(lead, by, now):
        raise NotHolder(_("Claim this lead first, or ask a manager."))
    return duplicates.tell_apart(lead=lead, other=other, by=by, now=now)
