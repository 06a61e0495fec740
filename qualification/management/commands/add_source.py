"""`manage.py add_source KIND --name N`: a way in for leads, and its path."""

from __future__ import annotations

import re
import secrets
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from crm.models import Source

KINDS = [Source.Kind.JSON.value, Source.Kind.FORM.value]
MAX_SECRET = 200


class Command(BaseCommand):
    help = "Adds an intake source. Last line: path=/intake/<name>/<credential>/."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=KINDS)
        parser.add_argument("--name", required=True, help="stands in the path and on its leads")
        parser.add_argument("--secret", default="", help="signs JSON bodies; made when not given")

    def handle(self, *args: Any, **options: Any) -> None:
        kind, name, secret = options["kind"], options["name"], options["secret"]
        if not re.fullmatch(r"[-a-zA-Z0-9_]{1,60}", name):
            raise CommandError(
                f"--name {name!r}: use letters, digits, - and _, 60 at most", returncode=2
            )
        if kind == Source.Kind.FORM and secret:
            raise CommandError("--secret: a form is public and has none", returncode=2)
        if len(secret) > MAX_SECRET:
            raise CommandError(f"--secret: {MAX_SECRET} characters at most", returncode=2)
        is_made = kind == Source.Kind.JSON and not secret
        source = self._add(kind, name, secrets.token_urlsafe(32) if is_made else secret)
        if is_made:
            self.stdout.write(f"secret={source.secret} (shown this once)")
        path = reverse("qualification:intake", args=[source.name, source.credential])
        self.stdout.write(f"path={path}")

    def _add(self, kind: str, name: str, secret: str) -> Source:
        try:
            with transaction.atomic():
                return Source.objects.create(
                    name=name,
                    kind=kind,
                    secret=secret,
                    credential=secrets.token_urlsafe(24),
                    created_at=timezone.now(),
                )
        except IntegrityError:
            raise CommandError(f"there is a source named {name!r} already", returncode=2) from None
