"""Decides what counts as good when a version is judged: the decision, or what became of it.

Called by `backtest.py` and by practice. A decision is made in minutes; whether it was right shows
in months: a deal won, a client who stayed. An accepted lead of which nothing was told yet says
nothing.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from crm.models import Outcome
from qualification.exceptions import LabelInvalid
from qualification.feedback.history import Counted, counted_decisions

ACCEPTED, WON, RETAINED = "accepted", "won", "retained"
# Mean length of a month.
MONTH = timedelta(days=30.44)
WRITTEN = re.compile(r"retained:([1-9]\d{0,2})")


@dataclass(frozen=True)
class Label:
    """`accepted`, `won`, or `retained` for at least `months`."""

    kind: str = ACCEPTED
    months: int = 0

    def __str__(self) -> str:
        return f"{self.kind}:{self.months}" if self.months else self.kind


def read_label(text: str) -> Label:
    """`accepted`, `won` or `retained:12`. Raises LabelInvalid."""
    if text in (ACCEPTED, WON):
        return Label(text)
    parts = WRITTEN.fullmatch(text)
    if parts is None:
        raise LabelInvalid(_("A label is accepted, won or retained:<months>."))
    return Label(RETAINED, int(parts.group(1)))


def labelled_decisions(label: Label, *, now: datetime) -> Iterator[Counted]:
    """The counted decisions with `is_accepted` as the label has it; of those that it says nothing
    about, none."""
    if label.kind == ACCEPTED:
        yield from counted_decisions(now)
        return
    told = told_of(now)
    for row in counted_decisions(now):
        was_right = is_good(label, told[row.lead_id], now) if row.is_accepted else None
        if was_right is not None:
            yield replace(row, is_accepted=was_right)


def told_of(
    now: datetime, *, lead_ids: Collection[int] | None = None
) -> dict[int, list[tuple[str, int | None, datetime]]]:
    """Lead → what was told of it by now: value, months, when it happened. Of all leads, or of
    these."""
    found: dict[int, list[tuple[str, int | None, datetime]]] = defaultdict(list)
    outcomes = Outcome.objects.filter(lead__isnull=False, recorded_at__lte=now).order_by()
    if lead_ids is not None:
        outcomes = outcomes.filter(lead__in=lead_ids)
    for lead_id, value, months, at, recorded_at in outcomes.values_list(
        "lead_id", "value", "months", "occurred_at", "recorded_at"
    ):
        found[lead_id].append((value, months, at or recorded_at))
    return found


def is_good(
    label: Label, told: list[tuple[str, int | None, datetime]], now: datetime
) -> bool | None:
    """Whether what was told bears the label out; None while it cannot be said: nothing closed, or
    the months are not over."""
    won = [at for value, _months, at in told if value == Outcome.Value.WON]
    is_lost = any(value == Outcome.Value.LOST for value, _months, _at in told)
    if label.kind == WON:
        return bool(won) if won or is_lost else None
    if any((months or 0) >= label.months for _value, months, _at in told):
        return True
    is_over = bool(won) and max(won) + label.months * MONTH <= now
    return False if is_over or (is_lost and not won) else None
