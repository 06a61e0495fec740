"""A person publishes only what was in shadow; what belongs to a version is frozen with it."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

# Versions that people published before there were shadows: a shadow of no length.
_NO_LENGTH = """
    UPDATE qualification_scoringmodel SET shadow_started_at = published_at
    WHERE published_as = 'person' AND shadow_started_at IS NULL
"""


class Migration(migrations.Migration):
    dependencies = [
        ("qualification", "0004_leadscore_storage"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="scoringmodel",
            name="status_moves",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="scoringmodel",
            name="frozen_content",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="scoringrule",
            name="frozen_rules",
        ),
        migrations.RemoveConstraint(
            model_name="scoringmodel",
            name="qualification_scoringmodel_published_by_whom",
        ),
        migrations.RemoveField(
            model_name="scoringmodel",
            name="publish_requested_at",
        ),
        migrations.RemoveField(
            model_name="scoringmodel",
            name="publish_requested_by",
        ),
        migrations.RunSQL(_NO_LENGTH, migrations.RunSQL.noop),
        pgtrigger.migrations.AddTrigger(
            model_name="modelchange",
            trigger=pgtrigger.compiler.Trigger(
                name="never_edited",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="2202b382617d718dc357544b640602707ae50296",
                    operation="UPDATE",
                    pgid="pgtrigger_never_edited_56c72",
                    table="qualification_modelchange",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="modelchange",
            trigger=pgtrigger.compiler.Trigger(
                name="frozen_changes",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n            IF (\n                SELECT bool_or(m.status <> 'draft') FROM (\n                    SELECT status FROM qualification_scoringmodel WHERE id IN (\n                        CASE WHEN TG_OP <> 'INSERT' THEN OLD.model_id END,\n                        CASE WHEN TG_OP <> 'DELETE' THEN NEW.model_id END\n                    ) FOR SHARE\n                ) AS m\n            ) THEN\n                RAISE EXCEPTION 'what belongs to a published scoring model is frozen';\n            END IF;\n            IF TG_OP = 'DELETE' THEN RETURN OLD; ELSE RETURN NEW; END IF;\n        ",
                    hash="2b4cbf521205a738fc00de19021fa83021db241a",
                    operation="INSERT OR DELETE",
                    pgid="pgtrigger_frozen_changes_ec8fa",
                    table="qualification_modelchange",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="scoringmodel",
            trigger=pgtrigger.compiler.Trigger(
                name="status_moves",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."status", \':\', NEW."status") = ANY(\'{draft:shadow,draft:active,shadow:active,shadow:retired,active:retired,retired:active}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."status" IS DISTINCT FROM NEW."status") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "status" from "%" to "%" on table %\', OLD."status", NEW."status", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="543d9467c62cd0d68031c7bf4eb25d8aedf52192",
                    operation="UPDATE",
                    pgid="pgtrigger_status_moves_546db",
                    table="qualification_scoringmodel",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="scoringmodel",
            trigger=pgtrigger.compiler.Trigger(
                name="frozen_content",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.status <> 'draft' AND (OLD.version IS DISTINCT FROM NEW.version OR OLD.name IS DISTINCT FROM NEW.name OR OLD.base_fit IS DISTINCT FROM NEW.base_fit OR OLD.base_intent IS DISTINCT FROM NEW.base_intent OR OLD.fit_min IS DISTINCT FROM NEW.fit_min OR OLD.fit_max IS DISTINCT FROM NEW.fit_max OR OLD.intent_min IS DISTINCT FROM NEW.intent_min OR OLD.intent_max IS DISTINCT FROM NEW.intent_max OR OLD.total_min IS DISTINCT FROM NEW.total_min OR OLD.total_max IS DISTINCT FROM NEW.total_max OR OLD.mql IS DISTINCT FROM NEW.mql OR OLD.accept IS DISTINCT FROM NEW.accept OR OLD.fit_thresholds IS DISTINCT FROM NEW.fit_thresholds OR OLD.intent_thresholds IS DISTINCT FROM NEW.intent_thresholds OR OLD.tiers IS DISTINCT FROM NEW.tiers OR OLD.actions IS DISTINCT FROM NEW.actions OR OLD.caps IS DISTINCT FROM NEW.caps OR OLD.segments IS DISTINCT FROM NEW.segments OR OLD.account_poor_below IS DISTINCT FROM NEW.account_poor_below OR OLD.account_cap IS DISTINCT FROM NEW.account_cap OR OLD.parent_id IS DISTINCT FROM NEW.parent_id OR OLD.created_at IS DISTINCT FROM NEW.created_at OR OLD.created_by_id IS DISTINCT FROM NEW.created_by_id OR OLD.shadow_started_at IS DISTINCT FROM NEW.shadow_started_at OR OLD.shadow_by_id IS DISTINCT FROM NEW.shadow_by_id))",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="649175c8205994cfa8e8fb0d3bed1feb8ddfff25",
                    operation="UPDATE",
                    pgid="pgtrigger_frozen_content_34766",
                    table="qualification_scoringmodel",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="scoringmodel",
            trigger=pgtrigger.compiler.Trigger(
                name="frozen_release",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN ((OLD.published_at IS NOT NULL AND (OLD.published_at IS DISTINCT FROM NEW.published_at OR OLD.published_as IS DISTINCT FROM NEW.published_as OR OLD.published_by_id IS DISTINCT FROM NEW.published_by_id)) OR (OLD.status <> 'draft' AND OLD.status = NEW.status AND (OLD.published_at IS DISTINCT FROM NEW.published_at OR OLD.published_as IS DISTINCT FROM NEW.published_as OR OLD.published_by_id IS DISTINCT FROM NEW.published_by_id OR OLD.retired_at IS DISTINCT FROM NEW.retired_at)))",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="7e759a23d890270332ee8d6e03c1cb228831201a",
                    operation="UPDATE",
                    pgid="pgtrigger_frozen_release_b017b",
                    table="qualification_scoringmodel",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="scoringrule",
            trigger=pgtrigger.compiler.Trigger(
                name="frozen_rules",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n            IF (\n                SELECT bool_or(m.status <> 'draft') FROM (\n                    SELECT status FROM qualification_scoringmodel WHERE id IN (\n                        CASE WHEN TG_OP <> 'INSERT' THEN OLD.model_id END,\n                        CASE WHEN TG_OP <> 'DELETE' THEN NEW.model_id END\n                    ) FOR SHARE\n                ) AS m\n            ) THEN\n                RAISE EXCEPTION 'what belongs to a published scoring model is frozen';\n            END IF;\n            IF TG_OP = 'DELETE' THEN RETURN OLD; ELSE RETURN NEW; END IF;\n        ",
                    hash="ddafdf403e51444ac8add9ae8fb1bb75a066a7a3",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_frozen_rules_75a0e",
                    table="qualification_scoringrule",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="scoringmodel",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("published_as", ""),
                        ("published_at__isnull", True),
                        ("published_by__isnull", True),
                        ("status__in", ["draft", "shadow", "retired"]),
                    ),
                    models.Q(
                        ("published_as", "person"),
                        ("published_at__isnull", False),
                        ("published_by__isnull", False),
                        ("shadow_started_at__isnull", False),
                        ("shadow_started_at__lte", models.F("published_at")),
                        ("status__in", ["active", "retired"]),
                    ),
                    models.Q(
                        ("published_as", "operator"),
                        ("published_at__isnull", False),
                        ("published_by__isnull", True),
                        ("status__in", ["active", "retired"]),
                    ),
                    _connector="OR",
                ),
                name="qualification_scoringmodel_published_by_whom",
            ),
        ),
        migrations.AddConstraint(
            model_name="scoringmodel",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("shadow_by__isnull", True),
                        ("shadow_started_at__isnull", True),
                        ("status", "draft"),
                    ),
                    models.Q(
                        ("shadow_by__isnull", False),
                        ("shadow_started_at__isnull", False),
                        ("status", "shadow"),
                    ),
                    ("status__in", ["active", "retired"]),
                    _connector="OR",
                ),
                name="qualification_scoringmodel_shadow_by_whom",
            ),
        ),
        migrations.AddConstraint(
            model_name="scoringmodel",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("retired_at__isnull", False), ("status", "retired")),
                    models.Q(
                        models.Q(("status", "retired"), _negated=True), ("retired_at__isnull", True)
                    ),
                    _connector="OR",
                ),
                name="qualification_scoringmodel_retired_when",
            ),
        ),
    ]
