"""Opening hours are apart from each other in PostgreSQL too: what a version of a calendar says is
checked by a function that says yes or no to all of it."""

from django.db import migrations, models

from qualification.models.calendar import HoursHold

# The same rules as `sla/calendars.py`, which gives the sentence. An opening of the week is laid on
# the line of its minutes twice, a week apart, so that what runs past midnight of Sunday meets
# Monday; one of a single date ends at midnight, as nothing says what the next date is.
HOURS_HOLD = r"""
CREATE FUNCTION leadqual_hours_hold(week jsonb, days jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE
    WHEN jsonb_path_exists(jsonb_build_array(week, days),
        'strict $[*] ? (@.type() != "object")') THEN false
    WHEN week - '{mon,tue,wed,thu,fri,sat,sun}'::text[] <> '{}' THEN false
    WHEN jsonb_path_exists(days, 'strict $.keyvalue() ?
        (!(@.key like_regex "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"))') THEN false
    WHEN jsonb_path_exists(jsonb_build_array(week, days),
        'strict $[*].* ? (@.type() != "array")') THEN false
    WHEN jsonb_path_exists(jsonb_build_array(week, days),
        'strict $[*].*[*] ? (@.type() != "array" || @.size() != 2)') THEN false
    WHEN jsonb_path_exists(jsonb_build_array(week, days),
        'strict $[*].*[*][*] ? (@.type() != "string"
            || !(@ like_regex "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"))') THEN false
    ELSE (
        WITH opening AS (
            SELECT side.is_week, day.key AS day,
                left(o.pair ->> 0, 2)::int * 60 + right(o.pair ->> 0, 2)::int AS opens,
                left(o.pair ->> 1, 2)::int * 60 + right(o.pair ->> 1, 2)::int AS closes
            FROM (VALUES (true, week), (false, days)) AS side (is_week, said)
            CROSS JOIN jsonb_each(side.said) AS day
            CROSS JOIN jsonb_array_elements(day.value) AS o (pair)
        ), span AS (
            SELECT 'week' AS line, midnight + again + opens AS starts,
                midnight + again + closes + CASE WHEN closes < opens THEN 1440 ELSE 0 END AS ends
            FROM opening, (VALUES (0), (7 * 1440)) AS twice (again), LATERAL (
                SELECT 1440 * array_position('{mon,tue,wed,thu,fri,sat,sun}'::text[], day)
            ) AS date (midnight)
            WHERE is_week
            UNION ALL
            SELECT day, opens, CASE WHEN closes < opens THEN 1440 ELSE closes END
            FROM opening WHERE NOT is_week
        ), beside AS (
            SELECT starts, lag(ends) OVER (PARTITION BY line ORDER BY starts, ends) AS before
            FROM span
        )
        SELECT EXISTS (SELECT FROM opening WHERE is_week)
            AND NOT EXISTS (SELECT FROM opening WHERE opens = closes OR opens = 1440)
            AND NOT EXISTS (SELECT FROM beside WHERE starts < before)
    )
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("qualification", "0036_every_event_names_its_lead"),
    ]

    operations = [
        migrations.RunSQL(HOURS_HOLD, "DROP FUNCTION leadqual_hours_hold"),
        migrations.AddConstraint(
            model_name="calendarversion",
            constraint=models.CheckConstraint(
                condition=HoursHold("week", "days"),
                name="qualification_calendarversion_hours_apart",
            ),
        ),
    ]
