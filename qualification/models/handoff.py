"""What goes on to an AE."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from crm.models import Lead, User
from crm.models.fields import KeptUntilErased
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
            KeptUntilErased(
                name="packet_is_frozen",
                blanks="packet return_reason",
                condition=pgtrigger.Condition("OLD.packet IS DISTINCT FROM NEW.packet"),
            )
        ]

    def __str__(self) -> str:
        return f"handoff of lead {self.lead_id}"


class HandoffMove(models.Model):
    """A waiting handoff went from one desk to another: who moved it, and why. Append-only."""

    handoff = models.ForeignKey(Handoff, on_delete=models.CASCADE, related_name="moves")
    from_ae = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    to_ae = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    reason = models.CharField(max_length=300)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(reason=""), name="qualification_handoffmove_has_reason"
            ),
            models.CheckConstraint(
                condition=~Q(from_ae=F("to_ae")), name="qualification_handoffmove_goes_on"
            ),
        ]
        triggers = [
            KeptUntilErased(
                name="append_only",
                blanks="reason",
                of="(SELECT h.lead_id FROM qualification_handoff AS h WHERE h.id = OLD.handoff_id)",
            )
        ]

    def __str__(self) -> str:
        return f"handoff {self.handoff_id} went to another desk"
