"""A version tried on one lead: its ledger beside the live one, what differs marked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from crm.models import Lead
from qualification.admin.scoring.pages import editor_in, show, version_or_404
from qualification.models import ScoringModel
from qualification.permissions import Right, require
from qualification.scoring.ledger import Ledger, LedgerLine, ledger_of
from qualification.scoring.versions import active_model

FOUND_SHOWN = 12


@dataclass(frozen=True)
class TrialRow:
    """A line under the version and under the live one; None where it has none."""

    here: LedgerLine | None
    live: LedgerLine | None

    @property
    def name(self) -> str:
        """The name of the line, whichever version has it."""
        line = self.here or self.live
        return line.name if line else ""

    @property
    def is_other(self) -> bool:
        """Whether the points differ."""
        return _tenths(self.here) != _tenths(self.live)

    @property
    def difference(self) -> int:
        """Tenths here minus tenths of the live version."""
        return _tenths(self.here) - _tenths(self.live)

    @property
    def fact(self) -> str:
        """What fired it, whichever version says so."""
        line = self.here or self.live
        return line.fact if line else ""


def _tenths(line: LedgerLine | None) -> int:
    return line.points_tenths if line else 0


@dataclass(frozen=True)
class Trial:
    """Both ledgers and their lines side by side, by dimension; the total limit comes last."""

    here: Ledger
    live: Ledger | None
    parts: tuple[tuple[str, tuple[TrialRow, ...]], ...]


@require_GET
@require(Right.EDIT_SCORING)
def test_on_lead(request: HttpRequest, pk: int) -> HttpResponse:
    """Finds a lead by id, mail address or name and shows its ledger under the version."""
    model = version_or_404(pk)
    wanted, chosen = request.GET.get("q", "").strip(), request.GET.get("lead", "")
    visible = Lead.objects.visible_to(editor_in(request)).select_related("account")
    found = list(_matching(visible, wanted)[:FOUND_SHOWN]) if wanted else []
    lead = found[0] if len(found) == 1 else None
    if chosen.isdecimal():
        lead = get_object_or_404(visible, pk=int(chosen))
    return show(
        request,
        "trial.html",
        title=_("v%(n)s: test on a lead") % {"n": model.version},
        model=model,
        q=wanted,
        found=found,
        lead=lead,
        trial=trial_of(lead.pk, model, now=timezone.now()) if lead else None,
    )


def _matching(leads: QuerySet[Lead], wanted: str) -> QuerySet[Lead]:
    """Leads with this id, a mail address that begins so, or a name that holds each word."""
    if wanted.isdecimal() and len(wanted) < 19:
        return leads.filter(pk=int(wanted))
    if "@" in wanted:
        return leads.filter(email_key__startswith=wanted.lower()).order_by("pk")
    test = Q()
    for word in wanted.lower().split():
        test &= Q(first_name_folded__contains=word) | Q(last_name_folded__contains=word)
    return leads.filter(test).order_by("-pk")


def trial_of(lead_id: int, model: ScoringModel, *, now: datetime) -> Trial:
    """The ledger of a lead under the version, and under the live one if that is another."""
    here = ledger_of(lead_id, model=model, now=now)
    active = active_model()
    live = None
    if active is not None and active.pk != model.pk:
        live = ledger_of(lead_id, model=active, now=now)
    parts = [(name, _rows(here, live, name)) for name in ("fit", "intent", "")]
    return Trial(here, live, tuple((name, rows) for name, rows in parts if rows))


def _rows(here: Ledger, live: Ledger | None, dimension: str) -> tuple[TrialRow, ...]:
    """Lines of one dimension, paired by rule or by what they are."""
    mine, theirs = _by_what(here, dimension), _by_what(live, dimension) if live else {}
    return tuple(
        TrialRow(here=mine.get(what), live=theirs.get(what)) for what in {**mine, **theirs}
    )


def _by_what(ledger: Ledger, dimension: str) -> dict[tuple[Any, ...], LedgerLine]:
    return {
        (line.rule_key,) if line.rule_key else (line.kind, line.name): line
        for line in ledger.lines
        if line.dimension == dimension
    }
