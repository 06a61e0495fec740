"""Decides how the figures of a simulation are shown: bars, tables of moves, named leads.
Called by pages; `simulate.py` makes the figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from qualification.choices import ModelStatus
from qualification.models import RunKind, RunState, ScoringModel, ScoringRun
from qualification.scoring import runs, simulate
from qualification.scoring.moves import Matrix, grade_matrix, tier_matrix
from qualification.scoring.runs import Progress

PARTS = {simulate.OPEN: _("Open leads"), simulate.HISTORY: _("Decided leads")}
GROUPS = {
    "enters": _("Reach the line"),
    "leaves": _("Fall below the line"),
    "newly_out": _("Newly disqualified"),
    "newly_in": _("No longer disqualified"),
}
# More bars than this would be hairlines: neighbours are added up.
MOST_BARS = 40


@dataclass(frozen=True)
class Moved:
    """A named lead; totals in tenths, a blank grade is a disqualified one."""

    lead_id: int
    before: int
    after: int
    grade_before: str
    grade_after: str


@dataclass(frozen=True)
class Group:
    """Leads of one kind of move: how many, and the ones it takes furthest."""

    label: str
    count: int
    leads: tuple[Moved, ...]


@dataclass(frozen=True)
class Bars:
    """Leads by total under both versions; bar i covers `width` tenths from `start + i * width`."""

    start: int
    width: int
    before: tuple[int, ...]
    after: tuple[int, ...]


@dataclass(frozen=True)
class Part:
    """Open or decided leads."""

    name: str
    label: str
    n: int
    bars: Bars
    tiers: Matrix
    grades: Matrix
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class Simulation:
    """The newest simulation of a version. While it runs only `progress` tells; `is_outdated`: the
    version, or the live one, is not what it was then."""

    run: ScoringRun
    progress: Progress
    parts: tuple[Part, ...] = ()
    correlation: float | None = None
    sampled: int = 0
    is_outdated: bool = False

    @property
    def is_running(self) -> bool:
        """Whether there is more to come."""
        return self.run.state == RunState.RUNNING

    @property
    def is_done(self) -> bool:
        """Whether it has figures."""
        return self.run.state == RunState.DONE


def simulation_of(model: ScoringModel) -> Simulation | None:
    """The newest simulation of this version, running, done or failed; None without one."""
    found = ScoringRun.objects.filter(kind=RunKind.SIMULATE, model=model)
    run = found.select_related("against", "model").first()
    if run is None:
        return None
    progress = runs.progress_of(run)
    if run.state != RunState.DONE:
        return Simulation(run, progress)
    result = run.result
    return Simulation(
        run=run,
        progress=progress,
        parts=tuple(_part(name, result[name]) for name in PARTS if result[name]["n"]),
        correlation=result["correlation"],
        sampled=result["sampled"],
        is_outdated=_is_outdated(run),
    )


def _is_outdated(run: ScoringRun) -> bool:
    if run.model.status not in (ModelStatus.DRAFT, ModelStatus.SHADOW):
        return False  # what it said before it went live
    is_same = run.result["content"] == simulate.fingerprint(run.model)
    return not is_same or run.against is None or run.against.status != ModelStatus.ACTIVE


def _part(name: str, found: Mapping[str, Any]) -> Part:
    return Part(
        name=name,
        label=str(PARTS[name]),
        n=found["n"],
        bars=_bars(found["before"], found["after"]),
        tiers=tier_matrix(_pairs(found["tiers"])),
        grades=grade_matrix(_pairs(found["grades"])),
        groups=tuple(
            Group(
                label=str(label),
                count=found["counts"].get(move, 0),
                leads=tuple(Moved(*lead) for lead in found["named"][move]),
            )
            for move, label in GROUPS.items()
        ),
    )


def _pairs(counted: Mapping[str, int]) -> dict[tuple[str, str], int]:
    pairs = {}
    for moved, count in counted.items():
        before, _arrow, after = moved.partition(">")
        pairs[before, after] = count
    return pairs


def _bars(before: Mapping[str, int], after: Mapping[str, int]) -> Bars:
    """From the lowest bar to the highest, neighbours added up until they fit."""
    places = [int(place) for place in (*before, *after)]
    lowest, highest = min(places), max(places)
    merged = -(-(highest - lowest + 1) // MOST_BARS)
    first = lowest // merged
    sums = [[0] * (highest // merged - first + 1) for _version in range(2)]
    for version, counted in enumerate((before, after)):
        for place, count in counted.items():
            sums[version][int(place) // merged - first] += count
    width = simulate.BIN * merged
    return Bars(first * width, width, tuple(sums[0]), tuple(sums[1]))
