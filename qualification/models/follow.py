"""Follow-up: plans that wake a nurtured lead, cadences and the runs of them, contact hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from crm.models import Lead, User
from crm.models.fields import append_only
from crm.sight import leads_in_sight
from qualification.choices import CadenceEnd, TouchKind
from qualification.models.decision import Decision
from qualification.models.review import ReviewItem, Touch, TouchUndo

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class NurturePlanQuerySet(models.QuerySet["NurturePlan"]):
    def visible_to(self, user: User | AnonymousUser) -> NurturePlanQuerySet:
        """Plans of leads in this user's sight."""
        return self.filter(leads_in_sight(user, prefix="lead__"))

    def waiting(self) -> NurturePlanQuerySet:
        """Plans whose lead sleeps."""
        return self.filter(state=NurturePlan.State.WAITING)


class NurturePlan(models.Model):
    """When a nurtured lead comes back: at least one wake condition, and always a latest date.

    `since` is when the conditions were set: an event before it wakes nobody. Where a contract end
    is a condition, `contract_wake_on` lies the lead time before `contract_ends_on`.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        WOKEN = "woken", _("Woken")
        CANCELLED = "cancelled", _("Cancelled")

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="nurture_plans")
    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="plan")
    since = models.DateTimeField()
    wake_on = models.DateField(null=True, blank=True)
    wake_activity = models.CharField(max_length=60, blank=True)
    wake_score_tenths = models.IntegerField(null=True, blank=True)
    contract_ends_on = models.DateField(null=True, blank=True)
    contract_wake_on = models.DateField(null=True, blank=True)
    latest_on = models.DateField()
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = NurturePlanQuerySet.as_manager()

    class Meta:
        ordering = ["latest_on", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(wake_on__isnull=False)
                | ~Q(wake_activity="")
                | Q(wake_score_tenths__isnull=False)
                | Q(contract_wake_on__isnull=False),
                name="qualification_nurtureplan_can_wake",
            ),
            models.CheckConstraint(
                condition=Q(contract_ends_on=None, contract_wake_on=None)
                | Q(
                    contract_ends_on__isnull=False,
                    contract_wake_on__isnull=False,
                    contract_wake_on__lte=F("contract_ends_on"),
                ),
                name="qualification_nurtureplan_contract",
            ),
            models.CheckConstraint(
                condition=(Q(wake_on=None) | Q(wake_on__lte=F("latest_on")))
                & (Q(contract_wake_on=None) | Q(contract_wake_on__lte=F("latest_on"))),
                name="qualification_nurtureplan_latest_is_last",
            ),
            models.UniqueConstraint(
                fields=["lead"],
                condition=Q(state="waiting"),
                name="qualification_nurtureplan_one_waiting",
            ),
        ]
        indexes = [
            # The wake-up sweep.
            models.Index(
                fields=["wake_on"], condition=Q(state="waiting"), name="qualification_plan_wake"
            ),
            models.Index(
                fields=["latest_on"], condition=Q(state="waiting"), name="qualification_plan_latest"
            ),
        ]

    def __str__(self) -> str:
        return f"plan of lead {self.lead_id}"

    @property
    def rise_tenths(self) -> int | None:
        """How far above the score at the decision the lead must rise; None without a score."""
        if self.wake_score_tenths is None:
            return None
        return self.wake_score_tenths - self.decision.total_tenths


class Cadence(models.Model):
    """Steps of follow-up over weeks. A new version is a new row; a run keeps the one it began
    with."""

    key = models.SlugField(max_length=40)
    version = models.PositiveSmallIntegerField(default=1)
    name = models.CharField(max_length=80)
    is_default = models.BooleanField(default=False, help_text=_("Offered first."))
    is_active = models.BooleanField(default=True, help_text=_("Can be started."))

    class Meta:
        ordering = ["-is_default", "name", "-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["key", "version"], name="qualification_cadence_one_version"
            ),
            models.UniqueConstraint(
                fields=["is_default"],
                condition=Q(is_default=True),
                name="qualification_cadence_one_default",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}" if self.version > 1 else self.name


class CadenceStep(models.Model):
    """One step: what to do, by which way, how many days after the step before (after the start for
    the first)."""

    cadence = models.ForeignKey(Cadence, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    wait_days = models.PositiveSmallIntegerField(help_text=_("Days after the step before."))
    kind = models.CharField(
        max_length=7,
        choices=[
            (kind.value, kind.label) for kind in (TouchKind.CALL, TouchKind.MAIL, TouchKind.SOCIAL)
        ],
    )
    task = models.CharField(max_length=160, help_text=_("Such as “Mail the case study”."))

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["cadence", "position"], name="qualification_cadencestep_one_place"
            ),
            models.CheckConstraint(
                condition=Q(wait_days__lte=90), name="qualification_cadencestep_wait"
            ),
        ]

    def __str__(self) -> str:
        return self.task


class CadenceRun(models.Model):
    """One lead in a cadence, during one stay: while `item` is owned, or asleep after a decision on
    it. While it runs, `step` is what comes next and `due_at` when."""

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="cadence_runs")
    item = models.ForeignKey(ReviewItem, on_delete=models.CASCADE, related_name="cadence_runs")
    cadence = models.ForeignKey(Cadence, on_delete=models.PROTECT, related_name="runs")
    step = models.ForeignKey(
        CadenceStep, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    due_at = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(
        null=True, blank=True, help_text=_("The due time somebody was told about.")
    )
    started_at = models.DateTimeField()
    started_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    end = models.CharField(max_length=9, choices=CadenceEnd, blank=True)

    class Meta:
        ordering = ["-started_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["lead"], condition=Q(ended_at=None), name="qualification_cadencerun_one"
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, end="", step__isnull=False, due_at__isnull=False)
                | Q(ended_at__isnull=False, end__gt=""),
                name="qualification_cadencerun_next_or_end",
            ),
        ]
        indexes = [
            # Steps due: My work and the sweep.
            models.Index(
                fields=["due_at"], condition=Q(ended_at=None), name="qualification_cadencerun_due"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cadence_id} for lead {self.lead_id}"


class CadenceStepDone(models.Model):
    """A step that was done, and the touch that did it. Append-only. A step is done once, and once
    more each time a touch that did it was taken back: `again` is that."""

    run = models.ForeignKey(CadenceRun, on_delete=models.CASCADE, related_name="done")
    step = models.ForeignKey(CadenceStep, on_delete=models.PROTECT, related_name="+")
    touch = models.OneToOneField(Touch, on_delete=models.CASCADE, related_name="step_done")
    due_at = models.DateTimeField()
    again = models.OneToOneField(
        TouchUndo, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "cadence steps done"
        constraints = [
            models.UniqueConstraint(
                fields=["run", "step"],
                condition=Q(again=None),
                name="qualification_cadencestepdone_once",
            )
        ]
        triggers = [append_only("append_only")]

    def __str__(self) -> str:
        return f"step {self.step_id} of run {self.run_id}"


class ContactHour(models.Model):
    """How calls went in one hour of the day where the lead is; counted anew once a day."""

    hour = models.PositiveSmallIntegerField(unique=True)
    calls = models.PositiveIntegerField()
    answered = models.PositiveIntegerField()
    counted_at = models.DateTimeField()

    class Meta:
        ordering = ["hour"]
        constraints = [
            models.CheckConstraint(
                condition=Q(hour__lte=23) & Q(answered__lte=F("calls")),
                name="qualification_contacthour_sane",
            )
        ]

    def __str__(self) -> str:
        return f"{self.hour:02}:00"
