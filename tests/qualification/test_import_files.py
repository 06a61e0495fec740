"""Which files and mappings `import_leads` reads, and which it refuses whole, with one line."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from crm.models import AttributeDefinition, Lead
from tests.qualification.import_support import ANA, HEADER, MAPPING, Import, counts


@pytest.fixture
def run(tmp_path: Path, db: None) -> Import:
    return Import(tmp_path)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be-marked"])
def test_it_reads_every_usual_form(run: Import, delimiter: str, ending: str, encoding: str) -> None:
    text = f'{HEADER}1,Jörg Ægir,,"Ä;B,C|D",,,,"two\nlines"\n'
    rows = list(csv.reader(io.StringIO(text)))
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=ending, quoting=csv.QUOTE_ALL).writerows(
        rows
    )
    data = out.getvalue()
    if encoding == "utf-16-be-marked":
        raw = b"\xfe\xff" + data.encode("utf-16-be")
    else:
        raw = data.encode(encoding)
    assert run(raw) == counts(imported=1)
    lead = Lead.objects.get()
    assert (lead.last_name, lead.company_name) == ("Ægir", "Ä;B,C|D")


def test_it_takes_header_case_and_spaces_lightly(run: Import) -> None:
    assert run(HEADER.replace("Mail", " MAIL ").replace("Id", "id") + ANA) == counts(imported=1)


def test_it_reads_a_named_encoding(run: Import) -> None:
    content = (HEADER + "1,Jörg,,,,,,\n").encode("cp1252")
    assert "line 2: not UTF-8 text" in run.refusal(content)
    assert run(content, encoding="cp1252") == counts(imported=1)
    assert Lead.objects.get().first_name == "Jörg"


REFUSED_FILES: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "the file is empty"),
    "blank": ("\n\n", "the file is empty"),
    "utf-16 without mark": (HEADER.encode("utf-16-le"), "UTF-16 without its mark"),
    "utf-32": (HEADER.encode("utf-32"), "UTF-32"),
    "spreadsheet": (b"PK\x03\x04rest", "save it as CSV"),
    "missing column": (HEADER.replace("Seats", "Sits"), "missing column 'Seats'"),
    "repeated header": (HEADER.replace("Notes", "Mail"), "'Mail' stands twice"),
    "no csv": ("hello\nworld\n", "missing columns"),
    "open quote": (HEADER + ANA + '2,"Bo,,,,,,\n', "line 3: not a CSV row"),
    "cut utf-8": (HEADER.encode() + "1,J\u00f6".encode()[:-1], "not UTF-8"),
}


@pytest.mark.parametrize("case", REFUSED_FILES)
def test_it_refuses_files_with_one_line(run: Import, case: str) -> None:
    content, reason = REFUSED_FILES[case]
    line = run.refusal(content)
    assert reason in line
    assert "leads.csv" in line


REFUSED_MAPPINGS = {
    "unknown key": (MAPPING + "colour: red\n", "colour: no such key"),
    "missing key": (MAPPING.replace("external_id: Id\n", ""), "external_id: is missing"),
    "unknown field": (MAPPING.replace("company:", "firm:"), "fields.firm: no such field"),
    "unknown type": (MAPPING.replace("type: number", "type: money"), "attributes.seats.type"),
    "unknown key within": (MAPPING.replace("type: number", "kind: number"), "attributes.seats"),
    "bad attribute name": (MAPPING.replace("seats:", "Seat Count:"), "attributes.Seat Count"),
    "key twice": (MAPPING + "source: other\n", "'source' stands twice"),
    "ignored and mapped": (MAPPING.replace("[Notes]", "[Mail]"), "ignore: 'Mail' is mapped"),
    "truth value": (MAPPING.replace('["Yes"]', "[Yes]"), "put it in quotes"),
    "bad source": (MAPPING.replace("source: fair", "source: a fair"), "source"),
    "unknown team": (MAPPING + "team: Nobody\n", "there is no team 'Nobody'"),
    "time without activity": (MAPPING + "occurred_at: Notes2\n", "needs activity"),
    "not yaml": ("{", "mapping.yaml: line 1"),
    "a list": ("- name\n", "not a mapping"),
}


@pytest.mark.parametrize("case", REFUSED_MAPPINGS)
def test_it_refuses_mappings_with_one_line(run: Import, case: str) -> None:
    mapping, reason = REFUSED_MAPPINGS[case]
    line = run.refusal(HEADER + ANA, mapping)
    assert reason in line
    assert "mapping.yaml" in line


def test_it_refuses_a_file_that_is_not_there(run: Import, tmp_path: Path) -> None:
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    for path in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(CommandError) as refused:
            call_command("import_leads", path, mapping=tmp_path / "mapping.yaml")
        assert refused.value.returncode == 2
    assert "bad/dir" in run.refusal(HEADER, errors=Path("/nowhere/bad/dir/x.csv"))


def test_it_refuses_an_attribute_of_another_type(run: Import) -> None:
    AttributeDefinition.objects.create(name="seats", type="text")
    assert "seats is declared as text" in run.refusal(HEADER + ANA)


def test_it_refuses_an_unknown_encoding(run: Import) -> None:
    assert "unknown encoding" in run.refusal(HEADER + ANA, encoding="klingon")


@pytest.mark.parametrize("when", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
def test_it_refuses_a_time_that_could_not_be_read_back(run: Import, when: str) -> None:
    mapping = "name: T\nsource: t\nexternal_id: Id\nreceived_at: At\nfields: {email: Mail}\n"
    content = f"Id,Mail,At\n1,a@brightwater.com,{when}\n"
    assert run(content, mapping, errors=run.errors) == counts(failed=1)
    assert "not in the years 1900 to 2200" in run.bad()[0]
