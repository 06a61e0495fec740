"""How the figures over all leads are counted that pages show: at once in a small installation, else
aside by a worker. Called by views, the workers' job and the sweep.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils.module_loading import import_string

from qualification.insights import kept
from qualification.insights.kept import Figures
from qualification.models import KeptFigures
from qualification.pipeline import without_values

logger = logging.getLogger(__name__)

# THE table of what is counted: each takes its question (JSON) and gives its answer (JSON). By name,
# as their statistics are sixty megabytes that a worker need not hold before somebody asks.
COUNTS = {
    "basis": "qualification.feedback.reads.count_basis",
    "look": "qualification.feedback.proposals.look_again",
    "sla": "qualification.insights.response.count",
    "sources": "qualification.insights.sources.count",
}
# A worker is rung for; the sweep counts what nobody came for so long.
UNHEARD = timedelta(minutes=1)


def figures_of(
    what: str, name: str, question: Mapping[str, Any], *, now: datetime, anew: bool = False
) -> Figures:
    """What the counting of `what` answers to this question; `name` tells its questions apart."""
    if not kept.is_large():
        return Figures(_answer(what, question, now=now), now)
    return kept.last_or_ask(what, f"{what}:{name}", question, now=now, anew=anew)


def is_counting(what: str, name: str) -> bool:
    """Whether somebody waits for the answer to this question."""
    return kept.is_asked(f"{what}:{name}")


def count_asked(*, now: datetime) -> int:
    """Counts what somebody waits for, one after the other; returns how many."""
    done = 0
    while (row := kept.take(now=now)) is not None:
        done += _count(row, now=now)
    return done


def count_unheard(*, now: datetime) -> int:
    """Counts one of those nobody came for because a bell was lost; returns how many."""
    row = kept.take(now=now, asked_before=now - UNHEARD)
    return 0 if row is None else _count(row, now=now)


def _answer(what: str, question: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    counted: dict[str, Any] = import_string(COUNTS[what])(question, now=now)
    return counted


def _count(row: KeptFigures, *, now: datetime) -> int:
    try:
        answer = _answer(row.what, row.question, now=now)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other figures are counted
        logger.error("figures.failed name=%s error=%s", row.name, without_values(error))
        kept.give_up(row, type(error).__name__)
        return 0
    return int(kept.keep(row, answer, now=now))
