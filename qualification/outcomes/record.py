"""The one door for outcomes: kept once as told, and the stage follows where the rules allow.

Called by the signed door, the file and the poll. The same outcome (source, external id, kind, time)
told again changes nothing, except that a lead nobody knew is looked for once more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from crm.lifecycle import move_lead
from crm.models import Lead, Outcome, Source, User
from crm.stages import Stage
from qualification.connectors.base import ToldOutcome
from qualification.exceptions import OutcomeInvalid
from qualification.handoff.answers import settle_handoff
from qualification.models import Handoff
from qualification.outcomes.refs import Reference, find_lead

Value = Outcome.Value
EXTERNAL_ID_LENGTH = 200
LONGEST_MONTHS = 240
# How far a clock of somebody else may run ahead of ours.
CLOCK_SKEW = timedelta(days=1)
# The stages a lead goes through, by where it stands; a won deal was an opportunity first.
PATHS: dict[tuple[str, str], tuple[Stage, ...]] = {
    (Stage.SQL, Value.OPPORTUNITY): (Stage.OPPORTUNITY,),
    (Stage.SQL, Value.WON): (Stage.OPPORTUNITY, Stage.WON),
    (Stage.SQL, Value.LOST): (Stage.LOST,),
    (Stage.OPPORTUNITY, Value.WON): (Stage.WON,),
    (Stage.OPPORTUNITY, Value.LOST): (Stage.LOST,),
}


@dataclass(frozen=True)
class Recorded:
    """An outcome as it is kept now. `is_new` is False when it was told before."""

    outcome: Outcome
    is_new: bool

    @property
    def is_matched(self) -> bool:
        """Whether a lead was found."""
        return self.outcome.lead_id is not None


def check_typed(told: ToldOutcome, *, now: datetime) -> None:
    """Raises OutcomeInvalid unless this can be kept and lies in the past: for what people and
    their scripts write. A CRM may close a deal in the future; that is kept as it says."""
    check_told(told)
    if told.occurred_at > now + CLOCK_SKEW:
        raise OutcomeInvalid(_("The time lies in the future."))


def check_told(told: ToldOutcome) -> None:
    """Raises OutcomeInvalid unless this can be kept."""
    if not 0 < len(told.external_id) <= EXTERNAL_ID_LENGTH or "\x00" in told.external_id:
        raise OutcomeInvalid(_("An id of 1 to %(n)s characters, please.") % {"n": 200})
    if told.value not in Value.values:
        raise OutcomeInvalid(
            _("“%(value)s” is no outcome: %(known)s.")
            % {"value": told.value[:40], "known": ", ".join(Value.values)}
        )
    if not 0 < len(told.lead_ref) <= EXTERNAL_ID_LENGTH or "\x00" in told.lead_ref:
        raise OutcomeInvalid(_("It does not say which lead."))
    is_retained = told.value == Value.RETAINED
    if is_retained != (told.months is not None):
        raise OutcomeInvalid(_("Months belong to “retained”, and only to it."))
    if told.months is not None and not 1 <= told.months <= LONGEST_MONTHS:
        raise OutcomeInvalid(_("Months from 1 to %(n)s, please.") % {"n": LONGEST_MONTHS})


@transaction.atomic
def record_outcome(
    *, told: ToldOutcome, source: Source, now: datetime, by: User | None = None
) -> Recorded:
    """Keeps what was told and moves the lead if it may move.

    With `by`, only leads in that person's sight are found. An unknown lead is kept without one.
    Raises OutcomeInvalid.
    """
    check_told(told)
    reference = find_lead(told.lead_ref, source=source, by=by)
    lead = _locked(reference)
    known = _told_before(told, source)
    if known is not None:
        return Recorded(_match(known, reference, lead, now=now, by=by), is_new=False)
    path, effect = _what_follows(told.value, told.occurred_at, reference, lead)
    try:
        with transaction.atomic():
            outcome = Outcome.objects.create(
                lead=lead,
                value=told.value,
                source=source,
                recorded_at=now,
                external_id=told.external_id,
                told_lead=told.lead_ref,
                occurred_at=told.occurred_at,
                months=told.months,
                effect=effect,
            )
    except IntegrityError:  # told twice at once, about a lead nobody knows
        return Recorded(Outcome.objects.get(**_key(told, source)), is_new=False)
    _follow(lead, path, value=told.value, now=now, by=by)
    return Recorded(outcome, is_new=True)


def look_again(*, outcome: Outcome, now: datetime, by: User | None = None) -> bool:
    """Looks for the lead of an outcome that has none; whether it has one now."""
    with transaction.atomic():
        reference = find_lead(outcome.told_lead, source=outcome.source, by=by)
        return _match(outcome, reference, _locked(reference), now=now, by=by).lead_id is not None


def _key(told: ToldOutcome, source: Source) -> dict[str, object]:
    return {
        "source": source,
        "external_id": told.external_id,
        "value": told.value,
        "occurred_at": told.occurred_at,
    }


def _told_before(told: ToldOutcome, source: Source) -> Outcome | None:
    return Outcome.objects.filter(**_key(told, source)).first()


def _locked(reference: Reference) -> Lead | None:
    if reference.lead_id is None:
        return None
    return Lead.objects.select_for_update(no_key=True).filter(pk=reference.lead_id).first()


def _match(
    outcome: Outcome, reference: Reference, lead: Lead | None, *, now: datetime, by: User | None
) -> Outcome:
    """The outcome with its lead, if it had none and there is one now."""
    if outcome.lead_id is not None or lead is None or outcome.occurred_at is None:
        return outcome
    path, effect = _what_follows(outcome.value, outcome.occurred_at, reference, lead)
    waiting = Outcome.objects.filter(pk=outcome.pk, lead=None)
    if waiting.update(lead=lead, effect=effect):
        _follow(lead, path, value=outcome.value, now=now, by=by)
    outcome.refresh_from_db()
    return outcome


def _what_follows(
    value: str, occurred_at: datetime, reference: Reference, lead: Lead | None
) -> tuple[tuple[Stage, ...], str]:
    """(the stages to go through, why there are none)."""
    if lead is None:
        return (), reference.why_none
    if value == Value.RETAINED:
        return (), ""
    path = PATHS.get((lead.stage, value), ())
    if not path:
        if lead.stage == value:
            return (), ""
        return (), _("The lead is “%(stage)s”: kept as a fact.") % {
            "stage": lead.get_stage_display()
        }
    if _is_about_earlier(lead, reference, occurred_at):
        return (), _("About an earlier handoff: kept as a fact.")
    return path, ""


def _is_about_earlier(lead: Lead, reference: Reference, occurred_at: datetime) -> bool:
    """Whether this is about a handoff before the one the lead is in now. By days: others often
    know no more."""
    handoffs = Handoff.objects.filter(lead=lead).order_by("-pk")
    latest = handoffs.values_list("pk", "created_at").first()
    if latest is None:
        return False
    if reference.handoff_number is not None:
        return reference.handoff_number < handoffs.count()
    return occurred_at.date() < latest[1].date()


def _follow(
    lead: Lead | None, path: tuple[Stage, ...], *, value: str, now: datetime, by: User | None
) -> None:
    if lead is None or not path:
        return
    settle_handoff(lead=lead, now=now)
    reason = _("Outcome: %(value)s") % {"value": str(Value(value).label)}
    for stage in path:
        move_lead(lead=lead, to=stage, reason=reason, by=by, now=now)
