"""Past decisions in any number, with the answers frozen into them, for what is learned of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crm.models import Lead, User
from qualification.models import Decision, RejectionReason, ReviewItem
from tests.factories import NOW, LeadFactory, SourceFactory


def past_decisions(
    people: Mapping[str, User], answered: Mapping[str, Sequence[tuple[str, bool]]]
) -> list[Decision]:
    """One decision a pair of (state, accepted), of leads of their own; yes and no are confirmed
    answers of those values."""
    pairs = [(key, *pair) for key, of_key in answered.items() for pair in of_key]
    return decided(people, [({key: state}, is_accepted) for key, state, is_accepted in pairs])


def decided(
    people: Mapping[str, User], rows: Sequence[tuple[Mapping[str, str], bool]]
) -> list[Decision]:
    """One decision a row of (criterion key → kind of answer, accepted). Accepts are waived by
    reason, so that no checklist stands in the way."""
    source = SourceFactory()
    team = people["sdr"].team
    leads = Lead.objects.bulk_create(LeadFactory.build(team=team, source=source) for _ in rows)
    items = ReviewItem.objects.bulk_create(
        ReviewItem(
            lead=lead,
            team=team,
            state="closed",
            entry_reason="threshold",
            entered_at=NOW,
            due_at=NOW,
            closed_at=NOW,
            close_reason="decided",
        )
        for lead in leads
    )
    why = RejectionReason.objects.filter(influences="fit").first()
    return Decision.objects.bulk_create(
        Decision(
            item=item,
            lead=item.lead,
            kind="accept" if is_accepted else "reject",
            reason=None if is_accepted else why,
            override_reason="made up" if is_accepted else "",
            ae=people["ae"] if is_accepted else None,
            by=people["sdr"],
            at=NOW,
            frozen={"answers": {key: _frozen(kind) for key, kind in kinds.items()}},
        )
        for item, (kinds, is_accepted) in zip(items, rows, strict=True)
    )


def _frozen(kind: str) -> dict[str, Any]:
    if kind in {"yes", "no"}:
        return {"state": "confirmed", "value": kind == "yes"}
    return {"state": kind, "value": "text" if kind in {"confirmed", "inferred"} else None}
