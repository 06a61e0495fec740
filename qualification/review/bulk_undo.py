"""Takes a verb on many leads back, as far as nobody did anything with them since.

Called by the view of the queue, for 30 s and for whoever did it. Each lead goes back into the very
hands it was in, under the clock that never stopped; those it cannot be done for are told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from crm.clock import stamp_history
from crm.lifecycle import move_leads
from crm.models import Lead, User
from crm.stages import Stage
from qualification.choices import BulkVerb, CadenceEnd, ItemState
from qualification.exceptions import ClaimTaken, UndoExpired
from qualification.models import BulkStep, CadenceRun, ChecklistAnswer, ItemEvent, ReviewItem
from qualification.models.bulk import HANDS
from qualification.notices import tell
from qualification.permissions import Right
from qualification.review import claims, guard
from qualification.review.bulk import Outcome, lock_people, tried
from qualification.review.items import log_event, news_key, refuse_closed, refuse_too_late
from qualification.review.queue import line_is_due
from qualification.routing import credit

RIGHTS = {
    BulkVerb.CLAIM: Right.WORK_QUEUE,
    BulkVerb.ASSIGN: Right.REASSIGN,
    BulkVerb.RELEASE: Right.WORK_QUEUE,
}


def steps_of(key: UUID, *, by: User) -> list[BulkStep]:
    """What this person did under that key, in the order in which it was done; none for others."""
    rows = BulkStep.objects.filter(key=key, by=by).order_by("pk")
    return list(rows.select_related("item__lead", "holder"))


def undo_bulk(*, steps: Sequence[BulkStep], by: User, now: datetime) -> list[Outcome]:
    """Puts each lead back into the hands it was in; what became of each.

    Raises PermissionDenied, and UndoExpired when the time is over or somebody else did it.
    """
    for step in steps:
        guard.require_right(by, RIGHTS[BulkVerb(step.verb)])
        _refuse_late(step, by=by, now=now)
    return [tried(step.item.lead, partial(_undo, step, by, now)) for step in steps]


def _refuse_late(step: BulkStep, *, by: User, now: datetime) -> None:
    if step.by_id != by.pk:
        who = {"name": guard.person_text(step.by)}
        raise UndoExpired(_("Only %(name)s can take this back.") % who)
    refuse_too_late(step.at, now=now)


@transaction.atomic
def _undo(step: BulkStep, by: User, now: datetime) -> bool:
    lock_people([step.holder_id] if step.holder_id else [])
    item = guard.lock_item(step.item)
    _refuse_touched(step, item, by=by, now=now)
    _refuse_unless_holder_may(step, now=now)
    _give_back(step, item, by=by, now=now)
    log_event(item=item, verb="item:undone", by=by, now=now, note=str(step.get_verb_display()))
    CadenceRun.objects.filter(item=item, end=CadenceEnd.RELEASED, ended_at=step.at).update(
        ended_at=None, end=""
    )
    credit.undo_turn(item=item, at=step.at, now=now)
    for what in ("assigned", "held"):
        tell.take_back(key=news_key(item.pk, what, at=step.at))
    BulkStep.objects.filter(pk=step.pk).update(undone_at=now)
    return True


def _refuse_touched(step: BulkStep, item: ReviewItem, *, by: User, now: datetime) -> None:
    """Raises what is so instead, when anybody did something with the locked lead since."""
    if not BulkStep.objects.filter(pk=step.pk, undone_at=None).exists():
        raise UndoExpired(_("This was taken back already."))
    refuse_closed(item, by=by, now=now)
    if item.lead.erased_at is not None:
        raise UndoExpired(_("The personal data of this lead were erased."))
    if item.token != step.token:
        if item.holder is not None:
            raise ClaimTaken(claims.taken_text(item, item.holder, now=now))
        raise UndoExpired(_("This lead went through other hands since and waits."))
    done = _done_since(step, item)
    if done is not None:
        who, at = done
        name = _("You") if who == by else guard.person_text(who)
        words = {"who": name, "time": guard.time_text(at, now)}
        raise UndoExpired(_("%(who)s worked on this lead at %(time)s.") % words)


def _done_since(step: BulkStep, item: ReviewItem) -> tuple[User, datetime] | None:
    """Who did something with the lead since, and when; what routing does by itself is nothing."""
    events = ItemEvent.objects.standing().filter(item=item, pk__gt=step.last_event_id)
    event = events.exclude(by=None).select_related("by").order_by("pk").first()
    if event is not None and event.by is not None:
        return event.by, event.at
    answers = ChecklistAnswer.objects.filter(lead=item.lead_id, recorded_at__gt=step.at)
    answer = answers.exclude(by=None).select_related("by").order_by("pk").first()
    if answer is not None and answer.by is not None:
        return answer.by, answer.recorded_at
    return None


def _refuse_unless_holder_may(step: BulkStep, *, now: datetime) -> None:
    """Raises NotHolder or ClaimLimitReached when whoever held it may not have it again."""
    if step.holder is None:
        return
    claims.refuse_who_may_not(step.holder, team_id=step.team_id)
    if step.state == ItemState.CLAIMED:
        claims.refuse_at_limit(step.holder, held=claims.live_claims(step.holder, now=now))


def _give_back(step: BulkStep, item: ReviewItem, *, by: User, now: datetime) -> None:
    """The item as it was, with a new token; stage and team of the lead follow."""
    stamp_history(now)
    hands: dict[str, Any] = {name: getattr(step, name) for name in HANDS}
    ReviewItem.objects.filter(pk=item.pk).update(**hands, token=F("token") + 1)
    moving = Lead.objects.filter(pk=item.lead_id).exclude(team=step.team_id)
    moving.update(team=step.team_id, updated_at=now)
    was_held, is_held = (state != ItemState.WAITING for state in (item.state, step.state))
    if was_held != is_held:
        to = Stage.WORKING if is_held else Stage.MQL
        move_leads(lead_ids=[item.lead_id], to=to, reason="undone", by=by, now=now)
    if was_held and not is_held:
        line_is_due([item.lead_id], now=now)
