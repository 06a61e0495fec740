"""Outcomes: how it went on with leads, as told from outside."""

import pgtrigger
from django.db import models
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from crm.models.fields import KeptUntilErased
from crm.models.inbox import Source
from crm.models.lead import Lead

# What a row of Outcome says; only whom it is about may be found out later.
_TOLD = ["value", "source_id", "recorded_at", "external_id", "told_lead", "occurred_at", "months"]
_TOLD_OTHERWISE = " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in _TOLD)


class Outcome(models.Model):
    """How it went on with a lead, as told by an import, a CRM or a file: facts, append-only.

    `external_id` is how the source calls what it is about, `told_lead` how it calls the lead. A row
    without a lead waits for one, and gets it once. `effect` says why the stage did not follow;
    blank when it did, or when nothing was to follow. `occurred_at` is NULL where nobody said when.
    """

    class Value(models.TextChoices):
        OPPORTUNITY = "opportunity", _("Opportunity")
        WON = "won", _("Won")
        LOST = "lost", _("Lost")
        RETAINED = "retained", _("Retained")

    lead = models.ForeignKey(
        Lead,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="outcomes",
        db_index=False,  # crm_outcome_journey begins with it
    )
    value = models.CharField(max_length=11, choices=Value)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()
    external_id = models.CharField(max_length=200, blank=True, default="", db_default="")
    told_lead = models.CharField(max_length=200, blank=True, default="", db_default="")
    occurred_at = models.DateTimeField(null=True, blank=True)
    months = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text=_("Months after the contract, for retained ones.")
    )
    effect = models.CharField(max_length=200, blank=True, default="", db_default="")

    class Meta:
        ordering = ["-recorded_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "external_id", "value", "occurred_at"],
                condition=~models.Q(external_id=""),
                name="crm_outcome_told_once",
            ),
            models.CheckConstraint(
                condition=models.Q(value="retained", months__isnull=False)
                | (~models.Q(value="retained") & models.Q(months=None)),
                name="crm_outcome_months_of_retained",
            ),
            models.CheckConstraint(
                condition=models.Q(lead__isnull=False) | ~models.Q(told_lead=""),
                name="crm_outcome_of_somebody",
            ),
        ]
        indexes = [
            # The page of outcomes, and those nobody is found for.
            models.Index(fields=["-recorded_at", "-id"], name="crm_outcome_newest"),
            # A page of the journey: of when it was, else of when it was told.
            models.Index(
                models.F("lead"),
                Coalesce("occurred_at", "recorded_at").desc(),
                models.F("id").desc(),
                name="crm_outcome_journey",
            ),
            models.Index(
                fields=["-recorded_at", "-id"],
                condition=models.Q(lead=None),
                name="crm_outcome_without_lead",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="never_deleted", operation=pgtrigger.Delete),
            KeptUntilErased(
                name="only_a_missing_lead",
                blanks="told_lead",
                condition=pgtrigger.Condition(f"OLD.lead_id IS NOT NULL OR {_TOLD_OTHERWISE}"),
            ),
        ]

    def __str__(self) -> str:
        return self.get_value_display()
