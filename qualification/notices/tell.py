"""Tells people: the only writer of new notices. Called by the rooms, inside the transaction of what
happened, so that a notice is there exactly when the fact is.

Mail and chat follow from the row (`channels/plan.py`): nothing is sent here.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import QuerySet

from crm.models import Lead, Team, User
from crm.roles import Role
from qualification.choices import Channel, NoticeKind
from qualification.models import Notice
from qualification.notices.preferences import wishes_of
from qualification.notices.wording import NOTHING, refuse_missing


@dataclass(frozen=True)
class Told:
    """One thing to tell one person."""

    person_id: int
    kind: NoticeKind
    key: str
    lead_id: int | None = None
    words: Mapping[str, str] = field(default_factory=dict)


def tell(
    *,
    kind: NoticeKind,
    people: Collection[User] | QuerySet[User],
    key: str,
    lead: Lead | None = None,
    words: Mapping[str, str] = NOTHING,
    now: datetime,
    holds: timedelta = timedelta(0),
) -> int:
    """Tells these people once what `key` names; returns how many of them are told by this call.
    `holds`: for so long nothing leaves by mail or chat, so that `take_back` can unsay it.

    Somebody inactive, or who wants to hear of this kind on no channel, is not told. Raises KeyError
    when the sentence of the kind needs words that are not there.
    """
    lead_id = None if lead is None else lead.pk
    told = [Told(user.pk, kind, key, lead_id, words) for user in people]
    return tell_all(told, now=now, holds=holds)


def take_back(*, key: str) -> int:
    """What `key` names is not so any more: the notices go, read or not. Returns how many."""
    removed, _by_model = Notice.objects.filter(key=key).delete()
    return removed


def tell_all(told: Sequence[Told], *, now: datetime, holds: timedelta = timedelta(0)) -> int:
    """Like `tell`, many different things in three statements."""
    for entry in told:
        refuse_missing(entry.kind, entry.words, is_about_lead=entry.lead_id is not None)
    active = User.objects.filter(pk__in={entry.person_id for entry in told}, is_active=True)
    wishes = wishes_of(list(active.values_list("pk", flat=True)))
    rows = []
    for entry in told:
        wish = wishes.get(entry.person_id)
        channels = wish.channels(entry.kind) if wish else frozenset()
        if channels:
            rows.append((entry, channels))
    return _insert(rows, now=now, due_at=now + holds) if rows else 0


def managers_of(team: Team | int | None) -> QuerySet[User]:
    """Whom to tell about a team: its managers; all managers for the fallback team, which is
    everybody's, and for a team that has none."""
    managers = User.objects.filter(is_active=True, groups__name=Role.MANAGER)
    of_team = managers.filter(team=team, team__is_fallback=False)
    return of_team if of_team.exists() else managers


def _insert(
    rows: Sequence[tuple[Told, frozenset[Channel]]], *, now: datetime, due_at: datetime
) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO qualification_notice
                (person_id, kind, key, lead_id, words, at, is_in_app, due_at, was_held_back)
            SELECT t.person, t.kind, t.key, t.lead, t.words, %(now)s, t.is_in_app,
                   CASE WHEN t.is_sent THEN %(due_at)s END, false
            FROM unnest(
                %(people)s::bigint[], %(kinds)s::text[], %(keys)s::text[], %(leads)s::bigint[],
                %(words)s::jsonb[], %(in_app)s::boolean[], %(sent)s::boolean[]
            ) AS t (person, kind, key, lead, words, is_in_app, is_sent)
            ON CONFLICT (person_id, key) DO NOTHING
            """,
            {
                "now": now,
                "due_at": due_at,
                "people": [entry.person_id for entry, _ in rows],
                "kinds": [str(entry.kind) for entry, _ in rows],
                "keys": [entry.key for entry, _ in rows],
                "leads": [entry.lead_id for entry, _ in rows],
                "words": [json.dumps(dict(entry.words)) for entry, _ in rows],
                "in_app": [Channel.IN_APP in channels for _, channels in rows],
                "sent": [bool(channels - {Channel.IN_APP}) for _, channels in rows],
            },
        )
        told: int = cursor.rowcount
    return told
