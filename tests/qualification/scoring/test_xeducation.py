"""The whole X Education file through import, rules and rescore, against the raw CSV."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command

from crm.models import LeadIdentity
from qualification.models import LeadScore
from qualification.scoring.compile import CompiledModel, compile_model, leads_between
from qualification.scoring.ledger import ledgers
from qualification.scoring.rescore import key_ranges
from qualification.scoring.versions import active_model
from tests.oracles.scoring_oracle import Oracle

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "data" / "xeducation"
ROWS = 9_240

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not FOLDER.exists(), reason="the shared data is not on this machine"),
]


def raw_facts(mapping: dict[str, Any], row: dict[str, str]) -> dict[str, Any]:
    """What the mapping says of a CSV row, read a second time by other code."""

    def given(column: str) -> str | None:
        text = row[column]
        return None if text.strip() in mapping["empty"] else text.strip()

    attributes: dict[str, Any] = {}
    for name, how in mapping["attributes"].items():
        text = given(how["column"])
        if text is None:
            continue
        match how["type"]:
            case "boolean":
                attributes[name] = text in how["true_values"]
            case "number":
                attributes[name] = float(text)
            case _:
                attributes[name] = text
    lead = {field: given(column) for field, column in mapping["fields"].items()}
    return {"lead": lead, "account": None, "attributes": attributes}


def expected_scores() -> dict[str, tuple[float, ...]]:
    """fit, intent, score, grade by Lead Number, from the files alone."""
    mapping = yaml.safe_load((FOLDER / "mapping.yaml").read_text())
    oracle = Oracle(yaml.safe_load((FOLDER / "rules.yaml").read_text()))
    found = {}
    with (FOLDER / "Leads.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            score = oracle.score(raw_facts(mapping, row), None)  # type: ignore[arg-type]
            points = (score["fit"] / 10, score["intent"] / 10, score["total"] / 10)
            found[row[mapping["external_id"]]] = (*points, score["grade"])
    return found


def test_each_score_is_the_sum_of_its_rules() -> None:
    quiet = {"stdout": io.StringIO(), "stderr": io.StringIO()}
    call_command("import_leads", FOLDER / "Leads.csv", mapping=FOLDER / "mapping.yaml", **quiet)
    call_command("load_scoring_model", FOLDER / "rules.yaml", activate=True, **quiet)
    out = io.StringIO()
    call_command("rescore", stdout=out, stderr=io.StringIO())
    assert out.getvalue().startswith(f"scored={ROWS} changed={ROWS} ")

    stored = {
        external_id: (fit / 10, intent / 10, total / 10, grade)
        for external_id, fit, intent, total, grade in LeadIdentity.objects.values_list(
            "external_id",
            "lead__score__fit_tenths",
            "lead__score__intent_tenths",
            "lead__score__total_tenths",
            "lead__score__grade",
        )
    }
    expected = expected_scores()
    assert len(expected) == ROWS
    assert stored == expected

    exported = io.StringIO()
    call_command("export_scores", stdout=exported)
    rows = list(csv.DictReader(io.StringIO(exported.getvalue())))
    assert {
        row["external_id"]: (
            float(row["fit"]),
            float(row["intent"]),
            float(row["score"]),
            row["grade"],
        )
        for row in rows
    } == expected

    model = active_model()
    assert model is not None
    assert ledger_sums(compile_model(model), model.published_at) == dict(
        LeadScore.objects.values_list("lead_id", "total_tenths")
    )


def ledger_sums(compiled: CompiledModel, as_of: Any) -> dict[int, int]:
    """What the lines of each lead add up to."""
    return {
        lead_id: sum(line.points_tenths for line in ledger.lines)
        for first, last, _ in key_ranges()
        for lead_id, ledger in ledgers(
            compiled, leads_between(first, last, as_of=as_of), as_of
        ).items()
    }
