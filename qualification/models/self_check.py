"""What the nightly check of the invariants found."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.models.fields import append_only


class SelfCheck(models.Model):
    """One pass over every invariant. Append-only; written by `qualification/self_check.py`.

    `checks`: for each invariant {kind, of, n (broken rows), rows (the first ids), leads (the first
    leads concerned), ms}. Ids only.
    """

    at = models.DateTimeField(db_index=True)
    milliseconds = models.PositiveIntegerField()
    violations = models.PositiveIntegerField(help_text=_("Broken rows of all checks together."))
    checks = models.JSONField()

    class Meta:
        ordering = ["-at", "-id"]
        triggers = [append_only("append_only")]

    def __str__(self) -> str:
        return f"self-check of {self.at:%Y-%m-%d %H:%M}: {self.violations}"
