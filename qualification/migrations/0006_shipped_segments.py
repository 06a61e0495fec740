"""Segments every installation begins with; admins change or remove them like their own."""

from django.db import migrations
from django.utils import timezone

# (key, name, description, query)
SEGMENTS = (
    (
        "dach",
        "DACH",
        "Germany, Austria and Switzerland, by company, else by person.",
        {"market": ["Germany", "Austria", "Switzerland", "DE", "AT", "CH"]},
    ),
    (
        "mid-market",
        "Mid-market",
        "200 to 2,000 employees.",
        {"employees_min": 200, "employees_max": 2000},
    ),
    ("enterprise", "Enterprise", "More than 2,000 employees.", {"employees_min": 2001}),
    ("target-accounts", "Target accounts", "Companies marked as targets.", {"is_target": True}),
    ("this-week", "This week", "First asked in the last seven days.", {"received_within": 7}),
)


def ship(apps, schema_editor):
    segment = apps.get_model("qualification", "Segment")
    now = timezone.now()
    for key, name, description, query in SEGMENTS:
        segment.objects.get_or_create(
            key=key,
            defaults={
                "name": name,
                "description": description,
                "query": query,
                "created_at": now,
                "updated_at": now,
            },
        )


class Migration(migrations.Migration):
    dependencies = [("qualification", "0005_published_after_shadow")]

    operations = [migrations.RunPython(ship, migrations.RunPython.noop)]
