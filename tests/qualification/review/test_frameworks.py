"""Which checklist a lead is worked with: rules by position, the default, and why."""

from __future__ import annotations

from typing import Any

import pytest

from crm.models import User
from qualification.models import Framework, FrameworkRule, ReviewItem, Segment
from qualification.review.frameworks import (
    framework_for,
    frameworks_on_offer,
    pick_for,
    sentence_of,
    switch_framework,
)
from tests import factories
from tests.factories import NOW
from tests.qualification.decision_support import answer, held_item

BIG = {"subject": "account.revenue", "op": "at_least", "value": 10_000_000}
FREIGHT = {"subject": "lead.topic", "op": "contains", "value": "freight"}
pytestmark = pytest.mark.django_db


def add_rule(name: str, key: str, position: int = 0, **fields: Any) -> FrameworkRule:
    return FrameworkRule.objects.create(
        name=name, framework_key=key, position=position, **({"condition": {}} | fields)
    )


def picked(item: ReviewItem) -> tuple[str, str]:
    pick = pick_for(item.lead_id, on_offer=frameworks_on_offer(), now=NOW)
    return pick.framework.key, pick.reason


def item_of(by: User, *, revenue: int | None = None, **lead: Any) -> ReviewItem:
    account = factories.AccountFactory(revenue=revenue)
    return held_item(by, account=account, **lead)


def test_the_first_rule_that_holds_decides(people: dict[str, User]) -> None:
    add_rule("Large deals", "meddic", 1, condition=BIG)
    add_rule("Freight", "champ", 2, condition=FREIGHT)
    sdr = people["sdr"]
    assert picked(item_of(sdr, revenue=50_000_000, topic="Freight")) == ("meddic", "Large deals")
    assert picked(item_of(sdr, revenue=5, topic="Sea freight")) == ("champ", "Freight")
    assert picked(item_of(people["manager"], topic="Trucks")) == ("bant", "")


def test_a_segment_and_a_condition_must_both_hold(people: dict[str, User]) -> None:
    segment = Segment.objects.create(
        key="dach-only", name="DACH only", query={"country": ["DE"]}, created_at=NOW, updated_at=NOW
    )
    add_rule("Big at home", "meddic", segment=segment, condition=BIG)
    sdr = people["sdr"]
    assert picked(item_of(sdr, revenue=50_000_000, country="DE"))[0] == "meddic"
    assert picked(item_of(sdr, revenue=50_000_000, country="US"))[0] == "bant"
    assert picked(item_of(people["manager"], revenue=1, country="DE"))[0] == "bant"
    FrameworkRule.objects.update(condition={})
    assert picked(item_of(people["manager"], revenue=1, country="DE"))[0] == "meddic"


@pytest.mark.parametrize(
    "change",
    [
        {"is_active": False},
        {"framework_key": "none-of-these"},
        {"condition": {"subject": "lead.gone", "op": "is_known"}},
    ],
)
def test_a_rule_that_cannot_decide_is_passed_over(
    people: dict[str, User], change: dict[str, Any]
) -> None:
    rule = add_rule("Everybody", "meddic", 1)
    FrameworkRule.objects.filter(pk=rule.pk).update(**change)
    add_rule("The rest", "champ", 2)
    assert picked(item_of(people["sdr"])) == ("champ", "The rest")


def test_the_pick_is_stored_once_with_its_reason(people: dict[str, User]) -> None:
    rule = add_rule("Everybody", "champ")
    item = held_item(people["sdr"])
    assert framework_for(item, now=NOW).key == "champ"
    rule.delete()
    item.refresh_from_db()
    assert (framework_for(item, now=NOW).key, item.framework_reason) == ("champ", "Everybody")


def test_a_switch_by_hand_has_no_rule_for_a_reason(people: dict[str, User]) -> None:
    add_rule("Everybody", "champ")
    item = held_item(people["sdr"])
    framework_for(item, now=NOW)
    answer(item.lead, "pain", people["sdr"])
    bant = Framework.objects.get(key="bant")
    switch_framework(item=item, framework=bant, by=people["sdr"], now=NOW)
    assert (item.framework, item.framework_reason) == (bant, "")
    assert item.lead.answers.filter(superseded_at=None).count() == 1


def test_it_says_what_it_asks(db: None) -> None:
    rule = add_rule("Large deals", "meddic", condition=BIG)
    assert sentence_of(rule) == "Revenue at least 10,000,000: MEDDIC"
    assert sentence_of(add_rule("All", "bant")) == "Every lead: BANT"


def test_the_page_shows_the_pick_and_why_before_anything_is_stored(
    people: dict[str, User], client: Any
) -> None:
    add_rule("Large deals", "meddic", condition=BIG)
    item = item_of(people["sdr"], revenue=50_000_000)
    client.force_login(people["sdr"])
    html = client.get(f"/leads/{item.lead_id}/").content.decode()
    assert "Chosen by the rule “Large deals”." in html
    assert "Economic buyer" in html
    item.refresh_from_db()
    assert item.framework is None
