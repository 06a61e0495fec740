"""Messages on their way out."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from qualification.models.decision import Decision


class OutboxMessage(models.Model):
    """Something to be told to the outside, written in the transaction that made it true.

    Delivered at least once, not before `not_before` (a decision can be undone until then); the key
    lets the other side drop a repeat. `due_at` is the next try. The payload holds ids only: what is
    said is read when it leaves.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        SENT = "sent", _("Sent")
        CANCELLED = "cancelled", _("Cancelled")
        DEAD = "dead", _("Given up")

    key = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=40)
    # What takes a message back while it waits: a decision that is undone.
    decision = models.ForeignKey(
        Decision, null=True, blank=True, on_delete=models.PROTECT, related_name="messages"
    )
    # Where it goes, such as `mail` or `webhook:3`: a place that is down does not hold up others.
    lane = models.CharField(max_length=40, default="mail")
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    not_before = models.DateTimeField()
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    # Rises with every lease and never falls: a sender that was too slow cannot mark the row.
    token = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["due_at", "id"]
        indexes = [
            # The outbox sweep.
            models.Index(
                fields=["due_at"], condition=Q(state="waiting"), name="qualification_outbox_due"
            )
        ]

    def __str__(self) -> str:
        return self.key
