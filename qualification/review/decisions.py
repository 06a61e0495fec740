"""Decides leads: accept, reject, nurture. By the holder, in one transaction, with what it rests on.

Called by views, commands and the demo. Undo and overturn are in `undo.py` and offered here too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.lifecycle import move_lead
from crm.models import Lead, User
from crm.models.lead import DisqualifiedBy
from crm.stages import Stage
from qualification.choices import CadenceEnd, CloseReason, DecisionKind, EntryReason
from qualification.exceptions import ChecklistIncomplete, DecisionIncomplete, TooFewAttempts
from qualification.handoff.desks import columns_of, kind_of, takes_handoffs
from qualification.handoff.handover import hand_over
from qualification.handoff.needs import check_needs, fill_needs
from qualification.models import (
    Decision,
    LeadScore,
    RejectionReason,
    ReviewItem,
    Target,
    Touch,
)
from qualification.permissions import Right, has_right
from qualification.review import source_news
from qualification.review.cadence_runs import end_runs
from qualification.review.checklists import missing_for_accept
from qualification.review.frameworks import framework_for
from qualification.review.frozen import Frozen, freeze
from qualification.review.guard import hold_item
from qualification.review.nurture import Scores, WakeWish, plan_nurture, wake_of
from qualification.review.queue import close_item
from qualification.review.second_person import first_person
from qualification.review.undo import overturn_rejection, undo_decision
from qualification.routing import credit

__all__ = [
    "accept_lead",
    "attempts_on",
    "nurture_lead",
    "overturn_rejection",
    "reject_lead",
    "undo_decision",
]


@dataclass(frozen=True)
class _Verdict:
    """What a person decided, as it goes into the Decision row."""

    kind: DecisionKind
    note: str = ""
    reason: RejectionReason | None = None
    override_reason: str = ""
    to: Target | None = None
    asked_by: User | None = None


@transaction.atomic
def accept_lead(
    *,
    item: ReviewItem,
    token: int,
    by: User,
    to: Target,
    note: str = "",
    opening: str = "",
    override_reason: str = "",
    said: Mapping[str, str] | None = None,
    now: datetime,
) -> Decision:
    """Accept and hand over to an AE, the desk of a team, or a partner: stage sql, handoff with its
    clock, mail after the undo time. `said`, by subject, is written down of what `to` needs.

    Raises ChecklistIncomplete (a manager passes with `override_reason`), DestinationIncomplete,
    DecisionIncomplete, what `guard.hold_item` raises, and for `said` what the doors of facts and
    answers raise.
    """
    kind = kind_of(to)
    if said:
        fill_needs(lead=item.lead, kind=kind, said=said, by=by, now=now)
    held = hold_item(item=item, token=token, by=by, now=now)
    _check_target(to)
    framework = framework_for(held, now=now)
    missing = missing_for_accept(held.lead, framework, now=now)
    override = _override(by, missing, override_reason) if missing else ""
    check_needs(held.lead, kind)
    verdict = _Verdict(DecisionKind.ACCEPT, note=note, to=to, override_reason=override)
    frozen = freeze(item=held, by=by, now=now)
    decision = _decide(held, verdict, frozen=frozen, by=by, now=now)
    move_lead(lead=held.lead, to=Stage.SQL, reason=_("Accepted"), by=by, now=now)
    hand_over(
        decision=decision,
        item=held,
        framework=framework,
        ledger=frozen.ledger,
        opening=opening,
        now=now,
    )
    return decision


@transaction.atomic
def reject_lead(
    *,
    item: ReviewItem,
    token: int,
    by: User,
    reason: RejectionReason,
    note: str = "",
    tells_marketing: bool = False,
    override_reason: str = "",
    now: datetime,
) -> Decision:
    """Reject for a shipped reason: stage disqualified, by a person.

    `tells_marketing` of the source and the reason. Raises DecisionIncomplete (no reason, note
    missing), TooFewAttempts (a manager passes with `override_reason`), NeedsSecondPerson, and what
    `guard.hold_item` raises.
    """
    held = hold_item(item=item, token=token, by=by, now=now)
    _check_reason(reason)
    if reason.needs_note and not note.strip():
        raise DecisionIncomplete(
            _("“%(reason)s” needs a note: what was it?") % {"reason": reason.label}
        )
    override = _check_attempts(held, reason=reason, by=by, override_reason=override_reason)
    frozen = freeze(item=held, by=by, now=now)
    verdict = _Verdict(
        DecisionKind.REJECT,
        note=note,
        reason=reason,
        override_reason=override,
        asked_by=first_person(held, by=by, grade=frozen.grade, model=frozen.model),
    )
    decision = _decide(held, verdict, frozen=frozen, by=by, now=now)
    move_lead(
        lead=held.lead,
        to=Stage.DISQUALIFIED,
        reason=_("Rejected: %(reason)s") % {"reason": reason.label},
        by=by,
        now=now,
        disqualified_by=DisqualifiedBy.PERSON,
    )
    credit.give_back(decision=decision, now=now)
    if tells_marketing:
        source_news.tell_marketing(decision=decision, now=now)
    return decision


@transaction.atomic
def nurture_lead(
    *,
    item: ReviewItem,
    token: int,
    by: User,
    note: str = "",
    reason: RejectionReason | None,
    wake: WakeWish,
    now: datetime,
) -> Decision:
    """Put aside for a reason until a day, an activity, a score or before the end of a contract; at
    the latest `wake.latest_on` (default: setting).

    Raises DecisionIncomplete (no reason, nothing wakes it, day not in the future), and what
    `guard.hold_item` raises.
    """
    held = hold_item(item=item, token=token, by=by, now=now)
    _check_reason(reason)
    frozen = freeze(item=held, by=by, now=now)
    most = int(frozen.model.total_max * 10) if frozen.model else None
    shown = LeadScore.objects.filter(lead=held.lead).values_list("total_tenths", flat=True).first()
    now_tenths = frozen.total_tenths if shown is None else shown
    scores = Scores(at_decision=frozen.total_tenths, now=now_tenths, most=most)
    checked = wake_of(wake, scores=scores, now=now)
    verdict = _Verdict(DecisionKind.NURTURE, note=note, reason=reason)
    decision = _decide(held, verdict, frozen=frozen, by=by, now=now)
    move_lead(lead=held.lead, to=Stage.NURTURE, reason=_("Nurtured"), by=by, now=now)
    plan_nurture(decision=decision, wake=checked, now=now)
    return decision


def attempts_on(lead: Lead) -> int:
    """What was tried since the lead last entered the queue; an undone decision does not start
    anew, and a touch that was taken back is none."""
    stays = lead.items.exclude(entry_reason=EntryReason.REVERSED).order_by("-entered_at", "-id")
    since = stays.values_list("entered_at", flat=True).first()
    touches = Touch.objects.standing().filter(lead=lead)
    return touches.filter(at__gte=since).count() if since else touches.count()


def _decide(
    item: ReviewItem, verdict: _Verdict, *, frozen: Frozen, by: User, now: datetime
) -> Decision:
    """The Decision row, the item closed and its clocks stopped; the caller moves the lead."""
    decision = Decision.objects.create(
        item=item,
        lead=item.lead,
        kind=verdict.kind,
        reason=verdict.reason,
        note=verdict.note.strip(),
        override_reason=verdict.override_reason,
        **({} if verdict.to is None else columns_of(verdict.to)),
        asked_by=verdict.asked_by,
        by=by,
        at=now,
        model=frozen.model,
        total_tenths=frozen.total_tenths,
        grade=frozen.grade,
        fired=frozen.fired,
        frozen=frozen.facts,
    )
    close_item(item=item, reason=CloseReason.DECIDED, by=by, now=now)
    end_runs([item.lead_id], end=CadenceEnd.DECIDED, now=now)
    return decision


def _check_target(to: Target) -> None:
    if not takes_handoffs(to):
        raise DecisionIncomplete(_("%(name)s takes no handoffs.") % {"name": to})


def _check_reason(reason: RejectionReason | None) -> None:
    if reason is None or not RejectionReason.objects.filter(pk=reason.pk, is_active=True).exists():
        raise DecisionIncomplete(_("Choose a reason from the list."))


def _override(by: User, missing: list[str], override_reason: str) -> str:
    """A manager's reason to accept all the same. Raises ChecklistIncomplete for everybody else."""
    names = ", ".join(missing)
    if not has_right(by, Right.OVERRIDE):
        raise ChecklistIncomplete(
            _("Required answers are open: %(names)s. Answer them or ask a manager.")
            % {"names": names},
            missing,
        )
    if not override_reason.strip():
        raise ChecklistIncomplete(
            _("Required answers are open: %(names)s. Say why you accept all the same.")
            % {"names": names},
            missing,
        )
    return override_reason.strip()


def _check_attempts(
    item: ReviewItem, *, reason: RejectionReason, by: User, override_reason: str
) -> str:
    """The override reason if one was needed. Raises TooFewAttempts."""
    wanted = settings.LEADQUAL["MIN_ATTEMPTS"]
    made = attempts_on(item.lead) if reason.needs_attempts else wanted
    if made >= wanted:
        return ""
    if has_right(by, Right.OVERRIDE) and override_reason.strip():
        return override_reason.strip()
    raise TooFewAttempts(
        ngettext(
            "“%(reason)s” needs %(wanted)s attempts; there was %(made)s so far.",
            "“%(reason)s” needs %(wanted)s attempts; there were %(made)s so far.",
            made,
        )
        % {"reason": reason.label, "wanted": wanted, "made": made}
    )
