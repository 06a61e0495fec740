"""Long runs from the admin: started once, followed, read when they are over."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from crm.models import User
from qualification.models import RunKind, RunState, ScoringModel, ScoringRun
from qualification.runner import work_runs
from tests import factories

BASE = "/admin/qualification/scoringmodel"


@pytest.mark.parametrize(("page", "kind"), [("usage", RunKind.USAGE), ("impact", RunKind.SIMULATE)])
def test_it_starts_follows_and_shows_a_run(
    admin: Client, draft: ScoringModel, people: dict[str, User], page: str, kind: RunKind
) -> None:
    factories.LeadFactory(title="Director")
    path = f"{BASE}/{draft.pk}/{page}/"
    assert admin.get(path).context["run"] is None
    for _twice in range(2):
        assert admin.post(path).status_code == 302
    run = ScoringRun.objects.get(kind=kind)
    assert (run.model, run.requested_by) == (draft, people["admin"])
    progress = f"{BASE}/runs/{run.pk}/progress/"
    assert "every 1s" in admin.get(path).content.decode()
    going = admin.get(progress)
    assert ("every 1s" in going.content.decode(), "HX-Refresh" in going) == (True, False)
    work_runs(now=timezone.now())
    over = admin.get(progress)
    assert ("every 1s" in over.content.decode(), over["HX-Refresh"]) == (False, "true")
    shown = admin.get(path)
    assert shown.context["run"].state == RunState.DONE
    assert "Counted over 1 leads" in shown.content.decode()


def test_usage_is_sorted_and_filtered(admin: Client, draft: ScoringModel) -> None:
    factories.LeadFactory(country="Elsewhere")
    path = f"{BASE}/{draft.pk}/usage/"
    admin.post(path)
    work_runs(now=timezone.now())
    rows = admin.get(path, {"sort": "fired"}).context["rows"]
    assert [row.rule.key for row, _due in rows] == ["far-away", "director"]
    assert admin.get(path, {"finding": "contradicts"}).context["rows"] == []


def test_the_live_version_is_not_compared_with_itself(admin: Client, live: ScoringModel) -> None:
    response = admin.post(f"{BASE}/{live.pk}/impact/", follow=True)
    assert not ScoringRun.objects.filter(kind=RunKind.SIMULATE).exists()
    assert [message.level_tag for message in response.context["messages"]] == ["error"]
