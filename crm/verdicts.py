"""Decides in SQL who did an activity: the latest verdict on it counts.

Called by reads of a few activities. (Scoring asks over ranges of leads:
`qualification/scoring/compile/sources.py`.)
"""


def is_machine(activity: str, *, by: str = "'infinity'") -> str:
    """A condition that a machine did the activity of this SQL expression, by what was recorded by
    the moment `by` (SQL too); never NULL."""
    return f"""coalesce((
        SELECT v.is_machine FROM crm_activityverdict AS v
        WHERE v.activity_id = {activity} AND v.recorded_at <= {by}
        ORDER BY v.recorded_at DESC, v.id DESC LIMIT 1
    ), false)"""  # noqa: S608 - an expression of the caller's code  # nosec
