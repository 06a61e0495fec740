import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("crm", "0012_every_journey_read_in_order"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="hidden_hints",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=9),
                blank=True,
                default=list,
                editable=False,
                help_text="Roles whose first steps this person has put away.",
                size=None,
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("hidden_hints__contained_by", ["sdr", "ae", "manager", "admin", "marketing"])
                ),
                name="crm_user_known_hints",
            ),
        ),
    ]
