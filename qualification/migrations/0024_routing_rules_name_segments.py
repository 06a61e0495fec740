from django.db import migrations, models

# Nothing but a shell could write one so far, and no such rule could be switched on.
BLANK = """
    UPDATE qualification_routingrule AS r SET segment = NULL
    WHERE NOT EXISTS (SELECT FROM qualification_segment AS s WHERE s.key = r.segment)
"""


class Migration(migrations.Migration):
    dependencies = [("qualification", "0023_handoffs_move_between_desks")]

    operations = [
        migrations.RemoveConstraint(
            model_name="routingrule", name="qualification_routingrule_no_segment_yet"
        ),
        migrations.AlterField(
            model_name="routingruleevent",
            name="segment",
            field=models.SlugField(blank=True, db_index=False, max_length=60, null=True),
        ),
        migrations.AlterField(
            model_name="routingrule",
            name="segment",
            field=models.SlugField(blank=True, max_length=60, null=True),
        ),
        migrations.RunSQL(
            BLANK,
            "UPDATE qualification_routingrule SET segment = '' WHERE segment IS NULL",
        ),
    ]
