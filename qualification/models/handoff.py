"""What goes on to an AE, and messages on their way out."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.models import Lead, User
from qualification.models.decision import Decision


class Handoff(models.Model):
    """An accepted lead on the desk of an AE. The packet is what the AE reads and never changes."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        ACCEPTED = "accepted", _("Taken")
        RETURNED = "returned", _("Returned")
        CANCELLED = "cancelled", _("Undone")

    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="handoff")
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="handoffs")
    ae = models.ForeignKey(User, on_delete=models.PROTECT, related_name="handoffs")
    packet = models.JSONField()
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    created_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)
    return_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["lead"],
                condition=Q(state="waiting"),
                name="qualification_handoff_one_open",
            ),
            models.CheckConstraint(
                condition=~Q(state="returned") | ~Q(return_reason=""),
                name="qualification_handoff_return_has_reason",
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="packet_is_frozen",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("OLD.packet IS DISTINCT FROM NEW.packet"),
            )
        ]

    def __str__(self) -> str:
        return f"handoff of lead {self.lead_id}"


class OutboxMessage(models.Model):
    """Something to be told to the outside, written in the transaction that made it true.

    Delivered at least once, not before `not_before` (a decision can be undone until then); the key
    lets the other side drop a repeat. `due_at` is the next try.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        SENT = "sent", _("Sent")
        CANCELLED = "cancelled", _("Cancelled")
        DEAD = "dead", _("Given up")

    key = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=40)
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="messages")
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    not_before = models.DateTimeField()
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
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
