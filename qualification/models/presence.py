"""Who has the page of a lead open right now."""

from __future__ import annotations

from django.db import models

from crm.models import Lead, User


class Presence(models.Model):
    """A person looked at a lead, last at `seen_at`. Written by `qualification/review/presence.py`;
    old rows are swept."""

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="presences")
    person = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="presences", db_index=False
    )
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["seen_at"]
        constraints = [
            models.UniqueConstraint(fields=["lead", "person"], name="qualification_presence_once")
        ]

    def __str__(self) -> str:
        return f"{self.person_id} at lead {self.lead_id}"
