"""`erase_person LEAD --reference R [--reason R] [--no-contact] [--yes]`: the operator's door."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from crm.models import Erasure, ErasureReason
from qualification.exceptions import Busy, ErasureRefused, LeadErased, ModelInvalid
from qualification.management.commands.explain import lead_named
from qualification.personal.erase import erase_person
from qualification.personal.export import counted
from qualification.personal.requests import ask_erasure


class Command(BaseCommand):
    """Erases a person for good."""

    help = "Erase the personal data of a lead: everywhere, for good. The chain still verifies."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Lead, request, whether to go on."""
        parser.add_argument(
            "lead", metavar="LEAD", help="number of the lead, or source:external_id"
        )
        parser.add_argument(
            "--reference", metavar="R", default="", help="names the request, and nobody"
        )
        parser.add_argument("--reason", choices=ErasureReason.values, default=ErasureReason.ASKED)
        parser.add_argument(
            "--no-contact", action="store_true", help="turn them away when they turn up again"
        )
        parser.add_argument("--yes", action="store_true", help="without it nothing is erased")

    def handle(self, *args: Any, lead: str, yes: bool, **options: Any) -> None:
        """Say what is held, then erase it."""
        try:
            found = lead_named(lead)
        except ModelInvalid as error:
            raise CommandError(str(error), returncode=2) from None
        self.stdout.write(f"Lead {found.pk} {found.name}")
        for held, n in counted(found):
            self.stdout.write(f"{n:>8}  {held.table}")
        if not yes:
            raise CommandError("nothing was erased; give --yes to erase it for good", returncode=2)
        now = timezone.now()
        try:
            with transaction.atomic():
                request = Erasure.objects.filter(lead=found).first() or ask_erasure(
                    lead=found,
                    reference=options["reference"],
                    reason=options["reason"],
                    is_no_contact=options["no_contact"],
                    by=None,
                    now=now,
                )
                erase_person(erasure=request, confirmed=found.name, by=None, now=now)
        except (Busy, ErasureRefused, LeadErased) as error:
            raise CommandError(str(error), returncode=2) from None
        self.stdout.write(f"erased lead={found.pk} reference={request.reference}")
