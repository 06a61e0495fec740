"""Reads the reasons somebody may reject for, as dialogs show them. Called by the views."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from qualification.models import RejectionReason


@dataclass(frozen=True)
class ReasonGroup:
    """The reasons of one group, in their order."""

    name: str
    reasons: tuple[RejectionReason, ...]


def reasons_by_group() -> tuple[ReasonGroup, ...]:
    """Every reason somebody may choose, as dialogs show them."""
    active = RejectionReason.objects.filter(is_active=True)
    return tuple(
        ReasonGroup(name, tuple(reasons))
        for name, reasons in groupby(active, key=lambda reason: reason.group)
    )
