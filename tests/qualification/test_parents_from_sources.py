"""The parent of a company as files and messages name it: found or made, ours before theirs, never
above itself, and nothing else of the row or message lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client

from crm.models import Account, InboxMessage, Lead, LeadIdentity, Source, User
from qualification import pipeline
from qualification.review.accounts import set_parent
from tests import factories
from tests.factories import NOW
from tests.qualification.import_support import Import, counts
from tests.qualification.test_intake_webhook import post

pytestmark = pytest.mark.django_db
MAPPING = """
name: Fair
source: fair
external_id: Id
fields: {email: Mail, company: Company, parent_company: Group}
"""
HEADER = "Id,Mail,Company,Group\n"


@pytest.fixture
def run(tmp_path: Path, db: None) -> Import:
    return Import(tmp_path)


def row(number: int, company: str, parent: str, mail: str = "") -> str:
    return f"{number},{mail},{company},{parent}\n"


def family() -> dict[str, str]:
    """Who belongs to whom, by name."""
    found = Account.objects.exclude(parent=None).values_list("name", "parent__name")
    return {below: str(above) for below, above in found}


def company(name: str, domain: str = "") -> Account:
    made: Account = factories.AccountFactory(name=name, name_key=name.casefold())
    if domain:
        made.domains.create(domain=domain)
    return made


def message(**said: Any) -> InboxMessage:
    """A message that was taken, about somebody of Southwind."""
    source = Source.objects.filter(kind=Source.Kind.JSON, name="website").first()
    source = source or factories.SourceFactory(name="website")
    body = {"external_id": "ana", "company": "Southwind", **said}
    answer = post(source, json.dumps(body).encode())
    assert answer.status_code == 202
    return pipeline.process(json.loads(answer.content)["id"], now=NOW)


# --- files --------------------------------------------------------------------------------------


def test_a_file_names_it_by_name_or_domain_known_or_not(run: Import) -> None:
    northwind = company("Northwind", "northwind.example")
    rows = [
        row(1, "Southwind", "northwind.example"),
        row(2, "Westwind", "Northwind GmbH"),
        row(3, "Eastwind", "https://www.group.example/about"),
        row(4, "Upwind", "Skies"),
        row(5, "Skies", ""),
    ]
    content = HEADER + "".join(rows)
    assert run(content, MAPPING) == counts(imported=5)
    assert family() == {
        "Southwind": "Northwind",
        "Westwind": "Northwind",
        "Eastwind": "group.example",
        "Upwind": "Skies",
    }
    assert Account.objects.filter(name="Skies").count() == 1
    assert northwind.domains.count() == 1
    before = list(Account.objects.order_by("pk").values())
    assert run(content, MAPPING) == counts(unchanged=5)
    assert list(Account.objects.order_by("pk").values()) == before


def test_what_was_said_and_what_was_so_before_is_kept(run: Import) -> None:
    run(HEADER + row(1, "Southwind", "Northwind"), MAPPING)
    assert LeadIdentity.objects.get().imported["parent_company"] == "Northwind"
    run(HEADER + row(1, "Southwind", "Skies"), MAPPING)
    assert family() == {"Southwind": "Skies"}
    southwind = Account.objects.get(name="Southwind")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.name FROM crm_accountevent AS e LEFT JOIN crm_account AS p"
            " ON p.id = e.parent_id WHERE e.pgh_obj_id = %s ORDER BY e.pgh_id",
            [southwind.pk],
        )
        assert [name for (name,) in cursor.fetchall()] == [None, "Northwind", "Skies"]


@pytest.mark.parametrize("text", ["northwind.example", "Northwind Ltd"])
def test_the_same_company_by_another_name_changes_nothing(run: Import, text: str) -> None:
    company("Northwind", "northwind.example")
    run(HEADER + row(1, "Southwind", "Northwind"), MAPPING)
    assert run(HEADER + row(1, "Southwind", text), MAPPING) == counts(unchanged=1)
    assert family() == {"Southwind": "Northwind"}


def test_what_one_of_us_set_stands(run: Import, people: dict[str, User]) -> None:
    run(HEADER + row(1, "Southwind", "Northwind"), MAPPING)
    southwind, ours = Account.objects.get(name="Southwind"), company("Ours")
    set_parent(account=southwind, parent=ours, by=people["manager"], now=NOW)
    for said in ("Northwind", "Skies"):
        run(HEADER + row(1, "Southwind", said), MAPPING)
        assert "parent_company kept, a person set it since" in run.stderr
        assert family() == {"Southwind": "Ours"}
    set_parent(account=southwind, parent=None, by=people["manager"], now=NOW)
    run(HEADER + row(1, "Southwind", "Skies"), MAPPING)
    assert family() == {}


def test_a_blank_clears_what_the_file_said(run: Import, people: dict[str, User]) -> None:
    mapping = MAPPING + "blank_clears: true\n"
    run(HEADER + row(1, "Southwind", "Northwind"), mapping)
    assert run(HEADER + row(1, "Southwind", ""), mapping) == counts(updated=1)
    assert family() == {}
    run(HEADER + row(1, "Southwind", "Northwind"), mapping)
    southwind = Account.objects.get(name="Southwind")
    set_parent(account=southwind, parent=company("Ours"), by=people["manager"], now=NOW)
    run(HEADER + row(1, "Southwind", ""), mapping)
    assert family() == {"Southwind": "Ours"}


@pytest.mark.parametrize(
    ("rows", "stands", "refused"),
    [
        (["1,,Solo,Solo AG"], {}, [1]),
        (["1,x@solo.example,Solo,solo.example"], {}, [1]),
        (["1,,One,Two", "2,,Two,One"], {"One": "Two"}, [2]),
        (
            ["1,,One,Two", "2,,Two,Three", "3,,Three,One", "4,,Four,One"],
            {"One": "Two", "Two": "Three", "Four": "One"},
            [3],
        ),
        # One that is refused takes nothing from what was said before it, or is said after it.
        (["1,,One,Two", "2,,Two,Six", "3,,Two,One"], {"One": "Two", "Two": "Six"}, [3]),
        (["1,,One,Two", "2,,Two,One", "3,,Two,One"], {"One": "Two"}, [2, 3]),
        # What a later row takes back was never so.
        (["1,,One,Two", "2,,Two,One", "3,,Two,Six"], {"One": "Two", "Two": "Six"}, []),
    ],
)
def test_nothing_is_above_itself_and_the_row_is_taken(
    run: Import, rows: list[str], stands: dict[str, str], refused: list[int]
) -> None:
    content = HEADER + "\n".join(rows) + "\n"
    for expected in (counts(imported=len(rows)), counts(unchanged=len(rows))):
        assert run(content, MAPPING, errors=run.errors) == expected
        assert family() == stands
        assert Lead.objects.count() == len(rows)
        told = [(int(line) - 1, column) for line, column, *_rest in run.bad()]
        assert told == [(number, "Group") for number in refused]
        for _line, _column, reason, *_cells in run.bad():
            assert reason == "it is this company itself, or belongs to it; the rest was taken"
        for number in refused:
            assert f"line {number + 1}: parent_company left out: it is this" in run.stderr


def test_a_refused_row_is_corrected_in_the_file_of_bad_rows(run: Import) -> None:
    run(HEADER + row(1, "Solo", "Solo"), MAPPING, errors=run.errors)
    corrected = run.errors.read_text().replace("Solo,Solo", "Solo,Skies")
    assert run(corrected, MAPPING) == counts(updated=1)
    assert family() == {"Solo": "Skies"}


@pytest.mark.parametrize("said", ["gmail.com", "linkedin.com/company/x", "x" * 201])
def test_what_names_no_company_fails_the_row(run: Import, said: str) -> None:
    content = HEADER + row(1, "Southwind", said) + row(2, "Westwind", "Skies")
    assert run(content, MAPPING, errors=run.errors) == counts(imported=1, failed=1)
    ((_line, column, reason, *_cells),) = run.bad()
    assert column == "Group"
    assert "compan" in reason or "longer than 200" in reason
    assert family() == {"Westwind": "Skies"}


def test_two_of_a_name_are_told_apart_by_domain(run: Import) -> None:
    company("Twin", "one.example")
    company("Twin", "two.example")
    run(HEADER + row(1, "Southwind", "Twin") + row(2, "Westwind", "two.example"), MAPPING)
    assert "several companies are called so" in run.stderr
    known = Account.objects.exclude(parent=None).values_list("name", "parent__domains__domain")
    assert list(known) == [("Westwind", "two.example")]


def test_a_dry_run_writes_no_parent(run: Import) -> None:
    content = HEADER + row(1, "Southwind", "Northwind") + row(2, "Solo", "Solo")
    assert run(content, MAPPING, dry_run=True) == counts(imported=2)
    assert "left out" in run.stderr
    assert not Account.objects.exists()


# --- messages -----------------------------------------------------------------------------------


def test_a_message_names_it_and_says_it_again_without_effect() -> None:
    assert message(event_id="1", parent_company="northwind.example").error == ""
    assert family() == {"Southwind": "northwind.example"}
    assert message(event_id="2", parent_company="northwind.example").error == ""
    assert family() == {"Southwind": "northwind.example"}
    # It gets its name from whoever writes from there.
    message(event_id="3", external_id="bo", email="bo@northwind.example", company="Northwind")
    assert family() == {"Southwind": "Northwind"}


@pytest.mark.parametrize(
    ("said", "note"),
    [
        ("Southwind", "it is this company itself, or belongs to it"),
        ("gmail.com", "neither the name nor the domain of a company"),
        (["Northwind"], "not a text"),
        (True, "not a text"),
    ],
)
def test_a_bad_one_is_noted_and_the_rest_taken(said: Any, note: str) -> None:
    done = message(parent_company=said, title="CFO")
    assert (done.state, done.error) == ("done", f"parent_company: {note}")
    assert Lead.objects.get().title == "CFO"
    assert family() == {}


def test_a_circle_with_what_stands_is_noted() -> None:
    message(event_id="1", parent_company="Northwind")
    done = message(event_id="2", external_id="bo", company="Northwind", parent_company="Southwind")
    assert (done.state, done.error) == (
        "done",
        "parent_company: it is this company itself, or belongs to it",
    )
    assert "parent_company" not in LeadIdentity.objects.get(external_id="bo").imported
    assert family() == {"Southwind": "Northwind"}


def test_a_parent_of_no_company_is_noted() -> None:
    done = message(company=None, parent_company="Northwind")
    assert done.error == "parent_company: the company that belongs to it is not named"
    assert Lead.objects.count() == 1
    assert not Account.objects.exists()


def test_an_older_message_changes_nothing() -> None:
    late, early = "2026-11-20T10:00:00+00:00", "2026-11-19T10:00:00+00:00"
    message(event_id="1", parent_company="Northwind", occurred_at=late)
    message(event_id="2", parent_company="Skies", occurred_at=early)
    assert family() == {"Southwind": "Northwind"}


def test_a_form_of_another_site_names_it(client: Client) -> None:
    source = factories.SourceFactory(kind=Source.Kind.FORM, name="contact", credential="open")
    fields = {"email": "ana@southwind.example", "company": "Southwind", "parent_company": "Skies"}
    client.post(
        f"/intake/{source.name}/{source.credential}/",
        urlencode(fields),
        content_type="application/x-www-form-urlencoded",
    )
    pipeline.process(InboxMessage.objects.get().pk, now=NOW)
    assert family() == {"Southwind": "Skies"}
