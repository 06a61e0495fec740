"""Decides what a version would do to the leads there are: both versions over all of them, as of one
moment, a key range at a time. `work` and `finish` are a kind of run (qualification/runner.py).

Open leads and those decided already are counted apart; how well a version agrees with the decisions
is the back-test's to say. Nothing is stored but the figures.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection
from django.utils.translation import gettext as _

from crm.models import Lead, User
from crm.stages import Stage
from qualification.choices import ModelStatus
from qualification.exceptions import NothingToCompare
from qualification.models import RunKind, ScoringModel, ScoringRule, ScoringRun, Segment
from qualification.scoring.compile import compile_model, leads_between
from qualification.scoring.document_rows import content_of
from qualification.scoring.moves import rank_correlation
from qualification.scoring.points import tenths_of
from qualification.scoring.runs import RangeResult, start_run

OPEN, HISTORY = "open", "history"
OPEN_STAGES = frozenset([Stage.NEW, Stage.MQL, Stage.WORKING, Stage.NURTURE])
# Width of a bar of the histogram, in tenths.
BIN = 50
# So many leads of each kind of move are named.
NAMED = 50
# So many leads of each key range stand for all where ranks are compared.
SAMPLE = 500
# What a lead may do between the versions: reach the line, fall below it, be disqualified by the
# new version only, by the old one only.
MOVES = ("enters", "leaves", "newly_out", "newly_in")


class Scored(NamedTuple):
    """A lead under one version."""

    total: int
    grade: str
    tier: str
    disqualified: str


@dataclass
class Tally:
    """Figures of one part of the leads; `pairs` of tiers and grades as `before>after`."""

    n: int = 0
    before: Counter[str] = field(default_factory=Counter)
    after: Counter[str] = field(default_factory=Counter)
    tiers: Counter[str] = field(default_factory=Counter)
    grades: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    named: dict[str, list[list[Any]]] = field(default_factory=lambda: {move: [] for move in MOVES})

    def add(self, lead_id: int, old: Scored, new: Scored, lines: tuple[int, int]) -> None:
        """Count one lead; `lines`: the queue line of each version, in tenths."""
        self.n += 1
        self.before[str(old.total // BIN)] += 1
        self.after[str(new.total // BIN)] += 1
        self.tiers[f"{old.tier}>{new.tier}"] += 1
        self.grades[f"{old.grade}>{new.grade}"] += 1
        for move in _moves(old, new, lines):
            self.counts[move] += 1
            self.named[move].append([lead_id, old.total, new.total, old.grade, new.grade])

    def merge(self, other: Mapping[str, Any]) -> None:
        """Add the figures another range came to."""
        self.n += other["n"]
        for name in ("before", "after", "tiers", "grades", "counts"):
            getattr(self, name).update(other[name])
        for move in MOVES:
            self.named[move] += other["named"][move]

    def to_json(self) -> dict[str, Any]:
        """Plain figures; of each move the leads it takes furthest."""
        counters = ("before", "after", "tiers", "grades", "counts")
        return {
            "n": self.n,
            **{name: dict(getattr(self, name)) for name in counters},
            "named": {move: _furthest(leads) for move, leads in self.named.items()},
        }


def start_simulation(*, model: ScoringModel, by: User, now: datetime) -> ScoringRun:
    """A run of this version against the live one over all leads; the one that runs, if one does.

    Raises NothingToCompare: no version is live, or it is this one.
    """
    live = ScoringModel.objects.filter(status=ModelStatus.ACTIVE).first()
    if live is None or live == model:
        raise NothingToCompare(_("There is no live version to compare it with."))
    return start_run(kind=RunKind.SIMULATE, model=model, against=live, by=by, now=now)


def work(run: ScoringRun, first: int, last: int) -> RangeResult:
    """Score a key range under both versions and count what differs."""
    assert run.against is not None  # noqa: S101 - start_simulation names it
    old = _scored(run.against, first, last, run.as_of)
    new = _scored(run.model, first, last, run.as_of)
    lines = (tenths_of(run.against.mql), tenths_of(run.model.mql))
    in_range = Lead.objects.standing().filter(pk__gte=first, pk__lte=last)
    stages = dict(in_range.values_list("pk", "stage"))
    tallies = {OPEN: Tally(), HISTORY: Tally()}
    both = [lead_id for lead_id in new if lead_id in old and lead_id in stages]
    for lead_id in both:
        part = OPEN if stages[lead_id] in OPEN_STAGES else HISTORY
        tallies[part].add(lead_id, old[lead_id], new[lead_id], lines)
    step = max(1, len(both) // SAMPLE)
    return RangeResult(
        scored=len(both),
        changed=sum(old[lead_id] != new[lead_id] for lead_id in both),
        result={
            **{part: tally.to_json() for part, tally in tallies.items()},
            "sample": [[old[pk].total, new[pk].total] for pk in both[::step]],
            "content": fingerprint(run.model),
        },
    )


def finish(run: ScoringRun, results: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures of the whole run; `content` is blank when the draft changed meanwhile."""
    tallies = {OPEN: Tally(), HISTORY: Tally()}
    for part, tally in tallies.items():
        for found in results:
            tally.merge(found[part])
    sample = [pair for found in results for pair in found["sample"]]
    contents = {found["content"] for found in results}
    return {
        **{part: tally.to_json() for part, tally in tallies.items()},
        "correlation": rank_correlation(*_columns(sample)),
        "sampled": len(sample),
        "content": contents.pop() if len(contents) == 1 else "",
    }


def fingerprint(model: ScoringModel) -> str:
    """Short mark of what the version says; another one after any edit of a draft, or of a segment
    that its rules name."""
    rules = list(model.rules.order_by("position", "id"))
    content = content_of(model, rules) | {"meanings": _meanings(model, rules)}
    return f"{zlib.crc32(json.dumps(content, default=str, sort_keys=True).encode()):08x}"


def _meanings(model: ScoringModel, rules: Iterable[ScoringRule]) -> dict[str, Any]:
    """What the segments mean: in a draft as they are saved, later as they were frozen."""
    if model.status != ModelStatus.DRAFT:
        return dict(model.segments)
    keys = {rule.segment for rule in rules if rule.segment}
    saved = Segment.objects.filter(key__in=keys).values_list("key", "query") if keys else ()
    return dict(saved)


def _scored(model: ScoringModel, first: int, last: int, as_of: datetime) -> dict[int, Scored]:
    totals, params = compile_model(model).totals(leads_between(first, last, as_of=as_of))
    columns = "row_id, total, grade, tier, disqualified"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM ({totals}) AS s", params)  # noqa: S608  # nosec
        return {row_id: Scored(*rest) for row_id, *rest in cursor}


def _moves(old: Scored, new: Scored, lines: tuple[int, int]) -> Iterable[str]:
    was_above = not old.disqualified and old.total >= lines[0]
    is_above = not new.disqualified and new.total >= lines[1]
    if is_above != was_above:
        yield "enters" if is_above else "leaves"
    if bool(old.disqualified) != bool(new.disqualified):
        yield "newly_out" if new.disqualified else "newly_in"


def _furthest(leads: list[list[Any]]) -> list[list[Any]]:
    """Those whose total moves most, by id where it moves the same."""
    return sorted(leads, key=lambda lead: (-abs(lead[2] - lead[1]), lead[0]))[:NAMED]


def _columns(pairs: list[list[int]]) -> tuple[list[int], list[int]]:
    return [before for before, _after in pairs], [after for _before, after in pairs]
