"""The journey of a lead, or of everybody of its company in sight: what they did and what we did.

Called by the pages of leads and companies, newest first, one query a page. Pages go on by a keyset
cursor, so a growing history never shifts them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from crm.models import Account, Lead, LeadRole, User
from qualification.models import ScoreMove
from qualification.review.journey_sources import FILTERS, KINDS, NEWEST, Row, rows_before
from qualification.review.journey_words import Entry, Person, entry_of

PAGE_SIZE = 20
# Of larger companies those who came last; the page says so.
MOST_PEOPLE = 100


@dataclass(frozen=True)
class Day:
    """The entries of one date in the reader's time zone."""

    on: dt.date
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Journey:
    """One page of entries by day; `older` is the cursor of the next page, blank at the end,
    `before` the one of this page.

    Of a company (`is_account`): whose it is, `n_people`, how many more there are in sight,
    `n_left_out`, and with other teams, `n_elsewhere`.
    """

    days: tuple[Day, ...]
    older: str
    only: str = ""
    before: str = ""
    is_account: bool = False
    n_people: int = 1
    n_left_out: int = 0
    n_elsewhere: int = 0


def journey_of(
    lead: Lead, *, reader_id: int | None = None, before: str = "", only: str = ""
) -> Journey:
    """A page of one lead's journey; `before` is the cursor of an earlier page, `only` a key of
    FILTERS.

    What `reader_id` did reads “You …”. A cursor that cannot be read starts at the newest.
    """
    parts = lead.absorbed.values_list("pk", flat=True)
    rows = _page(before, lead_ids=[lead.pk, *parts], only=only)
    days = _by_day(entry_of(row, reader_id=reader_id, person=None) for row in rows[:PAGE_SIZE])
    return Journey(days=days, older=_older(rows), only=_known(only), before=_started(before))


def account_journey(account: Account, *, reader: User, before: str = "", only: str = "") -> Journey:
    """A page of the journey of everybody of a company in the reader's sight, each line with its
    person; of others only how many there are. A merged lead is told as part of whom it became. Six
    queries."""
    everybody = Lead.objects.standing().filter(account=account)
    in_sight = everybody.visible_to(reader)
    n_in_sight = in_sight.count()
    people = list(in_sight.order_by("-received_at", "-pk")[:MOST_PEOPLE])
    persons = _with_parts(_persons(people))
    rows = _page(before, lead_ids=list(persons), only=only)
    return Journey(
        days=_by_day(
            entry_of(row, reader_id=reader.pk, person=persons[row.lead_id])
            for row in rows[:PAGE_SIZE]
        ),
        older=_older(rows),
        only=_known(only),
        before=_started(before),
        is_account=True,
        n_people=len(people),
        n_left_out=n_in_sight - len(people),
        n_elsewhere=everybody.count() - n_in_sight,
    )


def journey_until(
    lead_id: int,
    *,
    at: dt.datetime,
    kinds: Iterable[str],
    tell: Callable[[Row], Row | None],
    limit: int,
) -> tuple[Day, ...]:
    """The last `limit` entries before `at` of these kinds, as far as they were recorded by then.

    `tell` says what of a row may be known; None leaves it out.
    """
    cursor = (at.isoformat(), 0, 0)
    found = rows_before(cursor, lead_ids=[lead_id], sources=kinds, limit=limit, known=at)
    told = (row for row in map(tell, found) if row is not None)
    return _by_day(entry_of(row, reader_id=None, person=None) for row in told)


def entry_of_move(move: ScoreMove) -> Entry:
    """One move of the grade as its line of the journey."""
    cursor = (move.at.isoformat(), KINDS.index("score"), move.pk + 1)
    (row,) = rows_before(cursor, lead_ids=[move.lead_id], sources=["score"], limit=1)
    return entry_of(row, reader_id=None, person=None)


def _persons(people: Sequence[Lead]) -> dict[int, Person]:
    """Each of these leads by the part they play, else by their title."""
    held = LeadRole.objects.filter(lead__in=people, ended_at=None)
    parts: dict[int, list[str]] = {}
    for role in held:
        parts.setdefault(role.lead_id, []).append(str(role.get_role_display()))
    return {
        lead.pk: Person(
            lead_id=lead.pk,
            name=lead.name,
            part=", ".join(parts.get(lead.pk, [])) or lead.title or _("part unknown"),
        )
        for lead in people
    }


def _with_parts(persons: dict[int, Person]) -> dict[int, Person]:
    """The same, and under each lead that was merged into one of them that person."""
    merged = Lead.objects.filter(merged_into__in=persons).values_list("pk", "merged_into")
    return persons | {part: persons[into] for part, into in merged if into is not None}


def _page(before: str, *, lead_ids: Sequence[int], only: str) -> list[Row]:
    """The rows of a page and one more, if there are."""
    cursor = _read_cursor(before) or NEWEST
    sources = FILTERS.get(only, KINDS)
    return rows_before(cursor, lead_ids=lead_ids, sources=sources, limit=PAGE_SIZE + 1)


def _older(rows: Sequence[Row]) -> str:
    return _cursor_after(rows[PAGE_SIZE - 1]) if len(rows) > PAGE_SIZE else ""


def _known(only: str) -> str:
    return only if only in FILTERS else ""


def _started(before: str) -> str:
    return before if _read_cursor(before) else ""


def _by_day(entries: Iterable[Entry]) -> tuple[Day, ...]:
    grouped = groupby(entries, key=lambda entry: timezone.localtime(entry.at).date())
    return tuple(Day(on=day, entries=tuple(group)) for day, group in grouped)


def _cursor_after(row: Row) -> str:
    return f"{row.at.isoformat()}~{row.rank}~{row.pk}"


def _read_cursor(text: str) -> tuple[str, int, int] | None:
    parts = text.split("~")
    try:
        at = parse_datetime(parts[0])
        rank, pk = int(parts[1]), int(parts[2])
    except (ValueError, IndexError):
        return None
    is_sound = at is not None and at.tzinfo and 0 <= rank < len(KINDS) and 0 <= pk < 2**63
    return (parts[0], rank, pk) if is_sound else None
