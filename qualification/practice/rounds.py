"""Practice rounds: starting one and judging its leads in turn. The only writer of the two tables.

Called by the views. A round that was left goes on where it stands; a lead is judged once.
"""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from crm.models import Lead, User
from qualification.exceptions import AlreadyPractised, PracticeOpen, TooFewPastLeads
from qualification.models import Decision, PracticeCase, PracticeRound, RejectionReason
from qualification.permissions import Right
from qualification.practice.draw import SIZES, draw, fits, pool_for
from qualification.review import guard

Choice = PracticeCase.Choice


@transaction.atomic
def start_round(*, by: User, size: int, seed: int, now: datetime) -> PracticeRound:
    """Draws a round of `size` past leads for this person.

    Raises PermissionDenied, PracticeOpen (one is begun), TooFewPastLeads (also for another size
    than those offered).
    """
    guard.require_right(by, Right.WORK_QUEUE)
    _lock_person(by)
    if PracticeRound.objects.open().filter(person=by).exists():
        raise PracticeOpen(_("You have a round that is not finished. Go on with it first."))
    pool = pool_for(by, now=now)
    if size not in SIZES or not fits(pool, size):
        raise TooFewPastLeads(
            _("There are not enough past leads of your team for a round of %(n)s.") % {"n": size}
        )
    made = PracticeRound.objects.create(person=by, size=size, seed=seed, pool=pool, started_at=now)
    drawn = draw(pool, size=size, seed=seed)
    leads = dict(Decision.objects.filter(pk__in=drawn).values_list("pk", "lead_id"))
    PracticeCase.objects.bulk_create(
        PracticeCase(round=made, position=n, person=by, lead_id=leads[pk], decision_id=pk)
        for n, pk in enumerate(drawn, start=1)
    )
    return made


@transaction.atomic
def judge_case(
    *,
    case: PracticeCase,
    choice: str,
    reason: RejectionReason | None = None,
    by: User,
    now: datetime,
) -> PracticeCase:
    """What the person would have decided; the last one ends the round. A lead that is gone is left
    out, whatever was chosen.

    Raises PermissionDenied (somebody else's round), AlreadyPractised (judged, or not its turn).
    """
    guard.require_right(by, Right.WORK_QUEUE)
    _lock_round(case)
    waiting = next_case(case.round_id)
    if waiting is None or waiting.pk != case.pk:
        raise AlreadyPractised(_("You have judged this lead already, or it is not its turn."))
    if waiting.person_id != by.pk:
        raise PermissionDenied
    if is_gone(waiting, reader=by):
        choice, reason = Choice.GONE, None
    elif choice == Choice.GONE:
        raise AlreadyPractised(_("This lead is there. Judge it, then go on."))
    waiting.choice, waiting.reason, waiting.judged_at = choice, reason, now
    waiting.save(update_fields=["choice", "reason", "judged_at"])
    if next_case(case.round_id) is None:
        PracticeRound.objects.filter(pk=case.round_id).update(finished_at=now)
    return waiting


def next_case(round_id: int) -> PracticeCase | None:
    """The case whose turn it is; None when all were judged."""
    waiting = PracticeCase.objects.filter(round=round_id, choice="").select_related("decision")
    return waiting.order_by("position").first()


def is_gone(case: PracticeCase, *, reader: User) -> bool:
    """Whether the lead can no longer be judged: its personal data were erased, or it went to
    another team."""
    if "erased_at" in case.decision.frozen:
        return True
    return not Lead.objects.visible_to(reader).filter(pk=case.lead_id).exists()


def _lock_person(person: User) -> None:
    """Two windows do not start two rounds."""
    User.objects.select_for_update(no_key=True).get(pk=person.pk)


def _lock_round(case: PracticeCase) -> None:
    """One case after the other: the last one must see that it is the last."""
    PracticeRound.objects.select_for_update(no_key=True).get(pk=case.round_id)
