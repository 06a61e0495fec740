"""Clocks: how long each tier may wait, the running timers, and the breaches as facts."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from crm.models import Lead
from crm.models.fields import append_only
from qualification.choices import Tier, TimerKind, TimerState
from qualification.models.calendar import CalendarVersion
from qualification.models.review import ReviewItem


class SLAPolicy(models.Model):
    """Open minutes allowed for one kind of timer, per tier; the row without a tier is for all
    others. Which minutes are open says the calendar of the team."""

    kind = models.CharField(max_length=18, choices=TimerKind)
    tier = models.CharField(max_length=4, choices=Tier, blank=True)
    minutes = models.PositiveIntegerField(help_text=_("Due this long after the start."))
    warn_minutes = models.PositiveIntegerField(help_text=_("Warns this long before it is due."))

    class Meta:
        ordering = ["kind", "minutes"]
        verbose_name = "SLA policy"
        verbose_name_plural = "SLA policies"
        constraints = [
            models.UniqueConstraint(fields=["kind", "tier"], name="qualification_slapolicy_one"),
            models.CheckConstraint(
                condition=Q(minutes__gt=0) & Q(warn_minutes__lte=F("minutes")),
                name="qualification_slapolicy_sane",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.tier or 'any tier'}: {self.minutes} min"


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
    # When the sweep looks at it next: warn_at, due_at, urgent_until (rank), then nothing (NULL).
    next_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True, blank=True)

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
        ]
        indexes = [
            # The timer sweep: what warns or is due next.
            models.Index(
                fields=["next_at"],
                condition=Q(state="running", next_at__isnull=False),
                name="qualification_timer_next",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} of lead {self.lead_id}"


class SLAEvent(models.Model):
    """A warning or a breach: a fact stamped with the time it fell due, once per timer and level."""

    class Level(models.TextChoices):
        WARNING = "warning", _("Warning")
        BREACH = "breach", _("Breach")

    timer = models.ForeignKey(SLATimer, on_delete=models.CASCADE, related_name="events")
    level = models.CharField(max_length=7, choices=Level)
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


class Heartbeat(models.Model):
    """When each sweeper last finished a pass; pages warn when it is too long ago."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
