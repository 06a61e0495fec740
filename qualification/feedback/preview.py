"""Shows what one proposed change alone would have done to the leads decided last.

Called by `proposals.py`; the figures stand in the evidence of the proposal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qualification.feedback.backtest import totals_at
from qualification.feedback.comparison import preview
from qualification.feedback.evidence import RuleEvidence
from qualification.feedback.history import History
from qualification.models import ScoringModel

# A preview looks at this many leads, so that its cost does not grow with the history.
LAST_DECISIONS = 2_000


def previews(
    model: ScoringModel, history: History, changed: Sequence[RuleEvidence]
) -> dict[str, dict[str, Any]]:
    """Rule key → figures, for rules with proposed points; empty where no lead can be scored."""
    if not changed:
        return {}
    newest = sorted(enumerate(history.decisions), key=lambda pair: pair[1].at)[-LAST_DECISIONS:]
    totals = totals_at(model, [(row, made.lead_id, made.at) for row, made in newest])
    if not totals:
        return {}
    rows = np.array(list(totals), dtype=np.int64)
    before = np.array(list(totals.values()), dtype=np.int64)
    lead_ids = np.array([history.decisions[row].lead_id for row in rows], dtype=np.int64)
    column = {rule.key: number for number, rule in enumerate(history.rules)}
    return {
        about.rule.key: preview(
            before,
            _change(about, history.hits[rows, column[about.rule.key]]),
            lead_ids=lead_ids,
            accepted=history.accepted[rows],
            line=int(model.mql * 10),
        )
        for about in changed
    }


def _change(about: RuleEvidence, hits: Any) -> Any:
    """What the proposed points add to each total, in tenths; unknown lines stay as they were."""
    step = (
        float((about.rule.points if about.proposed is None else about.proposed) - about.rule.points)
        * 10
    )
    return np.rint(np.nan_to_num(hits) * step).astype(np.int64)
