"""Counts answers and accepts by country, and says where good leads wait too long: a hint to change
routing.

Called by the SLA page. A region is strong when the whole 95 % interval of its
accept rate lies above the common rate, slow when that of its share met lies below the common share.
"""

from __future__ import annotations

from dataclasses import dataclass

from qualification.insights.response import Group, ResponseReport
from qualification.intervals import wilson

# Below this many a share says more about chance than about the region.
ENOUGH = 30


@dataclass(frozen=True)
class Share:
    """k of n, against the same share of all regions together."""

    k: int
    n: int
    common: float

    @property
    def is_enough(self) -> bool:
        """Whether there is enough to show a rate."""
        return self.n >= ENOUGH

    @property
    def missing(self) -> int:
        """How many are missing before a rate is shown."""
        return max(ENOUGH - self.n, 0)

    @property
    def rate(self) -> float | None:
        """0 to 1; None without enough of them."""
        return self.k / self.n if self.is_enough else None

    @property
    def side(self) -> int:
        """1 when all of the 95 % Wilson interval is above the common share, -1 below, else 0."""
        if not self.is_enough:
            return 0
        low, high = wilson(self.k, self.n)
        return int(low > self.common) - int(high < self.common)


@dataclass(frozen=True)
class Region:
    """The clocks of leads of one country; `team` had most of them, `n_team`."""

    group: Group
    met: Share
    accepted: Share
    team: str
    n_team: int

    @property
    def waits_too_long(self) -> bool:
        """Accepted more often than others and answered in time less often."""
        return self.accepted.side > 0 and self.met.side < 0


def regions_of(report: ResponseReport) -> tuple[Region, ...]:
    """A region for each country of the report, those that wait too long first, then by name."""
    found = [
        _region(group, most, report.total)
        for group, most in zip(report.countries, report.most_by, strict=True)
    ]
    return tuple(sorted(found, key=lambda one: (not one.waits_too_long, one.group.label)))


def _region(group: Group, most: tuple[str, int], total: Group) -> Region:
    team, n_team = most
    return Region(
        group=group,
        met=Share(group.met, group.n, _share(total.met, total.n)),
        accepted=Share(group.accepted, group.decided, _share(total.accepted, total.decided)),
        team=team,
        n_team=n_team,
    )


def _share(k: int, n: int) -> float:
    return k / n if n else 0.0
