"""`load_scoring_model M.yaml [--activate]`: a file becomes a new version."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from qualification.exceptions import ModelInvalid, PublishRefused
from qualification.models import ScoringModel
from qualification.scoring import drafts, versions
from qualification.scoring.crossing import crossing_text
from qualification.scoring.document import read_file


class Command(BaseCommand):
    """The operator's door to scoring versions."""

    help = "Load a scoring model file as a new version; last line version=N status=…"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """File and whether to make it live."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--activate", action="store_true", help="make the version live at once")

    def handle(self, *args: Any, file: Path, activate: bool, **options: Any) -> None:
        """Load, and activate in the same transaction: a refusal leaves nothing."""
        try:
            model = self._load(file, activate=activate)
        except (ModelInvalid, PublishRefused) as error:
            raise CommandError(str(error), returncode=2) from None
        self.stdout.write(f"version={model.version} status={model.status}")

    @transaction.atomic
    def _load(self, file: Path, *, activate: bool) -> ScoringModel:
        document, now = read_file(file), timezone.now()
        model = drafts.load_draft(document, by=None, now=now)
        crossing = versions.crossing_types_of(model)
        if crossing and activate:
            raise PublishRefused(f"{file}: {crossing_text(crossing)}")
        if crossing:
            self.stderr.write(f"warning: {file}: {crossing_text(crossing)}")
        for group in sorted(set(document.caps) - {rule.group for rule in document.rules}):
            self.stderr.write(f"warning: {file}: caps: no rule is in group '{group}'")
        return versions.activate_as_operator(model=model, now=now) if activate else model
