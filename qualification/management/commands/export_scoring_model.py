"""`export_scoring_model N`: a version as a file that loads to the same rules."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from qualification.exceptions import ModelInvalid
from qualification.scoring.document_rows import document_of
from qualification.scoring.export import to_yaml
from qualification.scoring.versions import version_numbered


class Command(BaseCommand):
    """Writes YAML to stdout."""

    help = "Write a scoring model version in the format load_scoring_model reads."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The number of the version."""
        parser.add_argument("version_number", metavar="N", type=int)

    def handle(self, *args: Any, version_number: int, **options: Any) -> None:
        """Print the file."""
        try:
            text = to_yaml(document_of(version_numbered(version_number)))
        except ModelInvalid as error:
            raise CommandError(str(error), returncode=2) from None
        self.stdout.write(text, ending="")
