from django.db import migrations

_BACKFILL = """
    ALTER TABLE qualification_itemevent DISABLE TRIGGER USER;
    UPDATE qualification_itemevent AS e SET lead_id = i.lead_id
    FROM qualification_reviewitem AS i WHERE i.id = e.item_id;
    SET CONSTRAINTS ALL IMMEDIATE;
    ALTER TABLE qualification_itemevent ENABLE TRIGGER USER;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("qualification", "0034_events_name_their_lead"),
    ]

    operations = [
        migrations.RunSQL(_BACKFILL, migrations.RunSQL.noop),
    ]
