"""Scoring models as rows: versions, rules, and the one current score of a lead."""

from __future__ import annotations

from typing import Any

import pghistory
import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.models import Lead, User
from crm.models.fields import append_only
from qualification.choices import Dimension, ModelStatus, MoveCause

POINTS: dict[str, Any] = {"max_digits": 7, "decimal_places": 1}

# What a version consists of. Once it left `draft`, PostgreSQL refuses to change any of it.
MODEL_CONTENT = [
    *("version", "name", "base_fit", "base_intent", "fit_min", "fit_max", "intent_min"),
    *("intent_max", "total_min", "total_max", "mql", "accept", "fit_thresholds"),
    *("intent_thresholds", "tiers", "actions", "caps", "segments"),
    *("account_poor_below", "account_cap"),
]
# Whose it is and how it got out of draft: frozen with the content, because four eyes rest on it.
MODEL_ORIGIN = ["parent_id", "created_at", "created_by_id", "shadow_started_at", "shadow_by_id"]
MODEL_RELEASE = ["published_at", "published_as", "published_by_id"]

# Status moves of a version; `scoring/versions.py` is the only writer. A retired version comes
# back by rollback; only the operator goes from draft to live without a shadow.
STATUS_MOVES = [
    (ModelStatus.DRAFT.value, ModelStatus.SHADOW.value),
    (ModelStatus.DRAFT.value, ModelStatus.ACTIVE.value),
    (ModelStatus.SHADOW.value, ModelStatus.ACTIVE.value),
    (ModelStatus.SHADOW.value, ModelStatus.RETIRED.value),
    (ModelStatus.ACTIVE.value, ModelStatus.RETIRED.value),
    (ModelStatus.RETIRED.value, ModelStatus.ACTIVE.value),
]


def _differs(columns: list[str]) -> str:
    """SQL: one of these columns would change."""
    return " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in columns)


class PublishedAs(models.TextChoices):
    PERSON = "person", _("By a second person")
    OPERATOR = "operator", _("By the operator, from the shell")


# How a version may have gone live: never, by a second person after a shadow, by the operator.
_NEVER_LIVE = models.Q(
    status__in=["draft", "shadow", "retired"],
    published_at__isnull=True,
    published_as="",
    published_by__isnull=True,
)
_BY_A_PERSON = models.Q(
    status__in=["active", "retired"],
    published_at__isnull=False,
    published_as="person",
    published_by__isnull=False,
    shadow_started_at__isnull=False,
    shadow_started_at__lte=models.F("published_at"),
)
_BY_THE_OPERATOR = models.Q(
    status__in=["active", "retired"],
    published_at__isnull=False,
    published_as="operator",
    published_by__isnull=True,
)


class ScoringModel(models.Model):
    """A version of the scoring rules. Draft is editable; everything after is frozen by triggers.

    Points are decimals with one place here; scores are integer tenths. A limit of NULL means none.
    `fit_thresholds` {"A": "30.0", …}, `intent_thresholds` {"1": "25.0", …}; a score on the
    threshold has reached it. `tiers` and `actions` name each grade exactly once. `caps` {group:
    points}. A lead whose account earns less than `account_poor_below` has at most `account_cap` in
    total. `segments` {key: query}: what the rules' segments meant when it left draft.
    """

    version = models.PositiveIntegerField(unique=True)
    name = models.CharField(max_length=120)
    status = models.CharField(max_length=8, choices=ModelStatus, default=ModelStatus.DRAFT)
    base_fit = models.DecimalField(default=0, **POINTS)
    base_intent = models.DecimalField(default=0, **POINTS)
    fit_min = models.DecimalField(null=True, blank=True, **POINTS)
    fit_max = models.DecimalField(null=True, blank=True, **POINTS)
    intent_min = models.DecimalField(null=True, blank=True, **POINTS)
    intent_max = models.DecimalField(null=True, blank=True, **POINTS)
    total_min = models.DecimalField(default=0, **POINTS)
    total_max = models.DecimalField(default=100, **POINTS)
    mql = models.DecimalField(**POINTS)
    accept = models.DecimalField(**POINTS)
    fit_thresholds = models.JSONField()
    intent_thresholds = models.JSONField()
    tiers = models.JSONField()
    actions = models.JSONField()
    caps = models.JSONField(default=dict, blank=True)
    account_poor_below = models.DecimalField(null=True, blank=True, **POINTS)
    account_cap = models.DecimalField(null=True, blank=True, **POINTS)
    segments = models.JSONField(default=dict, blank=True, editable=False)

    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children"
    )
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    shadow_started_at = models.DateTimeField(null=True, blank=True)
    shadow_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    published_at = models.DateTimeField(null=True, blank=True)
    published_as = models.CharField(max_length=8, choices=PublishedAs, blank=True)
    published_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["status"],
                condition=models.Q(status="active"),
                name="qualification_scoringmodel_one_active",
            ),
            models.UniqueConstraint(
                fields=["status"],
                condition=models.Q(status="shadow"),
                name="qualification_scoringmodel_one_shadow",
            ),
            models.CheckConstraint(
                condition=models.Q(account_poor_below__isnull=True, account_cap__isnull=True)
                | models.Q(account_poor_below__isnull=False, account_cap__isnull=False),
                name="qualification_scoringmodel_account_cap_whole",
            ),
            models.CheckConstraint(
                condition=_NEVER_LIVE | _BY_A_PERSON | _BY_THE_OPERATOR,
                name="qualification_scoringmodel_published_by_whom",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    status="draft", shadow_started_at__isnull=True, shadow_by__isnull=True
                )
                | models.Q(
                    status="shadow", shadow_started_at__isnull=False, shadow_by__isnull=False
                )
                | models.Q(status__in=["active", "retired"]),
                name="qualification_scoringmodel_shadow_by_whom",
            ),
            models.CheckConstraint(
                condition=models.Q(status="retired", retired_at__isnull=False)
                | (~models.Q(status="retired") & models.Q(retired_at__isnull=True)),
                name="qualification_scoringmodel_retired_when",
            ),
            models.CheckConstraint(
                condition=models.Q(total_min__lt=models.F("total_max")),
                name="qualification_scoringmodel_total_limits",
            ),
        ]
        triggers = [
            pgtrigger.FSM(name="status_moves", field="status", transitions=STATUS_MOVES),
            pgtrigger.Protect(
                name="frozen_content",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    f"OLD.status <> 'draft' AND ({_differs(MODEL_CONTENT + MODEL_ORIGIN)})"
                ),
            ),
            pgtrigger.Protect(
                name="frozen_release",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    f"((OLD.published_at IS NOT NULL AND ({_differs(MODEL_RELEASE)}))"
                    " OR (OLD.status <> 'draft' AND OLD.status = NEW.status"
                    f" AND ({_differs([*MODEL_RELEASE, 'retired_at'])})))"
                ),
            ),
            pgtrigger.Protect(
                name="frozen_delete",
                operation=pgtrigger.Delete,
                condition=pgtrigger.Condition("OLD.status <> 'draft'"),
            ),
        ]

    def __str__(self) -> str:
        return f"v{self.version} {self.name}"


class _OfDraftOnly(pgtrigger.Trigger):
    """Refuses a write to a row whose version is no longer a draft, and keeps the version from
    leaving draft until the transaction of the write has ended."""

    when = pgtrigger.Before

    def get_func(self, model: models.Model) -> str:
        table = ScoringModel._meta.db_table
        # The lock is in a layer of its own: a condition beside it would lock only what is frozen.
        return f"""
            IF (
                SELECT bool_or(m.status <> 'draft') FROM (
                    SELECT status FROM {table} WHERE id IN (
                        CASE WHEN TG_OP <> 'INSERT' THEN OLD.model_id END,
                        CASE WHEN TG_OP <> 'DELETE' THEN NEW.model_id END
                    ) FOR SHARE
                ) AS m
            ) THEN
                RAISE EXCEPTION 'what belongs to a published scoring model is frozen';
            END IF;
            IF TG_OP = 'DELETE' THEN RETURN OLD; ELSE RETURN NEW; END IF;
        """  # noqa: S608 - a table name of ours


@pghistory.track()
class ScoringRule(models.Model):
    """One rule of one version. `key` stays the same across versions, so evidence follows the rule.

    `condition` is the `when` of the file format (INTERFACES: operators, all / any / not, activity).
    """

    model = models.ForeignKey(ScoringModel, on_delete=models.CASCADE, related_name="rules")
    key = models.SlugField(max_length=120)
    position = models.PositiveSmallIntegerField(default=0)
    name = models.CharField(max_length=120)
    dimension = models.CharField(max_length=6, choices=Dimension)
    condition = models.JSONField()
    points = models.DecimalField(default=0, **POINTS)
    group = models.CharField(max_length=60, blank=True)
    segment = models.CharField(max_length=60, blank=True)
    disqualifies = models.CharField(
        max_length=60,
        blank=True,
        help_text=_("Reason; set: the lead is disqualified, not scored up."),
    )

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["model", "key"], name="qualification_scoringrule_one_key"
            ),
        ]
        triggers = [
            _OfDraftOnly(
                name="frozen_rules",
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
            )
        ]

    def __str__(self) -> str:
        return self.name


class ModelChange(models.Model):
    """Who changed what in a draft, in words. Whoever stands here may not publish that version, so
    rows are never edited and go only with their draft."""

    model = models.ForeignKey(ScoringModel, on_delete=models.CASCADE, related_name="changes")
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    text = models.CharField(max_length=300)

    class Meta:
        ordering = ["-at", "-id"]
        triggers = [
            pgtrigger.Protect(name="never_edited", operation=pgtrigger.Update),
            _OfDraftOnly(name="frozen_changes", operation=pgtrigger.Insert | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.text


class LeadScore(models.Model):
    """The current score of a lead under the active model: a narrow row, integer tenths.

    Grade, tier are blank and `disqualified` holds the reason when a disqualifier fired.
    """

    lead = models.OneToOneField(
        Lead, primary_key=True, on_delete=models.CASCADE, related_name="score"
    )
    # Every publish writes it anew in every row: without an index or a check a row the write stays
    # on its page. What was live is never deleted (a trigger refuses it), so it always exists.
    model = models.ForeignKey(
        ScoringModel,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    fit_tenths = models.IntegerField()
    intent_tenths = models.IntegerField()
    total_tenths = models.IntegerField()
    grade = models.CharField(max_length=2, blank=True)
    tier = models.CharField(max_length=4, blank=True)
    disqualified = models.CharField(max_length=60, blank=True)
    as_of = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.grade} {self.total_tenths / 10:.1f}"


class ScoreMove(models.Model):
    """That the grade, tier or disqualification of a lead became another one: a line of the journey.
    Append-only, written by `scoring/rescore.py` in the statement that stores the score.

    `at` is the moment the score is of. `was_*` is the stored score it replaced: None and blank for
    the first. A disqualified score has neither grade nor tier.
    """

    lead = models.ForeignKey(
        Lead,
        on_delete=models.CASCADE,
        related_name="score_moves",
        db_index=False,  # qualification_move_journey begins with it
    )
    at = models.DateTimeField()
    # Without an index or a check, as in the score itself: a publish may write very many.
    model = models.ForeignKey(
        ScoringModel,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    cause = models.CharField(max_length=7, choices=MoveCause)
    total_tenths = models.IntegerField()
    grade = models.CharField(max_length=2, blank=True)
    tier = models.CharField(max_length=4, blank=True)
    disqualified = models.CharField(max_length=60, blank=True)
    was_at = models.DateTimeField(null=True, blank=True)
    was_model = models.ForeignKey(
        ScoringModel,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    was_total_tenths = models.IntegerField(null=True, blank=True)
    was_grade = models.CharField(max_length=2, blank=True)
    was_tier = models.CharField(max_length=4, blank=True)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["lead", "-at", "-id"], name="qualification_move_journey")]
        triggers = [append_only("append_only")]

    def __str__(self) -> str:
        return f"{self.was_grade} → {self.grade}"


class ScoringDue(models.Model):
    """A lead whose facts changed and whose score has not followed yet. Written in the transaction
    of the change, removed when scored; the sweep finishes what a dead worker left."""

    lead = models.OneToOneField(Lead, primary_key=True, on_delete=models.CASCADE, related_name="+")
    since = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"lead {self.lead_id}"
