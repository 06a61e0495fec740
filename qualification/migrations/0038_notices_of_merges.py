from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("qualification", "0037_opening_hours_apart"),
    ]

    operations = [
        migrations.AlterField(
            model_name="notice",
            name="kind",
            field=models.CharField(
                choices=[
                    ("lead_assigned", "A lead is assigned to you"),
                    ("sla_warning", "A clock of yours runs out soon"),
                    ("sla_breach", "A clock has run out"),
                    ("sla_escalation", "A breach is escalated to you"),
                    ("task_due", "A task is due"),
                    ("handoff_returned", "An AE returned a lead you accepted"),
                    ("handoff_moved", "A handoff goes to the desk of another AE"),
                    ("lead_merged", "A lead of yours is merged with another record"),
                    ("merge_undone", "The merge of a lead of yours is undone"),
                    ("rejection_overturned", "A lead you rejected is back in the queue"),
                    ("source_rejected", "A lead was rejected, and somebody tells its source"),
                    ("manager_asked", "Somebody asks a manager to decide"),
                    ("leads_held", "Leads are held because nobody can take them"),
                    ("invariant_violated", "A lead may be forgotten"),
                    ("version_published", "A version of the scoring goes live"),
                    ("erasure_asked", "Personal data are to be erased"),
                ],
                max_length=24,
            ),
        ),
        migrations.AlterField(
            model_name="noticepreference",
            name="kind",
            field=models.CharField(
                choices=[
                    ("lead_assigned", "A lead is assigned to you"),
                    ("sla_warning", "A clock of yours runs out soon"),
                    ("sla_breach", "A clock has run out"),
                    ("sla_escalation", "A breach is escalated to you"),
                    ("task_due", "A task is due"),
                    ("handoff_returned", "An AE returned a lead you accepted"),
                    ("handoff_moved", "A handoff goes to the desk of another AE"),
                    ("lead_merged", "A lead of yours is merged with another record"),
                    ("merge_undone", "The merge of a lead of yours is undone"),
                    ("rejection_overturned", "A lead you rejected is back in the queue"),
                    ("source_rejected", "A lead was rejected, and somebody tells its source"),
                    ("manager_asked", "Somebody asks a manager to decide"),
                    ("leads_held", "Leads are held because nobody can take them"),
                    ("invariant_violated", "A lead may be forgotten"),
                    ("version_published", "A version of the scoring goes live"),
                    ("erasure_asked", "Personal data are to be erased"),
                ],
                max_length=24,
            ),
        ),
    ]
