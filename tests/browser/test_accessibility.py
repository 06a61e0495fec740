"""What no address alone shows, in front of axe: dialogs, menus, errors, empty pages, what is left
of an erased person. Every page by its address is in `test_every_page.py`."""

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
    """Menus, dialogs and errors of a lead, and what is empty or refused."""
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
        opened("keys", "/queue/", "?", within="#keys[open]"),
        Visit("empty filter", "/queue/?q=nobody-is-called-so"),
        opened("touch menu", lead, "t", within=menu),
        opened("flag menu", lead, "f", "Enter", within=f".ledger {menu}"),
        opened("accept", lead, "a"),
        opened("reject", lead, "r"),
        opened("nurture", lead, "u"),
        opened("snooze", lead, "s"),
        opened("a fact as a field", lead, "e", within="#fact-first_name"),
        Visit("a fact that cannot be", lead, _refused_fact, "#fact-email"),
        Visit("score over time", f"/leads/{decided.lead_id}/scores/", _open_table),
        Visit("error form", lead, _refused_reject, "#dialog[open]"),
        Visit("lead waiting", f"/leads/{waiting.lead_id}/"),
        opened("practice, reject", f"{practice}2/", "r"),
        Visit("practice, after", f"{practice}1/"),
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


def begun_practice(username: str) -> str:
    """The address of a round whose first lead is judged."""
    person, now = User.objects.get(username=username), timezone.now()
    practice = past_leads.begin(person, now)
    rounds.judge_case(case=practice.cases.get(position=1), choice="accept", by=person, now=now)
    return f"/practice/{practice.pk}/"


def _refused_reject(page: Page) -> None:
    pressed("r", until="#dialog[open] form")(page)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#dialog .error").first).to_be_visible()


def other_visits() -> dict[str, list[Visit]]:
    """The same of managers, admins and marketing, by the person who looks."""
    handoff = Handoff.objects.filter(ae__username="elena").first()
    assert handoff is not None
    return {
        "kenji": [
            Visit("a link that opens nothing", "/partner/guess/"),
            Visit("proposals, too little data", "/proposals/"),
            Visit("deliveries tried again", "/deliveries/?which=trying"),
            Visit("outcomes without a lead", "/outcomes/?which=without"),
            Visit("replay of an accept", f"/decisions/{handoff.decision_id}/"),
        ],
        "dana": erased_visits(),
        "priya": [Visit("refused", "/queue/")],
    }


def erased_visits() -> list[Visit]:
    """What is left of a person who was erased."""
    gone = Decision.objects.filter(kind="reject", lead__team__name="EMEA").last()
    assert gone is not None
    admin, now = User.objects.get(username="dana"), timezone.now()
    erasure = ask_erasure(
        lead=gone.lead,
        reference="T-4711",
        reason=ErasureReason.ASKED,
        is_no_contact=True,
        by=None,
        now=now,
    )
    erase_person(erasure=erasure, confirmed=gone.lead.name, by=admin, now=now)
    return [
        Visit("erasures carried out", "/erasures/?which=done"),
        Visit("personal data of nobody", f"/leads/{gone.lead_id}/personal-data/"),
        Visit("erased lead", f"/leads/{gone.lead_id}/"),
        Visit("replay without the person", f"/decisions/{gone.pk}/"),
    ]


def test_nobody_at_work_meets_a_barrier(demo: None, open_browser: Callable[..., Page]) -> None:
    found = []
    for username, visits in ({"maya": sdr_visits()} | other_visits()).items():
        found += check(open_browser(User.objects.get(username=username)), visits)
    assert not found, "\n".join(found)


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
