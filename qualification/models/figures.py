"""Figures over all leads that a page shows as they were last counted."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q


class KeptFigures(models.Model):
    """The answer to one question over all leads. Written by `insights/kept.py` only.

    `name` says page and choice, such as `sla:first_response:30:2`; `question` is what the counting
    of `what` is asked (see `qualification/counting.py`), `answer` what it found: no personal data.
    `asked_at` is set while somebody waits for a count, `taken_until` while a worker counts.
    """

    name = models.CharField(max_length=120, unique=True)
    what = models.SlugField(max_length=20)
    question: models.JSONField[dict[str, Any]] = models.JSONField()
    asked_at = models.DateTimeField(null=True)
    taken_until = models.DateTimeField(null=True)
    counted_at = models.DateTimeField(null=True)
    answer: models.JSONField[dict[str, Any] | None] = models.JSONField(null=True)
    error = models.CharField(max_length=80, blank=True, default="")

    class Meta:
        verbose_name_plural = "kept figures"
        constraints = [
            models.CheckConstraint(
                condition=Q(counted_at=None, answer=None)
                | Q(counted_at__isnull=False, answer__isnull=False),
                name="qualification_keptfigures_counted",
            )
        ]

    def __str__(self) -> str:
        return self.name
