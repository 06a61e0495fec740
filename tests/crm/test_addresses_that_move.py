"""Addresses that go from one person to another within one batch, as messages one by one would."""

from __future__ import annotations

import pytest

from crm.intake.payload import LeadPayload
from crm.intake.upsert import upsert_leads
from crm.models import LeadIdentity, Source
from tests import factories

Said = tuple[str, str]


@pytest.fixture
def source(db: None) -> Source:
    return factories.SourceFactory(name="list")


def take(source: Source, said: list[Said], *, at_once: bool) -> None:
    """What ids say their address is, one after the other or in one batch."""
    payloads = [LeadPayload(key, {"email": mail, "city": mail[0]}) for key, mail in said]
    batches = [payloads] if at_once else [[each] for each in payloads]
    for batch in batches:
        upsert_leads(payloads=batch, source=source, now=factories.NOW)


def addresses() -> dict[str, str | None]:
    held = LeadIdentity.objects.values_list("external_id", "lead__email_key")
    return dict(held)


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("1c 4a", {"1": "c", "2": "b", "4": "a"}),
        ("1c 2a", {"1": "c", "2": "a"}),
        ("2c 1b", {"1": "b", "2": "c"}),
        ("1c 2a 1b", {"1": "b", "2": "a"}),
        ("2c 1b 2a", {"1": "b", "2": "a"}),
        ("1c 2a 4b", {"1": "c", "2": "a", "4": "b"}),
        ("4d 1c 4a 2d", {"1": "c", "2": "d", "4": "a"}),
    ],
)
def test_an_address_given_up_is_anybodys(
    source: Source, said: str, expected: dict[str, str], at_once: bool
) -> None:
    take(source, [("1", "a@x.com"), ("2", "b@x.com")], at_once=True)
    steps = [(step[0], f"{step[1]}@x.com") for step in said.split()]
    take(source, steps, at_once=at_once)
    assert addresses() == {key: f"{mail}@x.com" for key, mail in expected.items()}
