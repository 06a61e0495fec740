"""Decides who may stop the clock of a lead for a while, and lets it go on. Called by views and the
sweep. A paused lead is last in the queue; its pause ends by itself at the latest moment given.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.utils.translation import gettext as _

from crm.models import User
from qualification.choices import TimerState
from qualification.exceptions import NotPausable, PauseInvalid
from qualification.models import ReviewItem, SLAPause, SLATimer
from qualification.neighbours import do_due
from qualification.permissions import Right, has_right
from qualification.review import guard
from qualification.review.items import log_event, refuse_closed, refuse_unless_holder, short_reason
from qualification.sla.levels import LIVE, show_clocks
from qualification.sla.pauses import Resumed, pause_timer, resume_timers

LONGEST_PAUSE = timedelta(days=60)
REASON_LENGTH = 200


def may_pause(item: ReviewItem, user: User, *, now: datetime) -> bool:
    """Whether this person may stop and resume the clock: the holder, and managers in sight."""
    if has_right(user, Right.REASSIGN):
        return guard.is_visible(item.lead, user)
    is_holder = item.holder_id == user.pk and not guard.has_lapsed(item, now)
    return is_holder and has_right(user, Right.WORK_QUEUE)


@transaction.atomic
def pause_clock(
    *, item: ReviewItem, by: User, reason: str, until: datetime, now: datetime
) -> SLAPause:
    """Stops the clock until somebody resumes it, at the latest until `until`.

    Raises PauseInvalid, NotPausable (paused already), NotHolder, AlreadyDecided, PermissionDenied.
    """
    text = _checked_reason(reason)
    if not now < until <= now + LONGEST_PAUSE:
        raise PauseInvalid(
            _("Choose an end within the next %(n)s days.") % {"n": LONGEST_PAUSE.days}
        )
    locked = _lock_for(by, item, now=now)
    timer = _live_timer(locked)
    pause = pause_timer(timer=timer, reason=text, until=until, by=by, now=now)
    if pause is None:
        raise NotPausable(_("The clock of this lead is paused already."))
    show_clocks([locked.pk], now=now)
    log_event(item=locked, verb="clock:paused", by=by, now=now, note=text)
    item.refresh_from_db()
    return pause


@transaction.atomic
def resume_clock(*, item: ReviewItem, by: User, now: datetime) -> Resumed:
    """Lets the clock go on: due later by exactly the open time it stood still.

    Raises NotPausable (it runs), NotHolder, AlreadyDecided, PermissionDenied.
    """
    locked = _lock_for(by, item, now=now)
    resumed = resume_timers([_live_timer(locked).pk], now=now)
    if not resumed:
        raise NotPausable(_("The clock of this lead runs already."))
    show_clocks([locked.pk], now=now)
    log_event(item=locked, verb="clock:resumed", by=by, now=now)
    item.refresh_from_db()
    return resumed[0]


def resume_due(*, now: datetime, limit: int = 500) -> int:
    """Lets clocks go on whose pause is over, `limit` in one transaction; returns how many. Any
    number of sweepers may run."""
    over = SLATimer.objects.filter(state=TimerState.PAUSED, next_at__lte=now)
    due = list(over.order_by("next_at", "pk").values_list("pk", flat=True))
    return do_due(due, partial(_resume, now=now), what="pause", batch=limit)


def _resume(timer_ids: Sequence[int], *, now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT t.id, i.id
            FROM qualification_slatimer AS t
            JOIN qualification_reviewitem AS i ON i.id = t.item_id
            WHERE t.id = ANY(%(ids)s) AND t.state = 'paused' AND t.next_at <= %(now)s
            ORDER BY t.next_at, t.id
            FOR NO KEY UPDATE OF t, i SKIP LOCKED
            """,
            {"ids": list(timer_ids), "now": now},
        )
        taken = cursor.fetchall()
    if not taken:
        return 0
    resumed = resume_timers([timer for timer, _item in taken], now=now)
    show_clocks([item for _timer, item in taken], now=now)
    _log_ends(resumed)
    return len(taken)


def _log_ends(resumed: Sequence[Resumed]) -> None:
    for one in resumed:
        log_event(item=one.timer.item, verb="clock:resumed", by=None, now=one.at)


def _checked_reason(reason: str) -> str:
    blank = _("Say why the clock stops.")
    return short_reason(reason, most=REASON_LENGTH, blank=blank, refused=PauseInvalid)


def _lock_for(by: User, item: ReviewItem, *, now: datetime) -> ReviewItem:
    """The locked item, when this person may stop its clock."""
    guard.require_right(by, Right.WORK_QUEUE)
    locked = guard.lock_item(item)
    if not guard.is_visible(locked.lead, by):
        raise PermissionDenied
    refuse_closed(locked, by=by, now=now)
    if not has_right(by, Right.REASSIGN):
        refuse_unless_holder(locked, by=by, now=now)
    return locked


def _live_timer(item: ReviewItem) -> SLATimer:
    """The clock that runs or is paused: an open item has exactly one."""
    return SLATimer.objects.select_for_update(no_key=True).get(item=item, state__in=LIVE)
