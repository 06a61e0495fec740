"""Skipping: the holder of a claim passes the lead on, with a reason. Called by the views.

The lead waits again at its rank under the old clock; “next lead” does not offer it to the same
person for a while.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from crm.models import User
from qualification.choices import ItemState, SkipReason
from qualification.exceptions import NotHolder, SkipUnexplained
from qualification.models import ReviewItem, Skip
from qualification.permissions import Right
from qualification.review import guard
from qualification.review.claims import put_back
from qualification.review.items import log_event, refuse_unless_holder

# How long "next lead" does not offer it to the person who skipped it.
SKIPPED_FOR = timedelta(hours=8)


@transaction.atomic
def skip_item(
    *, item: ReviewItem, by: User, reason: SkipReason, note: str = "", now: datetime
) -> Skip:
    """The holder of a claim passes the lead on; others get it at its rank.

    Raises SkipUnexplained (another reason without words), NotHolder (also when it is owned: give
    that back), AlreadyDecided, PermissionDenied.
    """
    guard.require_right(by, Right.WORK_QUEUE)
    note = note.strip()
    if reason is SkipReason.OTHER and not note:
        raise SkipUnexplained(_("Say in a few words why you pass this lead on."))
    locked = guard.lock_item(item)
    refuse_unless_holder(locked, by=by, now=now)
    if locked.state != ItemState.CLAIMED:
        raise NotHolder(_("You own this lead since your first touch. Release it instead."))
    skip = Skip.objects.create(
        item=locked,
        by=by,
        reason=reason,
        note=note,
        score_tenths=locked.score_tenths,
        at=now,
        until=now + SKIPPED_FOR,
    )
    log_event(item=locked, verb="item:skipped", by=by, now=now, note=note or str(reason.label))
    put_back(locked, by=by, why="skipped", now=now)
    return skip
