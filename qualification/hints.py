"""The three first steps of each role, shown on the page where the role starts until somebody puts
them away.

Called by the frame of every page and by its two verbs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.db.models import F, Func, Value
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from crm.models import User
from crm.roles import Role, roles_of

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

QUEUE = "qualification:queue"
PREFERENCES = "qualification:notice-preferences"


@dataclass(frozen=True)
class Step:
    """What to do; `url` names the page where, with `link` as its words, if it is another one.
    `touch` says the same where there is no keyboard, if `text` names keys."""

    text: str | Promise
    url: str = ""
    link: str | Promise = ""
    touch: str | Promise = ""


@dataclass(frozen=True)
class Hints:
    """The steps of a role; `page` names the URL they show on."""

    role: Role
    page: str
    steps: tuple[Step, Step, Step]


# In the order in which somebody with several roles meets them.
HINTS: Mapping[str, Hints] = {
    Role.SDR: Hints(
        Role.SDR,
        QUEUE,
        (
            Step(
                _("Press N: the lead that is most urgent is yours for half an hour."),
                touch=_("“Next lead” above: the most urgent one is yours for half an hour."),
            ),
            Step(
                _("On its page T logs a call, 1 to 4 rate an answer, E corrects a fact."),
                touch=_(
                    "On its page the receiver below logs a call; “Discovery” asks the questions,"
                    " “Lead” has the facts to correct."
                ),
            ),
            Step(
                _("A, R and U decide; Z takes it back for 30 seconds. Try it on past leads first:"),
                "qualification:practice",
                _("Practice"),
                touch=_(
                    "Decide below: for 30 seconds it can be taken back. Try it on past leads first:"
                ),
            ),
        ),
    ),
    Role.MANAGER: Hints(
        Role.MANAGER,
        QUEUE,
        (
            Step(
                _("Red clocks are late. See who answers in time, and give leads on with X:"),
                "qualification:sla-report",
                _("Response times"),
                touch=_("Red clocks are late. Tick leads to give them on; see who is in time:"),
            ),
            Step(
                _("See how a lead finds its person, and who has room:"),
                "qualification:routing",
                _("Routing"),
            ),
            Step(
                _("Look over what was rejected and bring back what should not have been:"),
                "qualification:rejected-list",
                _("Rejected"),
            ),
        ),
    ),
    Role.ADMIN: Hints(
        Role.ADMIN,
        QUEUE,
        (
            Step(
                _("Say where leads come from, and which team gets them:"),
                "admin:crm_source_changelist",
                _("Sources"),
            ),
            Step(
                _("Add the people who work here, with role and team:"),
                "admin:crm_user_changelist",
                _("People"),
            ),
            Step(
                _("Draft the rules of the score; a second person publishes them:"),
                "admin:qualification_scoringmodel_changelist",
                _("Scoring"),
            ),
        ),
    ),
    Role.AE: Hints(
        Role.AE,
        "qualification:handoff-list",
        (
            Step(_("A lead that was accepted for you waits here, with what was found out.")),
            Step(_("Take it before its clock runs out, or give it back and say why.")),
            Step(_("Choose what reaches you by mail:"), PREFERENCES, _("Notices")),
        ),
    ),
    Role.MARKETING: Hints(
        Role.MARKETING,
        "qualification:source-list",
        (
            Step(_("Compare sources by how often sales accept their leads; n stands beside it.")),
            Step(_("Narrow it to a segment or a time above, and take the figures along as CSV.")),
            Step(_("Be told when sales reject leads of a source:"), PREFERENCES, _("Notices")),
        ),
    ),
}


def hints_for(person: User | AnonymousUser, page: str) -> Hints | None:
    """What this person is shown on a page of that URL name."""
    hidden = getattr(person, "hidden_hints", ())
    roles = roles_of(person)
    return next(
        (
            hints
            for role, hints in HINTS.items()
            if hints.page == page and role in roles and role not in hidden
        ),
        None,
    )


def hide_hints(*, person: User, role: str) -> None:
    """Puts the first steps of a role away, once. Raises PermissionDenied for a role they do not
    hold."""
    if role not in roles_of(person):
        raise PermissionDenied
    shown = User.objects.filter(pk=person.pk).exclude(hidden_hints__contains=[role])
    shown.update(hidden_hints=Func(F("hidden_hints"), Value(role), function="array_append"))


def show_hints(*, person: User) -> None:
    """Brings the first steps of all their roles back."""
    User.objects.filter(pk=person.pk).update(hidden_hints=[])
