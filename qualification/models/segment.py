"""Saved segments: one query over leads for rules, queue filters and reports."""

from __future__ import annotations

import pghistory
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.models import User


@pghistory.track()
class Segment(models.Model):
    """A named group of leads. `query` is the data of `SegmentFilter` (`segment_filter.py`):
    {filter: value or list}. A version that leaves draft freezes the queries it uses."""

    key = models.SlugField(max_length=60, unique=True, help_text=_("As rules name it."))
    name = models.CharField(max_length=80)
    description = models.CharField(max_length=200, blank=True)
    query = models.JSONField(default=dict)
    created_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
