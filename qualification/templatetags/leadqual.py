"""Tags and filters for pages: icons, points, grades, clocks, people.

Templates load them with {% load leadqual %}. They only draw; what they draw is decided elsewhere.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from lucide.templatetags.lucide import lucide

from crm.models import Lead, Outcome
from crm.roles import Role, roles_of
from qualification.review.counts import CAP
from qualification.sla.faces import Face

from . import figures
from .remembered import remembered

register = template.Library()

SLA_ICONS = {"breached": "triangle-alert", "warn": "alarm-clock", "ok": "clock", "paused": "pause"}
GRADE_STEPS = {"A": 1, "B": 2, "C": 3, "D": 4}
ANSWER_ICONS = {
    "confirmed": "circle-check",
    "inferred": "circle-dot",
    "contradicted": "circle-x",
    "unknown": "circle-dashed",
}


@register.simple_tag
@remembered
def icon(name: str, css: str = "", *, label: str = "") -> SafeString:
    """A Lucide icon, inline; hidden from screen readers unless it has a label."""
    drawing = lucide(str(name), size=None, **{"class": f"icon {css}".strip()})
    svg = " ".join(drawing.split())
    spoken = format_html('role="img" aria-label="{}"', label) if label else 'aria-hidden="true"'
    return mark_safe(svg.replace("<svg ", f"<svg {spoken} ", 1))  # noqa: S308 - own markup


@register.simple_tag
def answer_icon(state: str, css: str = "") -> SafeString:
    """The icon of a checklist answer: confirmed, inferred, contradicted or unknown."""
    return icon(ANSWER_ICONS.get(state, ANSWER_ICONS["unknown"]), css)


@register.simple_tag
def outcome_chip(outcome: Outcome) -> SafeString:
    """What became of a lead: `Won`, or `Retained, 12 months`."""
    css = {Outcome.Value.WON: "chip ok", Outcome.Value.RETAINED: "chip ok"}
    words = str(outcome.get_value_display())
    if outcome.months is not None:
        words = _("%(what)s, %(n)s months") % {"what": words, "n": outcome.months}
    return format_html(
        '<span class="{}">{}</span>', css.get(Outcome.Value(outcome.value), "chip"), words
    )


@register.filter
def tenths(value: int | None) -> str:
    """Integer tenths as signed points: 200 is `+20.0`, -65 is `−6.5`."""
    return "" if value is None else figures.signed_tenths(int(value))


@register.filter
def tenths_total(value: int | None) -> str:
    """Integer tenths as an unsigned total: 865 is `86.5`; nothing is a dash."""
    return "–" if value is None else figures.unsigned_tenths(int(value))


@register.filter
def spaced(key: str) -> str:
    """A key as words: `opted_out` is `opted out`."""
    return str(key).replace("_", " ")


@register.filter
def contact_named(contacts: Mapping[str, Lead], words: str) -> Lead | None:
    """The person of the company whom an answer names, if it is one of them."""
    return contacts.get(str(words).strip().casefold())


@register.filter
def points(value: Decimal | float | None) -> str:
    """Points as a signed number with one decimal."""
    return "" if value is None else figures.signed_tenths(figures.tenths_of(value))


@register.filter
def points_total(value: Decimal | float | None) -> str:
    """Points as an unsigned total with one decimal; nothing is a dash."""
    return "–" if value is None else figures.unsigned_tenths(figures.tenths_of(value))


def _sign_class(value: int) -> str:
    return "neg" if value < 0 else "zero" if value == 0 else ""


@register.simple_tag
@remembered
def pts(value_tenths: int) -> SafeString:
    """Signed points as a coloured, aligned figure (`.pts`), from integer tenths."""
    css = f"pts {_sign_class(value_tenths)}".strip()
    return format_html('<span class="{}">{}</span>', css, figures.signed_tenths(value_tenths))


@register.simple_tag
@remembered
def sig(value_tenths: int, name: str) -> SafeString:
    """One “why here” line: signed points and the rule's name (`.sig`)."""
    return format_html('<span class="sig">{}{}</span>', pts(value_tenths), name)


@register.simple_tag
@remembered
def grade(value: str | None, size: str = "") -> SafeString:
    """Fit letter and intent number in two tinted halves; blank grades show a dash. size: `lg`."""
    css = f"grade {size}".strip()
    if not value:
        return format_html(
            '<span class="{}"><span class="g4">–</span><span class="sr">{}</span></span>',
            css,
            _("no grade"),
        )
    letter, number = value[0], value[1:]
    return format_html(
        '<span class="{}"><span class="gf g{}">{}</span><span class="gn g{}">{}</span>'
        '<span class="sr"> {}</span></span>',
        css,
        GRADE_STEPS.get(letter, 4),
        letter,
        number,
        number,
        _("fit %(letter)s, intent %(number)s") % {"letter": letter, "number": number},
    )


@register.simple_tag
def sla_words() -> dict[str, str]:
    """Hidden word of each clock state, by state."""
    return {
        "breached": _("Breached: "),
        "warn": _("Due soon: "),
        "ok": _("On time: "),
        "paused": _("Paused: "),
    }


@remembered
def _sla_word(state: str) -> SafeString:
    return format_html('<span class="sr">{}</span>', sla_words()[state])


@register.simple_tag
@remembered
def sla_icon(state: str, css: str = "sm") -> SafeString:
    """The icon of a clock state."""
    return icon(SLA_ICONS[state], css)


def clock_state(left: timedelta) -> str:
    """State of a running clock by the time left: breached, warn below 15 minutes, or ok."""
    if left < timedelta(0):
        return "breached"
    return "warn" if left < figures.COUNTDOWN_BELOW else "ok"


def _standing_text(face: Face | None) -> str:
    """Why a clock stands still: paused, or closed until it starts or goes on."""
    if face is None or face.opens_at is None:
        return _("paused")
    opens_at = timezone.localtime(face.opens_at)
    is_today = opens_at.date() == timezone.localdate()
    time = date_format(opens_at, "H:i" if is_today else "D H:i")
    return (_("until %(time)s") if face.has_begun else _("starts %(time)s")) % {"time": time}


def _standing_chip(face: Face | None, size: str) -> SafeString:
    return format_html(
        '<span class="{}" data-state="paused">{}{}{}</span>',
        f"sla {size}".strip(),
        sla_icon("paused"),
        _sla_word("paused"),
        _standing_text(face),
    )


@register.simple_tag
def sla_chip(
    due_at: datetime | None,
    *,
    paused: bool = False,
    face: Face | None = None,
    now: datetime | None = None,
    size: str = "",
    note: str = "",
    id: str = "",  # noqa: A002 - the attribute it becomes
    still: bool = False,
) -> SafeString:
    """First-response clock that counts down in the browser; `still`: one of a past moment does not.

    face: what the clock shows by its calendar (`qualification/sla/faces.py`); without it all time
    until due_at counts. While paused or closed the chip carries no deadline.
    """
    if due_at is None and not paused:
        return mark_safe('<span class="muted">–</span>')
    if paused or due_at is None or (face is not None and face.opens_at is not None):
        return _standing_chip(face, size)
    now = now or timezone.now()
    left = due_at - now if face is None else face.left
    ends_at = now + left
    state = clock_state(left)
    return format_html(
        '<span class="{}"{} data-state="{}"{}>{}<span>{}<span data-clock>{}</span></span>{}</span>',
        f"sla {size}".strip(),
        format_html(' id="{}"', id) if id else "",
        state,
        "" if still else format_html(' data-due="{}"', ends_at.isoformat(timespec="seconds")),
        sla_icon(state, "" if size == "lg" else "sm"),
        _sla_word(state),
        figures.countdown_text(left),
        format_html("<small>{}</small>", note) if note else "",
    )


@register.filter
def duration(value: timedelta | float | None) -> str:
    """A timedelta or seconds as `22 m`, `1 h 20 m`, `3 d 4 h`; nothing is a dash."""
    if value is None:
        return "–"
    return figures.duration_text(
        value if isinstance(value, timedelta) else timedelta(seconds=value)
    )


@register.filter
def open_time(minutes: int) -> str:
    """Minutes of open time as `45 m`, `1 h 30 m`, `48 h`."""
    return figures.open_time_text(minutes)


@register.filter
def is_web_address(value: object) -> bool:
    """Whether a text from outside may become a link: nothing but http and https."""
    return str(value).lower().startswith(("http://", "https://"))


@register.filter
def exact_time(value: timedelta) -> str:
    """A length of time to the second, such as `26:04:09`."""
    seconds = int(value.total_seconds())
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


@register.filter
def waited(since: datetime | None, now: datetime | None = None) -> str:
    """Time since a moment, as a duration; nothing is a dash."""
    return "–" if since is None else figures.duration_text((now or timezone.now()) - since)


@register.simple_tag
def countdown(until: datetime, now: datetime | None = None) -> SafeString:
    """Time left until a moment, kept current in the browser; zero once it has passed."""
    left = max(until - (now or timezone.now()), timedelta(0))
    return format_html(
        '<span class="num" data-countdown="{}">{}</span>',
        until.isoformat(timespec="seconds"),
        figures.duration_text(left),
    )


@register.filter
def capped(count: int | None) -> str:
    """A count that stops at a cap: `812`, or `1,000+` for any more."""
    if count is None:
        return ""
    return f"{CAP:,}+" if count > CAP else f"{count:,}"


@register.filter
def balance(owed: Decimal | float | None) -> str:
    """Leads owed to somebody, with two decimals: `0.33`, `−0.33`."""
    return "–" if owed is None else f"{owed:.2f}".replace("-", figures.MINUS)


@register.filter
def percent(share: Decimal | float | None, decimals: int = 0) -> str:
    """A share between 0 and 1 as percent: `{{ rate|percent:1 }}` is `31.4%`."""
    return "–" if share is None else figures.percent_text(share, decimals)


def _name_of(person: Any) -> str:
    return str(person or "").strip()


@register.filter
def person_name(person: Any) -> str:
    """Name of a user, a lead or whoever else prints as a name; blank for nobody."""
    return _name_of(person)


@register.filter
def role_words(user: Any) -> str:
    """The roles of a user in words: `SDR`, `Manager, Admin`; blank for none."""
    held = roles_of(user)
    return ", ".join(str(role.label) for role in Role if role in held)


@register.filter
def first_name(person: Any) -> str:
    """First word of a user's or lead's name, for tight places."""
    return (_name_of(person).split() or [""])[0]


@register.simple_tag
def avatar(person: Any, size: str = "") -> SafeString:
    """Initials of a user or a name in a steady hue; a dashed circle for nobody. size: `lg`."""
    name = _name_of(person)
    hue = f"h{figures.hue_of(name)}" if name else "void"
    return _circle(f"avatar {hue} {size}".strip(), figures.initials_of(name))


@remembered
def _circle(css: str, initials: str) -> SafeString:
    return format_html('<span class="{}" aria-hidden="true">{}</span>', css, initials)


@register.simple_tag
def avatars(people: Iterable[Any]) -> SafeString:
    """A row of overlapping avatars."""
    faces = format_html_join("", "{}", ((avatar(person),) for person in people))
    return format_html('<span class="avatars">{}</span>', faces)


@register.filter
def undo_url(message: Any) -> str:
    """Undo address carried by a Django message as extra tag `undo:/path/`; blank if none."""
    tags = str(getattr(message, "extra_tags", "") or "").split()
    return next((tag.removeprefix("undo:") for tag in tags if tag.startswith("undo:/")), "")
