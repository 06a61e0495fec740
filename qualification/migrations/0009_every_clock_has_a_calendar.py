import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("qualification", "0008_around_the_clock")]

    operations = [
        migrations.AlterField(
            model_name="slatimer",
            name="urgent_until",
            field=models.DateTimeField(),
        ),
        migrations.AlterField(
            model_name="slatimer",
            name="calendar_version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="timers",
                to="qualification.calendarversion",
            ),
        ),
    ]
