"""Two verbs on one lead at the same moment, in both orders: the second begins when the first has
written, waits for its commit, and then finds the world as the first left it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from crm.models import Lead, User
from qualification.choices import SkipReason, TouchKind, TouchResult
from qualification.handoff.answers import return_handoff, take_handoff
from qualification.handoff.moves import move_handoff
from qualification.invariants import violations
from qualification.models import Decision, Handoff, ReviewItem
from qualification.review.claims import claim_item, reassign_item, release_item
from qualification.review.decisions import reject_lead
from qualification.review.queue import apply_line
from qualification.review.skips import skip_item
from qualification.review.touches import log_touch
from qualification.review.undo import undo_decision
from qualification.sla.sweep import record_due
from qualification.sweeps import deliver_due
from tests import factories
from tests.qualification import queue_support as rows
from tests.qualification.decision_support import MINUTE, accepted, held_item, reason

NOW = rows.NOW
LATER = NOW + 10 * MINUTE


@dataclass(frozen=True)
class Scene:
    """A lead, and everybody who may have a hand in it."""

    people: dict[str, User]
    other_sdr: User
    other_ae: User
    item: ReviewItem
    decision: Decision | None

    def fresh(self) -> ReviewItem:
        return ReviewItem.objects.get(pk=self.item.pk)

    def handoff(self) -> Handoff:
        return Handoff.objects.get(decision=self.decision)


Verb = Callable[[Scene], Any]


def _take(scene: Scene) -> Any:
    return take_handoff(handoff=scene.handoff(), by=scene.people["ae"], now=LATER)


def _return(scene: Scene) -> Any:
    ae = scene.people["ae"]
    return return_handoff(handoff=scene.handoff(), by=ae, reason="Not mine", now=LATER)


def _move(scene: Scene) -> Any:
    by, to = scene.people["manager"], scene.other_ae
    return move_handoff(handoff=scene.handoff(), to=to, by=by, reason="On leave", now=LATER)


def _undo(scene: Scene) -> Any:
    assert scene.decision is not None
    at = scene.decision.at + dt.timedelta(seconds=10)
    return undo_decision(decision=scene.decision, by=scene.people["sdr"], now=at)


def _claim(scene: Scene) -> Any:
    return claim_item(item=scene.fresh(), by=scene.people["sdr"], now=NOW)


def _claim_too(scene: Scene) -> Any:
    return claim_item(item=scene.fresh(), by=scene.other_sdr, now=NOW)


def _leave(scene: Scene) -> Any:
    return apply_line([scene.item.lead_id], model=rows.active_model(), now=NOW)


def _reject(scene: Scene) -> Any:
    return reject_lead(
        item=scene.item,
        token=scene.item.token,
        by=scene.people["sdr"],
        reason=reason("too_small"),
        now=LATER,
    )


def _touch(scene: Scene) -> Any:
    call = {"kind": TouchKind.CALL, "result": TouchResult.SPOKE}
    return log_touch(item=scene.fresh(), by=scene.people["sdr"], **call, now=LATER)


def _release(scene: Scene) -> Any:
    return release_item(item=scene.fresh(), by=scene.people["sdr"], now=LATER)


def _skip(scene: Scene) -> Any:
    by = scene.people["sdr"]
    return skip_item(item=scene.fresh(), by=by, reason=SkipReason.TIME, now=LATER)


def _reassign(scene: Scene) -> Any:
    by = scene.people["manager"]
    return reassign_item(item=scene.fresh(), to=scene.other_sdr, by=by, now=LATER)


# (first, second, how the second ends, stage afterwards)
HANDED = [
    (_take, _move, "HandoffAnswered", "sql"),
    (_move, _take, "NotHolder", "sql"),
    (_take, _return, "HandoffAnswered", "sql"),
    (_return, _take, "HandoffAnswered", "mql"),
    (_return, _move, "HandoffAnswered", "mql"),
    (_move, _return, "NotHolder", "sql"),
    (_undo, _take, "HandoffAnswered", "working"),
    (_take, _undo, "UndoExpired", "sql"),
    (_undo, _move, "HandoffAnswered", "working"),
    (_move, _undo, "Decision", "working"),
]
WAITING = [
    (_claim, _claim_too, "ClaimTaken", "working"),
    (_claim, _leave, "LineResult", "working"),
    (_leave, _claim, "AlreadyDecided", "new"),
]
HELD = [
    (_reject, _release, "AlreadyDecided", "disqualified"),
    (_release, _reject, "NotHolder", "mql"),
    (_reject, _reassign, "AlreadyDecided", "disqualified"),
    (_reassign, _reject, "NotHolder", "working"),
    (_reject, _touch, "AlreadyDecided", "disqualified"),
    (_touch, _skip, "NotHolder", "working"),
    (_skip, _touch, "NotHolder", "mql"),
]


def _plays(scene: Scene, first: Verb, second: Verb, end: str, stage: str) -> None:
    _, late = rows.in_turn(lambda: first(scene), lambda: second(scene))
    assert type(late).__name__ == end, late
    assert Lead.objects.get(pk=scene.item.lead_id).stage == stage
    record_due(now=LATER)
    deliver_due(now=LATER)
    assert violations(now=LATER) == []


def _scene(people: dict[str, User], item: ReviewItem, decision: Decision | None = None) -> Scene:
    team = people["sdr"].team
    others = [factories.person(role, team) for role in ("sdr", "ae")]
    return Scene(people, *others, item=item, decision=decision)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("first", "second", "end", "stage"), HANDED)
def test_a_handoff(
    people: dict[str, User], first: Verb, second: Verb, end: str, stage: str
) -> None:
    decision = accepted(people)
    _plays(_scene(people, decision.item, decision), first, second, end, stage)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("first", "second", "end", "stage"), WAITING)
def test_a_lead_that_waits(
    people: dict[str, User], first: Verb, second: Verb, end: str, stage: str
) -> None:
    item = rows.waiting_item(team=people["sdr"].team)
    if _leave in (first, second):
        rows.give_score(item.lead, 10)
    _plays(_scene(people, item), first, second, end, stage)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("first", "second", "end", "stage"), HELD)
def test_a_lead_in_somebodys_hands(
    people: dict[str, User], first: Verb, second: Verb, end: str, stage: str
) -> None:
    _plays(_scene(people, held_item(people["sdr"])), first, second, end, stage)
