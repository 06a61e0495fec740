"""How a version goes live: its shadow beside the live one, its release note, its rules' reviews."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.models import Lead, User
from crm.models.fields import append_only
from qualification.models.scoring import ScoringModel


class ShadowScore(models.Model):
    """What a version in shadow says of a new lead, beside what the live one said then. Nothing
    reads it but the shadow's report."""

    model = models.ForeignKey(ScoringModel, on_delete=models.CASCADE, related_name="shadow_scores")
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="+")
    as_of = models.DateTimeField()
    fit_tenths = models.IntegerField()
    intent_tenths = models.IntegerField()
    total_tenths = models.IntegerField()
    grade = models.CharField(max_length=2, blank=True)
    tier = models.CharField(max_length=4, blank=True)
    disqualified = models.CharField(max_length=60, blank=True)
    live_model = models.ForeignKey(ScoringModel, on_delete=models.CASCADE, related_name="+")
    live_total_tenths = models.IntegerField()
    live_grade = models.CharField(max_length=2, blank=True)
    live_tier = models.CharField(max_length=4, blank=True)
    live_disqualified = models.CharField(max_length=60, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["model", "lead"], name="qualification_shadowscore_one_a_lead"
            )
        ]

    def __str__(self) -> str:
        return f"{self.grade} {self.total_tenths / 10:.1f}"


class ReleaseNote(models.Model):
    """What a publish or a rollback changed, in words, for the people who work with the scores.
    Append-only; a version that comes back by rollback gets another note."""

    model = models.ForeignKey(ScoringModel, on_delete=models.PROTECT, related_name="release_notes")
    before = models.ForeignKey(
        ScoringModel, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    text = models.TextField(blank=True, help_text=_("What the publisher wants people to know."))
    changes: models.JSONField[list[str]] = models.JSONField(default=list)
    published_at = models.DateTimeField()
    published_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ["-published_at", "-id"]
        triggers = [append_only("append_only")]

    def __str__(self) -> str:
        return f"v{self.model.version}"


class ReleaseAck(models.Model):
    """That a person has read a release note."""

    note = models.ForeignKey(ReleaseNote, on_delete=models.CASCADE, related_name="acks")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["note", "user"], name="qualification_releaseack_once")
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.note}"


class RuleReview(models.Model):
    """When somebody must look again whether a rule still holds, by its key in every version."""

    rule_key = models.SlugField(max_length=120, unique=True)
    due_on = models.DateField(db_index=True)
    reviewed_at = models.DateTimeField(null=True, blank=True)
    reviewed_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["due_on", "rule_key"]

    def __str__(self) -> str:
        return f"{self.rule_key}: {self.due_on}"
