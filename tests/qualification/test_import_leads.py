"""`import_leads`: counts that add up, nothing twice, nothing half, a person's value kept."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from crm.imports import load
from crm.models import (
    Account,
    Activity,
    AttributeDefinition,
    Lead,
    LeadIdentity,
    Outcome,
    Source,
    StageEvent,
)
from qualification import pipeline
from qualification.models import LeadScore, ReviewItem, ScoringDue
from tests import factories
from tests.qualification.import_support import ANA, BO, HEADER, MAPPING, Import, counts
from tests.qualification.queue_support import active_model

XEDUCATION = Path(__file__).resolve().parents[3] / "shared" / "data" / "xeducation"


@pytest.fixture
def run(tmp_path: Path, db: None) -> Import:
    return Import(tmp_path)


# --- the real file ------------------------------------------------------------------------------


@pytest.mark.skipif(
    not XEDUCATION.is_dir(), reason="needs ../shared/data/xeducation beside the repository"
)
def test_it_imports_the_real_file_once(db: None) -> None:
    def command() -> str:
        out = io.StringIO()
        options = {"mapping": XEDUCATION / "mapping.yaml", "stdout": out, "stderr": io.StringIO()}
        call_command("import_leads", XEDUCATION / "Leads.csv", **options)
        return out.getvalue().splitlines()[-1]

    assert command() == counts(imported=9240)
    with (XEDUCATION / "Leads.csv").open(newline="") as file:
        rows = {row["Lead Number"]: row for row in csv.DictReader(file)}
    assert Lead.objects.count() == len(rows) == 9240
    assert Outcome.objects.filter(value="won").count() == 3561
    assert Lead.objects.filter(stage="won").count() == 3561
    assert Lead.objects.filter(stage="lost").count() == 9240 - 3561
    assert not ReviewItem.objects.exists()
    for identity in LeadIdentity.objects.select_related("lead").iterator():
        row, lead = rows[identity.external_id], identity.lead
        assert lead.country == row["Country"].replace("Select", "")
        assert lead.city == row["City"].replace("Select", "")
        visits = row["TotalVisits"]
        assert lead.attributes.get("total_visits") == (float(visits) if visits else None)
        assert lead.attributes["do_not_email"] is (row["Do Not Email"] == "Yes")
        specialization = row["Specialization"]
        assert lead.attributes.get("specialization", "") == specialization.replace("Select", "")
        assert "lead_quality" not in lead.attributes
    order = list(
        LeadIdentity.objects.order_by("lead_id").values_list("external_id", flat=True)[:500]
    )
    assert order == sorted(order, key=int)
    assert command() == counts(unchanged=9240)
    assert Outcome.objects.count() == 9240


# --- new, known, changed -------------------------------------------------------------------------


def test_it_writes_leads_accounts_and_attributes(run: Import) -> None:
    assert run(HEADER + ANA + BO) == counts(imported=2)
    ana, bo = Lead.objects.order_by("id")
    assert (ana.first_name, ana.last_name, ana.email_key) == ("Ana", "Lund", "ana@brightwater.com")
    assert (ana.stage, ana.team.is_fallback, ana.source.name) == ("new", True, "fair")
    assert ana.attributes == {"seats": 40, "customer": True}
    assert bo.attributes == {"seats": 2.5, "customer": False}
    account = Account.objects.get()
    assert (account.name, account.employees, account.name_key) == (
        "Brightwater GmbH",
        120,
        "brightwater",
    )
    assert ana.account == bo.account == account
    assert [domain.domain for domain in account.domains.all()] == ["brightwater.com"]
    assert dict(AttributeDefinition.objects.values_list("name", "type")) == {
        "seats": "number",
        "customer": "boolean",
    }


def test_it_changes_nothing_the_second_time(run: Import) -> None:
    run(HEADER + ANA + BO)
    before = list(Lead.objects.order_by("id").values())
    assert run(HEADER + ANA + BO) == counts(unchanged=2)
    assert list(Lead.objects.order_by("id").values()) == before
    assert LeadIdentity.objects.count() == 2


def test_it_applies_what_differs(run: Import) -> None:
    run(HEADER + ANA + BO)
    assert run(HEADER + ANA.replace(",40,", ",41,") + BO) == counts(updated=1, unchanged=1)
    assert Lead.objects.get(first_name="Ana").attributes["seats"] == 41


def test_it_applies_what_differs_about_the_company(
    run: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(HEADER + ANA + BO)
    # Killed between the chunk and its scores: who is due stands in the chunk.
    monkeypatch.setattr(pipeline, "score_and_queue", lambda lead_ids, **_: None)
    assert run(HEADER + ANA.replace("120", "130") + BO) == counts(updated=1, unchanged=1)
    assert Account.objects.get().employees == 130
    # The colleague's score reads the same company.
    assert ScoringDue.objects.count() == 2


def test_it_scores_and_queues_unless_told_not_to(run: Import) -> None:
    active_model(base_fit="45.0")
    history = MAPPING.replace("ignore: [Notes]", "outcome: {column: Notes, positive: [won]}")
    rows = ANA.replace(",x\n", ",won\n") + BO
    run(HEADER + rows, history, no_queue=True)
    assert LeadScore.objects.filter(total_tenths=450).count() == 2
    assert not ReviewItem.objects.exists()
    assert not ScoringDue.objects.exists()
    run(HEADER + rows.replace(",2.5,", ",3,"), history)
    assert [item.lead.first_name for item in ReviewItem.objects.all()] == ["Bo"]
    assert Lead.objects.get(first_name="Ana").stage == "won"


def test_it_keeps_a_persons_value_and_says_so(run: Import) -> None:
    run(HEADER + ANA)
    Lead.objects.update(first_name="Anna")
    Account.objects.update(employees=99)
    assert run(HEADER + ANA) == counts(unchanged=1)
    assert "line 2: first_name kept" in run.stderr
    changed = ANA.replace("Ana Lund", "Annie Lund").replace("120", "130")
    assert run(HEADER + changed) == counts(unchanged=1)
    assert Lead.objects.get().first_name == "Anna"
    assert Account.objects.get().employees == 99
    both = changed.replace(",40,", ",50,")
    assert run(HEADER + both) == counts(updated=1)
    assert (Lead.objects.get().first_name, Lead.objects.get().attributes["seats"]) == ("Anna", 50)


def test_it_keeps_what_a_person_emptied(run: Import) -> None:
    run(HEADER + ANA)
    Lead.objects.update(last_name="")
    run(HEADER + ANA.replace("Lund", "Lindt"))
    assert Lead.objects.get().last_name == ""


def test_it_takes_blank_for_no_statement(run: Import) -> None:
    run(HEADER + ANA)
    blank = "1,,,n/a,,,,\n"
    assert run(HEADER + blank) == counts(unchanged=1)
    lead = Lead.objects.get()
    assert (lead.first_name, lead.attributes["seats"]) == ("Ana", 40)


def test_it_empties_by_blank_where_the_mapping_says_so(run: Import) -> None:
    clearing = MAPPING + "blank_clears: true\n"
    run(HEADER + ANA, clearing)
    Lead.objects.update(last_name="Set by hand")
    blank = "1,,ana@brightwater.com,Brightwater GmbH,120,,Yes,\n"
    assert run(HEADER + blank, clearing) == counts(updated=1)
    lead = Lead.objects.get()
    assert (lead.first_name, lead.last_name) == ("", "Set by hand")
    assert lead.attributes == {"customer": True}
    assert run(HEADER + blank, clearing) == counts(unchanged=1)


def test_it_attaches_a_new_identity_of_a_known_person(run: Import) -> None:
    run(HEADER + ANA)
    other = MAPPING.replace("source: fair", "source: crm-export")
    again = "77,Ana Lund,ANA@brightwater.com,,,,,\n"
    assert run(HEADER + again, other) == counts(updated=1)
    assert Lead.objects.count() == 1
    assert LeadIdentity.objects.count() == 2
    assert run(HEADER + again, other) == counts(unchanged=1)


def test_it_attaches_two_ids_of_one_person_in_one_file(run: Import) -> None:
    assert run(HEADER + ANA + ANA.replace("1,", "9,", 1)) == counts(imported=1, updated=1)
    assert Lead.objects.count() == 1


def test_it_refuses_the_address_of_another_lead(run: Import) -> None:
    run(HEADER + ANA + BO)
    stolen = BO.replace("bo@", "ana@")
    assert run(HEADER + stolen, errors=run.errors) == counts(failed=1)
    assert run.bad()[0][:3] == ["2", "Mail", "belongs to another lead"]
    assert Lead.objects.get(first_name="Bo").email_key == "bo@brightwater.com"


def test_it_leaves_a_known_leads_stage_alone(run: Import) -> None:
    run(HEADER + ANA)
    history = MAPPING + "outcome: {column: Notes, positive: [won]}\n"
    history = history.replace("ignore: [Notes]\n", "")
    assert run(HEADER + ANA.replace(",x\n", ",lost\n"), history) == counts(updated=1)
    assert Lead.objects.get().stage == "new"
    assert Outcome.objects.get().value == "lost"
    assert run(HEADER + ANA.replace(",x\n", ",lost\n"), history) == counts(unchanged=1)
    assert Outcome.objects.count() == 1
    assert not StageEvent.objects.exists()


def test_it_records_activities_once(run: Import) -> None:
    mapping = MAPPING.replace("ignore: [Notes]", "activity: event_visit\noccurred_at: Notes")
    row = ANA.replace(",x\n", ",2026-10-01T10:00:00+02:00\n")
    assert run(HEADER + row, mapping) == counts(imported=1)
    assert run(HEADER + row, mapping) == counts(unchanged=1)
    activity = Activity.objects.get()
    assert (activity.type, activity.occurred_at.isoformat()) == (
        "event_visit",
        "2026-10-01T08:00:00+00:00",
    )


def test_it_gives_the_named_team(run: Import) -> None:
    factories.TeamFactory(name="EMEA")
    run(HEADER + ANA, MAPPING + "team: EMEA\n")
    assert Lead.objects.get().team.name == "EMEA"


# --- order, dry run, chunks ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (["10", "9", "-1"], ["-1", "9", "10"]),
        (["10", "9", "b"], ["10", "9", "b"]),
        (["2", "", "1"], ["1", "2", ""]),
    ],
)
def test_it_takes_rows_in_order(run: Import, keys: list[str], expected: list[str]) -> None:
    mapping = "name: N\nsource: s\nexternal_id: Id\norder_by: Key\nfields: {city: Key}\n"
    run("Id,Key\n" + "".join(f"{place},{key}\n" for place, key in enumerate(keys)), mapping)
    assert list(Lead.objects.order_by("id").values_list("city", flat=True)) == expected


def test_it_counts_the_same_and_writes_nothing_on_a_dry_run(run: Import) -> None:
    content = HEADER + ANA + BO + "3,,,,many,,,\n"
    assert run(content, dry_run=True, errors=run.errors) == counts(imported=2, failed=1)
    assert len(run.bad()) == 1
    for model in (Lead, Source, Account):
        assert not model.objects.exists()
    assert not AttributeDefinition.objects.exists()
    assert run(content) == counts(imported=2, failed=1)


def test_it_goes_on_after_a_kill(run: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "CHUNK", 2)
    rows = "".join(f"{n},P {n},p{n}@firm{n}.com,,,,,\n" for n in range(7))
    begun: list[int] = []

    def killed(**kwargs: Any) -> Any:
        begun.append(1)
        if len(begun) == 3:
            raise KeyboardInterrupt
        return whole(**kwargs)

    whole = load.upsert_leads
    monkeypatch.setattr(load, "upsert_leads", killed)
    with pytest.raises(KeyboardInterrupt):
        run(HEADER + rows)
    assert Lead.objects.count() == 4
    assert run(HEADER + rows) == counts(imported=3, unchanged=4)
    assert Lead.objects.count() == LeadIdentity.objects.count() == 7


def test_it_finds_people_of_earlier_chunks(run: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "CHUNK", 1)
    rows = ANA + BO + ANA.replace("1,", "3,", 1) + ANA + ANA.replace(",40,", ",41,")
    assert run(HEADER + rows) == counts(imported=2, updated=1, unchanged=1, failed=1)


# --- bad rows ------------------------------------------------------------------------------------

BAD_ROWS = {
    ",No id,a@b.com,,,,,": ("Id", "is missing"),
    "3,Two cells": ("", "2 cells where the header has 8"),
    "4,A,not an address,,,,,": ("Mail", "not an e-mail address"),
    "5,A,,,many,,,": ("Staff", "not a number"),
    "6,A,,,-5,,,": ("Staff", "not a whole number of 0 or more"),
    '7,A,,,,"1,5",,': ("Seats", "not a number"),
    "8,A,,,,NaN,,": ("Seats", "not a number"),
    "9,A,,,,,Maybe,": ("Customer", "neither yes nor no"),
    "1,Other Name,,,,,,": ("Id", "repeated in the file with other values"),
    f"10,A,,{'x' * 201},,,,": ("Company", "longer than 200 characters"),
    "11,A\0B,,,,,,": ("", "holds a NUL character"),
}


def test_it_sets_bad_rows_aside_with_line_and_reason(run: Import) -> None:
    content = HEADER + ANA + '"2","Bo\nBerg",,,,,,\n' + "\n,,,,,,,\n" + "\n".join(BAD_ROWS) + "\n"
    assert run(content, errors=run.errors) == counts(imported=2, failed=len(BAD_ROWS))
    # Line 1 is the header, Bo takes two lines, two lines are blank.
    expected = [[str(line), *reason] for line, reason in enumerate(BAD_ROWS.values(), start=7)]
    assert [row[:3] for row in run.bad()] == expected


def test_it_takes_the_corrected_file_of_bad_rows(run: Import) -> None:
    formula = '3,"=HYPERLINK(""x"")",,@firm,,many,,+4930\n'
    run(HEADER + formula, errors=run.errors)
    line = run.errors.read_text().splitlines()[1]
    assert ",'=HYPERLINK" not in line
    assert "\"'=HYPERLINK" in line
    assert ",'@firm," in line
    corrected = run.errors.read_text().replace("many", "7")
    assert run(corrected) == counts(imported=1)
    lead = Lead.objects.get()
    assert (lead.first_name, lead.company_name) == ('=HYPERLINK("x")', "@firm")
    assert "unmapped" not in run.stderr


def test_it_warns_once_of_unmapped_columns(run: Import) -> None:
    run(HEADER.replace("\n", ",Extra,More\n") + ANA.replace("\n", ",1,2\n"))
    assert run.stderr.count("unmapped columns: Extra, More") == 1
