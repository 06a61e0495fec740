"""Decides what a total means in words and which action a grade suggests.
Called by the lead page and the explain command."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from qualification.models import ScoringModel
from qualification.scoring.points import points_text, tenths_of

# Nearer to the accept line than this is too close to call.
BORDERLINE_TENTHS = 30


@dataclass(frozen=True)
class Verdict:
    """One word for the head of the page and a sentence for the reader."""

    word: str
    sentence: str


def verdict_of(*, total_tenths: int, model: ScoringModel, blocking: str = "") -> Verdict:
    """The first that holds: a blocking answer, borderline, accept, nurture, reject."""
    accept, mql = tenths_of(model.accept), tenths_of(model.mql)
    figures = {
        "total": points_text(total_tenths),
        "accept": points_text(accept),
        "mql": points_text(mql),
    }
    if blocking:
        return Verdict(blocking, _("An answer decides this before the score does."))
    if abs(total_tenths - accept) < BORDERLINE_TENTHS:
        return Verdict(
            _("Borderline"),
            _("%(total)s is within 3 points of the accept line at %(accept)s.") % figures,
        )
    if total_tenths >= accept:
        return Verdict(
            _("Accept likely"),
            _("%(total)s is above the accept line at %(accept)s.") % figures,
        )
    if total_tenths >= mql:
        return Verdict(
            _("Nurture"),
            _("%(total)s is above the queue line at %(mql)s, below the accept line at %(accept)s.")
            % figures,
        )
    return Verdict(_("Reject likely"), _("%(total)s is below the queue line at %(mql)s.") % figures)


ACTION_WORDS = {
    "accept": gettext_lazy("accept"),
    "engage": gettext_lazy("engage"),
    "nurture": gettext_lazy("nurture"),
    "reject": gettext_lazy("reject"),
}


@dataclass(frozen=True)
class Advice:
    """What the cell of fit and intent suggests: the action in a word, and the cell."""

    action: str
    word: str
    fit: str
    intent: str


def advice_for(grade: str, model: ScoringModel) -> Advice | None:
    """The action that the model's table suggests for a grade; None for a lead without one."""
    action = action_for(grade, model)
    if not action:
        return None
    word = ACTION_WORDS.get(action, action)
    return Advice(action=action, word=str(word), fit=grade[0], intent=grade[1])


def action_for(grade: str, model: ScoringModel) -> str:
    """accept, engage, nurture or reject, as the model's actions say; blank without a grade."""
    for action, grades in model.actions.items():
        if grade in grades:
            return str(action)
    return ""
