"""Says beforehand what a plan will do, day by day. Pure, for the nurture dialogs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from qualification.review.nurture import Scores, Wake, day_text
from qualification.scoring.points import points_text


@dataclass(frozen=True)
class Ahead:
    """One line of the preview; `on` is None for what may happen any day."""

    on: date | None
    what: str
    detail: str
    icon: str
    tone: str = ""


def ahead_of(wake: Wake, *, scores: Scores, cadence: Any = None) -> list[Ahead]:
    """What can happen, any-day conditions first, then by date; the latest day is last."""
    lines = []
    if cadence is not None:
        lines.append(Ahead(None, str(cadence), _("You keep in touch; it stays asleep"), "repeat"))
    if wake.activity:
        event = wake.activity.replace("_", " ")
        lines.append(Ahead(None, event, _("Wakes the next time a person does it"), "zap", "intent"))
    if wake.score_tenths is not None:
        needed, points = points_text(wake.score_tenths), points_text(scores.now)
        detail = _("Now %(points)s, %(gap)s more to go") % {
            "points": points,
            "gap": points_text(wake.score_tenths - scores.now),
        }
        lines.append(Ahead(None, _("Score %(n)s") % {"n": needed}, detail, "trending-up", "intent"))
    dated = []
    if wake.on is not None:
        dated.append(Ahead(wake.on, _("Wakes up"), _("The date you chose"), "alarm-clock", "warn"))
    if wake.contract_wake_on and wake.contract_ends_on:
        detail = _("Their contract ends on %(day)s") % {"day": day_text(wake.contract_ends_on)}
        dated.append(Ahead(wake.contract_wake_on, _("Wakes up"), detail, "file-clock", "warn"))
    dated.sort(key=lambda line: line.on or wake.latest_on)
    latest = Ahead(
        wake.latest_on, _("Back in any case"), _("With a fresh first-response clock"), "inbox"
    )
    return [*lines, *dated, latest]
