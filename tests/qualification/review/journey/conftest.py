"""A company with one lead, and who of its team reads the journey."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from crm.models import Account, Lead, Team, User
from tests import factories


@pytest.fixture
def account(db: None) -> Account:
    return factories.AccountFactory(name="Teranga Foods")


@pytest.fixture
def lead(account: Account, team: Team) -> Lead:
    return factories.LeadFactory(account=account, team=team, first_name="Awa", last_name="Diallo")


@pytest.fixture
def sdr(login: Callable[[User], Client], people: dict[str, User]) -> Client:
    return login(people["sdr"])
