from django.db import migrations, transaction

# Events in the order of their numbers. The triggers are off for one batch and its transaction only;
# whoever writes an event waits for that long.
BATCH = 5_000
_BACKFILL = """
    ALTER TABLE qualification_itemevent DISABLE TRIGGER USER;
    UPDATE qualification_itemevent AS e SET lead_id = i.lead_id
    FROM qualification_reviewitem AS i
    WHERE i.id = e.item_id AND e.id BETWEEN {first} AND {last} AND e.lead_id IS NULL;
    SET CONSTRAINTS ALL IMMEDIATE;
    ALTER TABLE qualification_itemevent ENABLE TRIGGER USER;
"""


def name_their_lead(apps, schema_editor):
    """Those of later get theirs from a trigger. Run again, it goes on where it broke off."""
    events = apps.get_model("qualification", "ItemEvent").objects.filter(lead=None)
    newest = events.order_by("-pk").values_list("pk", flat=True).first()
    first = events.order_by("pk").values_list("pk", flat=True).first()
    while first is not None and first <= newest:
        last = first + BATCH - 1
        connection = schema_editor.connection
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.execute(_BACKFILL.format(first=first, last=last))
        first = last + 1


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("qualification", "0034_events_name_their_lead"),
    ]

    operations = [
        migrations.RunPython(name_their_lead, migrations.RunPython.noop),
    ]
