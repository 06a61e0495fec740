"""What every installation starts with: roles, the fallback team, reasons, checklists, clocks.

All of it can be edited afterwards in the admin; this runs once.
"""

from django.db import migrations

ROLES = ("sdr", "ae", "manager", "admin", "marketing")

# (group, key, label, influences, flags) in the order of the reject dialog.
REASONS = (
    ("Fit", "too_small", "Company too small", "fit", ""),
    ("Fit", "wrong_industry", "Wrong industry", "fit", ""),
    ("Fit", "region_not_served", "Region not served", "fit", ""),
    ("Fit", "no_use_case", "No use case", "fit", ""),
    ("Authority", "no_buying_role", "No buying role", "fit", ""),
    ("Authority", "weak_title", "Weak title", "fit", ""),
    ("Authority", "student", "Student or job seeker", "fit", ""),
    ("Need", "no_problem", "No problem we solve", "intent", ""),
    ("Need", "research_only", "Research only", "intent", ""),
    ("Timing", "no_project", "No project now", "none", "nurture"),
    ("Timing", "locked_in_contract", "Locked in a contract", "none", "nurture"),
    ("Budget", "no_funds", "No funds and no path to them", "fit", ""),
    ("Data quality", "fake_contact", "Fake contact details", "data", ""),
    ("Data quality", "wrong_contact", "Wrong contact details", "data", ""),
    ("Data quality", "duplicate", "Duplicate", "none", ""),
    ("Data quality", "competitor", "Competitor", "data", ""),
    ("Data quality", "vendor", "Vendor selling to us", "data", ""),
    ("Not workable", "unreachable", "Unreachable", "none", "attempts"),
    ("Not workable", "opted_out", "Opted out", "none", ""),
    ("Not workable", "false_urgency", "False urgency", "intent", ""),
    ("Source", "poor_source", "Poor source", "intent", ""),
    ("Other", "other", "Other", "none", "note"),
)

# (key, label, type of the value)
CRITERIA = (
    ("budget", "Budget", "text"),
    ("authority", "Authority", "text"),
    ("pain", "Main pain", "text"),
    ("timing", "Timing", "text"),
    ("priority", "Priority", "text"),
    ("metrics", "Metrics", "text"),
    ("economic_buyer", "Economic buyer", "person"),
    ("decision_criteria", "Decision criteria", "text"),
    ("decision_process", "Decision process", "text"),
    ("champion", "Champion", "person"),
    ("goals", "Goals", "text"),
    ("plans", "Plans", "text"),
    ("system_in_use", "System in use", "text"),
    ("stakeholders", "Who else is involved", "text"),
    ("trigger", "Trigger event", "text"),
)

# framework: [(part, criterion, question, why, required, unknown is an answer)]
FRAMEWORKS = {
    ("bant", "BANT"): (
        (
            "Budget",
            "budget",
            "Is money set aside, or is there a path to it?",
            "A path to the money counts; an amount need not be known yet.",
            True,
            True,
        ),
        (
            "Authority",
            "authority",
            "What is their part in the decision?",
            "Shows who else we must reach.",
            True,
            True,
        ),
        ("Authority", "stakeholders", "Who else is involved?", "", False, False),
        (
            "Need",
            "pain",
            "What problem must go away?",
            "Without a problem there is no project.",
            True,
            False,
        ),
        ("Need", "system_in_use", "What do they use today?", "", False, False),
        (
            "Timing",
            "timing",
            "When does it have to work?",
            "This quarter goes on; next year is nurture.",
            True,
            False,
        ),
        ("Timing", "trigger", "What happened that they look now?", "", False, False),
    ),
    ("champ", "CHAMP"): (
        (
            "Challenges",
            "pain",
            "Which challenge do they want solved?",
            "CHAMP starts with the problem.",
            True,
            False,
        ),
        (
            "Challenges",
            "system_in_use",
            "What have they tried or do they use today?",
            "",
            False,
            False,
        ),
        ("Authority", "authority", "What is their part in the decision?", "", True, True),
        ("Money", "budget", "Can the money be found, and how is it approved?", "", False, False),
        (
            "Prioritisation",
            "priority",
            "How urgent is it against their other plans?",
            "Decides whether it happens at all.",
            True,
            False,
        ),
    ),
    ("meddic", "MEDDIC"): (
        (
            "Metrics",
            "metrics",
            "Which figure should change, and by how much?",
            "The case their management will read.",
            True,
            False,
        ),
        ("Economic buyer", "economic_buyer", "Who signs off the spend?", "", True, False),
        (
            "Decision criteria",
            "decision_criteria",
            "What will they compare us by?",
            "",
            True,
            False,
        ),
        (
            "Decision process",
            "decision_process",
            "Which steps lead to a signature?",
            "",
            True,
            False,
        ),
        ("Identify pain", "pain", "What does the problem cost them today?", "", True, False),
        ("Champion", "champion", "Who inside wants this and has influence?", "", True, False),
    ),
    ("gpct", "GPCT"): (
        ("Goals", "goals", "What do they want to reach this year?", "", True, False),
        ("Plans", "plans", "How do they plan to get there?", "", True, False),
        ("Challenges", "pain", "What stands in the way?", "", True, False),
        ("Timing", "timing", "By when?", "", True, False),
    ),
}

# (kind, tier, minutes, warn minutes)
POLICIES = (
    ("first_response", "hot", 15, 5),
    ("first_response", "warm", 60, 15),
    ("first_response", "cool", 240, 30),
    ("first_response", "cold", 480, 60),
    ("first_response", "", 240, 30),
    ("decision", "", 2880, 240),
    ("handoff_acceptance", "", 240, 60),
)


def ship(apps, schema_editor):
    group = apps.get_model("auth", "Group")
    for name in ROLES:
        group.objects.get_or_create(name=name)
    apps.get_model("crm", "Team").objects.get_or_create(
        is_fallback=True, defaults={"name": "Inbox"}
    )
    reason = apps.get_model("qualification", "RejectionReason")
    for position, (part, key, label, influences, flag) in enumerate(REASONS):
        reason.objects.create(
            key=key,
            group=part,
            label=label,
            influences=influences,
            suggests_nurture=flag == "nurture",
            needs_note=flag == "note",
            needs_attempts=flag == "attempts",
            position=position,
        )
    criterion = apps.get_model("qualification", "Criterion")
    by_key = {
        key: criterion.objects.create(key=key, label=label, value_type=value_type)
        for key, label, value_type in CRITERIA
    }
    ship_frameworks(apps, by_key)
    policy = apps.get_model("qualification", "SLAPolicy")
    for kind, tier, minutes, warn in POLICIES:
        policy.objects.create(kind=kind, tier=tier, minutes=minutes, warn_minutes=warn)


def ship_frameworks(apps, criteria):
    framework = apps.get_model("qualification", "Framework")
    item = apps.get_model("qualification", "FrameworkItem")
    for (key, name), questions in FRAMEWORKS.items():
        made = framework.objects.create(key=key, name=name, is_default=key == "bant")
        item.objects.bulk_create(
            item(
                framework=made,
                position=position,
                part=part,
                criterion=criteria[criterion],
                question=question,
                why=why,
                is_required=required,
                unknown_ok=unknown_ok,
            )
            for position, (part, criterion, question, why, required, unknown_ok) in enumerate(
                questions
            )
        )


class Migration(migrations.Migration):
    dependencies = [
        ("qualification", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [migrations.RunPython(ship, migrations.RunPython.noop)]
