"""Things that happened to a lead. Append-only: what was recorded stays as it was recorded."""

import pgtrigger
from django.db import models

from crm.models.fields import KeptUntilErased, append_only
from crm.models.inbox import Source
from crm.models.lead import Lead

_COLUMNS = ["type", "occurred_at", "recorded_at", "properties", "source_id", "event_key"]
_OTHERWISE = " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in ["id", *_COLUMNS])


class Activity(models.Model):
    """Form submit, page view, e-mail click, demo request, … `occurred_at` is the world's time,
    `recorded_at` ours: a score as of T uses what was recorded by T.

    Only whose it is may change: a merge of leads gives it to the one that stays, and `came_by` says
    whose it was (NULL: never anybody else's).
    """

    lead = models.ForeignKey(
        Lead,
        on_delete=models.CASCADE,
        related_name="activities",
        db_index=False,  # crm_activity_of_lead begins with it
    )
    type = models.CharField(max_length=60)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    properties = models.JSONField(default=dict, blank=True)
    # crm_activity_one_per_event begins with it.
    source = models.ForeignKey(
        Source, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    event_key = models.CharField(max_length=200, null=True, blank=True)
    came_by = models.ForeignKey(
        Lead, null=True, blank=True, on_delete=models.CASCADE, related_name="+", db_index=False
    )

    class Meta:
        ordering = ["-occurred_at", "-id"]
        verbose_name_plural = "activities"
        constraints = [
            models.UniqueConstraint(
                fields=["source", "event_key"], name="crm_activity_one_per_event"
            )
        ]
        indexes = [
            # The score's activity join, which needs no other column, and mails on the journey.
            models.Index(
                fields=["lead", "type", "occurred_at"],
                include=["recorded_at", "id"],
                name="crm_activity_of_lead",
            ),
            # A page of the journey from any place on.
            models.Index(fields=["lead", "-occurred_at", "-id"], name="crm_activity_journey"),
            models.Index(
                fields=["came_by"],
                condition=models.Q(came_by__isnull=False),
                name="crm_activity_came_by",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="never_deleted", operation=pgtrigger.Delete),
            KeptUntilErased(
                name="only_whose",
                blanks="properties event_key",
                condition=pgtrigger.Condition(_OTHERWISE),
            ),
        ]

    def __str__(self) -> str:
        return self.type


class ActivityVerdict(models.Model):
    """That a machine (mail scanner, bot) did it, or that it did not after all.

    The latest counts.
    """

    activity = models.ForeignKey(Activity, on_delete=models.CASCADE, related_name="verdicts")
    is_machine = models.BooleanField()
    reason = models.CharField(max_length=120)
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["-recorded_at", "-id"]
        triggers = [append_only("append_only")]

    def __str__(self) -> str:
        return f"{'machine' if self.is_machine else 'person'}: {self.reason}"
