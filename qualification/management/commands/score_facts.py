"""`score_facts [--model N] < facts.jsonl`: scores leads that are not stored, one JSON line each."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError
from django.db import DataError, transaction
from django.utils import timezone

from qualification.exceptions import FactsInvalid, ModelInvalid
from qualification.scoring.compile import CompiledModel, compile_model
from qualification.scoring.compile.given import leads_given
from qualification.scoring.facts import MAX_LINE, GivenFacts, read_line
from qualification.scoring.ledger import ledgers, published_form
from qualification.scoring.versions import chosen_or_live

# A statement takes so many lines, or fewer when they are long: memory stays bounded.
BATCH_LINES = 200
BATCH_BYTES = 2_000_000

Answer = dict[str, Any]


class Command(BaseCommand):
    """Scores what is given through the expression of stored leads; stores nothing."""

    help = "Score facts given as JSON lines on stdin: one answer line per line, in order."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which version, by number."""
        parser.add_argument(
            "--model", metavar="N", type=int, help="version (default: the live one)"
        )

    def handle(self, *args: Any, model: int | None, **options: Any) -> None:
        """Answer line by line, a batch a statement."""
        try:
            chosen = chosen_or_live(model)
        except ModelInvalid as error:
            raise CommandError(str(error), returncode=2) from None
        compiled, now = compile_model(chosen), timezone.now()
        for batch in batches(sys.stdin.buffer):
            for answer in answers(compiled, batch, now):
                self.stdout.write(json.dumps(answer, ensure_ascii=False))


def batches(stream: BinaryIO) -> Iterator[list[bytes]]:
    """The lines of the stream, some at a time; of a line that is too long the beginning."""
    batch: list[bytes] = []
    size = 0
    while line := stream.readline(MAX_LINE + 1):
        rest = line
        while len(rest) > MAX_LINE and not rest.endswith(b"\n"):
            rest = stream.readline(MAX_LINE + 1)
        batch.append(line)
        size += len(line)
        if len(batch) >= BATCH_LINES or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def answers(compiled: CompiledModel, lines: Sequence[bytes], now: datetime) -> list[Answer]:
    """One answer a line: the score, or what is wrong with the line."""
    found: list[Answer] = [{} for _ in lines]
    readable: list[int] = []
    many: list[GivenFacts] = []
    for number, line in enumerate(lines):
        try:
            many.append(_read(line, now))
            readable.append(number)
        except FactsInvalid as error:
            found[number] = {"error": str(error)}
    for number, answer in zip(readable, scored(compiled, many), strict=True):
        found[number] = answer
    return found


def _read(line: bytes, now: datetime) -> GivenFacts:
    if len(line) > MAX_LINE:
        raise FactsInvalid(f"longer than {MAX_LINE:,} bytes")
    try:
        return read_line(line.decode(), now=now)
    except UnicodeDecodeError:
        raise FactsInvalid("not UTF-8") from None


def scored(compiled: CompiledModel, many: Sequence[GivenFacts]) -> list[Answer]:
    """The ledgers of these facts in points. What PostgreSQL cannot score costs nobody else their
    answer: the batch is halved until it stands alone."""
    if not many:
        return []
    try:
        with transaction.atomic():
            moments = {number: facts.as_of for number, facts in enumerate(many)}
            found = ledgers(compiled, leads_given(many), moments, tells_machines=True)
    except DataError:
        if len(many) == 1:
            return [{"error": "these facts cannot be scored"}]
        half = len(many) // 2
        return scored(compiled, many[:half]) + scored(compiled, many[half:])
    return [published_form(found[number]) for number in range(len(many))]
