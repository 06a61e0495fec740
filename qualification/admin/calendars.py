"""Calendars: a week grid, and before anything is saved what it means and which clocks it moves."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from crm.models import Team
from qualification.admin.base import EditableAdmin
from qualification.admin.week import DatesField, DaysField, WeekField
from qualification.exceptions import BusinessTimeInvalid
from qualification.models import BusinessCalendar, CalendarVersion
from qualification.sla import edits
from qualification.sla.hours import CalendarContent

CONTENT = ["zone", "week", "country", "region", "own_holidays", "days"]
MOVES_SHOWN = 50


@dataclass(frozen=True)
class Preview:
    """What the admin sees before saving."""

    digest: str
    zone: str
    arrivals: list[edits.Arrival]
    moved: list[edits.Move]
    n_moved: int

    @property
    def more(self) -> int:
        """How many clocks the list leaves out."""
        return self.n_moved - len(self.moved)


class CalendarForm(forms.ModelForm):  # type: ignore[type-arg]
    """A calendar and the content of its next version. Saving needs the preview to have been seen:
    `seen` carries the digest of what it showed."""

    zone = forms.ChoiceField(label=_("Time zone"), widget=UnfoldAdminSelectWidget)
    week = WeekField(
        label=_("Week"),
        required=False,
        help_text=_(
            "Up to 24:00. An end before its beginning runs past midnight. Blank days are closed."
        ),
    )
    country = forms.CharField(
        label=_("Public holidays of"),
        required=False,
        max_length=2,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Country as two letters, such as DE; blank for none."),
    )
    region = forms.CharField(
        label=_("Region"), required=False, max_length=16, widget=UnfoldAdminTextInputWidget
    )
    own_holidays = DatesField(
        label=_("Own holidays"),
        required=False,
        help_text=_("Dates on which it is closed, one a line: 2026-12-31"),
    )
    days = DaysField(
        label=_("Special days"),
        required=False,
        help_text=_(
            "Openings of single dates, one a line: 2026-12-24 09:00-12:00. They replace the week"
            " and holidays; “closed” closes the date."
        ),
    )
    teams = forms.ModelMultipleChoiceField(
        queryset=Team.objects.all(),
        label=_("Teams"),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("A team has one calendar. Its clocks that run keep the one they started with."),
    )
    for_everybody = forms.BooleanField(
        label=_("Default"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=_("Counts for every team without a calendar of its own."),
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    preview: Preview | None = None

    class Meta:
        model = BusinessCalendar
        fields = ["name"]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["zone"].choices = [(name, name) for name in sorted(available_timezones())]  # type: ignore[attr-defined]
        self.initial["for_everybody"] = self.instance.is_default
        newest = self._newest()
        if newest is None:
            self.initial.setdefault("zone", "UTC")
            return
        self.initial.update({name: getattr(newest, name) for name in CONTENT})
        self.initial["teams"] = [row.team_id for row in self.instance.teams.all()]

    def _newest(self) -> CalendarVersion | None:
        return self.instance.versions.first() if self.instance.pk else None

    def content(self) -> CalendarContent:
        """What was written, for the next version."""
        written = self.cleaned_data
        return CalendarContent(
            zone=written["zone"],
            week=written["week"],
            country=written["country"].upper(),
            region=written["region"].upper(),
            own_holidays=tuple(written["own_holidays"]),
            days=written["days"],
        )

    @property
    def has_new_content(self) -> bool:
        """Whether saving makes a version."""
        newest = self._newest()
        return newest is None or self.content() != CalendarContent(
            **{name: getattr(newest, name) for name in CONTENT if name != "own_holidays"},
            own_holidays=tuple(newest.own_holidays),
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.instance.is_default and not cleaned.get("for_everybody"):
            text = _("One calendar is the default: choose it at another one.")
            self.add_error("for_everybody", text)
        if not self.errors and self.has_new_content:
            self._show_before_saving(cleaned)
        return cleaned

    def _show_before_saving(self, cleaned: dict[str, Any]) -> None:
        try:
            preview = preview_of(self.instance, self.content())
        except BusinessTimeInvalid as error:
            raise ValidationError(str(error)) from None
        if cleaned.get("seen") == preview.digest:
            return
        self.preview = preview
        form: Any = self
        form.data = form.data.copy()
        form.data["seen"] = preview.digest
        raise ValidationError(_("Nothing is saved yet."), code="unseen")


def preview_of(calendar: BusinessCalendar, content: CalendarContent) -> Preview:
    """What the content means from now on. Raises BusinessTimeInvalid."""
    now = timezone.now()
    found = edits.moves(calendar, content, now=now) if calendar.pk else []
    moved = [move for move in found if move.is_moved]
    # Of the content alone: clocks start and stop all the time, and saving must come to an end.
    written = json.dumps(dataclasses.asdict(content), sort_keys=True)
    return Preview(
        digest=hashlib.sha256(written.encode()).hexdigest(),
        zone=content.zone,
        arrivals=edits.arrivals(content.calendar(now=now), now=now),
        moved=moved[:MOVES_SHOWN],
        n_moved=len(moved),
    )


@admin.register(BusinessCalendar)
class BusinessCalendarAdmin(EditableAdmin):
    form = CalendarForm
    list_display = ["name", "is_default", "zone", "team_names"]
    search_fields = ["name"]
    change_form_before_template = "qualification/admin/_calendar_preview.html"
    fieldsets = [
        (None, {"fields": ["name", "for_everybody", "teams", "seen"]}),
        (_("Openings"), {"fields": ["zone", "week"]}),
        (_("Closed and special days"), {"fields": ["country", "region", "own_holidays", "days"]}),
    ]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # clocks count by its versions

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("versions", "teams__team")

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **more: Any
    ) -> Any:
        form = context["adminform"].form
        if form.preview:  # no mistake: the preview says that nothing is saved yet
            form.errors.clear()
            context["errors"] = None
        return super().render_change_form(request, context, *args, **more)

    @admin.display(description=_("time zone"))
    def zone(self, calendar: BusinessCalendar) -> str:
        versions = calendar.versions.all()
        return versions[0].zone if versions else "–"

    @admin.display(description=_("teams"))
    def team_names(self, calendar: BusinessCalendar) -> str:
        return ", ".join(str(row.team) for row in calendar.teams.all()) or "–"

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        super().save_model(request, obj, form, change)
        now, moved = timezone.now(), 0
        if form.has_new_content:
            by: Any = request.user
            content = form.content()
            _version, moved = edits.edit_calendar(calendar=obj, content=content, by=by, now=now)
        moved += edits.give_to_teams(calendar=obj, teams=form.cleaned_data["teams"], now=now)
        if form.cleaned_data["for_everybody"]:
            moved += edits.give_to_everybody(calendar=obj, now=now)
        if moved:
            text = ngettext("%(n)s open clock was moved.", "%(n)s open clocks were moved.", moved)
            self.message_user(request, text % {"n": moved}, messages.INFO)
