"""What people said about leads that look like one person: two people, or one after all."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import F, Q

from crm.models.lead import Lead
from crm.models.people import User


class NotDuplicate(models.Model):
    """Somebody looked at two leads and said they are two people. `low` has the smaller id, so that
    a pair has one row. Written by `crm/matching/duplicates.py`, never changed."""

    low = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="+", db_index=False)
    high = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="+")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["low", "high"], name="crm_notduplicate_once"),
            models.CheckConstraint(
                condition=Q(low__lt=F("high")), name="crm_notduplicate_low_first"
            ),
        ]
        triggers = [pgtrigger.Protect(name="never_changed", operation=pgtrigger.Update)]

    def __str__(self) -> str:
        return f"{self.low_id} is not {self.high_id}"


# What a row of LeadMerge says stays; only that it was undone comes later, once.
_SAID = ["survivor_id", "loser_id", "by_id", "at", "moved"]
_SAID_OTHERWISE = " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in _SAID)


class LeadMergeQuerySet(models.QuerySet["LeadMerge"]):
    def standing(self) -> LeadMergeQuerySet:
        """Merges nobody has undone."""
        return self.filter(undone_at=None)


class LeadMerge(models.Model):
    """Two leads were one person: `loser` became part of `survivor`. Written by
    `crm/merging/merge.py`.

    `moved` names what changed hands, by ids and names of columns alone, so that the undo finds it:
    no values, which history keeps.
    """

    survivor = models.ForeignKey(
        Lead,
        on_delete=models.CASCADE,
        related_name="merges",
        db_index=False,  # crm_leadmerge_journey begins with it
    )
    loser = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="losses")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    at = models.DateTimeField()
    moved = models.JSONField()
    undone_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    undone_at = models.DateTimeField(null=True, blank=True)

    objects = LeadMergeQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["loser"], condition=Q(undone_at=None), name="crm_leadmerge_once_at_a_time"
            ),
            models.CheckConstraint(condition=~Q(survivor=F("loser")), name="crm_leadmerge_of_two"),
            models.CheckConstraint(
                condition=Q(undone_by=None, undone_at=None)
                | Q(undone_by__isnull=False, undone_at__isnull=False),
                name="crm_leadmerge_undone_by_whom",
            ),
        ]
        indexes = [
            # A page of the journey: what was merged, and what was taken apart.
            models.Index(fields=["survivor", "-at", "-id"], name="crm_leadmerge_journey"),
            models.Index(
                fields=["survivor", "-undone_at", "-id"],
                condition=Q(undone_at__isnull=False),
                name="crm_leadmerge_undone",
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="only_undone",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(f"OLD.undone_at IS NOT NULL OR {_SAID_OTHERWISE}"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.loser_id} into {self.survivor_id}"
