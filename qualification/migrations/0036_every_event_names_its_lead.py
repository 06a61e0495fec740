import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("qualification", "0035_events_of_before_name_their_lead"),
    ]

    operations = [
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
        migrations.AddIndex(
            model_name="itemevent",
            index=models.Index(
                condition=models.Q(("verb", "item:touched"), _negated=True),
                fields=["lead", "-at", "-id"],
                name="qualification_event_journey",
            ),
        ),
    ]
