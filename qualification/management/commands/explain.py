"""`explain LEAD [--model N] [--as-of T] [--json]`: the ledger of a lead on the terminal."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from datetime import datetime, time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.timezone import get_default_timezone, make_aware

from crm.models import Lead
from qualification.exceptions import ModelInvalid, NothingRecorded
from qualification.models import ScoringModel
from qualification.review.past import FrozenLedger, frozen_ledger
from qualification.scoring.ledger import Ledger, LedgerLine, ledger_of, published_form
from qualification.scoring.points import points_text
from qualification.scoring.verdict import verdict_of
from qualification.scoring.versions import version_numbered


def moment(text: str) -> datetime:
    """A moment in ISO form; without offset in the zone of the installation; a date is its start."""
    try:
        found = parse_datetime(text)
        day = parse_date(text) if found is None else None
    except ValueError:
        found = day = None
    if found is None and day is not None:
        found = datetime.combine(day, time())
    if found is None:
        raise ArgumentTypeError(f"'{text}' is no moment such as 2026-11-23T09:00:00Z")
    return found if found.tzinfo else make_aware(found, get_default_timezone())


class Command(BaseCommand):
    """Opens a score into its lines."""

    help = "Show where a lead's score comes from: the lines and their exact total."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Lead, version, moment, form."""
        parser.add_argument(
            "lead", metavar="LEAD", help="number of the lead, or source:external_id"
        )
        parser.add_argument(
            "--model", metavar="N", type=int, help="version (default: the live one)"
        )
        parser.add_argument("--as-of", metavar="T", type=moment, help="what was recorded by then")
        parser.add_argument("--json", action="store_true")

    def handle(
        self,
        *args: Any,
        lead: str,
        model: int | None,
        as_of: datetime | None,
        json: bool,
        **options: Any,
    ) -> None:
        """Print the ledger."""
        try:
            found = lead_named(lead)
            chosen = None if model is None else version_numbered(model)
            frozen = None
            if found.erased_at is not None:
                frozen = frozen_ledger(found, at=as_of or timezone.now())
            ledger = frozen.ledger if frozen else ledger_of(found.pk, model=chosen, as_of=as_of)
        except (ModelInvalid, NothingRecorded) as error:
            raise CommandError(str(error), returncode=2) from None
        if json:
            self.stdout.write(as_json(found, ledger, frozen))
        else:
            self.stdout.write("\n".join(as_text(found, ledger, frozen)))


def lead_named(name: str) -> Lead:
    """The lead with this number, or with this identity. Raises ModelInvalid when there is none."""
    source, colon, external_id = name.partition(":")
    leads = Lead.objects.all()
    if colon:
        leads = leads.filter(identities__source__name=source, identities__external_id=external_id)
    elif name.isascii() and name.isdecimal() and len(name) < 19:
        leads = leads.filter(pk=int(name))
    else:
        raise ModelInvalid(f"'{name}' is neither the number of a lead nor source:external_id")
    found = leads.first()
    if found is None:
        raise ModelInvalid(f"there is no lead '{name}'")
    return found


def as_json(lead: Lead, ledger: Ledger, frozen: FrozenLedger | None = None) -> str:
    """One JSON object: the lead's number and the ledger in points; for an erased person since when,
    and when the ledger was frozen."""
    head: dict[str, Any] = {"lead": lead.pk}
    if frozen is not None and lead.erased_at is not None:
        head |= {"erased_at": lead.erased_at.isoformat(), "frozen_at": frozen.at.isoformat()}
    return json.dumps(head | published_form(ledger), ensure_ascii=False)


def as_text(lead: Lead, ledger: Ledger, frozen: FrozenLedger | None = None) -> Iterator[str]:
    """Lines for a reader: points first, then what they are for."""
    if frozen is not None and lead.erased_at is not None:
        yield (
            f"Personal data erased on {lead.erased_at:%Y-%m-%d}; this is the ledger frozen with"
            f" the decision of {frozen.at.isoformat(timespec='seconds')}"
        )
    model = ScoringModel.objects.get(pk=ledger.model_id)
    at = ledger.as_of.isoformat(timespec="seconds")
    yield f"Lead {lead.pk} {lead.name} · {model} · as of {at}"
    for line in ledger.lines:
        yield _line_text(line)
    fit, intent = points_text(ledger.fit_tenths), points_text(ledger.intent_tenths)
    yield f"{points_text(ledger.total_tenths):>8}  Total"
    yield f"          fit {fit} + intent {intent} · {_standing(ledger, model)}"


def _line_text(line: LedgerLine) -> str:
    words = " · ".join(part for part in (line.name, line.fact, line.note) if part)
    points = points_text(line.points_tenths, signed=True)
    return f"{points:>8}  {line.dimension or 'total':<6}  {words}"


def _standing(ledger: Ledger, model: ScoringModel) -> str:
    if ledger.disqualified:
        return f"disqualified: {ledger.disqualified}"
    verdict = verdict_of(total_tenths=ledger.total_tenths, model=model)
    return f"grade {ledger.grade} · {ledger.tier} · {verdict.word}"
