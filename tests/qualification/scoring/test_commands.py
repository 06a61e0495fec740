"""The scoring commands: last lines, refusals with exit code 2, answers on stdout."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command

from crm.models import Lead, LeadIdentity
from qualification.models import LeadScore, ScoringModel
from tests.qualification.scoring.conftest import LoadModel, StoreFacts, document, rule

pytestmark = pytest.mark.django_db

RAW = document(
    rule({"subject": "lead.title", "op": "is_known"}, 12.5),
    rule({"subject": "lead.city", "op": "is", "value": "Rome"}, 5),
)


def run(*arguments: str, **options: Any) -> tuple[str, str]:
    """stdout and stderr of a command."""
    out, err = io.StringIO(), io.StringIO()
    call_command(*arguments, stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A model file."""
    found = tmp_path / "model.yaml"
    found.write_text(yaml.safe_dump(RAW))
    return found


@pytest.fixture
def lead(store_facts: StoreFacts, now: dt.datetime) -> Lead:
    """A lead two sources know."""
    facts = {"lead": {"title": "CEO", "first_name": "Ada"}, "account": None, "attributes": {}}
    lead = Lead.objects.get(pk=store_facts([facts])[0])
    for external_id in ("7", "a,b"):
        LeadIdentity.objects.create(
            lead=lead,
            source=lead.source,
            external_id=external_id,
            first_seen_at=now,
            last_seen_at=now,
        )
    return lead


def test_it_loads_a_draft_and_activates(file: Path) -> None:
    assert run("load_scoring_model", str(file))[0] == "version=1 status=draft\n"
    assert run("load_scoring_model", str(file), "--activate")[0] == "version=2 status=active\n"


def test_export_and_load_are_the_same(file: Path, tmp_path: Path) -> None:
    run("load_scoring_model", str(file))
    text = run("export_scoring_model", "1")[0]
    again = tmp_path / "again.yaml"
    again.write_text(text)
    run("load_scoring_model", str(again))
    assert run("export_scoring_model", "2")[0] == text


def test_a_crossing_type_warns_and_is_not_activated(tmp_path: Path) -> None:
    file = tmp_path / "hot.yaml"
    file.write_text(yaml.safe_dump(document(rule({"activity": "page_view"}), caps={"g": 5})))
    out, err = run("load_scoring_model", str(file))
    assert out == "version=1 status=draft\n"
    assert "warning" in err
    assert "'page_view' could cross the MQL threshold alone" in err
    assert "no rule is in group 'g'" in err
    with pytest.raises(CommandError, match="page_view") as refused:
        run("load_scoring_model", str(file), "--activate")
    assert refused.value.returncode == 2
    assert ScoringModel.objects.count() == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["load_scoring_model", "/nowhere/model.yaml"],
        ["export_scoring_model", "9"],
        ["rescore"],
        ["rescore", "--model", "9"],
        ["export_scores"],
        ["export_scores", "--model", "9"],
        ["explain", "999999"],
        ["explain", "oracle:absent"],
        ["explain", "what?"],
        ["explain", "99999999999999999999999"],
    ],
)
def test_bad_input_is_one_line_and_exit_2(arguments: list[str]) -> None:
    with pytest.raises(CommandError) as refused:
        run(*arguments)
    assert refused.value.returncode == 2
    assert "\n" not in str(refused.value)


def test_rescore_says_what_it_did(lead: Lead, load_model: LoadModel) -> None:
    load_model(RAW, activate=True)
    load_model(document(rule({"subject": "lead.title", "op": "is_known"}, 1)))
    assert run("rescore")[0].startswith("scored=1 changed=1 seconds=")
    assert run("rescore")[0].startswith("scored=1 changed=0 seconds=")
    assert run("rescore", "--model", "2")[0].startswith("scored=1 changed=1 seconds=")
    assert LeadScore.objects.get().total_tenths == 125


def test_explain_shows_lines_and_total(lead: Lead, load_model: LoadModel) -> None:
    load_model(RAW, activate=True)
    for name in (str(lead.pk), "oracle:7"):
        text = run("explain", name)[0]
        assert "+12.5  fit     A rule 0 · Title is CEO" in text
        assert "0.0  fit     A rule 1 · City is unknown" in text
        assert "12.5  Total" in text
        assert "grade C4 · cold · Reject likely" in text


def test_explain_answers_json(lead: Lead, load_model: LoadModel) -> None:
    load_model(RAW)
    found = json.loads(run("explain", str(lead.pk), "--model", "1", "--json")[0])
    assert (found["lead"], found["score"], found["grade"]) == (lead.pk, 12.5, "C4")
    assert [(line["name"], line["points"]) for line in found["lines"]] == [
        ("A rule 0", 12.5),
        ("A rule 1", 0.0),
    ]


def test_explain_as_of_a_moment(lead: Lead, load_model: LoadModel) -> None:
    load_model(RAW, activate=True)
    later = (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).isoformat()
    assert json.loads(run("explain", str(lead.pk), "--as-of", later, "--json")[0])["score"] == 12.5
    with pytest.raises(CommandError, match="nothing was recorded") as refused:
        run("explain", str(lead.pk), "--as-of", "2020-01-01")
    assert refused.value.returncode == 2
    with pytest.raises(CommandError, match="is no moment"):
        run("explain", str(lead.pk), "--as-of", "yesterday")


def test_export_has_a_row_per_identity(lead: Lead, load_model: LoadModel) -> None:
    load_model(RAW, activate=True)
    rows = list(csv.reader(io.StringIO(run("export_scores")[0])))
    header = "source external_id fit intent score grade tier disqualified model_version probability"
    assert rows == [
        header.split(),
        ["oracle", "7", "12.5", "0.0", "12.5", "C4", "cold", "", "1", ""],
        ["oracle", "a,b", "12.5", "0.0", "12.5", "C4", "cold", "", "1", ""],
    ]
