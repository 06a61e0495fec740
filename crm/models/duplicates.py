"""What people said about leads that look like one person."""

from __future__ import annotations

import pgtrigger
from django.db import models

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
                condition=models.Q(low__lt=models.F("high")), name="crm_notduplicate_low_first"
            ),
        ]
        triggers = [pgtrigger.Protect(name="never_changed", operation=pgtrigger.Update)]

    def __str__(self) -> str:
        return f"{self.low_id} is not {self.high_id}"
