"""Nothing typed is lost: every field of text on the pages is in a form that keeps drafts, or is
named here with the reason why it need not be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.models import Lead, User
from crm.models.erasure import ErasureReason
from qualification.demo.seed import seed
from qualification.models import (
    ChecklistAnswer,
    Decision,
    Handoff,
    NurturePlan,
    ReleaseNote,
    ReviewItem,
)
from qualification.personal.requests import ask_erasure
from qualification.practice.rounds import start_round
from qualification.review.claims import claim_item
from qualification.review.saved_views import save_view
from qualification.scoring.versions import active_model
from tests.qualification.access import ACCESS, ADMIN, AE, MANAGER, SDR
from tests.qualification.test_access import NAMES
from tests.qualification.views.proposal_support import proposed

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
NOT_TEXT = {"hidden", "radio", "checkbox", "file", "submit", "button"}

# Field → why it keeps no draft.
EXEMPT = {
    "q": "a search; it stands in the address",
    "at": "a moment to look at; it stands in the address",
    "confirmed": "the name of whom one erases; typed anew each time, and kept nowhere",
    "find-reason": "narrows the list below while one types",
    "lead": "a lead to try the routing on; it stands in the address",
}
ERASE = "qualification:lead-erase"
# Where nobody writes who is logged in: the way to the first page, a machine, strangers.
NO_PAGE = {"qualification:home", "qualification:healthz", "qualification:intake"}


class Fields(HTMLParser):
    """The fields of text on a page, each with whether its form keeps drafts."""

    def __init__(self) -> None:
        super().__init__()
        self.is_kept = False
        self.found: dict[str, bool] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.is_kept = bool(given.get("data-draft"))
        kind = given.get("type") or "text"
        if tag == "textarea" or (tag == "input" and kind not in NOT_TEXT):
            self.found[given.get("name") or given.get("id") or ""] = self.is_kept

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.is_kept = False


def fields_of(html: str) -> dict[str, bool]:
    reader = Fields()
    reader.feed(html)
    return reader.found


@pytest.fixture
def demo(db: None) -> None:
    seed(leads=60, now=timezone.now(), on_progress=lambda done, whole: None)


def objects(maya: User) -> dict[str, Any]:
    """Of each noun one that exists; a URL names its noun first."""
    free = ReviewItem.objects.waiting().filter(team=maya.team, assignee=None, pool=None)
    unasked = free.exclude(lead__in=ChecklistAnswer.objects.values("lead"))
    item = claim_item(item=unasked.ranked()[0], by=maya, now=timezone.now())
    kept = save_view(
        by=maya, name="Hot", query="tier=hot", is_default=False, is_shared=False, now=timezone.now()
    )
    return {
        "lead": item.lead_id,
        "other": unasked.exclude(pk=item.pk)[0].lead_id,
        "move": item.lead.score_moves.latest("id").pk,
        "nurture-preview": item.lead_id,
        "nurture-change": NurturePlan.objects.waiting().filter(lead__team=maya.team).first(),
        "queue-view": kept,
        "account": item.lead.account_id,
        "decision": Decision.objects.filter(kind="reject", lead__team=maya.team).first(),
        "model": active_model(),
        "practice": start_round(by=maya, size=5, seed=1, now=timezone.now()),
        "release": ReleaseNote.objects.first(),
        "handoff": Handoff.objects.filter(
            ae__username="elena", decision__lead__team=maya.team
        ).first(),
    }


def address(name: str, known: dict[str, Any]) -> str:
    """The path of a URL with an object of its noun; the longest name that fits."""
    if not NAMES[name].pattern.converters:
        return reverse(name)
    short = name.removeprefix("qualification:")
    noun = max((key for key in known if short.startswith(key)), key=len)
    thing = known[noun]
    assert thing is not None, noun
    first = [1] if "position" in NAMES[name].pattern.converters else []
    first += [known["other"]] if "other" in NAMES[name].pattern.converters else []
    first += [known["move"]] if "move" in NAMES[name].pattern.converters else []
    first += ["title"] if "key" in NAMES[name].pattern.converters else []
    return reverse(name, args=[getattr(thing, "pk", thing), *first])


def ask_to_erase(lead_id: int) -> None:
    """Without a request there is no dialog that erases."""
    ask_erasure(
        lead=Lead.objects.get(pk=lead_id),
        by=User.objects.get(username="kenji"),
        reference="T-1",
        reason=ErasureReason.ASKED,
        is_no_contact=False,
        now=timezone.now(),
    )


def browser_of(username: str) -> Client:
    """A browser of their own: several people look in turn."""
    client = Client()
    client.force_login(User.objects.get(username=username), backend="crm.log_in.PersonBackend")
    return client


def test_every_field_of_text_keeps_what_was_typed(demo: None) -> None:
    names = {SDR: "maya", MANAGER: "kenji", AE: "elena", ADMIN: "dana"}
    clients = {role: browser_of(name) for role, name in names.items()}
    known = objects(User.objects.get(username="maya"))
    seen: set[str] = set()
    unkept: set[str] = set()
    for name in [*sorted(ACCESS.keys() - {ERASE}), ERASE]:
        if name == ERASE:  # last: the page that asks for it is another one afterwards
            ask_to_erase(known["lead"])
        for path, html in drawn(name, known, clients):
            for field, is_kept in fields_of(html).items():
                seen.add(field)
                if not is_kept and field not in EXEMPT:
                    unkept.add(f"{path}: {field}")
    assert not unkept
    assert {"note", "reason", "value", "opening", "question", "name", "text"} <= seen
    assert EXEMPT.keys() <= seen


def drawn(
    name: str, known: dict[str, Any], clients: dict[str, Client]
) -> Iterator[tuple[str, str]]:
    """What the URL shows to the first of those who may see it."""
    access = ACCESS[name]
    if "GET" not in access.methods or access.roles is None or name in NO_PAGE:
        return
    if name == "qualification:proposal-decline":
        return  # the demo proposes nothing; a test of its own
    path = address(name, known)
    if name.startswith("qualification:queue-"):
        path += f"?lead={known['lead']}&tier=hot"
    for role in [role for role in clients if role in access.roles]:
        response = clients[role].get(path)
        if response.status_code == 200 and "html" in response["Content-Type"]:
            yield path, response.content.decode()
            if name != "qualification:lead-accept":  # other fields for those who may override
                return


def test_so_does_the_reason_of_declining_a_proposal(
    people: dict[str, User], login: Callable[[User], Client]
) -> None:
    proposal = next(proposed(people))
    html = login(people["manager"]).get(f"/proposals/{proposal.pk}/decline/", headers=HTMX)
    assert fields_of(html.content.decode()) == {"reason": True}
