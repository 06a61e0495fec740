"""`manage.py fairness --weights 3,2,1 --n 600`: whose turn it is, lead by lead."""

from __future__ import annotations

import re
from argparse import SUPPRESS, ArgumentParser
from fractions import Fraction
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from qualification.routing.fairness import turns

MOST_PEOPLE = 1_000
# A whole number, a decimal or a fraction, none of a size that would keep the machine busy.
_WEIGHT = re.compile(r"[0-9]{1,9}(/[0-9]{1,9}|\.[0-9]{1,9})?")
_COUNT = re.compile(r"[0-9]{1,9}")


class Command(BaseCommand):
    help = "Prints the order in which people of these weights get leads, one name a line: r1, r2, …"
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.usage = SUPPRESS  # what is wrong, in one line
        parser.add_argument("--weights", required=True, help="such as 3,2,1; above 0, 1/2 is fine")
        parser.add_argument("--n", required=True, help="how many leads")

    def handle(self, *args: Any, **options: Any) -> None:
        weights = _weights(options["weights"])
        count = _count(options["n"])
        for person in turns(weights, count):
            self.stdout.write(f"r{person + 1}")


def _weights(text: str) -> list[Fraction]:
    parts = [part.strip() for part in text.split(",")]
    try:
        weights = [Fraction(part) for part in parts if _WEIGHT.fullmatch(part)]
    except ZeroDivisionError:
        weights = []
    if len(weights) < len(parts) or min(weights) <= 0:
        raise CommandError(
            f"--weights {text!r}: numbers above 0 with commas between them, such as 3,2,1",
            returncode=2,
        )
    if len(weights) > MOST_PEOPLE:
        raise CommandError(f"--weights: {MOST_PEOPLE} people at most", returncode=2)
    return weights


def _count(text: str) -> int:
    if not _COUNT.fullmatch(text):
        raise CommandError(f"--n {text!r}: a whole number of leads, 0 or more", returncode=2)
    return int(text)
