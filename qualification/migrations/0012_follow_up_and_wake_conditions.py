"""Plans that wake by contract end and can be changed; cadences; when calls are answered.

Ships one cadence over three weeks, a reason to nurture that is no rejection of its own, and the
question when the present contract ends.
"""

import django.db.models.deletion
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

# (days after the step before, by which way, what to do): 21 days in all.
STEPS = (
    (0, "call", "Call for the first time"),
    (1, "mail", "Mail what you called about"),
    (2, "call", "Call at another time of day"),
    (3, "social", "Connect and leave a line"),
    (4, "mail", "Mail a case like theirs"),
    (5, "call", "Call once more"),
    (6, "mail", "Say goodbye by mail, door open"),
)
QUESTION = "When does their present contract end?"


def ship(apps, schema_editor):
    cadence = apps.get_model("qualification", "Cadence").objects.create(
        key="three-weeks", name="Seven touches in three weeks", is_default=True
    )
    step = apps.get_model("qualification", "CadenceStep")
    for position, (wait_days, kind, task) in enumerate(STEPS, start=1):
        step.objects.create(
            cadence=cadence, position=position, wait_days=wait_days, kind=kind, task=task
        )
    reason = apps.get_model("qualification", "RejectionReason")
    reason.objects.get_or_create(
        key="not_ready",
        defaults={
            "group": "Timing",
            "label": "Interested, not ready yet",
            "influences": "none",
            "suggests_nurture": True,
            # Right behind the other reasons of its group.
            "position": getattr(
                reason.objects.filter(key="locked_in_contract").first(), "position", 0
            ),
        },
    )
    ask_for_the_contract(apps)


def ask_for_the_contract(apps):
    """An optional question more; what was answered so far is complete as it was."""
    criterion, _is_new = apps.get_model("qualification", "Criterion").objects.get_or_create(
        key="contract_end", defaults={"label": "Contract end", "value_type": "date"}
    )
    item = apps.get_model("qualification", "FrameworkItem")
    for framework in apps.get_model("qualification", "Framework").objects.filter(key="bant"):
        last = item.objects.filter(framework=framework).order_by("-position").first()
        item.objects.get_or_create(
            framework=framework,
            criterion=criterion,
            defaults={
                "position": last.position + 1 if last else 1,
                "part": "Timing",
                "question": QUESTION,
                "why": "A lead in nurture wakes well before that day.",
            },
        )


def date_plans(apps, schema_editor):
    plan = apps.get_model("qualification", "NurturePlan")
    for row in plan.objects.select_related("decision").iterator():
        plan.objects.filter(pk=row.pk).update(since=row.decision.at)


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0004_index_of_leads_turned_away"),
        ("qualification", "0011_sla_policies_pauses_and_escalations"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Cadence",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.SlugField(max_length=40)),
                ("version", models.PositiveSmallIntegerField(default=1)),
                ("name", models.CharField(max_length=80)),
                ("is_default", models.BooleanField(default=False, help_text="Offered first.")),
                ("is_active", models.BooleanField(default=True, help_text="Can be started.")),
            ],
            options={
                "ordering": ["-is_default", "name", "-version"],
            },
        ),
        migrations.CreateModel(
            name="CadenceRun",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("due_at", models.DateTimeField(blank=True, null=True)),
                (
                    "told_at",
                    models.DateTimeField(
                        blank=True, help_text="The due time somebody was told about.", null=True
                    ),
                ),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "end",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("finished", "All steps done"),
                            ("replied", "They answered"),
                            ("decided", "Decided"),
                            ("woken", "Back in the queue"),
                            ("stopped", "Stopped by hand"),
                            ("replaced", "Another one was started"),
                            ("released", "Given back"),
                        ],
                        max_length=9,
                    ),
                ),
            ],
            options={
                "ordering": ["-started_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="CadenceStep",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("position", models.PositiveSmallIntegerField()),
                (
                    "wait_days",
                    models.PositiveSmallIntegerField(help_text="Days after the step before."),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("call", "Call"), ("mail", "Mail"), ("social", "Social")],
                        max_length=7,
                    ),
                ),
                (
                    "task",
                    models.CharField(help_text="Such as “Mail the case study”.", max_length=160),
                ),
            ],
            options={
                "ordering": ["position"],
            },
        ),
        migrations.CreateModel(
            name="CadenceStepDone",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("due_at", models.DateTimeField()),
            ],
            options={
                "verbose_name_plural": "cadence steps done",
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="ContactHour",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("hour", models.PositiveSmallIntegerField(unique=True)),
                ("calls", models.PositiveIntegerField()),
                ("answered", models.PositiveIntegerField()),
                ("counted_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["hour"],
            },
        ),
        migrations.RemoveConstraint(
            model_name="nurtureplan",
            name="qualification_nurtureplan_can_wake",
        ),
        migrations.AddField(
            model_name="nurtureplan",
            name="contract_ends_on",
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="nurtureplan",
            name="contract_wake_on",
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="nurtureplan",
            name="since",
            field=models.DateTimeField(default=django.utils.timezone.now),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="reviewitem",
            name="snoozed_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="reviewitem",
            name="task_told_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="reviewitem",
            name="entry_reason",
            field=models.CharField(
                choices=[
                    ("threshold", "Score reached the line"),
                    ("exploration", "Drawn from below the line"),
                    ("reinquiry", "Asked again"),
                    ("returned", "Returned by the AE"),
                    ("woken", "Woke up"),
                    ("taken_back", "Taken out of nurture"),
                    ("overturned", "Rejection overturned"),
                    ("reversed", "Decision undone"),
                ],
                max_length=11,
            ),
        ),
        migrations.AddIndex(
            model_name="reviewitem",
            index=models.Index(
                condition=models.Q(("next_task_at__isnull", False), ("state", "owned")),
                fields=["next_task_at"],
                name="qualification_item_task",
            ),
        ),
        migrations.AddConstraint(
            model_name="nurtureplan",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("wake_on__isnull", False),
                    models.Q(("wake_activity", ""), _negated=True),
                    ("wake_score_tenths__isnull", False),
                    ("contract_wake_on__isnull", False),
                    _connector="OR",
                ),
                name="qualification_nurtureplan_can_wake",
            ),
        ),
        migrations.AddConstraint(
            model_name="nurtureplan",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("contract_ends_on", None), ("contract_wake_on", None)),
                    models.Q(
                        ("contract_ends_on__isnull", False),
                        ("contract_wake_on__isnull", False),
                        ("contract_wake_on__lte", models.F("contract_ends_on")),
                    ),
                    _connector="OR",
                ),
                name="qualification_nurtureplan_contract",
            ),
        ),
        migrations.AddConstraint(
            model_name="nurtureplan",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("wake_on", None), ("wake_on__lte", models.F("latest_on")), _connector="OR"
                    ),
                    models.Q(
                        ("contract_wake_on", None),
                        ("contract_wake_on__lte", models.F("latest_on")),
                        _connector="OR",
                    ),
                ),
                name="qualification_nurtureplan_latest_is_last",
            ),
        ),
        migrations.AddConstraint(
            model_name="cadence",
            constraint=models.UniqueConstraint(
                fields=("key", "version"), name="qualification_cadence_one_version"
            ),
        ),
        migrations.AddConstraint(
            model_name="cadence",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_default", True)),
                fields=("is_default",),
                name="qualification_cadence_one_default",
            ),
        ),
        migrations.AddField(
            model_name="cadencerun",
            name="cadence",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="runs",
                to="qualification.cadence",
            ),
        ),
        migrations.AddField(
            model_name="cadencerun",
            name="item",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="cadence_runs",
                to="qualification.reviewitem",
            ),
        ),
        migrations.AddField(
            model_name="cadencerun",
            name="lead",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="cadence_runs",
                to="crm.lead",
            ),
        ),
        migrations.AddField(
            model_name="cadencerun",
            name="started_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="cadencestep",
            name="cadence",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="steps",
                to="qualification.cadence",
            ),
        ),
        migrations.AddField(
            model_name="cadencerun",
            name="step",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="qualification.cadencestep",
            ),
        ),
        migrations.AddField(
            model_name="cadencestepdone",
            name="run",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="done",
                to="qualification.cadencerun",
            ),
        ),
        migrations.AddField(
            model_name="cadencestepdone",
            name="step",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="qualification.cadencestep",
            ),
        ),
        migrations.AddField(
            model_name="cadencestepdone",
            name="touch",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="step_done",
                to="qualification.touch",
            ),
        ),
        migrations.AddConstraint(
            model_name="contacthour",
            constraint=models.CheckConstraint(
                condition=models.Q(("hour__lte", 23), ("answered__lte", models.F("calls"))),
                name="qualification_contacthour_sane",
            ),
        ),
        migrations.AddConstraint(
            model_name="cadencestep",
            constraint=models.UniqueConstraint(
                fields=("cadence", "position"), name="qualification_cadencestep_one_place"
            ),
        ),
        migrations.AddConstraint(
            model_name="cadencestep",
            constraint=models.CheckConstraint(
                condition=models.Q(("wait_days__lte", 90)), name="qualification_cadencestep_wait"
            ),
        ),
        migrations.AddIndex(
            model_name="cadencerun",
            index=models.Index(
                condition=models.Q(("ended_at", None)),
                fields=["due_at"],
                name="qualification_cadencerun_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="cadencerun",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)),
                fields=("lead",),
                name="qualification_cadencerun_one",
            ),
        ),
        migrations.AddConstraint(
            model_name="cadencerun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("due_at__isnull", False),
                        ("end", ""),
                        ("ended_at", None),
                        ("step__isnull", False),
                    ),
                    models.Q(("end__gt", ""), ("ended_at__isnull", False)),
                    _connector="OR",
                ),
                name="qualification_cadencerun_next_or_end",
            ),
        ),
        migrations.AddConstraint(
            model_name="cadencestepdone",
            constraint=models.UniqueConstraint(
                fields=("run", "step"), name="qualification_cadencestepdone_once"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="cadencestepdone",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="e6c9fe7aa5772f6b737e0d672d8cd702dd51d7fd",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_65632",
                    table="qualification_cadencestepdone",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.RunPython(date_plans, migrations.RunPython.noop),
        migrations.RunPython(ship, migrations.RunPython.noop),
    ]
