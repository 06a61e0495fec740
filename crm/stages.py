"""The stages of a lead and the moves between them: data only.

Read by the model (trigger), by `crm/lifecycle.py` (the only writer) and by whoever shows a stage.
"""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Stage(TextChoices):
    NEW = "new", _("New")
    MQL = "mql", _("Waiting")
    WORKING = "working", _("Working")
    SQL = "sql", _("Handed over")
    NURTURE = "nurture", _("Nurture")
    OPPORTUNITY = "opportunity", _("Opportunity")
    WON = "won", _("Won")
    LOST = "lost", _("Lost")
    DISQUALIFIED = "disqualified", _("Disqualified")


# Every allowed move; every other pair is refused by the code and by PostgreSQL.
MOVES: dict[str, tuple[str, ...]] = {
    Stage.NEW: (Stage.MQL, Stage.DISQUALIFIED),
    Stage.MQL: (Stage.WORKING, Stage.NEW, Stage.DISQUALIFIED),
    Stage.WORKING: (Stage.MQL, Stage.SQL, Stage.NURTURE, Stage.DISQUALIFIED),
    Stage.NURTURE: (Stage.MQL, Stage.DISQUALIFIED),
    Stage.SQL: (Stage.OPPORTUNITY, Stage.MQL, Stage.LOST),
    Stage.OPPORTUNITY: (Stage.WON, Stage.LOST),
    Stage.DISQUALIFIED: (Stage.NEW, Stage.MQL),
    Stage.LOST: (Stage.MQL,),
    Stage.WON: (),
}

# A lead is born new, or, when its history is imported, with the outcome it had.
BIRTH_STAGES = (Stage.NEW, Stage.WON, Stage.LOST)

# Where a lead goes whose person is erased; whoever is at an end already stays there.
ERASED_TO = {
    Stage.NEW: Stage.DISQUALIFIED,
    Stage.MQL: Stage.DISQUALIFIED,
    Stage.WORKING: Stage.DISQUALIFIED,
    Stage.NURTURE: Stage.DISQUALIFIED,
}
ERASED_STAGES = tuple(stage for stage in Stage if stage not in ERASED_TO)


def allowed_pairs() -> list[tuple[str, str]]:
    """Every allowed (from, to) pair as plain strings, in a fixed order."""
    return [(str(start), str(end)) for start, ends in MOVES.items() for end in ends]
