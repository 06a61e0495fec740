"""Counts how often each person passes a claimed lead on, by the score it had. Called by the page of
managers and its download.

The share is skips of claims. Whoever skips mostly low scores picks the good ones; whoever skips at
every score may have too much to do: the reasons tell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from django.db.models import Case, Count, F, IntegerField, Value, When
from django.utils.translation import gettext as _

from crm.models import User
from crm.roles import Role, roles_of
from crm.sight import leads_in_sight
from qualification.choices import SkipReason
from qualification.intervals import wilson
from qualification.models import ItemEvent, Skip

# From how many claims on a share is shown.
MIN_CLAIMS = 20
# Bands of the score begin here, in tenths of a point.
BANDS = (0, 500, 650, 800)
LATEST = 50


@dataclass(frozen=True)
class Cell:
    """Claims of one person, in one band of the score or in all, and how many of them were
    skipped."""

    claims: int
    skips: int

    @property
    def is_enough(self) -> bool:
        """Whether there are enough claims to show a share."""
        return self.claims >= MIN_CLAIMS

    @property
    def missing(self) -> int:
        """Claims that are missing before a share is shown."""
        return max(MIN_CLAIMS - self.claims, 0)

    @property
    def rate(self) -> float | None:
        """Skips per claim, 0 to 1; None without enough of them."""
        return self._of_claims / self.claims if self.is_enough else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % Wilson interval of the share; None without enough claims."""
        if not self.is_enough:
            return None
        return wilson(self._of_claims, self.claims)

    @property
    def _of_claims(self) -> int:
        """A claim just before the period may be skipped within it: no more than there are."""
        return min(self.skips, self.claims)


@dataclass(frozen=True)
class Row:
    """One person: a cell for each band, one for all of them, the reasons, most frequent first."""

    person: User
    cells: tuple[Cell, ...]
    total: Cell
    reasons: tuple[tuple[str, int], ...]


def skip_report(reader: User, *, days: int, now: datetime) -> list[Row]:
    """Everybody in the reader's sight who claimed or skipped in the last `days`, by name."""
    since = now - timedelta(days=days)
    people = _people(reader)
    events = ItemEvent.objects.filter(
        leads_in_sight(reader, prefix="item__lead__"),
        by__in=people,
        verb="item:claimed",
        at__gte=since,
    )
    claims = _by_band(events.values_list("by", _band("item__score_tenths")))
    skipped = Skip.objects.filter(
        leads_in_sight(reader, prefix="item__lead__"), by__in=people, at__gte=since
    )
    skips = _by_band(skipped.values_list("by", _band("score_tenths")))
    reasons = _by_band(skipped.values_list("by", F("reason")))
    active = {by for by, _band_ in [*claims, *skips]}
    return [_row(person, claims, skips, reasons) for person in people if person.pk in active]


def latest_skips(reader: User, person: User, *, days: int, now: datetime) -> list[Skip]:
    """The last skips of one person on leads in the reader's sight, latest first."""
    found = Skip.objects.filter(
        leads_in_sight(reader, prefix="item__lead__"),
        by=person,
        at__gte=now - timedelta(days=days),
    )
    return list(found.select_related("item__lead").order_by("-at", "-pk")[:LATEST])


def table_of(rows: Sequence[Row]) -> Iterator[list[str]]:
    """Rows for a file, the heading first; a share is blank without enough claims."""
    yield ["person", "score_from", "claims", "skips", "rate", "low", "high"]
    for row in rows:
        bands = [f"{start / 10:.0f}" for start in BANDS]
        for band, cell in zip([*bands, "all"], [*row.cells, row.total], strict=True):
            low, high = cell.interval or (None, None)
            shares = ["" if n is None else f"{n:.4f}" for n in (cell.rate, low, high)]
            yield [str(row.person), band, str(cell.claims), str(cell.skips), *shares]


def band_labels() -> list[str]:
    """The bands in words, lowest first."""
    points = [f"{start / 10:.0f}" for start in BANDS]
    inner = [
        _("%(low)s to %(high)s") % {"low": low, "high": high} for low, high in pairwise(points[1:])
    ]
    return [
        _("Below %(high)s") % {"high": points[1]},
        *inner,
        _("%(low)s or more") % {"low": points[-1]},
    ]


def _people(reader: User) -> list[User]:
    people = User.objects.filter(groups__name__in=[Role.SDR, Role.MANAGER]).distinct()
    if Role.ADMIN not in roles_of(reader):
        people = people.filter(team=reader.team_id)
    return list(people.order_by("first_name", "last_name", "pk"))


def _band(field: str) -> Case:
    """The place of the band that holds the score."""
    steps = [When(**{f"{field}__gte": start}, then=Value(n)) for n, start in enumerate(BANDS)]
    return Case(*reversed(steps), default=Value(0), output_field=IntegerField())


def _by_band(pairs: object) -> Counter[tuple[int, object]]:
    """How often each pair of (person, band or reason) comes."""
    counted = pairs.annotate(n=Count("pk")).order_by()  # type: ignore[attr-defined]
    return Counter({(by, key): n for by, key, n in counted})


def _row(
    person: User,
    claims: Counter[tuple[int, object]],
    skips: Counter[tuple[int, object]],
    reasons: Counter[tuple[int, object]],
) -> Row:
    keys = [(person.pk, n) for n in range(len(BANDS))]
    cells = tuple(Cell(claims[key], skips[key]) for key in keys)
    given = {SkipReason(str(why)).label: n for (by, why), n in reasons.items() if by == person.pk}
    return Row(
        person=person,
        cells=cells,
        total=Cell(sum(cell.claims for cell in cells), sum(cell.skips for cell in cells)),
        reasons=tuple((str(why), n) for why, n in Counter(given).most_common()),
    )
