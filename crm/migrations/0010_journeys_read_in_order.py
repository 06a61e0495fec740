from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0009_people_are_erased"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="activity",
            index=models.Index(fields=["lead", "-occurred_at", "-id"], name="crm_activity_journey"),
        ),
    ]
