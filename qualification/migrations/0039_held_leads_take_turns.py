from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("qualification", "0038_notices_of_merges")]

    # Which stretch of very many held leads the next pass of the sweep looks at. Not transactional:
    # passes at the same moment look at different ones.
    operations = [
        migrations.RunSQL(
            "CREATE SEQUENCE qualification_held_turn AS integer CYCLE",
            "DROP SEQUENCE qualification_held_turn",
        )
    ]
