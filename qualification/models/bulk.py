"""What a verb on many leads of the queue did to each, so that it can be taken back."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import F, Q

from crm.models import Team, User
from crm.models.fields import KeptUntilErased
from qualification.choices import BulkVerb, ItemState
from qualification.models.review import HOLDER_FITS_STATE, OF_ITEM, ItemEvent, ReviewItem
from qualification.models.routing import RoutingPool

# In whose hands an item is, and what goes with the hands.
HANDS = (
    "state",
    "holder_id",
    "assignee_id",
    "pool_id",
    "team_id",
    "hold_reason",
    "claimed_at",
    "lease_until",
    "owned_at",
    "next_task_at",
    "next_task",
    "snoozed_until",
)
# What a row says stays; only that it was taken back comes later, once.
_SAID = ("key", "verb", "by_id", "at", "item_id", "last_event_id", "token", *HANDS)
_SAID_OTHERWISE = " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in _SAID)


class BulkStep(models.Model):
    """One lead of a bulk verb: the hands it was in before, and how it stood after. Written by
    `review/bulk.py`; taken back by `review/bulk_undo.py`.

    Rows of one `key` belong together. `token` and `last_event` are those of the item right after:
    who finds others there knows that somebody did something since.
    """

    key = models.UUIDField()
    verb = models.CharField(max_length=7, choices=BulkVerb)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    at = models.DateTimeField()
    item = models.ForeignKey(ReviewItem, on_delete=models.CASCADE, related_name="bulk_steps")
    last_event = models.ForeignKey(
        ItemEvent, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    token = models.PositiveIntegerField()
    state = models.CharField(max_length=7, choices=ItemState)
    holder = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    assignee = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    pool = models.ForeignKey(
        RoutingPool, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+", db_index=False)
    hold_reason = models.CharField(max_length=120, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    owned_at = models.DateTimeField(null=True, blank=True)
    next_task_at = models.DateTimeField(null=True, blank=True)
    next_task = models.CharField(max_length=160, blank=True)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["key", "item"], name="qualification_bulkstep_once"),
            models.CheckConstraint(
                condition=HOLDER_FITS_STATE, name="qualification_bulkstep_holder_fits_state"
            ),
            models.CheckConstraint(
                condition=Q(undone_at=None) | Q(undone_at__gte=F("at")),
                name="qualification_bulkstep_undone_after",
            ),
        ]
        triggers = [
            KeptUntilErased(
                name="only_undone",
                blanks="next_task",
                of=OF_ITEM,
                condition=pgtrigger.Condition(f"OLD.undone_at IS NOT NULL OR {_SAID_OTHERWISE}"),
            ),
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.verb} of item {self.item_id}"
