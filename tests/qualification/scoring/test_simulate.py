"""Simulating a version over all leads: every lead counted once, in its part, stored nowhere."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from crm.models import User
from qualification import runner
from qualification.exceptions import NothingToCompare
from qualification.models import (
    LeadScore,
    RunState,
    ScoringModel,
    ScoringRule,
    Segment,
    ShadowScore,
)
from qualification.scoring import drafts, simulate, versions
from qualification.scoring.simulation import Bars, Part, _bars, simulation_of
from tests import factories
from tests.factories import person
from tests.qualification.scoring.conftest import LoadModel, document, rule

pytestmark = pytest.mark.django_db

LIVE = document(
    rule({"subject": "lead.title", "op": "is", "value": "VP"}, 40),
    rule({"subject": "lead.title", "op": "is", "value": "Student"}, 0, disqualifies="student"),
)
NEXT = document(
    rule({"subject": "lead.title", "op": "is", "value": "VP"}, 12),
    rule({"subject": "lead.title", "op": "is", "value": "CEO"}, 35),
    rule({"subject": "lead.title", "op": "is", "value": "Intern"}, 0, disqualifies="student"),
    thresholds=LIVE["thresholds"] | {"mql": 25},
)


def leads(*titles: str) -> list[int]:
    return [factories.LeadFactory(title=title).pk for title in titles]


@pytest.fixture
def admin(db: None) -> User:
    return person("admin")


@pytest.fixture
def draft(load_model: LoadModel) -> ScoringModel:
    """Against a live version that likes VPs it likes CEOs."""
    load_model(LIVE, activate=True)
    return load_model(NEXT)


def part(model: ScoringModel, name: str) -> Part:
    found = simulation_of(model)
    assert found is not None
    assert found.is_done
    return next(one for one in found.parts if one.name == name)


def test_it_counts_every_lead_where_it_belongs(
    draft: ScoringModel, admin: User, now: dt.datetime
) -> None:
    vp, ceo, student, intern, clerk = leads("VP", "CEO", "Student", "Intern", "Clerk")
    won = [factories.LeadFactory(title="VP", stage="won").pk for _ in range(2)]
    simulate.start_simulation(model=draft, by=admin, now=now)
    runner.work_runs(now=now)

    mine = part(draft, "open")
    assert mine.n == 5
    groups = {group.label: group for group in mine.groups}
    reach, fall = groups["Reach the line"], groups["Fall below the line"]
    assert [(m.lead_id, m.before, m.after) for m in reach.leads] == [(ceo, 0, 350)]
    assert [(m.lead_id, m.before, m.after) for m in fall.leads] == [(vp, 400, 120)]
    assert [m.lead_id for m in groups["Newly disqualified"].leads] == [intern]
    assert [m.lead_id for m in groups["No longer disqualified"].leads] == [student]
    assert (mine.tiers.n, mine.tiers.moved) == (5, 4)
    assert (sum(mine.bars.before), sum(mine.bars.after)) == (5, 5)
    assert clerk not in {m.lead_id for group in mine.groups for m in group.leads}

    past = part(draft, "history")
    assert past.n == 2
    fallen = next(group for group in past.groups if group.label == "Fall below the line")
    assert [m.lead_id for m in fallen.leads] == won
    assert not LeadScore.objects.filter(model=draft).exists()
    assert not ShadowScore.objects.exists()


def test_ranges_add_up_to_one(draft: ScoringModel, admin: User, now: dt.datetime) -> None:
    """The figures are the same in one range and in five."""
    ids = leads(*["VP", "CEO", "Student", "Intern", "Clerk"] * 4)
    run = simulate.start_simulation(model=draft, by=admin, now=now)
    whole = simulate.finish(run, [simulate.work(run, ids[0], ids[-1]).result])
    parts = [simulate.work(run, first, first + 3).result for first in ids[::4]]
    shared = simulate.finish(run, json.loads(json.dumps(parts)))
    for figures in (whole, shared):
        figures.pop("sampled")
    assert shared == whole


def test_it_names_those_it_takes_furthest(
    draft: ScoringModel, admin: User, now: dt.datetime
) -> None:
    leads(*["CEO"] * (simulate.NAMED + 5))
    simulate.start_simulation(model=draft, by=admin, now=now)
    runner.work_runs(now=now)
    reach = part(draft, "open").groups[0]
    assert (reach.count, len(reach.leads)) == (simulate.NAMED + 5, simulate.NAMED)


def test_one_runs_at_a_time(draft: ScoringModel, admin: User, now: dt.datetime) -> None:
    leads("VP")
    first = simulate.start_simulation(model=draft, by=admin, now=now)
    assert simulate.start_simulation(model=draft, by=admin, now=now) == first
    found = simulation_of(draft)
    assert found is not None
    assert (found.is_running, found.progress.done, found.progress.total) == (True, 0, 1)
    runner.work_runs(now=now)
    assert simulate.start_simulation(model=draft, by=admin, now=now) != first


def test_it_says_that_a_draft_changed_since(
    draft: ScoringModel, admin: User, now: dt.datetime
) -> None:
    leads("VP")
    simulate.start_simulation(model=draft, by=admin, now=now)
    runner.work_runs(now=now)
    found = simulation_of(draft)
    assert found is not None
    assert not found.is_outdated
    drafts.change_points(draft=draft, rule_key="a-rule-0", points=draft.mql, by=admin, now=now)
    found = simulation_of(draft)
    assert found is not None
    assert found.is_outdated


def test_it_tells_a_draft_that_changed_in_the_midst_of_it(
    draft: ScoringModel, admin: User, now: dt.datetime
) -> None:
    ids = leads("VP", "VP")
    run = simulate.start_simulation(model=draft, by=admin, now=now)
    first = simulate.work(run, ids[0], ids[0]).result
    drafts.change_points(draft=draft, rule_key="a-rule-0", points=draft.mql, by=admin, now=now)
    second = simulate.work(run, ids[1], ids[1]).result
    assert simulate.finish(run, [first, second])["content"] == ""


def test_it_needs_a_live_version_beside_it(
    load_model: LoadModel, admin: User, now: dt.datetime
) -> None:
    lonely = load_model(NEXT)
    with pytest.raises(NothingToCompare):
        simulate.start_simulation(model=lonely, by=admin, now=now)
    versions.activate_as_operator(model=lonely, now=now)
    with pytest.raises(NothingToCompare):
        simulate.start_simulation(model=lonely, by=admin, now=now)


def test_without_leads_it_is_done_with_nothing(
    draft: ScoringModel, admin: User, now: dt.datetime
) -> None:
    run = simulate.start_simulation(model=draft, by=admin, now=now)
    runner.work_runs(now=now)
    run.refresh_from_db()
    assert run.state == RunState.DONE
    found = simulation_of(draft)
    assert found is not None
    assert found.parts == ()


@pytest.mark.parametrize(
    ("before", "after", "bars"),
    [
        ({"0": 2}, {"0": 1, "2": 1}, Bars(0, 50, (2, 0, 0), (1, 0, 1))),
        ({"-1": 2}, {"0": 2}, Bars(-50, 50, (2, 0), (0, 2))),
        ({"0": 3}, {"79": 3}, Bars(0, 100, (3, *[0] * 39), (*[0] * 39, 3))),
        ({"-80": 1}, {"-1": 1}, Bars(-4000, 100, (1, *[0] * 39), (*[0] * 39, 1))),
    ],
)
def test_bars_keep_every_lead(before: dict[str, int], after: dict[str, int], bars: Bars) -> None:
    assert _bars(before, after) == bars


def test_it_says_that_a_segment_means_something_else_since(
    draft: ScoringModel, admin: User, now: dt.datetime
) -> None:
    segment = Segment.objects.create(
        key="alps", name="Alps", query={"country": ["DE"]}, created_at=now, updated_at=now
    )
    ScoringRule.objects.filter(model=draft).update(segment="alps")
    leads("VP")
    simulate.start_simulation(model=draft, by=admin, now=now)
    runner.work_runs(now=now)
    found = simulation_of(draft)
    assert found is not None
    assert not found.is_outdated
    segment.query = {"country": ["DE", "AT"]}
    segment.save()
    found = simulation_of(draft)
    assert found is not None
    assert found.is_outdated
