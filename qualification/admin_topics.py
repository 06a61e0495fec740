"""The admin by topic: what each list is for, in one sentence. The side bar, the first page and the
head of each list read it here. Beside the admin's package, for templates are loaded before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

Words = str | Promise


@dataclass(frozen=True)
class Page:
    """A list of the admin: its model as `app.model`, what it is for."""

    model: str
    purpose: Words

    @property
    def title(self) -> str:
        return capfirst(str(apps.get_model(self.model)._meta.verbose_name_plural))

    @property
    def url(self) -> str:
        return reverse(f"admin:{self.model.replace('.', '_')}_changelist")


@dataclass(frozen=True)
class Topic:
    """Lists that are looked at together."""

    title: Words
    pages: tuple[Page, ...]


TOPICS = (
    Topic(
        _("Scoring"),
        (
            Page(
                "qualification.scoringmodel",
                _(
                    "Versions of the score. Copy one into a draft, change it, try it out; two"
                    " people put it live."
                ),
            ),
            Page(
                "qualification.scoringrule",
                _("Every rule of every version, to search and to see which are due for a review."),
            ),
            Page(
                "qualification.segment",
                _("Named groups of leads that rules, routing, clocks and checklists refer to."),
            ),
            Page(
                "qualification.rulereview",
                _("By when somebody looks at a rule again. Dates are set on the page of the rule."),
            ),
        ),
    ),
    Topic(
        _("Checklists and decisions"),
        (
            Page(
                "qualification.framework",
                _(
                    "Frameworks such as BANT: which questions are asked and which must be answered"
                    " before a lead is accepted. A change is a new version."
                ),
            ),
            Page(
                "qualification.frameworkrule",
                _("The first rule that fits decides; without rules a lead gets the default."),
            ),
            Page(
                "qualification.frameworkitem",
                _("The questions of all checklists, to translate."),
            ),
            Page(
                "qualification.criterion",
                _("What an answer is about. It stays with the lead whichever checklist asks."),
            ),
            Page(
                "qualification.rejectionreason",
                _("What an SDR chooses from when a lead is rejected, in this order."),
            ),
            Page(
                "qualification.material",
                _("What to show or send to a lead; the lead page offers what fits."),
            ),
            Page(
                "qualification.cadence",
                _("Planned series of touches an SDR can start for a lead."),
            ),
        ),
    ),
    Topic(
        _("Clocks and routing"),
        (
            Page(
                "qualification.slapolicy",
                _("How fast somebody answers, decides, takes over, and what happens if not."),
            ),
            Page(
                "qualification.businesscalendar",
                _("When a team is open. Clocks run only then."),
            ),
            Page(
                "qualification.routingrule",
                _("Which team or pool a lead goes to: the first rule that fits decides."),
            ),
            Page(
                "qualification.routingpool",
                _("People who share leads in turn, by weight."),
            ),
            Page(
                "qualification.workprofile",
                _("How much somebody can take on, when, and what they are good at."),
            ),
            Page(
                "qualification.accountowner",
                _("Named companies whose leads go to one person, if a routing rule says so."),
            ),
        ),
    ),
    Topic(
        _("Handover"),
        (
            Page(
                "qualification.destinationrule",
                _("Where an accepted lead is suggested to go, if not to an AE."),
            ),
            Page(
                "qualification.destinationfield",
                _("What must be known of a lead before it goes somewhere."),
            ),
            Page(
                "qualification.partner",
                _("Other companies that take leads over; they answer by a link in a mail."),
            ),
            Page(
                "qualification.crmconnection",
                _("Where accepted leads are written to and outcomes come back from."),
            ),
            Page(
                "qualification.webhooktarget",
                _("Addresses that get notices as signed messages."),
            ),
        ),
    ),
    Topic(
        _("People and sources"),
        (
            Page(
                "crm.user",
                _("Who can log in, with which role, in which team and time zone."),
            ),
            Page("crm.team", _("Whose queue a lead is in.")),
            Page(
                "crm.source",
                _("Ways in for leads. A new one is made by “manage.py add_source”."),
            ),
            Page(
                "crm.attributedefinition",
                _("Fields of your forms that LeadQual has no column for; rules can use them."),
            ),
        ),
    ),
    Topic(
        _("Records"),
        (
            Page("crm.lead", _("To look up; work on a lead is done on its page.")),
            Page("crm.account", _("Correct what is known; leads are scored anew.")),
            Page("qualification.reviewitem", _("Every stay in the queue.")),
            Page("qualification.decision", _("Every accept, reject and nurture.")),
            Page("qualification.assignment", _("Who a lead was given to, and why.")),
        ),
    ),
    Topic(
        _("Under the bonnet"),
        (
            Page(
                "crm.inboxmessage",
                _("Messages as they came. Quarantined ones say why; they can be tried again."),
            ),
            Page(
                "qualification.outboxmessage",
                _("What goes out: handoffs, mail, chat. What was given up can be sent again."),
            ),
            Page(
                "qualification.heartbeat",
                _("When each regular job last ran through."),
            ),
            Page(
                "qualification.auditentry",
                _("Who decided and who changed rules, calendars, rights; sealed link by link."),
            ),
            Page(
                "qualification.auditcheck",
                _("What the nightly look at the chain found."),
            ),
        ),
    ),
)


def pages() -> Iterator[Page]:
    """Every list."""
    for topic in TOPICS:
        yield from topic.pages


def page_of(model: str) -> Page | None:
    """The list of this model, named `app.model`."""
    return next((page for page in pages() if page.model == model), None)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The side bar, as the theme wants it."""
    top = [
        {
            "title": _("To the workspace"),
            "icon": "arrow_back",
            "link": reverse("qualification:home"),
            "active": False,
        },
        {"title": _("All topics"), "icon": "apps", "link": reverse("admin:index")},
    ]
    groups = [
        {
            "title": topic.title,
            "items": [{"title": page.title, "link": page.url} for page in topic.pages],
        }
        for topic in TOPICS
    ]
    return [{"items": top}, *groups]
