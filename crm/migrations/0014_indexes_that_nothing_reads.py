import django.db.models.deletion
from django.db import migrations, models

from crm.migrating import UnindexMeanwhile


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("crm", "0013_first_steps_are_put_away"),
        ("pghistory", "0007_auto_20250421_0444"),
    ]

    operations = [
        UnindexMeanwhile(
            model_name="accountevent",
            name="parent",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="crm.account",
            ),
        ),
        UnindexMeanwhile(
            model_name="accountevent",
            name="pgh_context",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="pghistory.context",
            ),
        ),
        UnindexMeanwhile(
            model_name="leadevent",
            name="pgh_context",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="pghistory.context",
            ),
        ),
        UnindexMeanwhile(
            model_name="leadevent",
            name="source",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="crm.source",
            ),
        ),
        UnindexMeanwhile(
            model_name="leadevent",
            name="team",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="crm.team",
            ),
        ),
        UnindexMeanwhile(
            model_name="stageevent",
            name="lead",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="stage_events",
                to="crm.lead",
            ),
        ),
        UnindexMeanwhile(
            model_name="activity",
            name="source",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="crm.source",
            ),
        ),
        UnindexMeanwhile(
            model_name="inboxmessage",
            name="source",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="messages",
                to="crm.source",
            ),
        ),
        UnindexMeanwhile(
            model_name="leadidentity",
            name="source",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="identities",
                to="crm.source",
            ),
        ),
    ]
