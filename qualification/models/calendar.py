"""Calendars as rows: which minutes of a week count, in versions that never change."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.models import Team, User
from crm.models.fields import append_only


class HoursHold(models.Func):
    """SQL `leadqual_hours_hold(week, days)`: whether these openings are openings, apart from each
    other, at least one of them in the week (migration 0037)."""

    function = "leadqual_hours_hold"
    output_field = models.BooleanField()


class BusinessCalendar(models.Model):
    """The opening hours of a place under one name. What they are is in its newest version. One is
    the default, for every team without a calendar of its own."""

    name = models.CharField(max_length=80, unique=True)
    is_default = models.BooleanField(
        default=False, help_text=_("Counts for every team without a calendar of its own.")
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"],
                condition=Q(is_default=True),
                name="qualification_businesscalendar_one_default",
            )
        ]

    def __str__(self) -> str:
        return self.name


class TeamCalendar(models.Model):
    """The calendar of a team. A team without a row has the default."""

    team = models.OneToOneField(
        Team, on_delete=models.CASCADE, primary_key=True, related_name="calendar"
    )
    calendar = models.ForeignKey(BusinessCalendar, on_delete=models.PROTECT, related_name="teams")

    def __str__(self) -> str:
        return f"{self.team}: {self.calendar}"


class CalendarVersion(models.Model):
    """What a calendar said from `created_at` on. Append-only: a clock keeps the version it counts
    by. Written by `qualification/sla/hours.py` only.

    `holidays` are all closed dates, those of the country and region for the years known when the
    version was made and `own_holidays`; `days` replaces the openings of single dates.
    """

    calendar = models.ForeignKey(
        BusinessCalendar, on_delete=models.PROTECT, related_name="versions"
    )
    version = models.PositiveIntegerField()
    zone = models.CharField(_("time zone"), max_length=64, help_text=_("IANA name."))
    week = models.JSONField(default=dict, help_text=_('{"mon": [["09:00", "17:00"]], …}'))
    country = models.CharField(max_length=2, blank=True)
    region = models.CharField(max_length=16, blank=True)
    own_holidays = models.JSONField(default=list, blank=True)
    days = models.JSONField(default=dict, blank=True)
    holidays = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ["calendar", "-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["calendar", "version"], name="qualification_calendarversion_one"
            ),
            models.CheckConstraint(
                condition=HoursHold("week", "days"),
                name="qualification_calendarversion_hours_apart",
            ),
        ]
        triggers = [append_only("append_only")]

    def __str__(self) -> str:
        return f"{self.calendar_id} v{self.version}"
