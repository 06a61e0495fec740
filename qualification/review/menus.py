"""What the menus of the queue offer beside fixed choices: sources, segments, colleagues.

Called by the filter of the queue. All of it is one query, however long the queue is: it does not
look which source has a lead open, that would read the whole queue.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from django.db import connection

from crm.models import User
from qualification import prepared
from qualification.review.claims import SIGHT_SQL, sight_parameters

Options = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Menus:
    """(value, label) of each option, in the order to show."""

    sources: Options
    segments: Options
    colleagues: Options


# Colleagues are others who hold a lead in sight.
_OPTIONS = f"""
    SELECT 'source' AS kind, id::varchar AS value, coalesce(nullif(label, ''), name) AS label
    FROM crm_source
    UNION ALL SELECT 'segment', key, name FROM qualification_segment
    UNION ALL SELECT 'colleague', u.id::varchar,
        coalesce(nullif(trim(u.first_name || ' ' || u.last_name), ''), u.username)
    FROM crm_user AS u WHERE u.id <> %(reader)s AND EXISTS (
        SELECT FROM qualification_reviewitem AS i
        WHERE i.holder_id = u.id AND i.state IN ('claimed', 'owned') AND i.team_id IN ({SIGHT_SQL}))
    ORDER BY kind, label
"""  # noqa: S608 - constants


def menus_of(user: User) -> Menus:
    """The options for this reader."""
    options: dict[str, list[tuple[str, str]]] = defaultdict(list)
    parameters = {"reader": user.pk, **sight_parameters(user)}
    with connection.cursor() as cursor:
        prepared.run(cursor, "leadqual_queue_menus", _OPTIONS, parameters)
        for kind, value, label in cursor.fetchall():
            options[kind].append((value, label))
    return Menus(
        sources=tuple(options["source"]),
        segments=tuple(options["segment"]),
        colleagues=tuple(options["colleague"]),
    )
