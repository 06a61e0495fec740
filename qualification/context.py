"""What every page's frame needs: navigation, theme, the reader's team."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from crm.roles import Role, roles_of
from qualification.handoff.deliveries import count_dead
from qualification.hints import Hints, hints_for
from qualification.notices.reads import COUNTED, unread_count
from qualification.permissions import Right, rights_of
from qualification.todo import todo_of

if TYPE_CHECKING:
    from crm.models import User

THEMES = ("light", "dark")


@dataclass(frozen=True)
class NavEntry:
    """One entry of the navigation; `key` follows G on the keyboard."""

    url: str
    label: str
    icon: str
    key: str = ""
    is_bell: bool = False
    count: str = ""
    is_current: bool = False
    is_minor: bool = False


QUEUE = "qualification:queue"
NOTICES = "qualification:notice-list"
MY_WORK = "qualification:my-work"
DELIVERIES = "qualification:delivery-list"
# Leads are worked from the queue.
LEADS = "/leads/"
# Besides “More”, where the minor entries go when there are others.
FIT_ON_PHONES = 4

# (right, url name, label, icon, key, minor on phones)
ENTRIES = (
    (Right.WORK_QUEUE, QUEUE, _("Queue"), "inbox", "q", False),
    (Right.WORK_QUEUE, MY_WORK, _("My work"), "list-checks", "m", False),
    (Right.WORK_QUEUE, "qualification:nurture-list", _("Nurture"), "sprout", "u", True),
    (Right.WORK_QUEUE, "qualification:practice", _("Practice"), "graduation-cap", "c", True),
    (Right.ANSWER_HANDOFFS, "qualification:handoff-list", _("Handoffs"), "handshake", "h", False),
    (Right.SEE_LEADS, "qualification:account-list", _("Accounts"), "building-2", "a", True),
    (Right.REASSIGN, "qualification:desk-list", _("Desks"), "handshake", "w", True),
    (Right.AUDIT, "qualification:rejected-list", _("Rejected"), "shield-check", "r", False),
    (Right.AUDIT, "qualification:sla-report", _("Response times"), "timer", "t", True),
    (Right.AUDIT, DELIVERIES, _("Deliveries"), "truck", "d", True),
    (Right.AUDIT, "qualification:outcome-list", _("Outcomes"), "trending-up", "e", True),
    (Right.AUDIT, "qualification:erasure-list", _("Erasures"), "user-x", "x", True),
    (Right.REASSIGN, "qualification:routing", _("Routing"), "route", "o", True),
    (
        Right.SEE_PROPOSALS,
        "qualification:proposal-list",
        _("Proposals"),
        "git-pull-request",
        "p",
        False,
    ),
    (
        Right.SEE_SOURCES,
        "qualification:source-list",
        _("Sources"),
        "chart-no-axes-column",
        "s",
        True,
    ),
    (Right.USE, NOTICES, _("Notices"), "bell", "b", True),
)


def navigation(request: HttpRequest) -> list[NavEntry]:
    """The entries this person has a right to, in order."""
    rights = rights_of(request.user)
    theirs = [entry for entry in ENTRIES if entry[0] in rights]
    todo = todo_of(cast("User", request.user), works=Right.WORK_QUEUE in rights, now=timezone.now())
    counts = {NOTICES: _unread(todo.unread), MY_WORK: str(todo.tasks or "")}
    if Right.AUDIT in rights:
        counts[DELIVERIES] = str(count_dead(request.user) or "")
    entries = []
    for _right, name, label, icon, key, is_minor in theirs:
        url = reverse(name)
        entries.append(
            NavEntry(
                url=url,
                label=str(label),
                icon=icon,
                key=key,
                is_bell=name == NOTICES,
                count=counts.get(name, ""),
                is_current=request.path.startswith((url, LEADS) if name == QUEUE else url),
                is_minor=is_minor and len(theirs) > FIT_ON_PHONES,
            )
        )
    return entries


def unread_words(request: HttpRequest) -> str:
    """How many notices the reader has not read, as markup; blank for none, “99+” for many."""
    return _unread(unread_count(request.user))


def _unread(count: int) -> str:
    if not count:
        return ""
    words = "99+" if count >= COUNTED else str(count)
    return format_html('{}<span class="sr"> {}</span>', words, _("unread"))


def role_label(request: HttpRequest) -> str:
    """The reader's roles in words, such as “Manager, Admin”."""
    held = roles_of(request.user)
    return ", ".join(str(role.label) for role in Role if role in held)


def next_lead_url(request: HttpRequest) -> str:
    """Where N posts to; empty without the right to work the queue."""
    if Right.WORK_QUEUE in rights_of(request.user):
        return reverse("qualification:queue-next")
    return ""


def alarms_url(request: HttpRequest) -> str:
    """Where the banners of managers come from, after the page; empty for others."""
    if Right.REASSIGN in rights_of(request.user):
        return reverse("qualification:alarms")
    return ""


def first_steps(request: HttpRequest) -> Hints | None:
    """The first steps of the reader's role where this is the page they start on."""
    place = request.resolver_match
    return hints_for(request.user, place.view_name) if place is not None else None


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `nav`, `theme` (light, dark or empty for the system's), `user_team`,
    `user_role`, `next_lead_url` for those who work the queue, `alarms_url` for managers, `hints`
    on the page where the reader starts."""
    theme = request.COOKIES.get("theme", "")
    user = getattr(request, "user", None)
    return {
        "nav": SimpleLazyObject(lambda: navigation(request)),
        "theme": theme if theme in THEMES else "",
        "user_team": SimpleLazyObject(lambda: getattr(user, "team", None)),
        "user_role": SimpleLazyObject(lambda: role_label(request)),
        "next_lead_url": SimpleLazyObject(lambda: next_lead_url(request)),
        "alarms_url": SimpleLazyObject(lambda: alarms_url(request)),
        "hints": SimpleLazyObject(lambda: first_steps(request)),
    }
