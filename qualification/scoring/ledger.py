"""Decides how a score opens into lines that add up to it exactly.
Called by the lead page, decisions (frozen) and the explain command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.utils import timezone

from qualification.exceptions import ModelInvalid, NothingRecorded
from qualification.models import ScoringModel
from qualification.scoring import wording
from qualification.scoring.compile import (
    CompiledModel,
    Source,
    compile_model,
    leads_as_of,
    leads_now,
    run,
)
from qualification.scoring.compile.model import UNLIMITED_TENTHS, CompiledRule
from qualification.scoring.conditions import ActivityTest, NoActivityTest
from qualification.scoring.excluded import machine_counts
from qualification.scoring.points import points_text, tenths_of
from qualification.scoring.versions import active_model, model_in_force

BASE, RULE, GROUP_CAP, LIMIT = "base", "rule", "group_cap", "limit"
TOTAL_LIMIT, ACCOUNT_CAP = "total_limit", "account_cap"
DISQUALIFIER, EXCLUDED = "disqualifier", "excluded"


@dataclass(frozen=True)
class LedgerLine:
    """One line. `kind`: base, rule, group_cap, limit, total_limit, account_cap, disqualifier,
    excluded (nothing but machines did what the rule counts); `dimension` is blank for the total
    limit and the cap of a poor account. `fact` says what fired the rule, `note` how its points
    came about."""

    kind: str
    dimension: str
    name: str
    rule_id: int | None = None
    rule_key: str = ""
    points_tenths: int = 0
    fact: str = ""
    note: str = ""
    has_fired: bool = True
    is_unknown: bool = False


@dataclass(frozen=True)
class Ledger:
    """A score and its lines; the points of all lines add up to `total_tenths`."""

    model_id: int
    model_version: int
    as_of: datetime
    lines: tuple[LedgerLine, ...]
    fit_tenths: int
    intent_tenths: int
    total_tenths: int
    grade: str
    tier: str
    disqualified: str

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON values, to be frozen with a decision."""
        return asdict(self) | {
            "as_of": self.as_of.isoformat(),
            "lines": [asdict(line) for line in self.lines],
        }

    @classmethod
    def from_json(cls, frozen: dict[str, Any]) -> Ledger:
        """A frozen ledger as it was."""
        lines = tuple(LedgerLine(**line) for line in frozen["lines"])
        return cls(**frozen | {"as_of": datetime.fromisoformat(frozen["as_of"]), "lines": lines})


def ledger_of(
    lead_id: int,
    *,
    model: ScoringModel | None = None,
    as_of: datetime | None = None,
    now: datetime | None = None,
) -> Ledger:
    """The ledger of a lead under `model`: with the facts as they stand (at `now`), or with what was
    recorded by `as_of`, then by default under the version that was live.

    Raises ModelInvalid without a live version, NothingRecorded when the lead was not known by then.
    """
    if model is None:
        model = (model_in_force(as_of) if as_of else None) or active_model()
    if model is None:
        raise ModelInvalid("no scoring model is live")
    moment = as_of or now or timezone.now()
    source = leads_as_of([lead_id], as_of=as_of) if as_of else leads_now([lead_id], as_of=moment)
    found = ledgers(compile_model(model), source, moment, tells_machines=True)
    if not found:
        raise NothingRecorded(f"nothing was recorded of lead {lead_id} by {moment.isoformat()}")
    return found[lead_id]


def ledgers(
    compiled: CompiledModel,
    source: Source,
    as_of: datetime | Mapping[int, datetime],
    *,
    tells_machines: bool = False,
) -> dict[int, Ledger]:
    """The ledger of every row of the source, by row id.

    `as_of` is the moment of all rows, or of each by row id. `tells_machines`: also what machines
    did and nobody counts, for one statement more.
    """
    excluded = machine_counts(compiled, source) if tells_machines else {}
    with connection.cursor() as cursor:
        run(cursor, compiled, source, kind="lines", statement=compiled.lines)
        names = [column.name for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    found = {}
    for row in rows:
        row_id = row["row_id"]
        moment = as_of if isinstance(as_of, datetime) else as_of[row_id]
        counts = excluded.get(row_id, {})
        row |= {f"machine{number}": counts.get(number, 0) for number in range(len(compiled.rules))}
        found[row_id] = _ledger(compiled, row, moment)
    return found


def _ledger(compiled: CompiledModel, row: dict[str, Any], as_of: datetime) -> Ledger:
    model = compiled.model
    lines = [
        *_dimension_lines(compiled, "fit", row, as_of),
        *_dimension_lines(compiled, "intent", row, as_of),
    ]
    uncapped = row.get("uncapped", row["total"])
    total_cut = uncapped - row["fit"] - row["intent"]
    if total_cut:
        bounds = (tenths_of(model.total_min), tenths_of(model.total_max))
        lines.append(_limit_line(TOTAL_LIMIT, "", "Total limit", total_cut, bounds))
    if row["total"] != uncapped:
        lines.append(_account_line(row, uncapped, model))
    return Ledger(
        model_id=model.pk,
        model_version=model.version,
        as_of=as_of,
        lines=tuple(lines),
        fit_tenths=row["fit"],
        intent_tenths=row["intent"],
        total_tenths=row["total"],
        grade=row["grade"],
        tier=row["tier"],
        disqualified=row["disqualified"],
    )


def _dimension_lines(
    compiled: CompiledModel, dimension: str, row: dict[str, Any], as_of: datetime
) -> list[LedgerLine]:
    model = compiled.model
    lines = []
    base = tenths_of(getattr(model, f"base_{dimension}"))
    if base:
        fact = "every lead starts here"
        lines.append(LedgerLine(BASE, dimension, "Base", points_tenths=base, fact=fact))
    for number, rule in enumerate(compiled.rules):
        if rule.rule.dimension != dimension:
            continue
        if row[f"t{number}"] or row[f"u{number}"]:
            lines.append(_rule_line(compiled, rule, number, row, as_of))
        elif isinstance(rule.when, ActivityTest) and row[f"machine{number}"]:
            lines.append(_excluded_line(rule, rule.when, row[f"machine{number}"]))
    lines += _cap_lines(compiled, dimension, row)
    cut = row[dimension] - sum(line.points_tenths for line in lines)
    if cut:
        bounds = tuple(
            unlimited if limit is None else tenths_of(limit)
            for limit, unlimited in (
                (getattr(model, f"{dimension}_min"), -UNLIMITED_TENTHS),
                (getattr(model, f"{dimension}_max"), UNLIMITED_TENTHS),
            )
        )
        name = f"{dimension.capitalize()} limit"
        lines.append(_limit_line(LIMIT, dimension, name, cut, (bounds[0], bounds[1])))
    return lines


def _rule_line(
    compiled: CompiledModel, found: CompiledRule, number: int, row: dict[str, Any], as_of: datetime
) -> LedgerLine:
    rule = found.rule
    fact, note = _words(compiled, found, number, row, as_of)
    if row[f"u{number}"]:
        note = ""
    return LedgerLine(
        kind=DISQUALIFIER if rule.disqualifies else RULE,
        dimension=rule.dimension,
        name=rule.name,
        rule_id=rule.pk,
        rule_key=rule.key,
        points_tenths=row[f"r{number}"],
        fact=fact,
        note=f"disqualifies: {rule.disqualifies}"
        if rule.disqualifies and row[f"t{number}"]
        else note,
        has_fired=row[f"t{number}"],
        is_unknown=row[f"u{number}"],
    )


def _excluded_line(found: CompiledRule, when: ActivityTest, count: int) -> LedgerLine:
    """A rule that would have counted what machines did."""
    return LedgerLine(
        kind=EXCLUDED,
        dimension=found.rule.dimension,
        name=found.rule.name,
        rule_id=found.rule.pk,
        rule_key=found.rule.key,
        fact=wording.excluded_words(when, count),
        has_fired=False,
    )


def _words(
    compiled: CompiledModel, found: CompiledRule, number: int, row: dict[str, Any], as_of: datetime
) -> tuple[str, str]:
    columns, label_of = compiled.facts.columns, compiled.facts.catalogue.label_of
    subjects = {leaf.subject.name: leaf.subject for leaf in found.leaves}
    if row[f"u{number}"]:
        missing = [s for name, s in subjects.items() if row[f"{columns[name]}_missing"]]
        return wording.missing_words([label_of(subject) for subject in missing]), ""
    facts = wording.Found(
        label_of=label_of,
        shown={name: row[f"{columns[name]}_shown"] for name in subjects},
        held={leaf: row[f"l{number}_{k}"] for k, leaf in enumerate(found.leaves)},
        today=as_of.astimezone(UTC).date(),
    )
    note = ""
    if isinstance(found.when, ActivityTest | NoActivityTest):
        fact, note = _activity_words(found.when, number, row, as_of)
    else:
        fact = wording.condition_words(found.when, facts)
    if found.segment is not None:
        why = wording.condition_words(found.segment, facts)
        fact = f"{fact}; {wording.segment_name(found.rule.segment)}: {why}"
    return fact, note


def _activity_words(
    when: ActivityTest | NoActivityTest, number: int, row: dict[str, Any], as_of: datetime
) -> tuple[str, str]:
    age = row[f"age{number}"]
    note = wording.activity_note(
        when,
        count=row[f"n{number}"],
        raw_tenths=row[f"raw{number}"],
        tenths=row[f"r{number}"],
        newest=None if age is None else as_of - timedelta(seconds=float(age)),
        as_of=as_of,
    )
    fact = wording.activity_words(when, row[f"n{number}"])
    return fact, wording.with_excluded(note, row[f"machine{number}"])


def _cap_lines(compiled: CompiledModel, dimension: str, row: dict[str, Any]) -> list[LedgerLine]:
    lines = []
    for index, group in enumerate(compiled.groups):
        members = [
            row[f"r{number}"]
            for number, found in enumerate(compiled.rules)
            if found.rule.group == group and found.rule.dimension == dimension
        ]
        cut = row[f"g{index}"] - sum(members) if members else 0
        if cut:
            cap = tenths_of(Decimal(str(compiled.model.caps[group])))
            name = f"Cap {group.replace('_', ' ')}"
            fact = f"at most {points_text(cap)}, raw sum {points_text(sum(members))}"
            lines.append(LedgerLine(GROUP_CAP, dimension, name, points_tenths=cut, fact=fact))
    return lines


def _limit_line(
    kind: str, dimension: str, name: str, cut: int, bounds: tuple[int, int]
) -> LedgerLine:
    limit, word = (bounds[1], "at most") if cut < 0 else (bounds[0], "at least")
    raw = limit - cut
    fact = f"{word} {points_text(limit)}, raw sum {points_text(raw)}"
    return LedgerLine(kind, dimension, name, points_tenths=cut, fact=fact)


def _account_line(row: dict[str, Any], uncapped: int, model: ScoringModel) -> LedgerLine:
    earned = points_text(row["account_fit"])
    least = points_text(tenths_of(model.account_poor_below or Decimal(0)))
    return LedgerLine(
        ACCOUNT_CAP,
        "",
        "Poor-fit account",
        points_tenths=row["total"] - uncapped,
        fact=f"at most {points_text(row['total'])}: the account earns {earned}, less than {least}",
    )


def published_form(ledger: Ledger) -> dict[str, Any]:
    """The ledger in points, as commands answer it: fit, intent, score, grade, tier, disqualified,
    lines with name and points."""
    return {
        "fit": ledger.fit_tenths / 10,
        "intent": ledger.intent_tenths / 10,
        "score": ledger.total_tenths / 10,
        "grade": ledger.grade,
        "tier": ledger.tier,
        "disqualified": ledger.disqualified,
        "model_version": ledger.model_version,
        "as_of": ledger.as_of.isoformat(),
        "lines": [
            {
                "name": line.name,
                "points": line.points_tenths / 10,
                "kind": line.kind,
                "dimension": line.dimension,
                "rule": line.rule_key,
                "fact": line.fact,
                "note": line.note,
                "unknown": line.is_unknown,
            }
            for line in ledger.lines
        ],
    }
