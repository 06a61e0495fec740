"""Reads what the proposal page shows: proposals with their evidence, what is missing, the draft.

Called by the proposal views; decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from crm.models import User
from qualification.choices import DisputeKind, ModelStatus, ProposalStatus
from qualification.feedback.evidence import STRONG, Share
from qualification.feedback.history import History, disputes_by_rule, history_of
from qualification.feedback.proposals import open_draft
from qualification.feedback.version_reads import (
    Rescoring,
    Version,
    VersionCard,
    card_of,
    rescoring,
    version_list,
)
from qualification.feedback.wording import rule_words
from qualification.models import RuleProposal, ScoringModel
from qualification.permissions import Right, has_right
from qualification.scoring.shadow import shadow_model
from qualification.scoring.subjects import Catalogue
from qualification.scoring.wording import LabelOf

TABS = {
    "open": ProposalStatus.OPEN,
    "in_draft": ProposalStatus.IN_DRAFT,
    "declined": ProposalStatus.DECLINED,
}
DECLINED_SHOWN = 50
VERSIONS_SHOWN = 12


@dataclass(frozen=True)
class ProposalCard:
    """A proposal as the page shows it; `evidence` as computed when it was proposed."""

    proposal: RuleProposal
    words: str
    is_strong: bool
    disputes: tuple[tuple[str, int], ...]

    @property
    def evidence(self) -> dict[str, Any]:
        """Counts, rates with intervals, q, the preview of the change alone."""
        found: dict[str, Any] = self.proposal.evidence
        return found

    @property
    def n_disputes(self) -> int:
        """Disputed lines of this rule."""
        return sum(count for _kind, count in self.disputes)

    @property
    def step_of_precision(self) -> float | None:
        """Precision at capacity after the change minus before, in percentage points."""
        preview = self.evidence.get("preview") or {}
        before, after = preview.get("precision_before"), preview.get("precision_after")
        return None if before is None or after is None else (after - before) * 100


@dataclass(frozen=True)
class Shortage:
    """A rule without enough data, and how much there is."""

    name: str
    decisions: int
    firings: int

    @property
    def words(self) -> str:
        """What is missing, such as `38 more decisions, 4 more firings`."""
        wanted, firings = _needed()
        lacks = []
        if self.decisions < wanted:
            lacks.append(_("%(n)s of %(of)s decisions") % {"n": self.decisions, "of": wanted})
        if self.firings < firings:
            lacks.append(_("%(n)s of %(of)s firings") % {"n": self.firings, "of": firings})
        return ", ".join(lacks)


@dataclass(frozen=True)
class Basis:
    """What all proposals rest on: counted decisions, disputes, and rules without enough data."""

    counted: int
    accepted: int
    disputes: int
    needed_decisions: int
    needed_firings: int
    shortages: tuple[Shortage, ...]

    @property
    def is_enough(self) -> bool:
        """Whether there are enough decisions for any proposal."""
        return self.counted >= self.needed_decisions

    @property
    def rate(self) -> float | None:
        """Accepted per counted decision."""
        return Share(self.counted, self.accepted).rate


@dataclass(frozen=True)
class ProposalPage:
    """All of the page."""

    tab: str
    counts: dict[str, int]
    cards: tuple[ProposalCard, ...]
    top: float
    active: ScoringModel | None
    basis: Basis | None
    shadow: VersionCard | None
    draft: VersionCard | None
    versions: tuple[Version, ...]
    rescoring: Rescoring | None
    may_publish: bool

    @property
    def left_behind(self) -> ScoringModel | None:
        """The newest draft of a version that is no longer live, where the live one has none."""
        if self.active is None or self.draft is not None:
            return None
        drafts = [one.model for one in self.versions if one.model.status == ModelStatus.DRAFT]
        return next((one for one in drafts if one.parent_id != self.active.pk), None)


def proposal_page(
    *, reader: User, tab: str, active: ScoringModel | None, basis: Basis | None, now: datetime
) -> ProposalPage:
    """The page for one reader; `tab`: open, in_draft or declined. `basis` as far as it is counted
    for the `active` version."""
    label_of = Catalogue.load().label_of
    cards = _sorted([_card(proposal, label_of) for proposal in _proposals(tab)], tab)
    draft = open_draft(active) if active else None
    beside = shadow_model()
    return ProposalPage(
        tab=tab,
        counts=_counts(),
        cards=cards,
        top=_axis_top(cards),
        active=active,
        basis=basis,
        shadow=card_of(beside, reader=reader, now=now) if beside else None,
        draft=card_of(draft, reader=reader, now=now) if draft else None,
        versions=version_list(VERSIONS_SHOWN),
        rescoring=rescoring(),
        may_publish=has_right(reader, Right.PUBLISH),
    )


def _proposals(tab: str) -> QuerySet[RuleProposal]:
    rows = RuleProposal.objects.filter(status=TABS[tab])
    rows = rows.select_related("rule", "model", "draft", "decided_by")
    if tab == "declined":
        return rows.order_by("-decided_at", "-pk")[:DECLINED_SHOWN]
    return rows


def _card(proposal: RuleProposal, label_of: LabelOf) -> ProposalCard:
    disputes: Mapping[str, int] = proposal.evidence.get("disputes", {})
    labels = dict(DisputeKind.choices)
    return ProposalCard(
        proposal=proposal,
        words=rule_words(proposal.rule.condition, label_of),
        is_strong=proposal.evidence.get("grade") == STRONG,
        disputes=tuple((str(labels.get(kind, kind)), count) for kind, count in disputes.items()),
    )


def _sorted(cards: Sequence[ProposalCard], tab: str) -> tuple[ProposalCard, ...]:
    """Strong evidence first, then by q; declined ones stay in order of time."""
    if tab == "declined":
        return tuple(cards)
    return tuple(sorted(cards, key=lambda card: (not card.is_strong, _q(card))))


def _q(card: ProposalCard) -> float:
    q = card.evidence.get("q")
    return 1.0 if q is None else float(q)


def _counts() -> dict[str, int]:
    found = RuleProposal.objects.aggregate(
        **{tab: Count("pk", filter=Q(status=status)) for tab, status in TABS.items()}
    )
    return {tab: found[tab] for tab in TABS}


def _axis_top(cards: Sequence[ProposalCard]) -> float:
    """Upper end of the axis that all bars share, in steps of a tenth."""
    ends = [card.evidence["fired"]["high"] or 0.0 for card in cards]
    rests = [card.evidence["rest"]["rate"] or 0.0 for card in cards]
    return min(1.0, -(-round(max([0.6, *ends, *rests]) * 1000) // 100) / 10)


def _needed() -> tuple[int, int]:
    limits = settings.LEADQUAL
    return limits["EVIDENCE_MIN_DECISIONS"], limits["EVIDENCE_MIN_FIRINGS"]


def count_basis(question: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    """What all proposals for the version `question["model"]` rest on, as JSON; see `basis_from`."""
    history = history_of(ScoringModel.objects.get(pk=question["model"]), now=now)
    return {
        "counted": len(history.accepted),
        "accepted": int(history.accepted.sum()),
        "disputes": sum(sum(kinds.values()) for kinds in disputes_by_rule().values()),
        "rules": [asdict(_shortage(history, column)) for column in range(len(history.rules))],
    }


def basis_from(found: Mapping[str, Any]) -> Basis:
    """The basis of what `count_basis` found, by the limits of now."""
    wanted, firings = _needed()
    rules = [Shortage(**rule) for rule in found["rules"]]
    return Basis(
        counted=found["counted"],
        accepted=found["accepted"],
        disputes=found["disputes"],
        needed_decisions=wanted,
        needed_firings=firings,
        shortages=tuple(
            rule for rule in rules if rule.decisions < wanted or rule.firings < firings
        ),
    )


def _shortage(history: History, column: int) -> Shortage:
    rule, hits = history.rules[column], history.hits[:, column]
    counts = history.counts_for[rule.dimension] & ~np.isnan(hits)
    return Shortage(rule.name, int(counts.sum()), int((counts & (hits != 0)).sum()))
