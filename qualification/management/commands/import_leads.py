"""`manage.py import_leads FILE --mapping M.yaml`: a CSV file becomes leads."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError
from django.utils import timezone

from crm.exceptions import FileInvalid, MappingInvalid
from crm.imports.load import Counts, Import, load_file
from crm.imports.mapping import load_mapping
from crm.imports.sniff import sniff
from qualification import pipeline

BAR = 40


class Command(BaseCommand):
    help = (
        "Imports leads from a CSV file by a mapping. Importing twice adds nothing. "
        "Last line: imported=N updated=N unchanged=N failed=N."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--mapping", type=Path, required=True, help="YAML: which column is what"
        )
        parser.add_argument("--dry-run", action="store_true", help="same counts, nothing written")
        parser.add_argument("--no-queue", action="store_true", help="score, but queue nobody")
        parser.add_argument("--errors", type=Path, help="write rows that failed to this CSV file")
        parser.add_argument("--encoding", default="", help="of the file, when it is not UTF-8")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            job = self._job(options)
        except (MappingInvalid, FileInvalid) as error:
            raise CommandError(str(error), returncode=2) from None
        if job.layout.unmapped:
            self._say(f"unmapped columns: {', '.join(job.layout.unmapped)}")
        try:
            counts = load_file(job)
        except MappingInvalid as error:
            raise CommandError(f"{options['mapping']}: {error}", returncode=2) from None
        except FileInvalid as error:
            raise CommandError(str(error), returncode=2) from None
        self._report(counts, job)
        self.stdout.write(counts.line)

    def _job(self, options: dict[str, Any]) -> Import:
        mapping = load_mapping(options["mapping"])
        now = timezone.now()
        queue = not options["no_queue"]

        def on_changed(lead_ids: list[int]) -> None:
            pipeline.facts_changed(lead_ids, now=now)
            if not queue:
                # With the chunk or not at all: the sweep queues whom it finds unscored.
                pipeline.score_and_queue(lead_ids, now=timezone.now(), queue=False)

        def after_chunk(lead_ids: list[int]) -> None:
            if not queue:
                return
            try:
                # Later than whatever the chunk recorded, also about leads others were at meanwhile.
                pipeline.score_and_queue(lead_ids, now=timezone.now())
            except OperationalError:  # somebody holds one of them; they stay in ScoringDue
                self._say(f"{len(lead_ids)} leads are left to the sweep to score")

        return Import(
            layout=sniff(options["file"], mapping, options["encoding"]),
            mapping=mapping,
            now=now,
            dry_run=options["dry_run"],
            errors=_writable(options["errors"]),
            on_changed=on_changed,
            after_chunk=after_chunk,
            on_progress=progress_on(sys.stderr),
        )

    def _report(self, counts: Counts, job: Import) -> None:
        for told in counts.told:
            self._say(told)
        if counts.kept + counts.left_out > len(counts.told):
            self._say(f"in all {counts.kept} values kept and {counts.left_out} left out")
        if counts.failed and not job.errors:
            self._say(f"{counts.failed} rows failed; --errors FILE writes them with the reason")

    def _say(self, line: str) -> None:
        self.stderr.write(self.style.WARNING(line))


def _writable(path: Path | None) -> Path | None:
    """Raises FileInvalid when the file of bad rows cannot be written."""
    if path is None:
        return None
    try:
        path.open("a").close()
    except OSError as error:
        raise FileInvalid(f"{path}: {error.strerror or 'cannot be written'}") from None
    return path


def progress_on(stream: TextIO) -> Callable[[int, int], None]:
    """A bar on a terminal, a plain line a chunk elsewhere."""

    def bar(done: int, total: int) -> None:
        filled = BAR * done // max(total, 1)
        end = "\n" if done >= total else ""
        stream.write(f"\r[{'#' * filled}{'.' * (BAR - filled)}] {done}/{total}{end}")
        stream.flush()

    def lines(done: int, total: int) -> None:
        stream.write(f"{done} of {total} rows\n")
        stream.flush()

    return bar if stream.isatty() else lines
