"""The stages of a lead: the only writer of `Lead.stage`.

A move is one conditional UPDATE (the row count decides who won) and one StageEvent, in the caller's
transaction or one of its own.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from crm.clock import stamp_history
from crm.exceptions import StageMoveRefused
from crm.models import Lead, StageEvent, User
from crm.stages import MOVES, Stage


def predecessors(stage: str) -> list[str]:
    """Stages from which `stage` may be reached."""
    return [str(start) for start, ends in MOVES.items() if stage in ends]


@transaction.atomic
def move_lead(
    *,
    lead: Lead,
    to: Stage,
    reason: str,
    by: User | None,
    now: datetime,
    disqualified_by: str = "",
) -> Lead:
    """Move one lead; refreshes `stage`, `stage_at` and `version` of the given object.

    Raises StageMoveRefused when the stored stage does not allow the move.
    """
    stamp_history(now)
    locked = Lead.objects.select_for_update(no_key=True).filter(pk=lead.pk)
    before = locked.values_list("stage", flat=True).first()
    moved = Lead.objects.filter(pk=lead.pk, stage__in=predecessors(to), merged_into=None).update(
        stage=to,
        stage_at=now,
        disqualified_by=disqualified_by,
        version=F("version") + 1,
        updated_at=now,
    )
    if moved != 1 or before is None:
        raise StageMoveRefused(
            _("A lead in stage “%(before)s” cannot move to “%(to)s”.")
            % {"before": before, "to": to}
        )
    StageEvent.objects.create(
        lead=lead, from_stage=before, to_stage=to, at=now, by=by, reason=reason
    )
    lead.refresh_from_db(fields=["stage", "stage_at", "version", "disqualified_by", "updated_at"])
    return lead


@transaction.atomic
def move_leads(
    *,
    lead_ids: Collection[int],
    to: Stage,
    reason: str,
    by: User | None,
    now: datetime,
    disqualified_by: str = "",
) -> list[int]:
    """Move many leads at once; returns the ids that moved. Others stay as they are, silently:
    the caller asked for those that can."""
    stamp_history(now)
    sql = f"""
        WITH before AS (
            SELECT id AS lead_id, stage AS from_stage FROM crm_lead
            WHERE id = ANY(%(ids)s) AND stage = ANY(%(from)s) AND merged_into_id IS NULL
            ORDER BY id FOR NO KEY UPDATE
        ), {moving_sql("before")}
        SELECT lead_id FROM moved_told
    """  # noqa: S608 - constants of this module
    parameters = moving_parameters(
        to=to, reason=reason, by=by, now=now, disqualified_by=disqualified_by
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, {**parameters, "ids": list(lead_ids), "from": predecessors(to)})
        return [row[0] for row in cursor.fetchall()]


def moving_sql(before: str) -> str:
    """The move as common table expressions, for a larger statement that locked the leads.

    `before` is one of its tables, with `lead_id` and `from_stage`: stages that may become the next
    one, as `predecessors` has it. `moved_told` holds the `lead_id` of those that moved. The caller
    gives `moving_parameters` and stamped the history (`crm.clock`).
    """
    return f"""
        moved AS (
            UPDATE crm_lead AS l
            SET stage = %(to_stage)s, stage_at = %(now)s, disqualified_by = %(by_whom)s,
                version = l.version + 1, updated_at = %(now)s
            FROM {before} AS b WHERE l.id = b.lead_id
            RETURNING l.id, b.from_stage
        ), moved_told AS (
            INSERT INTO crm_stageevent (lead_id, from_stage, to_stage, at, by_id, reason)
            SELECT id, from_stage, %(to_stage)s, %(now)s, %(by)s, %(reason)s FROM moved
            RETURNING lead_id
        )
    """  # noqa: S608 - the name of a table of the caller


def moving_parameters(
    *, to: Stage, reason: str, by: User | None, now: datetime, disqualified_by: str = ""
) -> dict[str, Any]:
    """What `moving_sql` asks for."""
    return {
        "to_stage": str(to),
        "reason": reason,
        "by": by.pk if by else None,
        "now": now,
        "by_whom": disqualified_by,
    }
