"""Every page in front of axe: WCAG 2.2 AA in both themes, wide and on a phone; a clean console and
no sideways scrolling in the same visits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from crm.models import ErasureReason, Source, Team, User
from qualification import runner
from qualification.choices import ItemState
from qualification.demo.seed import seed
from qualification.feedback.proposals import approve_proposal
from qualification.handoff.partner_links import token_for
from qualification.models import Decision, Handoff, ReviewItem
from qualification.personal.erase import erase_person
from qualification.personal.requests import ask_erasure
from qualification.practice import rounds
from qualification.scoring import simulate, versions
from tests import factories
from tests.browser.axe import Visit, check, opened, pressed
from tests.qualification.practice import past_leads
from tests.qualification.views.proposal_support import proposed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def demo(db: None) -> None:
    """A small demo company."""
    seed(leads=60, now=timezone.now(), on_progress=lambda done, whole: None)


def sdr_visits() -> list[Visit]:
    """The queue, leads in each state, every dialog of a decision."""
    owned = ReviewItem.objects.filter(state=ItemState.OWNED, holder__username="maya").first()
    waiting = ReviewItem.objects.filter(state=ItemState.WAITING, team__name="EMEA").first()
    decided = Decision.objects.filter(kind="reject", lead__team__name="EMEA").first()
    assert owned is not None
    assert waiting is not None
    assert decided is not None
    lead = f"/leads/{owned.lead_id}/"
    practice = begun_practice("maya")
    menu = "details.menu[open]"
    return [
        Visit("queue", "/queue/"),
        opened("keys", "/queue/", "?", within="#keys[open]"),
        Visit("empty filter", "/queue/?q=nobody-is-called-so"),
        Visit("my work", "/my-work/"),
        Visit("lead owned", lead),
        opened("touch menu", lead, "t", within=menu),
        opened("flag menu", lead, "f", "Enter", within=f".ledger {menu}"),
        opened("accept", lead, "a"),
        opened("reject", lead, "r"),
        opened("nurture", lead, "u"),
        opened("snooze", lead, "s"),
        opened("a fact as a field", lead, "e", within="#fact-first_name"),
        Visit("a fact that cannot be", lead, _refused_fact, "#fact-email"),
        Visit("a fact on its own page", f"{lead}facts/title/"),
        Visit("score over time", f"/leads/{decided.lead_id}/scores/", _open_table),
        Visit("error form", lead, _refused_reject, "#dialog[open]"),
        Visit("dialog as a page", f"{lead}reject/"),
        Visit("journey as a page", f"{lead}timeline/"),
        Visit("lead waiting", f"/leads/{waiting.lead_id}/"),
        Visit("why here", f"/leads/{waiting.lead_id}/routing/"),
        Visit("nurture list", "/nurture/"),
        Visit("practice, a round to go on with", "/practice/"),
        Visit("practice, before", f"{practice}2/"),
        opened("practice, reject", f"{practice}2/", "r"),
        Visit("practice, after", f"{practice}1/"),
        Visit("notices", "/notices/"),
        Visit("preferences of notices", "/notices/preferences/"),
        Visit("refused", "/proposals/"),
        Visit("absent", "/no-such-page/"),
        Visit("password", "/password/"),
    ]


def _open_table(page: Page) -> None:
    page.locator(".score-table summary").click()


def _refused_fact(page: Page) -> None:
    page.get_by_role("link", name="Change: E-mail").press("Enter")
    page.locator("#fact-email input[name=text]").fill("nobody")
    page.keyboard.press("Enter")
    expect(page.locator("#fact-email .error")).to_be_visible()


def begun_practice(username: str, *, is_finished: bool = False) -> str:
    """The address of a round whose first lead is judged, or all of them."""
    person, now = User.objects.get(username=username), timezone.now()
    practice = past_leads.begin(person, now)
    rounds.judge_case(case=practice.cases.get(position=1), choice="accept", by=person, now=now)
    if is_finished:
        past_leads.judge_all(practice, now, choice="nurture")
    return f"/practice/{practice.pk}/"


def _refused_reject(page: Page) -> None:
    pressed("r", until="#dialog[open] form")(page)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#dialog .error").first).to_be_visible()


def other_visits() -> dict[str, list[Visit]]:
    """What managers, AEs and marketing read, by the person who does."""
    rejected = Decision.objects.filter(kind="reject", lead__team__name="EMEA").first()
    handoff = Handoff.objects.filter(ae__username="elena").first()
    at_partner = Handoff.objects.filter(target="partner", state="waiting").first()
    assert at_partner is not None
    assert rejected is not None
    assert handoff is not None
    return {
        "kenji": [
            Visit("practice, result", begun_practice("kenji", is_finished=True)),
            Visit("practice, history", "/practice/"),
            Visit("rejected", "/rejected/"),
            Visit("desks", "/desks/"),
            Visit("moving a handoff", f"/handoffs/{at_partner.pk}/move/"),
            Visit("answering for a partner", f"/handoffs/{at_partner.pk}/answer/"),
            Visit("a partner's page", f"/partner/{token_for(at_partner)}/"),
            Visit("a link that opens nothing", "/partner/guess/"),
            Visit("replay", f"/decisions/{rejected.pk}/"),
            Visit("overturn", f"/decisions/{rejected.pk}/overturn/"),
            Visit("proposals, too little data", "/proposals/"),
            Visit("routing", f"/routing/?lead={rejected.lead_id}"),
            Visit("deliveries", "/deliveries/"),
            Visit("deliveries tried again", "/deliveries/?which=trying"),
            Visit("outcomes", "/outcomes/"),
            Visit("outcomes without a lead", "/outcomes/?which=without"),
            Visit("replay of an accept", f"/decisions/{handoff.decision_id}/"),
        ],
        "elena": [
            Visit("handoffs", "/handoffs/"),
            Visit("handoff", f"/handoffs/{handoff.pk}/"),
            Visit("lead of an AE", f"/leads/{handoff.lead_id}/"),
        ],
        "priya": [Visit("sources", "/sources/"), Visit("refused", "/queue/")],
    }


def test_nobody_at_work_meets_a_barrier(demo: None, open_browser: Callable[..., Page]) -> None:
    found = []
    for username, visits in ({"maya": sdr_visits()} | other_visits()).items():
        found += check(open_browser(User.objects.get(username=username)), visits)
    assert not found, "\n".join(found)


def test_nobody_meets_a_barrier_at_personal_data(
    demo: None, open_browser: Callable[..., Page]
) -> None:
    asked, gone = Decision.objects.filter(kind="reject", lead__team__name="EMEA")[:2]
    admin, now = User.objects.get(username="dana"), timezone.now()
    for decision in (asked, gone):
        ask_erasure(
            lead=decision.lead,
            reference="T-4711",
            reason=ErasureReason.ASKED,
            is_no_contact=True,
            by=None,
            now=now,
        )
    erase_person(erasure=gone.lead.erasure, confirmed=gone.lead.name, by=admin, now=now)
    visits = [
        Visit("personal data", f"/leads/{asked.lead_id}/personal-data/"),
        Visit("erase", f"/leads/{asked.lead_id}/personal-data/erase/"),
        Visit("erasures", "/erasures/"),
        Visit("erasures carried out", "/erasures/?which=done"),
        Visit("personal data of nobody", f"/leads/{gone.lead_id}/personal-data/"),
        Visit("erased lead", f"/leads/{gone.lead_id}/"),
        Visit("replay without the person", f"/decisions/{gone.pk}/"),
    ]
    assert check(open_browser(admin), visits) == []
    waiting = ReviewItem.objects.filter(state=ItemState.WAITING, team__name="EMEA").first()
    assert waiting is not None
    form = [Visit("ask", f"/leads/{waiting.lead_id}/personal-data/")]
    assert check(open_browser(User.objects.get(username="kenji")), form) == []


def test_strangers_meet_no_barrier(browser: Any, live_server: Any) -> None:
    source = factories.SourceFactory(kind=Source.Kind.FORM, name="contact", credential="open")
    page = browser.new_context(base_url=live_server.url).new_page()
    visits = [
        Visit("log-in", "/login/"),
        Visit("wrong password", "/login/", _wrong_password),
        Visit("form", f"/intake/{source.name}/{source.credential}/"),
        Visit("absent", "/no-such-page/"),
    ]
    assert check(page, visits) == []
    page.context.close()


def _wrong_password(page: Page) -> None:
    page.fill("input[name=username]", "nobody")
    page.fill("input[name=password]", "wrong")
    page.press("input[name=password]", "Enter")
    expect(page.locator("[role=alert]").first).to_be_visible()


def open_all_details(page: Page) -> None:
    """Everything folded away is open."""
    for summary in page.locator("main details > summary").all():
        summary.click()


def test_proposals_meet_no_barrier(
    open_browser: Callable[..., Page], people: dict[str, User], team: Team
) -> None:
    first, second, *_ = proposed(people)
    approve_proposal(proposal=first, by=people["manager"], now=timezone.now())
    draft = first.draft
    assert draft is not None
    simulate.start_simulation(model=draft, by=people["manager"], now=timezone.now())
    runner.work_runs(now=timezone.now())
    visits = [
        Visit("proposals", "/proposals/"),
        Visit("draft with a simulation", f"/models/{draft.pk}/", open_all_details),
        Visit("versions", "/models/"),
        Visit("no release note", "/releases/"),
        Visit("proposals in the draft", "/proposals/?tab=in_draft"),
        Visit("decline", f"/proposals/{second.pk}/decline/"),
        Visit("empty queue", "/queue/"),
        Visit("nothing to do", "/my-work/"),
        Visit("nobody in nurture", "/nurture/"),
        Visit("practice, too few leads", "/practice/"),
    ]
    assert check(open_browser(people["manager"]), visits) == []
    versions.start_shadow(model=draft, by=people["manager"], now=timezone.now())
    publish = Visit("publish", f"/models/{draft.pk}/publish/")
    assert check(open_browser(people["admin"]), [visits[0], publish]) == []
    versions.activate_as_operator(model=draft, text="Less for size.", now=timezone.now())
    note = draft.release_notes.get()
    told = [
        Visit("queue with a release note", "/queue/"),
        Visit("release note", f"/releases/{note.pk}/"),
        Visit("release notes", "/releases/"),
        Visit("scoring anew", "/proposals/"),
    ]
    assert check(open_browser(people["manager"]), told) == []
    nothing = [Visit("no handoff", "/handoffs/")]
    assert check(open_browser(people["ae"]), nothing) == []
    assert check(open_browser(people["marketing"]), [Visit("no source", "/sources/")]) == []
