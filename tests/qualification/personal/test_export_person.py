"""An export holds everything that the erasure would take, and nobody else."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command

from crm.models import Lead, PersonalExport, User
from qualification.models import AuditEntry
from qualification.personal.export import CSV, JSON, as_json, as_zip, counted, record_export
from tests import factories
from tests.qualification.audit.test_chain import settle
from tests.qualification.decision_support import MINUTE, NOW
from tests.qualification.personal import canary

pytestmark = pytest.mark.django_db
LATER = NOW + 20 * MINUTE
FOREIGN = "Xenokanarius"


@pytest.fixture
def lead(people: dict[str, User]) -> Lead:
    """Beside somebody of the same company and team."""
    walked = canary.walk(people)
    factories.LeadFactory(
        first_name=FOREIGN,
        team=walked.team,
        account=walked.account,
        email="x@bird.example",
    )
    return walked


def read(lead: Lead) -> dict[str, Any]:
    return json.loads("".join(as_json(lead, now=LATER)))


def test_every_place_where_the_person_stands_is_in_it(lead: Lead, people: dict[str, User]) -> None:
    given = read(lead)
    assert given["lead"] == lead.pk
    columns = {
        f"{part['table']}.{name}" for part in given["held"] for row in part["rows"] for name in row
    }
    # The company is of two; the copy of a column is no column of its own.
    missing = {
        place
        for place in canary.found(("zyxanna", "qwortzel", "15150187331", "kanari "))
        if place not in columns and not place.endswith("_folded")
    }
    assert missing == set()
    bodies = [row["body"] for part in given["held"] for row in part["rows"] if "body" in row]
    assert any(canary.NAME in body for body in bodies)


def test_nobody_else_is_in_it(lead: Lead, people: dict[str, User]) -> None:
    given = "".join(as_json(lead, now=LATER))
    assert FOREIGN not in given
    assert "candidates" not in given
    for secret in ("password", "salt", "s3cret-of-the-tests"):
        assert secret not in given


def test_csv_says_the_same_and_runs_no_formula(lead: Lead) -> None:
    Lead.objects.filter(pk=lead.pk).update(city="=1+1")
    archive = zipfile.ZipFile(io.BytesIO(as_zip(lead)))
    assert archive.testzip() is None
    given = {part["table"]: part["rows"] for part in read(lead)["held"]}
    assert set(archive.namelist()) == {f"{table}.csv" for table in given}
    rows = list(csv.DictReader(io.StringIO(archive.read("crm_lead.csv").decode())))
    assert (rows[0]["city"], rows[0]["first_name"]) == ("'=1+1", "Zyxanna")
    for table, expected in given.items():
        read_rows = list(csv.reader(io.StringIO(archive.read(f"{table}.csv").decode())))
        assert len(read_rows) == len(expected) + 1


def test_it_is_kept_who_took_it(lead: Lead, people: dict[str, User]) -> None:
    record_export(lead=lead, form=JSON, by=people["manager"], now=LATER)
    settle()
    entry = AuditEntry.objects.get(subject_table="crm_personalexport")
    assert (entry.kind, entry.deed, entry.actor) == ("erasure", "insert", people["manager"].pk)
    for role in ("sdr", "ae", "marketing"):
        with pytest.raises(PermissionDenied):
            record_export(lead=lead, form=CSV, by=people[role], now=LATER)


def test_after_the_erasure_it_says_nothing(lead: Lead, people: dict[str, User]) -> None:
    before = {held.table: n for held, n in counted(lead)}
    canary.erased(lead, people, now=LATER)
    lead.refresh_from_db()
    given = "".join(as_json(lead, now=LATER)).lower()
    assert not [word for word in canary.CANARIES if word in given]
    after = {held.table: n for held, n in counted(lead)}
    assert after["qualification_decision"] == before["qualification_decision"]
    assert "crm_leadidentity" not in after


def test_the_operator_exports_by_command(lead: Lead, tmp_path: Path) -> None:
    out = io.StringIO()
    call_command("export_person", str(lead.pk), stdout=out, stderr=io.StringIO())
    assert json.loads(out.getvalue())["lead"] == lead.pk
    file = tmp_path / "person.zip"
    call_command(
        "export_person", "chat:kanari-7", "--csv", "--out", str(file), stderr=io.StringIO()
    )
    assert "crm_lead.csv" in zipfile.ZipFile(file).namelist()
    assert set(PersonalExport.objects.values_list("form", "by")) == {(JSON, None), (CSV, None)}
    with pytest.raises(CommandError, match="--out"):
        call_command("export_person", str(lead.pk), "--csv")
    with pytest.raises(CommandError, match="no lead"):
        call_command("export_person", "987654321")
