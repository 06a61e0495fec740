"""The parent of a company: who sets it, no circles, what the page shows, history."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from crm.models import Account, AccountDomain, User
from qualification.exceptions import ParentInvalid
from qualification.review.accounts import set_parent
from tests import factories
from tests.factories import NOW
from tests.qualification import queue_support as rows

Login = Callable[[User], Client]


def company(name: str, **fields: object) -> Account:
    return factories.AccountFactory(name=name, name_key=name.casefold(), **fields)


@pytest.mark.django_db
def test_a_manager_sets_it_by_domain_or_name_and_both_pages_show_it(
    people: dict[str, User], login: Login
) -> None:
    top, below = company("Northwind"), company("Southwind")
    AccountDomain.objects.create(account=top, domain="northwind.example")
    factories.LeadFactory(account=below)
    client = login(people["manager"])
    for text in ("northwind.example", "Northwind"):
        client.post(f"/accounts/{below.pk}/parent/", {"parent": text})
        below.refresh_from_db()
        assert below.parent == top
        client.post(f"/accounts/{below.pk}/parent/", {"parent": ""})
        below.refresh_from_db()
        assert below.parent is None
    client.post(f"/accounts/{below.pk}/parent/", {"parent": "Northwind"})
    assert "Northwind" in client.get(f"/accounts/{below.pk}/").content.decode()
    text = client.get(f"/accounts/{top.pk}/").content.decode()
    assert "1 subsidiary:" in text
    assert "1 lead, 1 open" in " ".join(text.split())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT parent_id FROM crm_accountevent WHERE pgh_obj_id = %s ORDER BY pgh_id",
            [below.pk],
        )
        known = [parent for (parent,) in cursor.fetchall()]
    assert known[-1] == top.pk
    assert None in known


@pytest.mark.django_db
def test_no_such_company_and_no_two_of_a_name(people: dict[str, User], login: Login) -> None:
    below = company("Southwind")
    company("Twin")
    company("Twin")
    client = login(people["manager"])
    for text in ("Nobody", "Twin"):
        response = client.post(f"/accounts/{below.pk}/parent/", {"parent": text}, follow=True)
        assert "No single company" in response.content.decode()
    below.refresh_from_db()
    assert below.parent is None


@pytest.mark.django_db
def test_nothing_is_above_itself(people: dict[str, User], login: Login) -> None:
    one, two, three = (company(f"Company {n}") for n in range(3))
    manager = people["manager"]
    assert set_parent(account=two, parent=one, by=manager, now=NOW)
    assert not set_parent(account=two, parent=one, by=manager, now=NOW)
    assert set_parent(account=three, parent=two, by=manager, now=NOW)
    for parent in (one, three):
        with pytest.raises(ParentInvalid):
            set_parent(account=one, parent=parent, by=manager, now=NOW)
    response = login(manager).post(f"/accounts/{one.pk}/parent/", {"parent": three.name})
    assert response.status_code == 422
    with pytest.raises(DatabaseError, match="above itself"), transaction.atomic():
        Account.objects.filter(pk=one.pk).update(parent=three)


@pytest.mark.django_db(transaction=True)
def test_two_at_once_close_no_circle(people: dict[str, User]) -> None:
    manager = people["manager"]
    for n in range(5):
        one, two = company(f"One {n}"), company(f"Two {n}")
        found = rows.in_threads(
            [
                lambda pair=pair: set_parent(account=pair[0], parent=pair[1], by=manager, now=NOW)
                for pair in ((one, two), (two, one))
            ]
        )
        parents = Account.objects.filter(pk__in=[one.pk, two.pk], parent__isnull=False)
        assert parents.count() == 1, found
