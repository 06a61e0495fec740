"""The calendar every installation starts with is always open: clocks run as they did before.

Running and past clocks get it too; a breach stays on top for a day as before.
"""

import datetime as dt

from django.db import migrations
from django.db.models import F

NAME = "Around the clock"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def ship(apps, schema_editor):
    calendar = apps.get_model("qualification", "BusinessCalendar").objects.create(
        name=NAME, is_default=True
    )
    version = apps.get_model("qualification", "CalendarVersion").objects.create(
        calendar=calendar,
        version=1,
        zone="UTC",
        week={day: [["00:00", "24:00"]] for day in WEEKDAYS},
        created_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    )
    apps.get_model("qualification", "SLATimer").objects.filter(calendar_version=None).update(
        calendar_version=version, urgent_until=F("due_at") + dt.timedelta(days=1)
    )


class Migration(migrations.Migration):
    dependencies = [("qualification", "0007_business_calendars")]

    operations = [migrations.RunPython(ship, migrations.RunPython.noop)]
