"""What destinations need to begin with, and their tables in the chain; rows with new columns are
recorded anew."""

from django.db import migrations

from qualification.audit import triggers
from qualification.audit.tables import CHAINED

NEW = [chained for chained in CHAINED if chained.since == "destinations"]
WIDER = [
    chained
    for chained in CHAINED
    if chained.table in ("qualification_decision", "qualification_handoff")
]
CONSENT = "share_consent"
NEEDED = (
    ("partner", f"checklist.{CONSENT}"),
    ("partner", "lead.country"),
    ("team", "lead.country"),
)


def ship(apps, schema_editor):
    criterion = apps.get_model("qualification", "Criterion")
    criterion.objects.get_or_create(
        key=CONSENT, defaults={"label": "Consent to be passed on", "value_type": "boolean"}
    )
    field = apps.get_model("qualification", "DestinationField")
    for target, subject in NEEDED:
        field.objects.get_or_create(target=target, subject=subject)


def drop(tables):
    return "".join(
        f"DROP TRIGGER leadqual_audit_{deed} ON {chained.table};"
        for chained in tables
        for deed in ("insert", "update", "delete")
    )


class Migration(migrations.Migration):
    dependencies = [("qualification", "0031_destinations")]

    operations = [
        migrations.RunPython(ship, migrations.RunPython.noop),
        migrations.RunSQL(
            # The guard lets no migration write the chain by hand: it stands aside for the records.
            "ALTER TABLE qualification_auditentry DISABLE TRIGGER leadqual_audit_rows;"
            + drop(WIDER)
            + triggers.record_sql([*WIDER, *NEW])
            + triggers.install_sql([*WIDER, *NEW])
            + "ALTER TABLE qualification_auditentry ENABLE TRIGGER leadqual_audit_rows;",
            drop([*WIDER, *NEW]) + triggers.install_sql([chained.at_first() for chained in WIDER]),
        ),
    ]
