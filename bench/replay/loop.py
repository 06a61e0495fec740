"""The loop: one Replay is one installation that lives through a file of leads."""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean
from typing import Any

import yaml
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from sklearn.metrics import roc_auc_score

from bench.replay.desk import Task, open_desk, work
from crm.exceptions import FileInvalid, MappingInvalid
from crm.imports.mapping import load_mapping
from crm.imports.sniff import sniff
from crm.imports.staging import data_rows
from crm.matching.normalize import fold
from crm.models import LeadIdentity, Team, User
from qualification import runner
from qualification.choices import EntryReason
from qualification.feedback.evidence import STRONG
from qualification.feedback.proposals import (
    approve_proposal,
    open_draft,
    propose_rules,
    publish_version,
)
from qualification.models import Framework, LeadScore, ReviewItem, ScoringModel
from qualification.review.queue import enter_queue
from qualification.scoring import versions
from qualification.scoring.compile import compile_model, leads_now

# One reason for each dimension; which one an SDR gives is drawn (bench/README.md says why).
REASONS = {"fit": "no_use_case", "intent": "research_only"}
DIMENSIONS = tuple(REASONS)
BELOW_ALL = -(10**9)


class ReplayError(Exception):
    """The files cannot be replayed; the text says why in one line."""


@dataclass(frozen=True)
class Row:
    """A line of the file and how it ended."""

    external_id: str
    cells: tuple[str, ...]
    is_won: bool


@dataclass(frozen=True)
class BatchResult:
    """What one batch showed; areas are None where it holds one kind of outcome only."""

    number: int
    n: int
    decided: int
    static: float | None
    reweighted: float | None
    version: int
    proposed: int
    approved: int
    seconds: float

    @property
    def line(self) -> str:
        """The line printed for it."""
        return (
            f"batch={self.number} n={self.n} decided={self.decided} static={_three(self.static)}"
            f" reweighted={_three(self.reweighted)} version={self.version}"
            f" proposed={self.proposed} approved={self.approved} seconds={self.seconds:.1f}"
        )


class People:
    """Who works in the replay: an SDR per processor, one AE, who approves and who publishes."""

    def __init__(self) -> None:
        self.team = Team.objects.get(is_fallback=True)
        self.sdrs = [self._person("sdr", number) for number in range(os.cpu_count() or 1)]
        self.ae = self._person("ae")
        self.manager = self._person("manager")
        self.admin = self._person("admin")

    def _person(self, role: str, number: int = 0) -> User:
        user = User.objects.create_user(username=f"replay-{role}-{number}", team=self.team)
        user.groups.add(Group.objects.get(name=role))
        return user


class Replay:
    """A file of leads, cut into batches that arrive one after the other."""

    def __init__(self, chosen: argparse.Namespace) -> None:
        self.chosen = chosen
        # Every draw has a generator of its own, so that one option does not change another's draw.
        self.reason_draw = random.Random(f"reason {chosen.seed}")
        self.header, rows = self._read()
        self.batches = self._cut(rows)
        self.people = People()

    def run(self) -> Iterator[str]:
        """A line per batch, then the summary."""
        self._ask_nothing()
        with (
            tempfile.TemporaryDirectory(prefix="leadqual-replay-") as folder,
            ProcessPoolExecutor(
                len(self.people.sdrs), mp_context=get_context("spawn"), initializer=open_desk
            ) as self.desks,
        ):
            self.folder = Path(folder)
            self.mapping_file = self._mapping_without_outcome()
            _command("load_scoring_model", self.chosen.rules, activate=True)
            first = versions.active_model()
            assert first is not None  # noqa: S101
            results = []
            for number, batch in enumerate(self.batches, start=1):
                results.append(self._live_through(number, batch, first))
                yield results[-1].line
        yield summary(results)

    def _live_through(self, number: int, batch: Sequence[Row], first: ScoringModel) -> BatchResult:
        """Arrive, be scored, be decided; then the rules learn. Scores come before any outcome."""
        began = time.monotonic()
        _say(f"batch {number} of {len(self.batches)}")
        won = self._arrive(number, batch)
        scores = _active_scores(list(won))
        static = _scores_under(first, list(won))
        live = versions.active_model()
        assert live is not None  # noqa: S101
        decided = self._decide(won, scores)
        proposed, approved = self._learn()
        return BatchResult(
            number=number,
            n=len(won),
            decided=decided,
            static=_area(won, static),
            reweighted=_area(won, scores),
            version=live.version,
            proposed=proposed,
            approved=approved,
            seconds=time.monotonic() - began,
        )

    def _arrive(self, number: int, batch: Sequence[Row]) -> dict[int, bool]:
        """Import the batch; lead id → how it will end. A person met before is left out."""
        known = set(LeadIdentity.objects.values_list("lead_id", flat=True))
        path = self.folder / f"batch{number}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([self.header, *(row.cells for row in batch)])
        _command("import_leads", path, mapping=self.mapping_file)
        is_won = {row.external_id: row.is_won for row in batch}
        identities = LeadIdentity.objects.filter(external_id__in=is_won).order_by("id")
        found: dict[int, bool] = {}
        for lead_id, external_id in identities.values_list("lead_id", "external_id"):
            if lead_id not in known:
                found.setdefault(lead_id, is_won[external_id])
        return found

    def _decide(self, won: dict[int, bool], scores: dict[int, int]) -> int:
        """The SDRs work the best part of the batch; below the line as exploration."""
        ranked = sorted(won, key=lambda lead_id: (-scores[lead_id], lead_id))
        chosen = ranked[: round(len(ranked) * self.chosen.review_share)]
        enter_queue(chosen, reason=EntryReason.EXPLORATION, now=timezone.now())
        # Drawn for every lead of the batch, so that scores have no influence on the draw.
        drawn = {lead_id: REASONS[self.reason_draw.choice(DIMENSIONS)] for lead_id in sorted(won)}
        items = ReviewItem.objects.open().filter(lead__in=chosen).order_by("id")
        tasks = [
            Task(item_id, "" if won[lead_id] else drawn[lead_id])
            for item_id, lead_id in items.values_list("id", "lead_id")
        ]
        sdrs = self.people.sdrs
        shares = [tasks[place :: len(sdrs)] for place in range(len(sdrs))]
        done = self.desks.map(
            work, [sdr.username for sdr in sdrs], [self.people.ae.username] * len(sdrs), shares
        )
        return sum(done)

    def _learn(self) -> tuple[int, int]:
        """A manager approves every proposal with strong evidence, an admin publishes the draft."""
        now = timezone.now()
        run = propose_rules(now=now)
        assert run.model is not None  # noqa: S101
        strong = [made for made in run.proposals if made.evidence["grade"] == STRONG]
        for proposal in strong:
            approve_proposal(proposal=proposal, by=self.people.manager, now=now)
        draft = open_draft(run.model)
        if draft is not None:
            versions.start_shadow(model=draft, by=self.people.manager, now=now)
            publish_version(model=draft, by=self.people.admin, now=now)
            runner.work_runs(now=timezone.now())
        return len(run.proposals), len(strong)

    def _ask_nothing(self) -> None:
        """A checklist without questions: outcomes are known, nobody is called."""
        Framework.objects.filter(is_default=True).update(is_default=False)
        Framework.objects.create(
            key="replay",
            name="Replay",
            is_default=True,
            is_active=True,
            published_at=timezone.now(),
        )

    def _read(self) -> tuple[tuple[str, ...], list[Row]]:
        """The rows with a known outcome, in the order the mapping names."""
        try:
            mapping = load_mapping(self.chosen.mapping)
            if mapping.outcome is None:
                raise ReplayError(f"{self.chosen.mapping}: no outcome: nothing to learn from")
            layout = sniff(self.chosen.data, mapping)
            lines = [cells for _, cells in data_rows(layout)]
        except (MappingInvalid, FileInvalid) as error:
            raise ReplayError(str(error)) from None
        place = layout.positions
        positive = {fold(word) for word in mapping.outcome.positive}
        if mapping.order_by:
            column = place[mapping.order_by]
            lines.sort(key=lambda cells: _in_order(cells[column]))
        rows = []
        for cells in lines:
            told = cells[place[mapping.outcome.column]].strip()
            if told not in mapping.empty:
                external_id = cells[place[mapping.external_id]].strip()
                rows.append(Row(external_id, tuple(cells), fold(told) in positive))
        return tuple(layout.header), rows

    def _cut(self, rows: list[Row]) -> list[list[Row]]:
        """Whole batches only; shuffled where asked for."""
        if self.chosen.order == "shuffle":
            random.Random(f"order {self.chosen.seed}").shuffle(rows)
        if self.chosen.shuffle_outcomes:
            told = [row.is_won for row in rows]
            random.Random(f"outcome {self.chosen.seed}").shuffle(told)
            rows = [
                Row(row.external_id, row.cells, is_won)
                for row, is_won in zip(rows, told, strict=True)
            ]
        size = self.chosen.batch
        count = len(rows) // size
        if self.chosen.batches:
            count = min(count, self.chosen.batches)
        if count < 2:
            raise ReplayError(
                f"{self.chosen.data}: {len(rows)} rows are under two batches of {size}"
            )
        return [rows[start * size : (start + 1) * size] for start in range(count)]

    def _mapping_without_outcome(self) -> Path:
        """The mapping as the import gets it: no outcome, nothing that --drop names."""
        told: dict[str, Any] = yaml.safe_load(self.chosen.mapping.read_text(encoding="utf-8"))
        ignored = [*(told.get("ignore") or []), told.pop("outcome")["column"]]
        for name in filter(None, (part.strip() for part in self.chosen.drop.split(","))):
            for kind in ("attributes", "fields"):
                if name in (told.get(kind) or {}):
                    spec = told[kind].pop(name)
                    ignored.append(spec["column"] if isinstance(spec, dict) else spec)
                    break
            else:
                raise ReplayError(f"--drop: the mapping has no field or attribute {name!r}")
        kept = load_columns(told)
        told["ignore"] = [column for column in dict.fromkeys(ignored) if column not in kept]
        path = self.folder / "mapping.yaml"
        path.write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")
        return path


def load_columns(told: dict[str, Any]) -> set[str]:
    """Columns that the mapping still reads."""
    specs = [*(told.get("fields") or {}).values(), *(told.get("attributes") or {}).values()]
    named = {spec["column"] if isinstance(spec, dict) else spec for spec in specs}
    single = {told.get(key) for key in ("external_id", "order_by", "received_at", "occurred_at")}
    return named | {column for column in single if column}


def summary(results: Sequence[BatchResult]) -> str:
    """The last line: means over batches 2 to the end, and the smallest gain of one of them."""
    pairs = [
        (one.static, one.reweighted)
        for one in results[1:]
        if one.static is not None and one.reweighted is not None
    ]
    if not pairs:
        raise ReplayError("no batch after the first holds both outcomes")
    static, learned = fmean(pair[0] for pair in pairs), fmean(pair[1] for pair in pairs)
    worst = min(after - before for before, after in pairs)
    return f"static={static:.3f} reweighted={learned:.3f} learned=- worst={worst:.3f}"


def _active_scores(lead_ids: list[int]) -> dict[int, int]:
    """What the product shows: the stored score under the live version."""
    scores = LeadScore.objects.filter(lead__in=lead_ids)
    return {
        lead_id: BELOW_ALL if disqualified else total
        for lead_id, total, disqualified in scores.values_list(
            "lead_id", "total_tenths", "disqualified"
        )
    }


def _scores_under(model: ScoringModel, lead_ids: list[int]) -> dict[int, int]:
    """The same leads under another version, by the same compiled expression."""
    statement, params = compile_model(model).totals(leads_now(lead_ids, as_of=timezone.now()))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT row_id, total, disqualified FROM ({statement}) AS s",
            params,
        )
        return {
            lead_id: BELOW_ALL if disqualified else total
            for lead_id, total, disqualified in cursor.fetchall()
        }


def _area(won: dict[int, bool], scores: dict[int, int]) -> float | None:
    outcomes = [won[lead_id] for lead_id in won]
    if len(set(outcomes)) < 2:
        return None
    return float(roc_auc_score(outcomes, [scores[lead_id] for lead_id in won]))


def _in_order(text: str) -> tuple[int, float, str]:
    """Numbers by size, then other texts, blanks last."""
    text = text.strip()
    try:
        return (0, float(text), "")
    except ValueError:
        return (1 if text else 2, 0.0, text)


def _command(name: str, *words: object, **options: object) -> None:
    """Run a management command; its answer and progress are not the replay's."""
    with contextlib.redirect_stderr(io.StringIO()):
        call_command(name, *(str(word) for word in words), stdout=io.StringIO(), **options)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _three(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
