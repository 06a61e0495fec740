"""What to show to a lead: pages an admin keeps for its stage, segment and facts. Suggestions only;
nothing is sent. Called by the view of the lead page's fragment; the first sentence above it is
`handoff.packet.opening`, drawn with the page, which has its checklist and ledger at hand."""

from __future__ import annotations

from datetime import datetime

from crm.models import Lead
from qualification.models import Material
from qualification.scoring.holds import rules_holding

# More than three are a list to search, not a suggestion.
MOST = 3


def materials_for(lead: Lead, *, now: datetime) -> tuple[Material, ...]:
    """The first materials by position that fit stage, segment and condition.

    Two queries, however many there are. One whose condition cannot be read any more is passed over.
    """
    offered = list(Material.objects.for_stage(lead).select_related("segment"))
    fitting = rules_holding([lead.pk], offered, of="material", now=now).get(lead.pk, [])
    return tuple(fitting[:MOST])
