"""`rescore [--model N]`: score every lead, or count what another version would change."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from qualification import pipeline
from qualification.exceptions import ModelInvalid
from qualification.models import ScoringModel
from qualification.scoring.versions import active_model, version_numbered


class Command(BaseCommand):
    """Scores under the active model are stored and the queue follows; under another version the
    differences are only counted."""

    help = "Score every lead; last line scored=N changed=N seconds=S"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which version, by number."""
        parser.add_argument(
            "--model", metavar="N", type=int, help="version (default: the live one)"
        )

    def handle(self, *args: Any, model: int | None, **options: Any) -> None:
        """Run, with progress on stderr."""
        try:
            chosen = self._chosen(model)
        except ModelInvalid as error:
            raise CommandError(str(error), returncode=2) from None
        found = pipeline.rescore_all(now=timezone.now(), model=chosen, on_progress=self._progress)
        if self.stderr.isatty():
            self.stderr.write("")
        self.stdout.write(
            f"scored={found.scored} changed={found.changed} seconds={found.seconds:.1f}"
        )

    def _chosen(self, number: int | None) -> ScoringModel:
        model = active_model() if number is None else version_numbered(number)
        if model is None:
            raise ModelInvalid("no scoring model is live: load one with --activate")
        return model

    def _progress(self, done: int, whole: int) -> None:
        is_terminal = self.stderr.isatty()
        filled = "█" * (30 * done // max(whole, 1))
        line = (
            f"\r{filled:<30} {done:,}/{whole:,}" if is_terminal else f"scored up to lead {done:,}"
        )
        self.stderr.write(line, ending="" if is_terminal else None)
        self.stderr.flush()
