"""What to say to a lead: a sentence that rests on a fact, and pages to show. Suggestions only;
nothing is sent. Called by the view of the lead page's block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from crm.models import Lead
from qualification.models import Material
from qualification.scoring.holds import rules_holding

# More than three are a list to search, not a suggestion.
MOST = 3


@dataclass(frozen=True)
class Talk:
    """`text` and the `fact` it rests on, both blank where nothing is known; what to show."""

    text: str
    fact: str
    materials: tuple[Material, ...]


def talk_with(lead: Lead, *, opening: Mapping[str, str], now: datetime) -> Talk:
    """The opening with the first materials by position that fit stage, segment and condition.

    Two queries, however many materials there are. One whose condition cannot be read any more is
    passed over.
    """
    offered = list(Material.objects.for_stage(lead).select_related("segment"))
    fitting = rules_holding([lead.pk], offered, of="material", now=now).get(lead.pk, [])
    return Talk(text=opening["text"], fact=opening["fact"], materials=tuple(fitting[:MOST]))
