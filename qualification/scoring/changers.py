"""Decides what would change the verdict: the smallest sets of facts that move a lead's grade.
Called by the lead page. Every set is scored by the compiled expression; nothing is estimated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from qualification.models import ScoringModel
from qualification.scoring.candidates import (
    LARGEST,
    Change,
    Effort,
    Known,
    merge,
    one_more,
    ways_to_hold,
)
from qualification.scoring.compile import CompiledModel, compile_model
from qualification.scoring.compile.given import leads_given
from qualification.scoring.compile.model import CompiledRule
from qualification.scoring.compile.recorded import Recorded, recorded_facts
from qualification.scoring.conditions import ActivityTest, AllOf, NoActivityTest
from qualification.scoring.verdict import verdict_of

SHOWN = 4
# Of the shown ones so many may tell what would lower the grade.
SHOWN_DOWN = 2
# Sets tried in the first statement, and changes whose pairs are tried in the second.
MOST_SETS = 48
MOST_PAIRED = 8


@dataclass(frozen=True)
class Standing:
    """A score and what follows from it."""

    total_tenths: int
    grade: str
    disqualified: str
    verdict: str

    def differs(self, other: Standing) -> bool:
        """Whether a reader would call it another verdict."""
        mine = (self.grade, self.disqualified, self.verdict)
        return mine != (other.grade, other.disqualified, other.verdict)


@dataclass(frozen=True)
class Changer:
    """A smallest set of changes and the score it gives, exactly."""

    changes: tuple[Change, ...]
    standing: Standing
    delta_tenths: int

    @property
    def words(self) -> str:
        """The changes in a reader's words."""
        return _(" and ").join(change.words for change in self.changes)

    @property
    def is_up(self) -> bool:
        """Whether the lead would stand better."""
        return not self.standing.disqualified and self.delta_tenths >= 0

    @property
    def effort(self) -> Effort:
        """What the hardest of the changes takes."""
        return max(change.effort for change in self.changes)


@dataclass(frozen=True)
class _Trial:
    """Scores sets of changes of one lead, many a statement."""

    compiled: CompiledModel
    recorded: Recorded

    def score(self, sets: Sequence[tuple[Change, ...]]) -> list[Standing]:
        """The standing under each set, in order."""
        many = []
        for changes in sets:
            facts = self.recorded.facts
            for change in changes:
                facts = change.applied(facts)
            many.append(facts)
        sql, params = self.compiled.totals(leads_given(many, shared=self.recorded.activities))
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT row_id, total, grade, disqualified FROM ({sql}) AS s",  # noqa: S608  # nosec
                params,
            )
            found = {row[0]: _standing(row[1:], self.compiled.model) for row in cursor.fetchall()}
        return [found[number] for number in range(len(sets))]


def changers_of(lead_id: int, *, model: ScoringModel, now: datetime) -> tuple[Changer, ...]:
    """What would move the grade or the verdict of a lead as it stands at `now`, smallest sets
    first, what can be asked before what must happen; at most four.

    Nothing for a disqualified lead, and for one that is not there.
    """
    compiled = compile_model(model)
    recorded = recorded_facts(compiled, lead_id, as_of=now)
    if recorded is None:
        return ()
    trial = _Trial(compiled, recorded)
    sets = _sets(compiled, recorded)
    base, *standings = trial.score([(), *sets])
    if base.disqualified:
        return ()
    found = _moving(base, sets, standings)
    if len(_shown(found)) < SHOWN:
        pairs = _pairs(base, sets, standings)
        if pairs:
            found += _moving(base, pairs, trial.score(pairs))
    return _shown(found)


def _standing(found: tuple[int, str, str], model: ScoringModel) -> Standing:
    total, grade, disqualified = found
    word = _("Disqualified") if disqualified else verdict_of(total_tenths=total, model=model).word
    return Standing(total, grade, disqualified, word)


def _moving(
    base: Standing, sets: Sequence[tuple[Change, ...]], standings: Sequence[Standing]
) -> list[Changer]:
    """The sets that move the verdict although no part of them alone does."""
    moving = {
        frozenset(changes)
        for changes, standing in zip(sets, standings, strict=True)
        if standing.differs(base)
    }
    found = []
    for changes, standing in zip(sets, standings, strict=True):
        whole = frozenset(changes)
        if whole not in moving or any(part < whole for part in moving):
            continue
        changer = Changer(changes, standing, standing.total_tenths - base.total_tenths)
        # That what we know to the lead's credit is wrong, or that they do harm, is no question.
        if changer.is_up or changer.effort is Effort.ASK:
            found.append(changer)
    return found


def _pairs(
    base: Standing, sets: Sequence[tuple[Change, ...]], standings: Sequence[Standing]
) -> list[tuple[Change, ...]]:
    """Pairs of single changes that do not suffice alone but pull the same way, easiest first."""
    singles = [
        (changes[0], standing.total_tenths - base.total_tenths)
        for changes, standing in zip(sets, standings, strict=True)
        if len(changes) == 1 and not standing.differs(base)
    ]
    pulling = [(change, delta) for change, delta in singles if delta]
    pulling.sort(key=lambda each: (each[0].effort, -abs(each[1])))
    tried = set(map(frozenset, sets))
    found: list[tuple[Change, ...]] = []
    for (one, pull), (other, also) in combinations(pulling[:MOST_PAIRED], 2):
        pair = merge((one, other))
        same_way = (pull > 0) == (also > 0)
        if same_way and pair is not None and len(pair) == 2 and frozenset(pair) not in tried:
            found.append(pair)
    return found


def _shown(found: Iterable[Changer]) -> tuple[Changer, ...]:
    """The best few: small sets, little effort, large effect; both directions where there are."""
    ranked = sorted(found, key=lambda c: (len(c.changes), c.effort, -abs(c.delta_tenths)))
    up = [changer for changer in ranked if changer.is_up]
    down = [changer for changer in ranked if not changer.is_up]
    kept_down = down[: max(SHOWN_DOWN, SHOWN - len(up))]
    return (*up[: SHOWN - len(kept_down)], *kept_down[:SHOWN])


# --- what to try ----------------------------------------------------------------------------------


def _sets(compiled: CompiledModel, recorded: Recorded) -> list[tuple[Change, ...]]:
    """Sets of changes that would make a rule hold, and each of their parts; each once."""
    row = _row_of(compiled, recorded)
    ranked = []
    for number, rule in enumerate(compiled.rules):
        for changes in _ways(rule, number, row, compiled, recorded):
            effort = max(change.effort for change in changes)
            ranked.append((len(changes), effort, -abs(rule.rule.points), changes))
    ranked.sort(key=lambda each: each[:3])
    found: dict[frozenset[Change], tuple[Change, ...]] = {}
    for *_rank, changes in ranked:
        for size in range(1, len(changes) + 1):
            for part in combinations(changes, size):
                found.setdefault(frozenset(part), part)
    return list(found.values())[:MOST_SETS]


def _row_of(compiled: CompiledModel, recorded: Recorded) -> dict[str, Any]:
    """What the expression says of every rule and comparison as things stand."""
    sql, params = compiled.lines(leads_given([recorded.facts], shared=recorded.activities))
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        names = [column.name for column in cursor.description or ()]
        return dict(zip(names, cursor.fetchone(), strict=True))


def _ways(
    rule: CompiledRule,
    number: int,
    row: dict[str, Any],
    compiled: CompiledModel,
    recorded: Recorded,
) -> Iterator[tuple[Change, ...]]:
    """How the rule could come to hold, or to count once more."""
    match rule.when:
        case NoActivityTest():
            return
        case ActivityTest():
            if rule.rule.points > 0:
                change = one_more(
                    rule.when,
                    recorded.facts,
                    count=row[f"n{number}"],
                    was_active=recorded.is_active,
                )
                yield (change,)
            return
    facts = compiled.facts
    if row[f"t{number}"]:
        return
    known = Known(
        held={leaf: row[f"l{number}_{k}"] for k, leaf in enumerate(rule.leaves)},
        unknown=frozenset(name for name, f in facts.columns.items() if row[f"{f}_missing"]),
        has_account=recorded.facts.account is not None,
        as_of=recorded.facts.as_of,
        label_of=facts.catalogue.label_of,
    )
    whole = rule.when if rule.segment is None else AllOf((rule.segment, rule.when))
    for changes in ways_to_hold(whole, known):
        if 0 < len(changes) <= LARGEST:
            yield changes
