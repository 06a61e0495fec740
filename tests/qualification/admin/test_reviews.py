"""Reviews in the admin: on drafts and published rules alike, listed when they are overdue."""

from __future__ import annotations

import datetime as dt

from django.test import Client
from django.utils import timezone

from qualification.models import ModelChange, RuleReview, ScoringModel
from tests.qualification.admin.support import rule_of, rule_path

RULES = "/admin/qualification/scoringrule/"


def test_a_published_rule_gets_a_day(admin: Client, live: ScoringModel) -> None:
    rule = rule_of(live, "director")
    day = timezone.localdate() + dt.timedelta(days=10)
    path = f"{RULES}{rule.pk}/review/"
    assert admin.post(path, {"due_on": day.isoformat(), "note": "ask"}).status_code == 302
    review = RuleReview.objects.get(rule_key="director")
    assert (review.due_on, review.note) == (day, "ask")
    # It is no content of the version.
    assert not ModelChange.objects.exists()


def test_reviewed_today(admin: Client, live: ScoringModel) -> None:
    rule = rule_of(live, "director")
    admin.post(f"{RULES}{rule.pk}/review/", {"reviewed": "1"})
    review = RuleReview.objects.get(rule_key="director")
    assert review.due_on == timezone.localdate() + dt.timedelta(days=90)
    assert "Last looked at" in admin.get(rule_path(rule)).content.decode()


def test_an_unusable_day_is_said(admin: Client, live: ScoringModel) -> None:
    rule = rule_of(live, "director")
    for text in ("", "soon", "2001-01-01"):
        response = admin.post(f"{RULES}{rule.pk}/review/", {"due_on": text}, follow=True)
        assert [message.level_tag for message in response.context["messages"]] == ["error"]
    assert not RuleReview.objects.exists()


def test_stale_rules_are_listed_and_counted(admin: Client, live: ScoringModel) -> None:
    RuleReview.objects.create(rule_key="director", due_on=dt.date(2020, 5, 1))
    for path in ("/admin/", "/admin/qualification/scoringmodel/"):
        page = admin.get(path).content.decode()
        assert "due for review" in page, path
    listed = admin.get(f"{RULES}?review=overdue").content.decode()
    assert "overdue since" in listed
    assert "Far away" not in listed
    assert "director" in admin.get("/admin/qualification/rulereview/?due=overdue").content.decode()


def test_several_are_reviewed_at_once(admin: Client, live: ScoringModel) -> None:
    for key in ("director", "far-away"):
        RuleReview.objects.create(rule_key=key, due_on=dt.date(2020, 5, 1))
    chosen = list(RuleReview.objects.values_list("pk", flat=True))
    data = {"action": "reviewed_today", "_selected_action": chosen}
    assert admin.post("/admin/qualification/rulereview/", data).status_code == 302
    assert not RuleReview.objects.filter(due_on__lt=timezone.localdate()).exists()
