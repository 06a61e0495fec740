"""The queue: items, who holds them, what happened to them, touches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pgtrigger
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from crm.models import Lead, Team, User
from crm.models.fields import KeptUntilErased, append_only
from crm.sight import leads_in_sight
from qualification.choices import (
    Bucket,
    CloseReason,
    EntryReason,
    ItemState,
    TierRank,
    TouchKind,
    TouchResult,
)

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

# Whose an open item is, by its state.
HOLDER_FITS_STATE = (
    Q(state="waiting", holder=None, lease_until=None, owned_at=None)
    | Q(state="claimed", holder__isnull=False, lease_until__isnull=False, owned_at=None)
    | Q(state="owned", holder__isnull=False, lease_until=None, owned_at__isnull=False)
)
# An event names the lead of its item, whoever writes it.
_LEAD_OF_ITEM = """
    NEW.lead_id := (SELECT i.lead_id FROM qualification_reviewitem AS i WHERE i.id = NEW.item_id);
    RETURN NEW;
"""
# The lead of a row that names its item only.
OF_ITEM = "(SELECT i.lead_id FROM qualification_reviewitem AS i WHERE i.id = OLD.item_id)"

# Events that a touch writes, and that of taking it back.
OF_TOUCH = ("item:touched", "item:owned")
UNTOUCHED = "item:untouched"

# The one order of the queue: list, next lead, API.
RANK = ("bucket", "tier_rank", "score_rank", "due_at", "id")


def free_for(user: User) -> Q:
    """Condition on waiting items: routing leaves them to this person, or to anybody."""
    return Q(assignee=user) | Q(assignee=None, pool=None)


class ReviewItemQuerySet(models.QuerySet["ReviewItem"]):
    def visible_to(self, user: User | AnonymousUser) -> ReviewItemQuerySet:
        """Items of leads in this user's sight."""
        return self.filter(leads_in_sight(user, prefix="lead__"))

    def open(self) -> ReviewItemQuerySet:
        """Items not closed: waiting, claimed or owned."""
        return self.exclude(state=ItemState.CLOSED)

    def waiting(self) -> ReviewItemQuerySet:
        """Items nobody holds."""
        return self.filter(state=ItemState.WAITING)

    def free_for(self, user: User) -> ReviewItemQuerySet:
        """Waiting items this person may take by routing: meant for them, or for anybody."""
        return self.waiting().filter(free_for(user))

    def held_by(self, user: User) -> ReviewItemQuerySet:
        """Items this user claimed or owns."""
        return self.filter(holder=user, state__in=[ItemState.CLAIMED, ItemState.OWNED])

    def ranked(self) -> ReviewItemQuerySet:
        """In the order of the queue."""
        return self.order_by(*RANK)


class ReviewItem(models.Model):
    """A lead's stay in the queue: at most one open per lead. Written by `qualification/review/`
    only.

    `bucket`, `tier_rank`, `score_rank`, `due_at` are the rank, kept here so that the queue is one
    index. `token` rises with every change of holder: a write carrying an old token is refused.
    """

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="items")
    # No index of its own, like holder, assignee, pool and framework: those below serve every read,
    # and each would be written by every claim.
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="items", db_index=False)
    state = models.CharField(max_length=7, choices=ItemState, default=ItemState.WAITING)
    entry_reason = models.CharField(max_length=11, choices=EntryReason)
    entered_at = models.DateTimeField()
    bucket = models.PositiveSmallIntegerField(choices=Bucket, default=Bucket.RUNNING)
    tier_rank = models.PositiveSmallIntegerField(choices=TierRank, default=TierRank.NONE)
    score_tenths = models.IntegerField(default=0)
    # Falls as the score rises: the whole rank goes one way, so that one comparison of rows says
    # what stands before and after.
    score_rank = models.GeneratedField(
        expression=-models.F("score_tenths"),
        output_field=models.IntegerField(),
        db_persist=True,
    )
    due_at = models.DateTimeField(help_text=_("First response due; of the running clock."))
    hold_reason = models.CharField(max_length=120, blank=True)
    holder = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="items", db_index=False
    )
    # Whom routing chose while it waits: a person, or a pool with nobody able to take it right now
    # (`hold_reason`). Neither: anybody of the team may take it.
    assignee = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="assigned_items",
        db_index=False,
    )
    pool = models.ForeignKey(
        "qualification.RoutingPool",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="items",
        db_index=False,
    )
    claimed_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    owned_at = models.DateTimeField(null=True, blank=True)
    next_task_at = models.DateTimeField(null=True, blank=True)
    next_task = models.CharField(max_length=160, blank=True)
    # The two times of the next task that matter: it was put off until then by a snooze; its holder
    # was told that it is due.
    snoozed_until = models.DateTimeField(null=True, blank=True)
    task_told_at = models.DateTimeField(null=True, blank=True)
    framework = models.ForeignKey(
        "qualification.Framework",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    # Blank for the default one, or one chosen by hand.
    framework_reason = models.CharField(
        max_length=80, blank=True, db_default="", help_text=_("The rule that chose the checklist.")
    )
    token = models.PositiveIntegerField(default=1)
    closed_at = models.DateTimeField(null=True, blank=True)
    close_reason = models.CharField(max_length=12, choices=CloseReason, blank=True)

    objects = ReviewItemQuerySet.as_manager()

    class Meta:
        ordering = list(RANK)
        constraints = [
            models.UniqueConstraint(
                fields=["lead"],
                condition=~Q(state="closed"),
                name="qualification_reviewitem_one_open",
            ),
            models.CheckConstraint(
                condition=HOLDER_FITS_STATE | Q(state="closed"),
                name="qualification_reviewitem_holder_fits_state",
            ),
            models.CheckConstraint(
                condition=Q(state="closed", closed_at__isnull=False, close_reason__gt="")
                | (~Q(state="closed") & Q(closed_at=None, close_reason="")),
                name="qualification_reviewitem_closed_has_reason",
            ),
            models.CheckConstraint(
                condition=~Q(state="waiting", pool__isnull=False, assignee=None, hold_reason=""),
                name="qualification_reviewitem_held_says_why",
            ),
        ]
        indexes = [
            # The queue page of a team and "next lead".
            models.Index(
                fields=["team", *RANK],
                condition=~Q(state="closed"),
                name="qualification_item_rank",
            ),
            # "Next lead": the same order without the rows somebody holds or was chosen for.
            models.Index(
                fields=["team", *RANK],
                condition=Q(state="waiting", assignee=None, pool=None),
                name="qualification_item_waiting",
            ),
            # "Next lead" among those meant for one person, and what they have to do.
            models.Index(
                fields=["assignee", *RANK],
                condition=Q(state="waiting", assignee__isnull=False),
                name="qualification_item_assignee",
            ),
            # How many are late, due soon, on time: the counts above the queue.
            models.Index(
                fields=["team", "due_at", "bucket"],
                condition=Q(state__in=["waiting", "claimed"]),
                name="qualification_item_due",
            ),
            # Routing looks again at what is held.
            models.Index(
                fields=["pool"],
                condition=Q(state="waiting", assignee=None) & ~Q(hold_reason=""),
                name="qualification_item_held",
            ),
            # The lease sweep.
            models.Index(
                fields=["lease_until"],
                condition=Q(state="claimed"),
                name="qualification_item_lease",
            ),
            # My work and the claim limit.
            models.Index(
                fields=["holder", "next_task_at"],
                condition=Q(state__in=["claimed", "owned"]),
                name="qualification_item_holder",
            ),
            # Tasks that fell due.
            models.Index(
                fields=["next_task_at"],
                condition=Q(state="owned", next_task_at__isnull=False),
                name="qualification_item_task",
            ),
        ]

    def __str__(self) -> str:
        return f"item {self.pk} of lead {self.lead_id}"

    @property
    def hands(self) -> str:
        """Whose it is and in which state, as one word: another word, and pages are out of date."""
        return f"{self.pk}-{self.token}-{self.state}-{self.assignee_id or ''}"


class ItemEventQuerySet(models.QuerySet["ItemEvent"]):
    def standing(self) -> ItemEventQuerySet:
        """Events without those of a touch that was taken back, and of taking it back."""
        touches = Touch.objects.standing().filter(item=OuterRef("item"), at=OuterRef("at"))
        untold = Q(verb__in=OF_TOUCH) & ~Exists(touches)
        return self.exclude(verb=UNTOUCHED).exclude(untold)


class ItemEvent(models.Model):
    """What happened to an item, `noun:past-verb`. Append-only. `lead` is written by a trigger."""

    item = models.ForeignKey(ReviewItem, on_delete=models.CASCADE, related_name="events")
    lead = models.ForeignKey(
        Lead, on_delete=models.CASCADE, related_name="+", editable=False, db_index=False
    )
    verb = models.CharField(max_length=40)
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    note = models.CharField(max_length=300, blank=True)

    objects = ItemEventQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [
            # A page of the journey, which tells a touch by the touch itself.
            models.Index(
                fields=["lead", "-at", "-id"],
                condition=~Q(verb="item:touched"),
                name="qualification_event_journey",
            )
        ]
        triggers = [
            KeptUntilErased(name="append_only", blanks="note", of=OF_ITEM),
            pgtrigger.Trigger(
                name="lead_of_item",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func=_LEAD_OF_ITEM,
            ),
        ]

    def __str__(self) -> str:
        return self.verb


class TouchQuerySet(models.QuerySet["Touch"]):
    def visible_to(self, user: User | AnonymousUser) -> TouchQuerySet:
        """Touches of leads in this user's sight."""
        return self.filter(leads_in_sight(user, prefix="lead__"))

    def standing(self) -> TouchQuerySet:
        """Touches nobody took back: what counts."""
        return self.filter(undone=None)


class Touch(models.Model):
    """A logged human contact or attempt. Append-only. An automatic mail is not a touch.

    `found` is what it changed, as it was before, so that it can be taken back
    (`review/touch_found.py`).
    """

    item = models.ForeignKey(ReviewItem, on_delete=models.CASCADE, related_name="touches")
    lead = models.ForeignKey(
        Lead,
        on_delete=models.CASCADE,
        related_name="touches",
        db_index=False,  # qualification_touch_journey begins with it
    )
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=7, choices=TouchKind)
    result = models.CharField(max_length=9, choices=TouchResult)
    note = models.TextField(blank=True)
    at = models.DateTimeField()
    found = models.JSONField(
        default=dict, db_default=models.Value({}, models.JSONField()), blank=True, editable=False
    )

    objects = TouchQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name_plural = "touches"
        indexes = [
            # A page of the journey, and of its mails.
            models.Index(fields=["lead", "-at", "-id"], name="qualification_touch_journey"),
            models.Index(
                fields=["lead", "-at", "-id"],
                condition=Q(kind="mail"),
                name="qualification_touch_mails",
            ),
        ]
        triggers = [KeptUntilErased(name="append_only", blanks="note found")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.get_result_display()}"


class TouchUndo(models.Model):
    """That a touch was taken back: by whoever logged it, at once. Append-only. Written by
    `review/touch_undo.py`."""

    touch = models.OneToOneField(
        Touch, on_delete=models.CASCADE, primary_key=True, related_name="undone"
    )
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    at = models.DateTimeField()

    class Meta:
        ordering = ["touch_id"]
        triggers = [append_only("append_only")]

    def __str__(self) -> str:
        return f"touch {self.touch_id} taken back"
