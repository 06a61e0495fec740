"""The score lines in the dialogs of a decision: which of them misled, said without leaving it."""

from __future__ import annotations

from typing import Any

from crm.models import Lead
from qualification.choices import DisputeKind
from qualification.models import ScoreDispute
from qualification.review.score_lines import lines_to_flag, standing_disputes
from qualification.scoring.ledger import Ledger, ledger_of
from qualification.scoring.versions import active_model

# As many as fit beside the reasons; the others are one press away.
AT_ONCE = 4


def ledger_now(lead: Lead) -> Ledger | None:
    """The ledger of this moment by the live rules; None without any."""
    model = active_model()
    return ledger_of(lead.pk, model=model) if model else None


def misled_context(
    lead: Lead, *, ledger: Ledger | None, disputes: dict[str, ScoreDispute] | None = None
) -> dict[str, Any]:
    """What `_misled.html` is drawn from; disputes are read where nobody has yet."""
    standing = standing_disputes(lead) if disputes is None else disputes
    lines = lines_to_flag(ledger, standing)
    return {
        "lead": lead,
        "misled": lines[:AT_ONCE],
        "misled_more": lines[AT_ONCE:],
        "misled_all": len(lines),
        "is_more_flagged": any(line.dispute for line in lines[AT_ONCE:]),
        "dispute_kinds": DisputeKind.choices,
    }
