"""Who holds an item: claim, lease, release, reassign. Called by views and the sweep; “next lead” is
in `next_lead`.

A claim is a lease; it stops no clock. `token` rises with every change of holder, so that a write
from an older page is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from crm.lifecycle import move_leads
from crm.models import Team, User
from crm.roles import Role, roles_of
from crm.stages import Stage
from qualification.choices import CadenceEnd, ItemState
from qualification.exceptions import (
    ClaimLimitReached,
    ClaimTaken,
    NotHolder,
    NotTheirTurn,
    ReleaseUnexplained,
    is_held_elsewhere,
)
from qualification.models import ReviewItem
from qualification.neighbours import do_due
from qualification.permissions import Right, has_right
from qualification.review import guard
from qualification.review.assigned import tell_assigned
from qualification.review.cadence_runs import end_runs
from qualification.review.items import (
    ago,
    lease_end,
    log_event,
    log_events,
    refuse_closed,
    refuse_unless_holder,
)
from qualification.review.queue import line_is_due
from qualification.review.routed import pass_on


def _claimed(item: ReviewItem, *, by: User, now: datetime) -> ReviewItem:
    """The rest of a claim, in its transaction: the stage and the event."""
    move_leads(lead_ids=[item.lead_id], to=Stage.WORKING, reason="claimed", by=by, now=now)
    log_event(item=item, verb="item:claimed", by=by, now=now)
    return item


def sight_of(user: User) -> QuerySet[Team]:
    """The teams whose queue this person may work: own and fallback; all for an admin."""
    if Role.ADMIN in roles_of(user):
        return Team.objects.order_by("pk")
    return Team.objects.filter(Q(is_fallback=True) | Q(pk=user.team_id)).order_by("pk")


# The same in statements; `sight_parameters` gives what it asks for.
SIGHT_SQL = "SELECT id FROM crm_team WHERE %(every_team)s OR is_fallback OR id = %(own_team)s"


def sight_parameters(user: User) -> dict[str, Any]:
    """The values of SIGHT_SQL."""
    return {"every_team": Role.ADMIN in roles_of(user), "own_team": user.team_id}


def teams_in_sight(user: User) -> list[int]:
    """Ids of the teams of `sight_of`."""
    return list(sight_of(user).values_list("pk", flat=True))


def sight_by_team(user: User) -> list[Q]:
    """Conditions on items, one a team of `sight_of`, each of which an index answers."""
    if Role.ADMIN in roles_of(user):
        return [Q(team=pk) for pk in teams_in_sight(user)]
    fallback = Q(team=Team.objects.filter(is_fallback=True).values("pk")[:1])
    if user.team is None or user.team.is_fallback:
        return [fallback]
    return [fallback, Q(team=user.team_id)]


def live_claims(user: User, *, now: datetime) -> int:
    """How many leases the person holds that have not run out."""
    claims = ReviewItem.objects.held_by(user).filter(state=ItemState.CLAIMED)
    return claims.filter(lease_until__gt=now).count()


def lock_and_count(user: User, *, now: datetime) -> None:
    """Locks the person's row, so that two tabs cannot both take the last claim allowed."""
    User.objects.select_for_update(no_key=True).values_list("pk").get(pk=user.pk)
    refuse_at_limit(user, held=live_claims(user, now=now))


def refuse_at_limit(user: User, *, held: int) -> None:
    """Raises ClaimLimitReached when the person holds as many leases as anybody may."""
    limit = claim_limit()
    if held >= limit:
        raise ClaimLimitReached(
            _("%(name)s holds %(held)s of %(limit)s claims. Log a touch or release one first.")
            % {"name": guard.person_text(user), "held": held, "limit": limit}
        )


def claim_limit() -> int:
    """How many leases one person may hold at once."""
    return int(settings.LEADQUAL["CLAIM_LIMIT"])


def claim_item(*, item: ReviewItem, by: User, now: datetime) -> ReviewItem:
    """Claims this very item; one's own claim is renewed, own ownership stays.

    Raises ClaimTaken naming the holder, NotTheirTurn when routing chose somebody else,
    AlreadyDecided, ClaimLimitReached, PermissionDenied.
    """
    guard.require_right(by, Right.WORK_QUEUE)
    try:
        return _claim(item, by=by, now=now)
    except OperationalError as error:
        if not is_held_elsewhere(error):
            raise
        # So many wanted it that the wait for its row was too long: by now one of them may have it.
        taken = ReviewItem.objects.select_related("holder").get(pk=item.pk)
        if taken.holder is None or taken.holder == by or guard.has_lapsed(taken, now):
            raise
        raise ClaimTaken(taken_text(taken, taken.holder, now=now)) from None


@transaction.atomic
def _claim(item: ReviewItem, *, by: User, now: datetime) -> ReviewItem:
    User.objects.select_for_update(no_key=True).values_list("pk").get(pk=by.pk)
    locked = guard.lock_item(item)
    if locked.team_id not in teams_in_sight(by):
        raise PermissionDenied
    refuse_closed(locked, by=by, now=now)
    if locked.state == ItemState.CLAIMED and guard.has_lapsed(locked, now):
        _lapse([locked.pk], [locked.lead_id], now=now)
        locked.refresh_from_db()
    if locked.holder_id == by.pk:
        return _renewed(locked, now=now)
    if locked.holder is not None:
        raise ClaimTaken(taken_text(locked, locked.holder, now=now))
    _refuse_unless_meant_for(locked, by)
    lock_and_count(by, now=now)
    _give(locked, to=by, now=now)
    return _claimed(_fresh(locked), by=by, now=now)


def _refuse_unless_meant_for(item: ReviewItem, by: User) -> None:
    """Raises NotTheirTurn when routing chose somebody else, or nobody yet; managers may all the
    same."""
    if may_take(item, by) or has_right(by, Right.REASSIGN):
        return
    if item.assignee is None:
        raise NotTheirTurn(_("%(why)s. A manager can assign it.") % {"why": item.hold_reason})
    raise NotTheirTurn(
        _("This lead is for %(name)s. A manager can reassign it.")
        % {"name": guard.person_text(item.assignee)}
    )


def may_take(item: ReviewItem, user: User) -> bool:
    """Whether routing leaves the item to this person: theirs, or anybody's of the team."""
    return item.assignee_id == user.pk or (item.assignee_id is None and item.pool_id is None)


def taken_text(item: ReviewItem, holder: User, *, now: datetime) -> str:
    """That somebody has the lead and since when, such as “Aisha claimed this lead 4 s ago.”"""
    since = item.owned_at or item.claimed_at or now
    return _("%(name)s claimed this lead %(ago)s ago. Open the next one.") % {
        "name": guard.person_text(holder),
        "ago": ago(now - since),
    }


def _give(item: ReviewItem, *, to: User, now: datetime) -> None:
    """A waiting item becomes the claim of `to`."""
    ReviewItem.objects.waiting().filter(pk=item.pk).update(
        state=ItemState.CLAIMED,
        holder=to,
        claimed_at=now,
        lease_until=lease_end(now),
        hold_reason="",
        assignee=_meant_for(item, to),
        token=item.token + 1,
    )


def _meant_for(item: ReviewItem, to: User) -> User | None:
    """A lead that routing gave somebody stays with whoever a manager gives it to."""
    return None if item.assignee_id is None and item.pool_id is None else to


@transaction.atomic
def renew_lease(*, item: ReviewItem, by: User, now: datetime) -> ReviewItem:
    """The holder still works on it: the lease runs from now again. Ownership has no lease to renew.

    Raises NotHolder when the claim ran out or is somebody else's, AlreadyDecided when it is closed.
    """
    rows = ReviewItem.objects.select_for_update(no_key=True, of=("self",))
    locked = rows.select_related("lead", "holder").get(pk=item.pk)
    refuse_unless_holder(locked, by=by, now=now)
    return _renewed(locked, now=now)


def _renewed(item: ReviewItem, *, now: datetime) -> ReviewItem:
    if item.lease_until is not None:
        item.lease_until = max(item.lease_until, lease_end(now))
        ReviewItem.objects.filter(pk=item.pk).update(lease_until=item.lease_until)
    return item


@transaction.atomic
def release_item(*, item: ReviewItem, by: User, note: str = "", now: datetime) -> ReviewItem:
    """The holder gives the lead back: waiting again, at its rank, the old clock runs on. One that
    routing gave them goes to the next one in turn.

    Raises NotHolder, AlreadyDecided, PermissionDenied.
    """
    guard.require_right(by, Right.WORK_QUEUE)
    locked = guard.lock_item(item)
    refuse_unless_holder(locked, by=by, now=now)
    log_event(item=locked, verb="item:released", by=by, now=now, note=note)
    put_back(locked, by=by, why="released", now=now)
    return _fresh(locked)


@transaction.atomic
def release_from(
    *, item: ReviewItem, by: User, note: str, token: int | None = None, now: datetime
) -> ReviewItem:
    """A manager gives back what somebody holds: waiting again, at its rank, the old clock runs on.

    Raises ReleaseUnexplained without words, NotHolder when nobody holds it, ClaimTaken when it
    changed hands since `token`, AlreadyDecided, PermissionDenied.
    """
    guard.require_right(by, Right.REASSIGN)
    note = note.strip()
    if not note:
        raise ReleaseUnexplained(_("Say in a few words why these leads go back to the queue."))
    locked = guard.lock_item(item)
    if locked.team_id not in teams_in_sight(by):
        raise PermissionDenied
    refuse_closed(locked, by=by, now=now)
    _refuse_changed(locked, token=token, now=now)
    if locked.holder is None:
        raise NotHolder(_("Nobody holds this lead: it waits already."))
    take_back(locked, by=by, note=note, now=now)
    return _fresh(locked)


def _refuse_changed(item: ReviewItem, *, token: int | None, now: datetime) -> None:
    """Raises ClaimTaken when somebody took the item since it had this `token`."""
    if token is not None and item.token != token and item.holder is not None:
        raise ClaimTaken(taken_text(item, item.holder, now=now))


def take_back(item: ReviewItem, *, note: str, by: User | None = None, now: datetime) -> bool:
    """Takes a locked, open lead from whoever has it or is meant for it: it waits again with its old
    clock, for the next one in turn where routing chose. False when it is nobody's. `by` a manager;
    nobody for a policy."""
    loser = item.holder or item.assignee
    if loser is None or item.state == ItemState.CLOSED:
        return False
    if item.state != ItemState.WAITING:
        _put_back([item.pk])
        end_runs([item.lead_id], end=CadenceEnd.RELEASED, now=now)
        move_leads(lead_ids=[item.lead_id], to=Stage.MQL, reason="taken back", by=by, now=now)
        line_is_due([item.lead_id], now=now)
    log_event(item=item, verb="item:taken_back", by=by, now=now, note=note)
    pass_on(item, gave_back=loser, now=now)
    return True


def put_back(item: ReviewItem, *, by: User, why: str, now: datetime) -> None:
    """A locked item goes from its holder back to the queue, or to the next one in turn."""
    _put_back([item.pk])
    end_runs([item.lead_id], end=CadenceEnd.RELEASED, now=now)
    move_leads(lead_ids=[item.lead_id], to=Stage.MQL, reason=why, by=by, now=now)
    line_is_due([item.lead_id], now=now)
    pass_on(item, gave_back=by, now=now)


def expire_leases(*, now: datetime, limit: int = 500) -> int:
    """Takes back the claims that ran out, `limit` in one transaction; returns how many. Any number
    of sweepers may run it."""
    ran_out = ReviewItem.objects.filter(state=ItemState.CLAIMED, lease_until__lte=now)
    due = list(ran_out.order_by("lease_until", "pk").values_list("pk", flat=True))
    return do_due(due, partial(_expire, now=now), what="lease", batch=limit)


def _expire(item_ids: Sequence[int], *, now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT i.id, i.lead_id
            FROM qualification_reviewitem AS i JOIN crm_lead AS l ON l.id = i.lead_id
            WHERE i.id = ANY(%(ids)s) AND i.state = 'claimed' AND i.lease_until <= %(now)s
            ORDER BY i.lease_until
            FOR NO KEY UPDATE OF l, i SKIP LOCKED
            """,
            {"ids": list(item_ids), "now": now},
        )
        rows = cursor.fetchall()
    _lapse([item for item, _lead in rows], [lead for _item, lead in rows], now=now)
    return len(rows)


def _lapse(item_ids: list[int], lead_ids: list[int], *, now: datetime) -> None:
    """Claims that ran out, on locked rows: waiting again, the old clock runs on."""
    if not item_ids:
        return
    _put_back(item_ids)
    move_leads(lead_ids=lead_ids, to=Stage.MQL, reason="claim ran out", by=None, now=now)
    line_is_due(lead_ids, now=now)
    log_events(item_ids=item_ids, verb="item:lapsed", by=None, now=now)


def _put_back(item_ids: list[int]) -> None:
    ReviewItem.objects.filter(pk__in=item_ids).update(
        state=ItemState.WAITING,
        holder=None,
        claimed_at=None,
        lease_until=None,
        owned_at=None,
        next_task_at=None,
        next_task="",
        token=F("token") + 1,
    )


@transaction.atomic
def reassign_item(
    *, item: ReviewItem, to: User, by: User, token: int | None = None, now: datetime
) -> ReviewItem:
    """A manager gives the item to somebody: ownership stays that, anything else becomes a claim.

    Raises PermissionDenied, NotHolder when `to` may not work it, ClaimTaken when it changed hands
    since `token`, ClaimLimitReached, AlreadyDecided.
    """
    guard.require_right(by, Right.REASSIGN)
    User.objects.select_for_update(no_key=True).values_list("pk").get(pk=to.pk)
    locked = guard.lock_item(item)
    if locked.team_id not in teams_in_sight(by):
        raise PermissionDenied
    refuse_closed(locked, by=by, now=now)
    refuse_who_may_not(to, team_id=locked.team_id)
    if locked.holder_id == to.pk:
        return _renewed(locked, now=now)
    _refuse_changed(locked, token=token, now=now)
    if locked.state != ItemState.OWNED:
        lock_and_count(to, now=now)
    note = f"{locked.holder or '–'} → {to}"
    _hand_over(locked, to=to, by=by, now=now)
    log_event(item=locked, verb="item:reassigned", by=by, now=now, note=note)
    given = _fresh(locked)
    if to.pk != by.pk:
        tell_assigned({to.pk: [(given.pk, given.lead_id)]}, now=now)
    return given


def refuse_who_may_not(person: User, *, team_id: int) -> None:
    """Raises NotHolder unless this person works the queue of the team."""
    if not has_right(person, Right.WORK_QUEUE) or team_id not in teams_in_sight(person):
        text = _("%(name)s does not work this queue.")
        raise NotHolder(text % {"name": guard.person_text(person)})


def _hand_over(item: ReviewItem, *, to: User, by: User, now: datetime) -> None:
    if item.state == ItemState.WAITING:
        _give(item, to=to, now=now)
        move_leads(lead_ids=[item.lead_id], to=Stage.WORKING, reason="assigned", by=by, now=now)
        return
    until = lease_end(now) if item.state == ItemState.CLAIMED else None
    ReviewItem.objects.filter(pk=item.pk).update(
        holder=to,
        claimed_at=now,
        lease_until=until,
        assignee=_meant_for(item, to),
        token=item.token + 1,
    )


def _fresh(item: ReviewItem) -> ReviewItem:
    return ReviewItem.objects.select_related("holder").get(pk=item.pk)
