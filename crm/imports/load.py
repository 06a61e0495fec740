"""Loads a file of leads in chunks, each one transaction: a killed import goes on when run again.

Called by the `import_leads` command. What becomes of the changed leads is the caller's business
(`on_changed` inside the transaction, `after_chunk` behind it).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from django.db import connection, transaction

from crm.exceptions import MappingInvalid
from crm.imports.errors import write_bad_rows
from crm.imports.mapping import Mapping
from crm.imports.rows import RowInvalid, RowReader
from crm.imports.sniff import Layout
from crm.imports.staging import StagedRow, Staging
from crm.intake.attributes import declare
from crm.intake.payload import LeadPayload
from crm.intake.results import Refused, Upserted
from crm.intake.upsert import upsert_leads
from crm.models import AttributeDefinition, Source, Team

CHUNK = 2000
# Values that are not taken are told one by one up to here, then counted.
MAX_TOLD = 20

Leads = Callable[[list[int]], None]


def nothing(lead_ids: list[int]) -> None:
    """Default of the callbacks."""


@dataclass
class Counts:
    """The four counters add up to the data rows; `kept` counts values of people that stand,
    `left_out` values that could not be taken with the rest of their row."""

    imported: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0
    kept: int = 0
    left_out: int = 0
    told: list[str] = field(default_factory=list)

    @property
    def line(self) -> str:
        """The last line of the command."""
        return (
            f"imported={self.imported} updated={self.updated} "
            f"unchanged={self.unchanged} failed={self.failed}"
        )


@dataclass(frozen=True)
class Import:
    """One file with its mapping, ready to load."""

    layout: Layout
    mapping: Mapping
    now: datetime
    dry_run: bool = False
    errors: Path | None = None
    on_changed: Leads = nothing
    after_chunk: Leads = nothing
    on_progress: Callable[[int, int], None] = lambda done, total: None


def load_file(job: Import) -> Counts:
    """Load every row; raises MappingInvalid before the first write when the mapping cannot hold.

    A dry run does the same work in one transaction and rolls it back.
    """
    check_types(job.mapping)
    with Staging(job.layout, job.mapping) as staging, ExitStack() as whole:
        if job.dry_run:
            whole.enter_context(transaction.atomic())
            whole.callback(partial(transaction.set_rollback, rollback=True))
        loader = _Loader(job, staging)
        for after in range(0, staging.count, CHUNK):
            affected = loader.load_chunk(staging.rows(after, CHUNK))
            if not job.dry_run:
                job.after_chunk(affected)
            job.on_progress(min(after + CHUNK, staging.count), staging.count)
        if job.errors is not None:
            write_bad_rows(job.errors, job.layout.header, staging.bad_rows())
    return loader.counts


class _Loader:
    """Takes chunk after chunk and counts."""

    def __init__(self, job: Import, staging: Staging) -> None:
        self.job, self.staging, self.counts = job, staging, Counts()
        self.source, self.team = prepare(job.mapping, job.now)
        self.reader = RowReader(job.mapping, job.layout.positions)

    @transaction.atomic
    def load_chunk(self, rows: list[StagedRow]) -> list[int]:
        """One transaction; the leads whose facts changed."""
        job = self.job
        with connection.cursor() as cursor:
            # An import may wait for somebody at a screen longer than a screen for an import.
            cursor.execute("SET LOCAL lock_timeout = '60s'")
        good, bad = self._read(rows)
        # Rows that stand in the file of bad rows as well, with what is to be corrected.
        partly: list[tuple[int, str, str]] = []
        batch = upsert_leads(
            payloads=[payload for _, payload in good],
            source=self.source,
            now=job.now,
            team=self.team,
        )
        for (row, _), result in zip(good, batch.results, strict=True):
            if isinstance(result, Refused):
                bad.append((row.seq, job.mapping.fields[result.key].column, result.reason))
            else:
                self._count(row, result)
                for value in result.left_out:
                    column = job.mapping.fields[value.key].column
                    partly.append((row.seq, column, f"{value.reason}; the rest was taken"))
        self.counts.failed += len(bad) + sum(bool(row.reason) for row in rows)
        self.staging.mark_bad([*bad, *partly])
        affected = sorted(batch.affected)
        if not job.dry_run:
            job.on_changed(affected)
        return affected

    def _read(
        self, rows: list[StagedRow]
    ) -> tuple[list[tuple[StagedRow, LeadPayload]], list[tuple[int, str, str]]]:
        good: list[tuple[StagedRow, LeadPayload]] = []
        bad: list[tuple[int, str, str]] = []
        for row in rows:
            if row.reason:
                continue
            try:
                good.append((row, self.reader.payload(row.cells, self.job.now)))
            except RowInvalid as error:
                bad.append((row.seq, error.column, error.reason))
        return good, bad

    def _count(self, row: StagedRow, result: Upserted) -> None:
        counts = self.counts
        if result.is_new:
            counts.imported += 1
        elif result.is_changed:
            counts.updated += 1
        else:
            counts.unchanged += 1
        for key in result.kept:
            counts.kept += 1
            self._tell(f"line {row.line}: {key} kept, a person set it since")
        for value in result.left_out:
            counts.left_out += 1
            self._tell(f"line {row.line}: {value.key} left out: {value.reason}")

    def _tell(self, line: str) -> None:
        if len(self.counts.told) < MAX_TOLD:
            self.counts.told.append(line)


def check_types(mapping: Mapping) -> None:
    """Raises MappingInvalid when an attribute or the team is not what this installation knows."""
    wanted = {name: spec.declared_type for name, spec in mapping.attributes.items()}
    standing = AttributeDefinition.objects.filter(name__in=wanted).values_list("name", "type")
    for name, type_ in standing:
        if wanted[name] != type_:
            raise MappingInvalid(
                f"attributes.{name}.type: {mapping.attributes[name].type} here, "
                f"but {name} is declared as {type_}"
            )
    if mapping.team and not Team.objects.filter(name=mapping.team).exists():
        raise MappingInvalid(f"team: there is no team {mapping.team!r}")


def prepare(mapping: Mapping, now: datetime) -> tuple[Source, Team | None]:
    """The source and the attributes the mapping names, made where new, and its team."""
    source, _ = Source.objects.get_or_create(
        name=mapping.source,
        defaults={
            "label": mapping.name[:120],
            "kind": Source.Kind.FILE,
            "credential": secrets.token_urlsafe(24),
            "created_at": now,
        },
    )
    declare({name: spec.declared_type for name, spec in mapping.attributes.items()})
    team = Team.objects.get(name=mapping.team) if mapping.team else None
    return source, team
