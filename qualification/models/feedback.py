"""What decisions teach: disputed score lines and proposed changes to rules."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.models import Lead, User
from qualification.choices import DisputeKind, ProposalStatus
from qualification.models.scoring import POINTS, ScoringModel, ScoringRule


class ScoreDispute(models.Model):
    """An SDR says one line of a score is wrong. Never changes the score by itself."""

    lead = models.ForeignKey(
        Lead,
        on_delete=models.CASCADE,
        related_name="disputes",
        db_index=False,  # qualification_dispute_journey begins with it
    )
    rule = models.ForeignKey(ScoringRule, on_delete=models.PROTECT, related_name="disputes")
    rule_key = models.SlugField(max_length=120, help_text=_("The rule across versions."))
    kind = models.CharField(max_length=10, choices=DisputeKind)
    note = models.CharField(max_length=300, blank=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["lead", "rule_key"],
                condition=Q(withdrawn_at=None),
                name="qualification_dispute_one_standing",
            )
        ]
        indexes = [
            models.Index(fields=["rule_key"], name="qualification_dispute_rule"),
            # A page of the journey.
            models.Index(fields=["lead", "-at", "-id"], name="qualification_dispute_journey"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.rule_key}"


class RuleProposal(models.Model):
    """A change to the points of a rule of the active model, with its evidence. Applied by people
    only.

    `evidence` holds counts, rates with intervals, p and q, as computed when proposed.
    """

    model = models.ForeignKey(ScoringModel, on_delete=models.PROTECT, related_name="proposals")
    rule = models.ForeignKey(ScoringRule, on_delete=models.PROTECT, related_name="proposals")
    rule_key = models.SlugField(max_length=120)
    current_points = models.DecimalField(**POINTS)
    proposed_points = models.DecimalField(**POINTS)
    evidence = models.JSONField()
    status = models.CharField(max_length=10, choices=ProposalStatus, default=ProposalStatus.OPEN)
    created_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decline_reason = models.CharField(max_length=300, blank=True)
    muted_until = models.DateTimeField(null=True, blank=True)
    draft = models.ForeignKey(
        ScoringModel, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["model", "rule_key"],
                condition=Q(status="open"),
                name="qualification_proposal_one_open",
            ),
            models.CheckConstraint(
                condition=~Q(status="declined") | ~Q(decline_reason=""),
                name="qualification_proposal_decline_has_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule_key}: {self.current_points} → {self.proposed_points}"
