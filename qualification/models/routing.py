"""Routing: who belongs to which pool, who is at work, which rule sends a lead where, what was
assigned and why, and junk given back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pghistory
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from crm.models import Account, Lead, Team, User
from crm.models.fields import append_only
from crm.sight import leads_in_sight
from qualification.choices import AssignedBy, FreedBy
from qualification.models.decision import Decision
from qualification.models.review import ReviewItem
from qualification.models.segment import Segment

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

WEEKDAYS = "12345"


class RoutingPool(models.Model):
    """People of a team who share leads by weight. `balances` is written by
    `qualification/routing/assign.py` and `credit.py` only, under a lock of the row."""

    name = models.CharField(max_length=80, unique=True)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="pools")
    # Leads expected less leads given by the id of the person, as exact fractions: {"7": "-1/3"}.
    balances = models.JSONField(default=dict, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


@pghistory.track()
class PoolMember(models.Model):
    """Somebody's part in a pool: with weight 2 they get twice as many leads as with 1."""

    pool = models.ForeignKey(RoutingPool, on_delete=models.CASCADE, related_name="members")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="pool_memberships")
    weight = models.PositiveSmallIntegerField(default=1, validators=[MinValueValidator(1)])

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["pool", "person"], name="qualification_poolmember_once"
            ),
            models.CheckConstraint(
                condition=Q(weight__gte=1, weight__lte=1000), name="qualification_poolmember_weight"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} × {self.weight}"


@pghistory.track()
class WorkProfile(models.Model):
    """What somebody can take on. Without a profile: any number of leads, at any time, no skills.

    The hours are those of the person's own time zone; an end before the start is past midnight.
    """

    person = models.OneToOneField(User, on_delete=models.CASCADE, related_name="work_profile")
    capacity = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text=_("Open leads at once; blank: no limit. 0 pauses.")
    )
    reserved = models.PositiveSmallIntegerField(
        default=0,
        help_text=_(
            "Of these, the last so many are kept for leads that nobody else there can take."
        ),
    )
    skills = models.JSONField(default=list, blank=True, help_text=_('Such as ["french", "sap"].'))
    work_days = models.CharField(
        max_length=7,
        default=WEEKDAYS,
        validators=[RegexValidator(r"^[1-7]+$")],
        help_text=_("1 is Monday, 7 is Sunday; counts only with hours."),
    )
    works_from = models.TimeField(null=True, blank=True)
    works_to = models.TimeField(null=True, blank=True)

    class Meta:
        ordering = ["person"]
        constraints = [
            models.CheckConstraint(
                condition=Q(works_from=None, works_to=None)
                | (
                    Q(works_from__isnull=False, works_to__isnull=False)
                    & ~Q(works_from=F("works_to"))
                ),
                name="qualification_workprofile_hours",
            ),
            models.CheckConstraint(
                condition=Q(reserved=0) | Q(capacity__isnull=False, capacity__gte=F("reserved")),
                name="qualification_workprofile_reserved",
            ),
        ]

    def __str__(self) -> str:
        return f"profile of {self.person}"


class Leave(models.Model):
    """Whole days somebody is away, both included, in the person's own time zone."""

    profile = models.ForeignKey(WorkProfile, on_delete=models.CASCADE, related_name="leaves")
    starts_on = models.DateField()
    ends_on = models.DateField()

    class Meta:
        ordering = ["starts_on"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("starts_on")), name="qualification_leave_forward"
            )
        ]

    def __str__(self) -> str:
        return f"{self.starts_on} – {self.ends_on}"


@pghistory.track()
class AccountOwner(models.Model):
    """The person a named account belongs to."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="named_owner")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="named_accounts")

    class Meta:
        ordering = ["account__name"]

    def __str__(self) -> str:
        return f"{self.account}: {self.person}"


@pghistory.track()
class RoutingRule(models.Model):
    """Where a lead goes that this rule, by position the first to fit, fits.

    `condition` is a `when` of the file format of scoring, {} for every lead; a segment, where one
    is named by its key, counts as it is saved. With a pool one of its
    people gets the lead; without one it waits for anybody of the team.
    """

    position = models.PositiveSmallIntegerField(default=0)
    name = models.CharField(max_length=80, unique=True)
    is_active = models.BooleanField(default=True)
    condition = models.JSONField(default=dict, blank=True)
    segment = models.ForeignKey(
        Segment,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        to_field="key",
        db_column="segment",
        related_name="+",
        help_text=_("Only leads of this segment; blank for all. The condition must hold too."),
    )
    to_account_owner = models.BooleanField(
        default=False,
        help_text=_("Only leads of named accounts; the owner first, the pool when they cannot."),
    )
    skills = models.JSONField(
        default=list, blank=True, help_text=_("All of these are needed to get the lead.")
    )
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="routing_rules")
    pool = models.ForeignKey(
        RoutingPool, null=True, blank=True, on_delete=models.PROTECT, related_name="rules"
    )

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(to_account_owner=False) | Q(pool__isnull=False),
                name="qualification_routingrule_owner_has_pool",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    def visible_to(self, user: User | AnonymousUser) -> AssignmentQuerySet:
        """Assignments of leads in this user's sight."""
        return self.filter(leads_in_sight(user, prefix="lead__"))

    def standing(self) -> AssignmentQuerySet:
        """Those but for the turns that were taken back with what led to them."""
        undone = RoutingCredit.objects.filter(assignment=OuterRef("pk"), decision=None)
        return self.exclude(Exists(undone))


class Assignment(models.Model):
    """One routing decision about one stay in the queue. Append-only; the newest one counts.

    `candidates` are those looked at, in order: {"person", "weight", "balance" before, "why_not":
    {"code", …}, empty for who could have had it}. No person: held (`hold_reason`), or the team's.
    """

    item = models.ForeignKey(ReviewItem, on_delete=models.CASCADE, related_name="assignments")
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="assignments")
    at = models.DateTimeField()
    rule = models.ForeignKey(
        RoutingRule, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    rule_name = models.CharField(max_length=80, blank=True, help_text=_("As it was called then."))
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+")
    pool = models.ForeignKey(
        RoutingPool, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    person = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="assignments"
    )
    how = models.CharField(max_length=8, choices=AssignedBy)
    hold_reason = models.CharField(max_length=120, blank=True)
    candidates = models.JSONField(default=list)
    # Where it goes on after it was held: since when and why, and what changed.
    held_since = models.DateTimeField(null=True, blank=True)
    held_for = models.CharField(max_length=120, blank=True)
    freed_by = models.CharField(max_length=8, choices=FreedBy, blank=True)

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(how__in=["turn", "owner"], person__isnull=False, hold_reason="")
                | Q(how="held", person=None, hold_reason__gt="", pool__isnull=False)
                | Q(how__in=["team", "fallback"], person=None, hold_reason="", pool=None),
                name="qualification_assignment_complete",
            ),
            models.CheckConstraint(
                condition=Q(held_since=None, held_for="", freed_by="")
                | Q(held_since__isnull=False, held_for__gt="", freed_by__gt=""),
                name="qualification_assignment_freed",
            ),
        ]
        indexes = [models.Index(fields=["lead", "-id"], name="qualification_assignment_lead")]
        triggers = [append_only("append_only")]

    def __str__(self) -> str:
        return f"{self.how} of lead {self.lead_id}"


class RoutingCredit(models.Model):
    """A lead that turned out not workable, or was given only by what somebody took back, does not
    count as one given; a row more when that was wrong. Append-only, once per decision."""

    assignment = models.ForeignKey(Assignment, on_delete=models.CASCADE, related_name="credits")
    decision = models.OneToOneField(
        Decision,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="routing_credit",
        help_text=_("None: what gave the lead was taken back."),
    )
    is_given = models.BooleanField(help_text=_("Given back; no: taken away again."))
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-id"]
        triggers = [append_only("append_only")]

    def __str__(self) -> str:
        return f"credit {'+' if self.is_given else '−'} for assignment {self.assignment_id}"
