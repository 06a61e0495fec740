"""Decides which point changes are proposed, and what people do with them. Applies none by itself.

Called by the command, views and the bench. A proposal becomes points only in a draft
(`approve_proposal`), and a draft becomes live only by `scoring/versions.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from crm.models import User
from qualification.choices import ModelStatus, ProposalStatus
from qualification.exceptions import DecisionIncomplete, NotEnoughEvidence, ProposalClosed
from qualification.feedback.evidence import STRONG, RuleEvidence, weigh_rules
from qualification.feedback.history import (
    History,
    disputes_by_rule,
    history_of,
    written_points,
)
from qualification.feedback.preview import previews
from qualification.models import RuleProposal, ScoringModel
from qualification.permissions import Right, has_right
from qualification.scoring import drafts, versions

MUTE = timedelta(days=30)


@dataclass(frozen=True)
class ProposalRun:
    """What one run found; every rule is in one list. `quiet`: declined lately or in the draft."""

    model: ScoringModel | None
    counted: int
    proposals: tuple[RuleProposal, ...] = ()
    not_enough: tuple[RuleEvidence, ...] = ()
    unchanged: tuple[RuleEvidence, ...] = ()
    quiet: tuple[RuleEvidence, ...] = ()


@transaction.atomic
def propose_rules(*, now: datetime) -> ProposalRun:
    """Open a proposal for each rule whose points decisions would change; older ones give way.

    A rule with too little evidence gets none, nor one whose points would hardly move, nor one
    declined less than 30 days ago or waiting in a draft. A proposal that comes out the same keeps
    its row and gets the new evidence.
    """
    versions.lock_versions()
    settle_proposals(now=now)
    model = versions.active_model()
    if model is None:
        return ProposalRun(model=None, counted=0)
    history = history_of(model, now=now)
    found = weigh_rules(history, written=written_points(history.rules), disputes=disputes_by_rule())
    return _propose(model, history, found, now)


def look_again(question: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    """`propose_rules` as one of the counts of `qualification/counting.py`."""
    return {"open": len(propose_rules(now=now).proposals)}


@transaction.atomic
def approve_proposal(*, proposal: RuleProposal, by: User, now: datetime) -> RuleProposal:
    """Put the proposed points into the draft of the active model, made if there is none.

    Raises PermissionDenied, NotEnoughEvidence (still collecting), ProposalClosed (decided
    meanwhile, or the live version has changed).
    """
    _require_right(by)
    if proposal.evidence.get("grade") != STRONG:
        raise NotEnoughEvidence(
            _("There is not enough evidence yet to approve this: %(why)s")
            % {"why": proposal.evidence.get("why", "")}
        )
    versions.lock_versions()
    active = ScoringModel.objects.get(pk=proposal.model_id)
    if active.status != ModelStatus.ACTIVE:
        raise ProposalClosed(
            _("The live version has changed since this was proposed. Look at the new proposals.")
        )
    draft = open_draft(active) or drafts.copy_to_draft(model=active, by=by, now=now)
    _decide(proposal, ProposalStatus.IN_DRAFT, by=by, now=now, draft=draft)
    drafts.change_points(
        draft=draft,
        rule_key=proposal.rule_key,
        points=proposal.proposed_points,
        by=by,
        text=_("Proposal approved: %(rule)s %(before)s → %(after)s")
        % {
            "rule": proposal.rule.name,
            "before": _signed(proposal.current_points),
            "after": _signed(proposal.proposed_points),
        },
        now=now,
    )
    return proposal


def _signed(points: Decimal) -> str:
    return f"{points:+.1f}".replace("-", "−")


@transaction.atomic
def decline_proposal(
    *, proposal: RuleProposal, by: User, reason: str, now: datetime
) -> RuleProposal:
    """Decline with a reason; the rule is not proposed again for 30 days.

    Raises PermissionDenied, DecisionIncomplete (no reason), ProposalClosed.
    """
    _require_right(by)
    if not reason.strip():
        raise DecisionIncomplete(_("Say why you decline it."))
    _decide(
        proposal,
        ProposalStatus.DECLINED,
        by=by,
        now=now,
        decline_reason=reason.strip()[:300],
        muted_until=now + MUTE,
    )
    return proposal


@transaction.atomic
def publish_version(
    *, model: ScoringModel, by: User, text: str = "", now: datetime
) -> ScoringModel:
    """Publish as a second person and settle the proposals in the version, in one transaction.

    Raises what `versions.publish` raises.
    """
    published = versions.publish(model=model, by=by, text=text, now=now)
    settle_proposals(now=now)
    return published


@transaction.atomic
def withdraw_version(*, model: ScoringModel, by: User, now: datetime) -> ScoringModel:
    """End a shadow without publishing; its proposals may come again.

    Raises what `versions.withdraw_shadow` raises.
    """
    withdrawn = versions.withdraw_shadow(model=model, by=by, now=now)
    settle_proposals(now=now)
    return withdrawn


@transaction.atomic
def bring_back_version(
    *, model: ScoringModel, by: User, reason: str, now: datetime
) -> ScoringModel:
    """Roll back to a past version and settle the proposals for the one that goes.

    Raises what `versions.rollback` raises.
    """
    live = versions.rollback(model=model, by=by, reason=reason, now=now)
    settle_proposals(now=now)
    return live


def open_draft(model: ScoringModel) -> ScoringModel | None:
    """The draft made from this version that approved proposals go into; the newest if several."""
    of_it = ScoringModel.objects.filter(status=ModelStatus.DRAFT, parent=model)
    return of_it.order_by("-version").first()


def settle_proposals(*, now: datetime) -> None:
    """Bring proposals into line with what became of their versions.

    In a draft that went live: published. In one that was dropped, or open for a version no longer
    live: superseded. Called after a switch of versions and before every run.
    """
    in_draft = RuleProposal.objects.filter(status=ProposalStatus.IN_DRAFT)
    in_draft.filter(draft__published_at__isnull=False).update(status=ProposalStatus.PUBLISHED)
    in_draft.filter(Q(draft=None) | Q(draft__status=ModelStatus.RETIRED)).update(
        status=ProposalStatus.SUPERSEDED
    )
    _supersede(RuleProposal.objects.exclude(model__status=ModelStatus.ACTIVE), now)


def _propose(
    model: ScoringModel, history: History, found: Sequence[RuleEvidence], now: datetime
) -> ProposalRun:
    muted = _muted_keys(model, now)
    enough = [about for about in found if about.proposed is not None]
    quiet = [about for about in enough if about.rule.key in muted]
    changed = [about for about in enough if about.rule.key not in muted and about.is_change]
    shown = previews(model, history, changed)
    kept = [
        _put(model, replace(about, extra={"preview": shown.get(about.rule.key)}), now)
        for about in changed
    ]
    outdated = RuleProposal.objects.filter(model=model).exclude(pk__in=[row.pk for row in kept])
    _supersede(outdated, now)
    return ProposalRun(
        model=model,
        counted=len(history.accepted),
        proposals=tuple(kept),
        not_enough=tuple(about for about in found if about.proposed is None),
        unchanged=tuple(about for about in enough if about not in changed and about not in quiet),
        quiet=tuple(quiet),
    )


def _put(model: ScoringModel, about: RuleEvidence, now: datetime) -> RuleProposal:
    """The open proposal of this rule: the same row while points are the same, else a new one."""
    assert about.proposed is not None  # noqa: S101 - the caller keeps only these
    rows = RuleProposal.objects.filter(
        model=model, rule_key=about.rule.key, status=ProposalStatus.OPEN
    )
    same = rows.filter(proposed_points=about.proposed).first()
    if same is not None:
        same.evidence = about.to_json()
        same.save(update_fields=["evidence"])
        return same
    _supersede(rows, now)
    return RuleProposal.objects.create(
        model=model,
        rule=about.rule,
        rule_key=about.rule.key,
        current_points=about.rule.points,
        proposed_points=about.proposed,
        evidence=about.to_json(),
        created_at=now,
    )


def _muted_keys(model: ScoringModel, now: datetime) -> set[str]:
    is_declined = Q(status=ProposalStatus.DECLINED, muted_until__gt=now)
    is_waiting = Q(status=ProposalStatus.IN_DRAFT, model=model)
    rows = RuleProposal.objects.filter(is_declined | is_waiting)
    return set(rows.values_list("rule_key", flat=True))


def _supersede(rows: QuerySet[RuleProposal], now: datetime) -> None:
    open_rows = rows.filter(status=ProposalStatus.OPEN)
    open_rows.update(status=ProposalStatus.SUPERSEDED, decided_at=now)


def _decide(
    proposal: RuleProposal, status: ProposalStatus, *, by: User, now: datetime, **fields: object
) -> None:
    """Close an open proposal; whoever comes second gets ProposalClosed."""
    rows = RuleProposal.objects.filter(pk=proposal.pk, status=ProposalStatus.OPEN)
    if not rows.update(status=status, decided_by=by, decided_at=now, **fields):
        raise ProposalClosed(_("Somebody has decided this proposal already."))
    proposal.refresh_from_db()


def _require_right(by: User) -> None:
    if not has_right(by, Right.APPROVE_PROPOSALS):
        raise PermissionDenied
