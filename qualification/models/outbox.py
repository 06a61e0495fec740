"""Messages on their way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.sight import leads_in_sight
from qualification.models.decision import Decision

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from crm.models import User


class OutboxQuerySet(models.QuerySet["OutboxMessage"]):
    def visible_to(self, user: User | AnonymousUser) -> OutboxQuerySet:
        """Messages about leads in this user's sight; those about no lead are for admins."""
        return self.filter(leads_in_sight(user, prefix="decision__lead__"))


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
    # Messages of one order leave in the order they were posted; blank: in any.
    order_key = models.CharField(max_length=60, blank=True, default="", db_default="")
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    not_before = models.DateTimeField()
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    # Rises with every lease and never falls: a sender that was too slow cannot mark the row.
    token = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)

    objects = OutboxQuerySet.as_manager()

    class Meta:
        ordering = ["due_at", "id"]
        indexes = [
            # The outbox sweep.
            models.Index(
                fields=["due_at"], condition=Q(state="waiting"), name="qualification_outbox_due"
            ),
            # Whether an earlier message of the same order still waits.
            models.Index(
                fields=["order_key", "id"],
                condition=Q(state="waiting") & ~Q(order_key=""),
                name="qualification_outbox_order",
            ),
            # The page of what did not go.
            models.Index(
                fields=["-due_at", "-id"],
                condition=Q(state="dead"),
                name="qualification_outbox_dead",
            ),
        ]

    def __str__(self) -> str:
        return self.key
