"""Decides whether a lead given to somebody counts: junk does not, until it turns out not to be
junk; nor does what was taken back at once. Called by the review room, with the lead locked."""

from __future__ import annotations

from datetime import datetime

from qualification.choices import AssignedBy, DecisionKind
from qualification.models import Assignment, Decision, ReviewItem, RoutingCredit
from qualification.routing import fairness
from qualification.routing.assign import balances_of, lock_pools, store_balances


def give_back(*, decision: Decision, now: datetime) -> RoutingCredit | None:
    """A lead rejected for a reason that returns credit counts as if the pool had never had it.

    None when nothing is to be given back: another reason, not given in turn, given to somebody else
    since, or given back before.
    """
    if decision.kind != DecisionKind.REJECT or decision.reason is None:
        return None
    if not decision.reason.returns_credit:
        return None
    assignment = _assignment_of(decision)
    if assignment is None or _is_given_back(assignment):
        return None
    return _write(assignment, decision, is_given=True, now=now)


def take_again(*, reversal: Decision, now: datetime) -> RoutingCredit | None:
    """The rejection was undone or overturned: what it gave back is taken again, once."""
    given = RoutingCredit.objects.filter(decision=reversal.reverses_id, is_given=True)
    credit = given.select_related("assignment").first()
    if credit is None:
        return None
    return _write(credit.assignment, reversal, is_given=False, now=now)


def undo_turn(*, item: ReviewItem, at: datetime, now: datetime) -> RoutingCredit | None:
    """What gave the lead to the next one in turn at `at` was taken back: it counts as if the pool
    had never had it. None when no turn was taken then."""
    turns = Assignment.objects.filter(item=item, at=at, how=AssignedBy.TURN)
    assignment = turns.order_by("-pk").first()
    if assignment is None or _is_given_back(assignment):
        return None
    return _write(assignment, None, is_given=True, now=now)


def _assignment_of(decision: Decision) -> Assignment | None:
    """The newest routing decision on this lead, where it gave the lead to whom it still counted for
    when it was decided."""
    newest = Assignment.objects.filter(lead=decision.lead_id).standing().order_by("-pk").first()
    if newest is None or newest.how != AssignedBy.TURN:
        return None
    return newest if newest.person_id == decision.item.assignee_id else None


def _is_given_back(assignment: Assignment) -> bool:
    newest = assignment.credits.order_by("-pk").first()
    return newest is not None and newest.is_given


def _write(
    assignment: Assignment, decision: Decision | None, *, is_given: bool, now: datetime
) -> RoutingCredit:
    """The row and the balances together, under the lock of the pools."""
    pool_id, person_id = assignment.pool_id, assignment.person_id
    if pool_id is None or person_id is None:
        raise ValueError("only a turn in a pool can be given back")
    pool = lock_pools()[pool_id]
    shared = {c["person"]: c["weight"] for c in assignment.candidates if not c["why_not"]}
    move = fairness.after_taking_back if is_given else fairness.after_giving
    store_balances(pool, move(shared, balances_of(pool), person_id))
    return RoutingCredit.objects.create(
        assignment=assignment, decision=decision, is_given=is_given, at=now
    )
