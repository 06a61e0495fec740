import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0012_every_journey_read_in_order"),
        ("qualification", "0033_materials"),
    ]

    operations = [
        migrations.AddField(
            model_name="itemevent",
            name="lead",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="crm.lead",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="itemevent",
            trigger=pgtrigger.compiler.Trigger(
                name="lead_of_item",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n    NEW.lead_id := (SELECT i.lead_id FROM qualification_reviewitem AS i WHERE i.id = NEW.item_id);\n    RETURN NEW;\n",
                    hash="fb29057c9913ed64056e557f5377eb4ca59c1df1",
                    operation="INSERT",
                    pgid="pgtrigger_lead_of_item_1ef20",
                    table="qualification_itemevent",
                    when="BEFORE",
                ),
            ),
        ),
    ]
