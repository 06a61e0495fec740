import django.db.models.deletion
from django.db import migrations, models

HELP = "Only leads of this segment; blank for all. The condition must hold too."


class Migration(migrations.Migration):
    dependencies = [("qualification", "0024_routing_rules_name_segments")]

    operations = [
        migrations.AlterField(
            model_name="routingrule",
            name="segment",
            field=models.ForeignKey(
                blank=True,
                db_column="segment",
                help_text=HELP,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="qualification.segment",
                to_field="key",
            ),
        ),
        migrations.AlterField(
            model_name="routingruleevent",
            name="segment",
            field=models.ForeignKey(
                blank=True,
                db_column="segment",
                db_constraint=False,
                help_text=HELP,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="qualification.segment",
                to_field="key",
            ),
        ),
    ]
