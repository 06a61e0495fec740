import django.db.models.deletion
import django.db.models.functions.comparison
from django.db import migrations, models

from crm.migrating import AddIndexMeanwhile


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("crm", "0011_merged_leads_and_parent_companies"),
    ]

    operations = [
        AddIndexMeanwhile(
            model_name="leadmerge",
            index=models.Index(fields=["survivor", "-at", "-id"], name="crm_leadmerge_journey"),
        ),
        AddIndexMeanwhile(
            model_name="leadmerge",
            index=models.Index(
                condition=models.Q(("undone_at__isnull", False)),
                fields=["survivor", "-undone_at", "-id"],
                name="crm_leadmerge_undone",
            ),
        ),
        AddIndexMeanwhile(
            model_name="outcome",
            index=models.Index(
                models.F("lead"),
                models.OrderBy(
                    django.db.models.functions.comparison.Coalesce("occurred_at", "recorded_at"),
                    descending=True,
                ),
                models.OrderBy(models.F("id"), descending=True),
                name="crm_outcome_journey",
            ),
        ),
        migrations.AlterField(
            model_name="leadmerge",
            name="survivor",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="merges",
                to="crm.lead",
            ),
        ),
        migrations.AlterField(
            model_name="outcome",
            name="lead",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="outcomes",
                to="crm.lead",
            ),
        ),
    ]
