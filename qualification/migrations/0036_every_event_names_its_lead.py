import django.db.models.deletion
from django.db import migrations, models

from crm.migrating import AddIndexMeanwhile

# With a constraint that is known to hold PostgreSQL need not look at every event once more while
# nobody may write.
_DROP = """
    ALTER TABLE qualification_itemevent DROP CONSTRAINT IF EXISTS qualification_itemevent_has_lead
"""
_ADD = """
    ALTER TABLE qualification_itemevent
        ADD CONSTRAINT qualification_itemevent_has_lead CHECK (lead_id IS NOT NULL) NOT VALID
"""
_LOOK = """
    ALTER TABLE qualification_itemevent VALIDATE CONSTRAINT qualification_itemevent_has_lead
"""
_NOTHING = migrations.RunSQL.noop


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("qualification", "0035_events_of_before_name_their_lead"),
    ]

    operations = [
        AddIndexMeanwhile(
            model_name="checklistanswer",
            index=models.Index(
                fields=["lead", "-recorded_at", "-id"], name="qualification_answer_journey"
            ),
        ),
        AddIndexMeanwhile(
            model_name="decision",
            index=models.Index(
                fields=["lead", "-at", "-id"], name="qualification_decision_journey"
            ),
        ),
        AddIndexMeanwhile(
            model_name="scoredispute",
            index=models.Index(fields=["lead", "-at", "-id"], name="qualification_dispute_journey"),
        ),
        AddIndexMeanwhile(
            model_name="touch",
            index=models.Index(fields=["lead", "-at", "-id"], name="qualification_touch_journey"),
        ),
        AddIndexMeanwhile(
            model_name="touch",
            index=models.Index(
                condition=models.Q(("kind", "mail")),
                fields=["lead", "-at", "-id"],
                name="qualification_touch_mails",
            ),
        ),
        AddIndexMeanwhile(
            model_name="itemevent",
            index=models.Index(
                condition=models.Q(("verb", "item:touched"), _negated=True),
                fields=["lead", "-at", "-id"],
                name="qualification_event_journey",
            ),
        ),
        migrations.AlterField(
            model_name="checklistanswer",
            name="lead",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="answers",
                to="crm.lead",
            ),
        ),
        migrations.AlterField(
            model_name="decision",
            name="lead",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="decisions",
                to="crm.lead",
            ),
        ),
        migrations.AlterField(
            model_name="scoredispute",
            name="lead",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="disputes",
                to="crm.lead",
            ),
        ),
        migrations.AlterField(
            model_name="touch",
            name="lead",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="touches",
                to="crm.lead",
            ),
        ),
        migrations.RunSQL(_DROP, _NOTHING),
        migrations.RunSQL(_ADD, _NOTHING),
        migrations.RunSQL(_LOOK, _NOTHING),
        migrations.AlterField(
            model_name="itemevent",
            name="lead",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="crm.lead",
            ),
        ),
        migrations.RunSQL(_DROP, _NOTHING),
    ]
