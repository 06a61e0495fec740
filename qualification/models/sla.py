"""Clocks: how long each lead may wait, the running timers, their pauses, and breaches as facts."""

from __future__ import annotations

import pghistory
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from crm.models import Lead, Source, Team, User
from crm.models.fields import append_only
from qualification.choices import SLAAction, Tier, TimerKind, TimerState
from qualification.models.calendar import CalendarVersion
from qualification.models.review import ReviewItem
from qualification.models.segment import Segment

# As many levels as SLAEvent knows.
MAX_ESCALATIONS = 5


@pghistory.track()
class SLAPolicy(models.Model):
    """Open minutes allowed for one kind of clock, for the leads it names: what is blank is any. Of
    those that match a lead the most specific applies (`sla/policies.py`). Which minutes are open
    says the calendar of the team.

    `escalate_after` counts open minutes from the breach on; what happens then says `on_escalation`.
    """

    kind = models.CharField(max_length=18, choices=TimerKind)
    tier = models.CharField(max_length=4, choices=Tier, blank=True, help_text=_("Blank: any."))
    source = models.ForeignKey(
        Source, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    segment = models.ForeignKey(
        Segment, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    team = models.ForeignKey(
        Team,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("Who has to answer."),
    )
    is_active = models.BooleanField(default=True)
    minutes = models.PositiveIntegerField(help_text=_("Due this long after the start."))
    warn_minutes = models.PositiveIntegerField(help_text=_("Warns this long before it is due."))
    on_breach = models.CharField(
        max_length=8, choices=SLAAction, blank=True, default=SLAAction.NOTIFY
    )
    escalate_after = ArrayField(
        models.PositiveIntegerField(),
        default=list,
        blank=True,
        size=MAX_ESCALATIONS,
        help_text=_("Open minutes after the breach, such as 60, 240. Blank: never."),
    )
    on_escalation = models.CharField(
        max_length=8, choices=SLAAction, blank=True, default=SLAAction.NOTIFY
    )

    class Meta:
        ordering = ["kind", "minutes"]
        verbose_name = "SLA policy"
        verbose_name_plural = "SLA policies"
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "tier", "source", "segment", "team"],
                nulls_distinct=False,
                name="qualification_slapolicy_one",
            ),
            models.CheckConstraint(
                condition=Q(minutes__gt=0) & Q(warn_minutes__lte=F("minutes")),
                name="qualification_slapolicy_sane",
            ),
            models.CheckConstraint(
                condition=Q(escalate_after__len__lte=MAX_ESCALATIONS),
                name="qualification_slapolicy_escalations",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.words}: {self.minutes} min"

    @property
    def conditions(self) -> list[str]:
        """What a lead must be, most telling first; empty for the policy of everybody else."""
        named = [self.segment, self.source, self.team]
        found = [str(row) for row in named if row is not None]
        return [*found, self.get_tier_display()] if self.tier else found

    @property
    def words(self) -> str:
        """Whom it is for, such as `Enterprise · Webinar · Hot`."""
        return " · ".join(self.conditions) or str(_("any lead"))

    @property
    def is_general(self) -> bool:
        """Whether it holds for every lead: each kind keeps one."""
        ids = (self.source_id, self.segment_id, self.team_id)
        return not self.tier and all(pk is None for pk in ids)


class SLATimer(models.Model):
    """One running, stopped or cancelled clock. Its times are laid on the calendar of the team when
    it starts."""

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="timers")
    item = models.ForeignKey(ReviewItem, on_delete=models.CASCADE, related_name="timers")
    kind = models.CharField(max_length=18, choices=TimerKind)
    state = models.CharField(max_length=9, choices=TimerState, default=TimerState.RUNNING)
    started_at = models.DateTimeField()
    warn_at = models.DateTimeField()
    due_at = models.DateTimeField()
    # A breach stays on top of the queue for one open day.
    urgent_until = models.DateTimeField()
    calendar_version = models.ForeignKey(
        CalendarVersion, on_delete=models.PROTECT, related_name="timers"
    )
    escalate_at = ArrayField(
        models.DateTimeField(), default=list, db_default=[], size=MAX_ESCALATIONS
    )
    # Why it has these times. An edited policy moves no clock; what happens on a breach is its.
    policy = models.ForeignKey(
        SLAPolicy, null=True, blank=True, on_delete=models.PROTECT, related_name="timers"
    )
    paused_at = models.DateTimeField(null=True, blank=True)
    # When the sweep looks at it next: the next of its times, the end of its pause, then nothing.
    next_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True, blank=True)
    # How long it ran until it was stopped, in open time, pauses left out; of a stopped clock only.
    open_seconds = models.PositiveIntegerField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["due_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["item", "kind"],
                condition=Q(state__in=["running", "paused"]),
                name="qualification_slatimer_one_running",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["running", "paused"], stopped_at=None)
                | Q(state__in=["stopped", "cancelled"], stopped_at__isnull=False),
                name="qualification_slatimer_stopped_when",
            ),
            models.CheckConstraint(
                condition=Q(state="paused", paused_at__isnull=False)
                | (~Q(state="paused") & Q(paused_at=None)),
                name="qualification_slatimer_paused_when",
            ),
        ]
        indexes = [
            # The timer sweep: what warns, is due, or goes on next.
            models.Index(
                fields=["next_at"],
                condition=Q(next_at__isnull=False),
                name="qualification_timer_due",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} of lead {self.lead_id}"


class SLAPause(models.Model):
    """A time in which a clock stands still, with who stopped it and why. It ends by itself at
    `until`, so that nobody is forgotten. Written by `sla/pauses.py`, and by `sla/found.py` where
    what ended it was taken back."""

    timer = models.ForeignKey(SLATimer, on_delete=models.CASCADE, related_name="pauses")
    reason = models.CharField(max_length=200)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField()
    until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-started_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["timer"],
                condition=Q(ended_at=None),
                name="qualification_slapause_one_open",
            ),
            models.CheckConstraint(
                condition=Q(until__gt=F("started_at"))
                & (Q(ended_at=None) | Q(ended_at__gte=F("started_at"), ended_at__lte=F("until"))),
                name="qualification_slapause_forward",
            ),
            models.CheckConstraint(
                condition=Q(reason__gt=""), name="qualification_slapause_has_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"pause of timer {self.timer_id}"


class SLAEvent(models.Model):
    """A warning, a breach, an escalation: a fact stamped with the time it fell due, once per timer
    and level."""

    class Level(models.TextChoices):
        WARNING = "warning", _("Warning")
        BREACH = "breach", _("Breach")
        ESCALATION_1 = "escalation_1", _("First escalation")
        ESCALATION_2 = "escalation_2", _("Second escalation")
        ESCALATION_3 = "escalation_3", _("Third escalation")
        ESCALATION_4 = "escalation_4", _("Fourth escalation")
        ESCALATION_5 = "escalation_5", _("Fifth escalation")

    timer = models.ForeignKey(SLATimer, on_delete=models.CASCADE, related_name="events")
    level = models.CharField(max_length=12, choices=Level)
    at = models.DateTimeField(help_text=_("When it fell due."))
    recorded_at = models.DateTimeField(help_text=_("When a sweep wrote it down."))

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["timer", "level"], name="qualification_slaevent_once")
        ]
        triggers = [append_only("append_only")]

    def __str__(self) -> str:
        return f"{self.level} of timer {self.timer_id}"


class SLAFollowUp(models.Model):
    """What the policy asks for after a breach or an escalation; written with the event, done once
    by `review/overdue.py`. `due_at`: when the sweep tries, again after a failure."""

    class Outcome(models.TextChoices):
        TOLD = "told", _("People were told")
        TAKEN_BACK = "taken_back", _("Given to the next one")
        TOO_LATE = "too_late", _("Answered meanwhile")

    event = models.OneToOneField(
        SLAEvent, on_delete=models.CASCADE, primary_key=True, related_name="follow_up"
    )
    action = models.CharField(max_length=8, choices=SLAAction)
    due_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)

    class Meta:
        ordering = ["event"]
        constraints = [
            models.CheckConstraint(
                condition=Q(done_at=None, outcome="") | Q(done_at__isnull=False, outcome__gt=""),
                name="qualification_slafollowup_done_how",
            )
        ]
        indexes = [
            models.Index(
                fields=["due_at"], condition=Q(done_at=None), name="qualification_followup_due"
            )
        ]

    def __str__(self) -> str:
        return f"{self.action} after event {self.event_id}"


class Heartbeat(models.Model):
    """When each sweeper last finished a pass; pages warn when it is too long ago."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
