"""Outcomes from a CSV file: checked row by row, then all of them or none.

Columns, in any order: `id` (how the file calls the deal), `lead` (our number or `lead:42`, or an id
of the source), `outcome`, `at` (a day, or a time with its offset), `months` for retained ones.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time

from django.db import transaction
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from crm.models import Source, User
from qualification.connectors.base import ToldOutcome
from qualification.exceptions import OutcomeInvalid
from qualification.outcomes.record import check_typed, record_outcome

COLUMNS = ("id", "lead", "outcome", "at", "months")
NEEDED = COLUMNS[:4]
MAX_BYTES, MAX_ROWS = 2_000_000, 10_000
SOURCE_NAME = "outcomes-file"
NOON = time(12, tzinfo=UTC)


@dataclass(frozen=True)
class RowError:
    """A row of the file that cannot be taken; `line` as an editor counts."""

    line: int
    words: str


@dataclass(frozen=True)
class Loaded:
    """What became of a file. With errors nothing was kept."""

    recorded: int = 0
    known: int = 0
    unmatched: int = 0
    errors: tuple[RowError, ...] = ()


def load_outcomes(
    *, body: bytes, source: Source, now: datetime, by: User | None = None, dry_run: bool = False
) -> Loaded:
    """Reads and keeps a whole file, or nothing of it when a row is wrong.

    Raises OutcomeInvalid when it is no such file at all.
    """
    told, errors = _read(body, now=now)
    if errors:
        return Loaded(errors=tuple(errors))
    with transaction.atomic():
        loaded = _keep(told, source=source, now=now, by=by)
        transaction.set_rollback(dry_run)
    return loaded


def file_source(*, now: datetime) -> Source:
    """The source that stands at outcomes from files nobody named a source for."""
    return Source.objects.get_or_create(
        name=SOURCE_NAME,
        defaults={
            "label": "Files of outcomes",
            "kind": Source.Kind.FILE,
            "credential": SOURCE_NAME,
            "created_at": now,
        },
    )[0]


def read_moment(text: str) -> datetime:
    """A day (its noon) or a time with an offset. Raises OutcomeInvalid."""
    try:
        day = parse_date(text)
        moment = datetime.combine(day, NOON) if day else parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise OutcomeInvalid(
            _("A day like 2026-11-23 or a time like 2026-11-23T09:00:00+01:00, please.")
        )
    return moment


def _keep(told: Sequence[ToldOutcome], *, source: Source, now: datetime, by: User | None) -> Loaded:
    kept = [record_outcome(told=one, source=source, now=now, by=by) for one in told]
    return Loaded(
        recorded=sum(one.is_new for one in kept),
        known=sum(not one.is_new for one in kept),
        unmatched=sum(not one.is_matched for one in kept),
    )


def _read(body: bytes, *, now: datetime) -> tuple[list[ToldOutcome], list[RowError]]:
    told: list[ToldOutcome] = []
    errors: list[RowError] = []
    reader = csv.DictReader(io.StringIO(_text(body)), strict=True)
    _check_header(reader.fieldnames)
    try:
        for row in reader:
            if reader.line_num > MAX_ROWS + 1:
                raise OutcomeInvalid(_("At most %(n)s rows at once, please.") % {"n": MAX_ROWS})
            try:
                told.append(_row(row, now=now))
            except OutcomeInvalid as error:
                errors.append(RowError(reader.line_num, str(error)))
    except csv.Error as error:
        raise OutcomeInvalid(
            _("Line %(n)s cannot be read: %(why)s") % {"n": reader.line_num, "why": error}
        ) from error
    return told, errors


def _text(body: bytes) -> str:
    if len(body) > MAX_BYTES:
        raise OutcomeInvalid(_("The file is larger than 2 MB."))
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise OutcomeInvalid(_("The file is no text in UTF-8.")) from None


def _check_header(names: Sequence[str] | None) -> None:
    missing = [name for name in NEEDED if name not in (names or ())]
    if missing:
        raise OutcomeInvalid(
            _("The first line must name the columns; missing: %(names)s.")
            % {"names": ", ".join(missing)}
        )


def _row(row: dict[str, str | None], *, now: datetime) -> ToldOutcome:
    cell = {name: (row.get(name) or "").strip() for name in COLUMNS}
    told = ToldOutcome(
        external_id=cell["id"],
        value=cell["outcome"].lower(),
        occurred_at=read_moment(cell["at"]),
        lead_ref=lead_ref(cell["lead"]),
        months=_months(cell["months"]),
    )
    check_typed(told, now=now)
    return told


def lead_ref(text: str) -> str:
    """A bare number is ours."""
    return f"lead:{text}" if text.isascii() and text.isdigit() else text


def _months(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 4):
        raise OutcomeInvalid(_("Months must be a whole number."))
    return int(text)
