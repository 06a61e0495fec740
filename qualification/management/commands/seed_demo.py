"""`manage.py seed_demo [--leads N]`: a company to look at, through the doors of real work."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from crm.models import Lead
from qualification.demo import logins_text
from qualification.demo.seed import seed


class Command(BaseCommand):
    help = "Fills an empty installation with a believable company. Prints its log-ins."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--leads", type=int, default=200, help="how many people write in")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["leads"] < 1:
            raise CommandError("--leads must be 1 or more.", returncode=2)
        if Lead.objects.exists():
            raise CommandError("There are leads here already; nothing done.", returncode=2)

        def progress(done: int, whole: int) -> None:
            if done % 25 == 0 or done == whole:
                self.stderr.write(f"{done} of {whole} people wrote in")

        seed(leads=options["leads"], now=timezone.now(), on_progress=progress)
        self.stdout.write(logins_text())
