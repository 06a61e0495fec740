"""Pairs of leads that are one person, and what every table holds of them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import connection

from crm.models import Activity, Lead, LeadIdentity, LeadMerge, LeadRole, Source, Team, User
from qualification.review.merge import merge_lead, undo_merge
from tests import factories
from tests.factories import NOW

MINUTE = dt.timedelta(minutes=1)
# What only grows: the log of what happened, and the record of the merge itself.
LOG = {
    "crm_leadmerge",
    "crm_leadevent",
    "crm_accountevent",
    "qualification_itemevent",
    "qualification_auditentry",
    "qualification_notice",
    "qualification_scoringdue",
    "qualification_slaevent",
    "django_session",
}
# Rise with every change, so that an old page is noticed.
COUNTERS = {"updated_at", "token", "version"}


def a_lead(team: Team, **fields: Any) -> Lead:
    """A lead with an identity of its own, as stored."""
    lead = factories.LeadFactory(team=team, **fields)
    a_way_in(lead)
    return Lead.objects.get(pk=lead.pk)


def a_way_in(lead: Lead, source: Source | None = None, **imported: Any) -> LeadIdentity:
    """An identity under which a source knows the lead, with what it stated."""
    return LeadIdentity.objects.create(
        lead=lead,
        source=source or lead.source,
        external_id=f"id-{lead.pk}-{LeadIdentity.objects.count()}",
        imported=imported,
        first_seen_at=NOW,
        last_seen_at=NOW,
    )


def did(lead: Lead, kind: str = "page_view", at: dt.datetime = NOW) -> Activity:
    """Something the person did."""
    return Activity.objects.create(
        lead=lead, type=kind, occurred_at=at, recorded_at=at, source=lead.source
    )


def plays(lead: Lead, role: str) -> LeadRole:
    """A part in the purchase."""
    return LeadRole.objects.create(lead=lead, role=role, source="Call", recorded_at=NOW)


def merge(
    survivor: Lead, loser: Lead, by: User, *, takes: Any = (), now: dt.datetime = NOW + 10 * MINUTE
) -> LeadMerge:
    """`loser` into `survivor`."""
    return merge_lead(survivor=survivor, loser=loser, takes=takes, by=by, now=now)


def undo(merged: LeadMerge, by: User, *, now: dt.datetime = NOW + 20 * MINUTE) -> LeadMerge:
    """Two leads again."""
    return undo_merge(merge=merged, by=by, now=now)


def every_row() -> dict[str, list[dict[str, Any]]]:
    """Every row of every table but the log, without what counts changes."""
    found: dict[str, list[dict[str, Any]]] = {}
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        for table in sorted(set(tables) - LOG):
            cursor.execute(f'SELECT to_jsonb(t) FROM "{table}" AS t ORDER BY to_jsonb(t)::text')
            rows = [_plain(row) for (row,) in cursor.fetchall()]
            found[table] = sorted(rows, key=str)
    return found


def _plain(row: Any) -> dict[str, Any]:
    import json

    read = json.loads(row) if isinstance(row, str) else row
    return {key: value for key, value in read.items() if key not in COUNTERS}
