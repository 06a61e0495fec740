"""How the score of a lead came to be what it is: computed anew for a few past moments.

No score is stored over time. Each point is what was recorded by then under the version that was
live then, by the same ledger as everywhere. Called by a fragment of the lead page.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from django.db import connection

from crm.models import Lead
from qualification.models import ScoringModel
from qualification.review.past import LineChange, changes_between
from qualification.scoring.compile import at_moments, compile_model
from qualification.scoring.ledger import Ledger, ledgers
from qualification.scoring.versions import models_in_force

# The life of the lead is cut into so many parts of one length; of each the last moment is shown at
# which something that scores look at was recorded.
PARTS = 10
REASONS_SHOWN = 2

# The newest of each table in each part: an index finds it however long the history is. An activity
# counts from when it is known of and has happened.
_MOMENTS = """
    WITH life AS (
        SELECT min(e.pgh_created_at) AS since, %(until)s::timestamptz AS until
        FROM crm_leadevent AS e WHERE e.pgh_obj_id = %(lead)s
    ), part AS (
        SELECT l.since + (n - 1) * (l.until - l.since) / %(parts)s AS a,
               l.since + n * (l.until - l.since) / %(parts)s AS b, l.until
        FROM life AS l CROSS JOIN generate_series(1, %(parts)s) AS n
        WHERE l.since < l.until
    )
    SELECT since FROM life WHERE since <= until
    UNION
    SELECT max(m.at) FROM part AS p CROSS JOIN LATERAL (
        (SELECT greatest(a.occurred_at, a.recorded_at) AS at FROM crm_activity AS a
         WHERE a.lead_id = %(lead)s AND a.occurred_at > p.a AND a.occurred_at <= p.b
         ORDER BY a.occurred_at DESC, a.id DESC LIMIT 1)
        UNION ALL
        (SELECT e.pgh_created_at FROM crm_leadevent AS e
         WHERE e.pgh_obj_id = %(lead)s AND e.pgh_created_at > p.a AND e.pgh_created_at <= p.b
         ORDER BY e.pgh_created_at DESC LIMIT 1)
        UNION ALL
        (SELECT e.pgh_created_at FROM crm_accountevent AS e
         WHERE e.pgh_obj_id = %(account)s::bigint
           AND e.pgh_created_at > p.a AND e.pgh_created_at <= p.b
         ORDER BY e.pgh_created_at DESC LIMIT 1)
        UNION ALL
        (SELECT n.recorded_at FROM qualification_checklistanswer AS n
         WHERE n.lead_id = %(lead)s AND n.recorded_at > p.a AND n.recorded_at <= p.b
         ORDER BY n.recorded_at DESC LIMIT 1)
        UNION ALL
        (SELECT max(r.recorded_at) FROM crm_leadrole AS r
         WHERE r.lead_id = %(lead)s AND r.recorded_at > p.a AND r.recorded_at <= p.b)
        UNION ALL
        (SELECT max(r.published_at) FROM qualification_releasenote AS r
         WHERE r.published_at > p.a AND r.published_at <= p.b)
    ) AS m
    WHERE m.at <= p.until GROUP BY p.a
    UNION
    SELECT until FROM life
    ORDER BY 1
"""


@dataclass(frozen=True)
class Point:
    """The score as of a moment, by how much it differs from the point before, and the lines that
    make most of the difference; None and nothing at the first."""

    at: datetime
    ledger: Ledger
    delta_tenths: int | None
    reasons: tuple[LineChange, ...]


@dataclass(frozen=True)
class History:
    """Points oldest first; the last is the moment of the score on the page. None where nothing was
    recorded by then."""

    points: tuple[Point, ...]

    @property
    def totals(self) -> list[float]:
        """The scores in points."""
        return [point.ledger.total_tenths / 10 for point in self.points]

    @property
    def places(self) -> list[float]:
        """Where each moment lies between the first and the last, from 0 to 1."""
        first, last = self.points[0].at, self.points[-1].at
        whole = (last - first).total_seconds() or 1.0
        return [(point.at - first).total_seconds() / whole for point in self.points]


def score_history(lead: Lead, *, until: datetime) -> History:
    """The score at up to a dozen moments of the life of a lead, the last of them `until`: a fixed
    number of queries, and two for each version that was live meanwhile."""
    moments = _moments(lead, until=until)
    found: dict[datetime, Ledger] = {}
    for model, of_model in _by_model(moments):
        rows = dict(enumerate(of_model))
        source = at_moments((number, lead.pk, at) for number, at in rows.items())
        told = ledgers(compile_model(model), source, rows)
        found |= {rows[number]: ledger for number, ledger in told.items()}
    shown = [(at, found[at]) for at in moments if at in found]
    return History(points=tuple(_points(shown)))


def _points(shown: list[tuple[datetime, Ledger]]) -> list[Point]:
    points = [Point(at, ledger, None, ()) for at, ledger in shown[:1]]
    for (_earlier, before), (at, ledger) in pairwise(shown):
        changes = sorted(changes_between(before, ledger), key=lambda one: -abs(one.delta_tenths))
        delta = ledger.total_tenths - before.total_tenths
        points.append(Point(at, ledger, delta, tuple(changes[:REASONS_SHOWN])))
    return points


def _moments(lead: Lead, *, until: datetime) -> list[datetime]:
    with connection.cursor() as cursor:
        cursor.execute(
            _MOMENTS,
            {"lead": lead.pk, "account": lead.account_id, "until": until, "parts": PARTS},
        )
        return [at for (at,) in cursor.fetchall() if at is not None]


def _by_model(moments: list[datetime]) -> list[tuple[ScoringModel, list[datetime]]]:
    """The moments at which each version was live; those before any are left out."""
    live = models_in_force(moments)
    models = {model.pk: model for model in live.values() if model is not None}
    of_model: dict[int, list[datetime]] = defaultdict(list)
    for at in moments:
        model = live[at]
        if model is not None:
            of_model[model.pk].append(at)
    return [(models[pk], found) for pk, found in of_model.items()]
