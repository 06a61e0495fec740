from datetime import timedelta

from django.db import migrations

BATCH = 2_000
_KEEP = """
    UPDATE qualification_slatimer AS t SET open_seconds = measured.took
    FROM unnest(%(ids)s::bigint[], %(took)s::integer[]) AS measured (id, took)
    WHERE t.id = measured.id AND t.state = 'stopped'
"""


def measure(apps, schema_editor):
    """How long stopped clocks ran in open time; those of later are measured as they stop. Run again,
    it goes on where it broke off."""
    # Pure functions over the openings a version holds, which never changes.
    from qualification.sla.business_time import open_time
    from qualification.sla.hours import calendar_of

    timers = apps.get_model("qualification", "SLATimer").objects
    pauses = apps.get_model("qualification", "SLAPause").objects
    versions = apps.get_model("qualification", "CalendarVersion").objects
    calendars = {}
    last = 0
    while True:
        stopped = timers.filter(state="stopped", open_seconds=None, pk__gt=last)
        batch = list(stopped.order_by("pk")[:BATCH])
        if not batch:
            return
        last = batch[-1].pk
        wanted = {timer.calendar_version_id for timer in batch} - calendars.keys()
        calendars |= {row.pk: calendar_of(row) for row in versions.filter(pk__in=wanted)}
        stood = {timer.pk: timedelta(0) for timer in batch}
        ends = {
            timer.pk: (calendars[timer.calendar_version_id], timer.stopped_at) for timer in batch
        }
        for pause in pauses.filter(timer__in=stood):
            calendar, stopped_at = ends[pause.timer_id]
            stood[pause.timer_id] += open_time(
                calendar, pause.started_at, pause.ended_at or stopped_at
            )
        took = []
        for timer in batch:
            calendar, stopped_at = ends[timer.pk]
            ran = open_time(calendar, timer.started_at, stopped_at) - stood[timer.pk]
            took.append(round(ran.total_seconds()))
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(_KEEP, {"ids": [timer.pk for timer in batch], "took": took})


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("qualification", "0044_open_time_and_kept_figures"),
    ]

    operations = [
        migrations.RunPython(measure, migrations.RunPython.noop),
    ]
