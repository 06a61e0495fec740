"""A lead somebody was offered and passed on: why, and until when they are not offered it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.models import User
from crm.models.fields import KeptUntilErased
from qualification.choices import SkipReason
from qualification.models.review import OF_ITEM, ReviewItem


class Skip(models.Model):
    """One skip of a claimed lead. Append-only; `score_tenths` is the score it was skipped at."""

    item = models.ForeignKey(ReviewItem, on_delete=models.CASCADE, related_name="skips")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    reason = models.CharField(max_length=9, choices=SkipReason)
    note = models.CharField(max_length=300, blank=True)
    score_tenths = models.IntegerField()
    at = models.DateTimeField()
    until = models.DateTimeField(help_text=_("Not offered to the same person before."))

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [
            # "Next lead" leaves out what this person skipped.
            models.Index(fields=["by", "until"], name="qualification_skip_of_person")
        ]
        triggers = [KeptUntilErased(name="append_only", blanks="note", of=OF_ITEM)]

    def __str__(self) -> str:
        return f"{self.by} skipped item {self.item_id}"
