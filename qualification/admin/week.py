"""Form fields of a calendar: the week as a grid, single dates as lines. What they hold is the
written form that `qualification/sla/calendars.py` reads and judges."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.widgets import BASE_INPUT_CLASSES, UnfoldAdminTextareaWidget

from qualification.exceptions import BusinessTimeInvalid
from qualification.sla.calendars import WEEKDAYS, read_dates, read_week, read_windows

WEEKDAY_NAMES = {
    "mon": _("Monday"),
    "tue": _("Tuesday"),
    "wed": _("Wednesday"),
    "thu": _("Thursday"),
    "fri": _("Friday"),
    "sat": _("Saturday"),
    "sun": _("Sunday"),
}
SLOTS = 3
# The theme's input without its widths: `size` gives room for HH:MM.
NARROW = " ".join(css for css in BASE_INPUT_CLASSES if not re.match(r"(min-)?w-", css))
CLOSED = "closed"
_TIME = re.compile(r"([0-9]{1,2})(?:[:.]([0-9]{2}))?")
_DASH = re.compile(r"\s*[-–]\s*")

WrittenWeek = dict[str, list[list[str]]]


class WeekGrid(forms.Widget):
    """Seven rows of openings, each a beginning and an end as HH:MM."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        week: Mapping[str, list[list[str]]] = value or {}
        slots = max([SLOTS, *(len(openings) for openings in week.values())])
        rows = [
            {
                "key": key,
                "name": WEEKDAY_NAMES[key],
                "openings": [*week.get(key, []), *[["", ""]] * (slots - len(week.get(key, [])))],
            }
            for key in WEEKDAYS
        ]
        context = {"name": name, "rows": rows, "css": NARROW}
        return render_to_string("qualification/admin/_week_grid.html", context)

    def value_from_datadict(self, data: Any, files: Any, name: str) -> WrittenWeek:
        week = {}
        for key in WEEKDAYS:
            pairs = zip(
                data.getlist(f"{name}-{key}-opens"),
                data.getlist(f"{name}-{key}-closes"),
                strict=False,
            )
            openings = [[written_time(opens), written_time(closes)] for opens, closes in pairs]
            week[key] = [opening for opening in openings if any(opening)]
        return {key: openings for key, openings in week.items() if openings}

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return f"{name}-mon-opens" not in data


class WeekField(forms.Field):
    """The written week; refuses what no calendar may say."""

    widget = WeekGrid

    def clean(self, value: Any) -> WrittenWeek:
        with _form_errors({f"week.{key}": name for key, name in WEEKDAY_NAMES.items()}):
            read_week(value)
        if not value:
            raise ValidationError(_("The calendar never opens: give it at least one opening."))
        week: WrittenWeek = value
        return week


class DatesField(forms.CharField):
    """Dates, one a line."""

    widget = UnfoldAdminTextareaWidget(attrs={"rows": 4})

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else "\n".join(value or [])

    def clean(self, value: Any) -> list[str]:
        dates = (super().clean(value) or "").split()
        with _form_errors():
            read_dates(dates)
        return sorted(set(dates))


class DaysField(forms.CharField):
    """The openings of single dates, one date a line: `2026-12-24 09:00-12:00, 13:00-15:00`."""

    widget = UnfoldAdminTextareaWidget(attrs={"rows": 4})

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, str):
            return value
        return "\n".join(
            f"{date} {', '.join('-'.join(pair) for pair in openings) or CLOSED}"
            for date, openings in sorted((value or {}).items())
        )

    def clean(self, value: Any) -> WrittenWeek:
        days: WrittenWeek = {}
        for line in (super().clean(value) or "").splitlines():
            date, _space, rest = line.strip().partition(" ")
            if not date:
                continue
            with _form_errors():
                read_dates([date])
                if date in days:
                    raise BusinessTimeInvalid(_("%(date)s stands twice") % {"date": date})
                days[date] = _openings(rest.strip(), date)
        return days


def _openings(text: str, date: str) -> list[list[str]]:
    if text.lower() == CLOSED:
        return []
    parts = [_DASH.split(part.strip()) for part in text.split(",")]
    openings = [[written_time(time) for time in part] for part in parts]
    read_windows(openings, date)
    return openings


def written_time(text: str) -> str:
    """A time as HH:MM, however short it was written: `9` is `09:00`. Anything else stays."""
    text = text.strip()
    found = _TIME.fullmatch(text)
    return f"{int(found[1]):02}:{found[2] or '00'}" if found else text


@contextmanager
def _form_errors(places: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Turns the refusal of a calendar into an error of the form; `places` are named in words."""
    try:
        yield
    except BusinessTimeInvalid as error:
        text = str(error)
        for place, name in (places or {}).items():
            text = text.replace(place, str(name))
        raise ValidationError(text) from None
