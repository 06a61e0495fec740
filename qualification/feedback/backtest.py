"""Judges a draft on past decisions: the compiled expression over the facts as of each decision.

Called by the command, by pages and by `proposals.py` for its previews. Writes nothing.

The decisions that led to a proposal are among those it is judged on here, so a re-weighted draft
looks somewhat better than it will on new leads; `since_draft` is the honest part, the decisions
made after the draft was created, once there are enough of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from qualification.choices import ModelStatus
from qualification.feedback.comparison import (
    Area,
    Crossing,
    Tenths,
    area,
    area_gain,
    best,
    capacity_of,
    crossing,
)
from qualification.feedback.evidence import Share
from qualification.feedback.labels import Label, labelled_decisions
from qualification.feedback.reweight import Flags
from qualification.models import ScoringModel
from qualification.scoring.compile import at_moments, compile_model

# What people decided, unless another label is asked for.
DECISIONS = Label()
# Moments scored by one statement.
CHUNK = 5_000
# A disqualified lead never queues: it stands below every score.
BELOW_ALL = -(10**9)


@dataclass(frozen=True)
class Judged:
    """Both versions on the same decided leads; figures of a pair are (active, draft)."""

    n: int
    accepted: int
    areas: tuple[Area, Area]
    gain: Area
    capacity: int
    precisions: tuple[Share, Share]
    moved: Crossing

    def to_json(self) -> dict[str, Any]:
        """Plain figures; leads by id."""
        return {
            "n": self.n,
            "accepted": self.accepted,
            "auc": {name: one.to_json() for name, one in _pair(self.areas)},
            "auc_gain": self.gain.to_json(),
            "capacity": self.capacity,
            "precision": {name: one.to_json() for name, one in _pair(self.precisions)},
            "into": list(self.moved.into),
            "out_of": list(self.moved.out_of),
            "accepted_lost": list(self.moved.lost),
        }


@dataclass(frozen=True)
class Backtest:
    """Draft against active. `judged` is None, and `missing` says why, without enough decisions."""

    active: ScoringModel
    draft: ScoringModel
    judged: Judged | None
    since_draft: Judged | None
    left_out: int
    missing: str = ""
    label: Label = DECISIONS

    def to_json(self) -> dict[str, Any]:
        """What `backtest --json` prints."""
        return {
            "active": self.active.version,
            "draft": self.draft.version,
            "label": str(self.label),
            "missing": self.missing,
            "left_out": self.left_out,
            "all": None if self.judged is None else self.judged.to_json(),
            "since_draft": None if self.since_draft is None else self.since_draft.to_json(),
        }


@dataclass(frozen=True)
class _Scored:
    """Decided leads that both versions could score as of their decision."""

    lead_ids: NDArray[np.int64]
    accepted: Flags
    is_later: Flags
    before: Tenths
    after: Tenths


def backtest(draft: ScoringModel, *, now: datetime, label: Label = DECISIONS) -> Backtest | None:
    """The draft against the live version on every counted decision, or on those of which an outcome
    says what `label` asks; None without a live one."""
    active = ScoringModel.objects.filter(status=ModelStatus.ACTIVE).first()
    if active is None:
        return None
    decisions = list(labelled_decisions(label, now=now))
    moments = [(row.decision_id, row.lead_id, row.at) for row in decisions]
    before, after = totals_at(active, moments), totals_at(draft, moments)
    rows = [row for row in decisions if row.decision_id in before and row.decision_id in after]
    scored = _Scored(
        lead_ids=np.array([row.lead_id for row in rows], dtype=np.int64),
        accepted=np.array([row.is_accepted for row in rows], dtype=bool),
        is_later=np.array([row.at > draft.created_at for row in rows], dtype=bool),
        before=np.array([before[row.decision_id] for row in rows], dtype=np.int64),
        after=np.array([after[row.decision_id] for row in rows], dtype=np.int64),
    )
    return Backtest(
        active=active,
        draft=draft,
        judged=_judge(scored, np.ones(len(rows), dtype=bool), active, draft),
        since_draft=_judge(scored, scored.is_later, active, draft),
        left_out=len(decisions) - len(rows),
        missing=_missing(scored.accepted),
        label=label,
    )


def totals_at(model: ScoringModel, moments: Sequence[tuple[int, int, datetime]]) -> dict[int, int]:
    """(row id, lead id, moment) each → row id → total tenths as of that moment.

    A lead of which nothing was recorded by then has no entry.
    """
    compiled = compile_model(model)
    found: dict[int, int] = {}
    for chunk in _chunks(moments):
        statement, params = compiled.totals(at_moments(chunk))
        with connection.cursor() as cursor:
            cursor.execute(statement, params)
            names = [column.name for column in cursor.description or ()]
            places = [names.index(name) for name in ("row_id", "total", "disqualified")]
            for row in cursor:
                row_id, total, disqualified = (row[place] for place in places)
                found[row_id] = BELOW_ALL if disqualified else total
    return found


def _judge(
    scored: _Scored, rows: Flags, active: ScoringModel, draft: ScoringModel
) -> Judged | None:
    accepted = scored.accepted[rows]
    if _missing(accepted):
        return None
    before, after = scored.before[rows], scored.after[rows]
    capacity = capacity_of(len(accepted))
    return Judged(
        n=len(accepted),
        accepted=int(accepted.sum()),
        areas=(area(before, accepted), area(after, accepted)),
        gain=area_gain(before, after, accepted),
        capacity=capacity,
        precisions=(best(before, accepted, capacity), best(after, accepted, capacity)),
        moved=crossing(
            before - int(active.mql * 10),
            after - int(draft.mql * 10),
            lead_ids=scored.lead_ids[rows],
            accepted=accepted,
            line=0,
        ),
    )


def _missing(accepted: Flags) -> str:
    """Why there is nothing to judge; blank when there is enough."""
    lacking = settings.LEADQUAL["EVIDENCE_MIN_DECISIONS"] - len(accepted)
    if lacking > 0:
        return _("Not enough data: %(n)s more counted decisions.") % {"n": lacking}
    if accepted.all() or not accepted.any():
        return _("Not enough data: accepts and rejects are both needed.")
    return ""


def _chunks(
    moments: Iterable[tuple[int, int, datetime]],
) -> Iterator[list[tuple[int, int, datetime]]]:
    listed = list(moments)
    for first in range(0, len(listed), CHUNK):
        yield listed[first : first + CHUNK]


def _pair(figures: tuple[Any, Any]) -> list[tuple[str, Any]]:
    return list(zip(("active", "draft"), figures, strict=True))
