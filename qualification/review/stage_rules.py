"""What must hold for a lead to be in a stage, in words: the figures of the live rules, checklists,
destinations and settings, so that no page can go stale. Called by the page of the stages."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Prefetch
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.stages import MOVES, Stage
from qualification.choices import TargetKind
from qualification.models import DestinationField, Framework, FrameworkItem, ScoringModel
from qualification.scoring.subjects import Catalogue, subject_of
from qualification.scoring.versions import active_model


@dataclass(frozen=True)
class StageRule:
    """A stage, what it means, what must hold to enter it, and the stages before and after it."""

    stage: Stage
    means: str
    enters: tuple[str, ...]
    comes_from: tuple[Stage, ...]
    goes_to: tuple[Stage, ...]


def stage_rules() -> tuple[StageRule, ...]:
    """Every stage in the order of the road; five queries."""
    enters = _enters()
    return tuple(
        StageRule(
            stage=stage,
            means=means,
            enters=tuple(enters[stage]),
            comes_from=tuple(start for start in Stage if stage in MOVES[start]),
            goes_to=tuple(Stage(end) for end in MOVES[stage]),
        )
        for stage, means in _meanings().items()
    )


def _meanings() -> dict[Stage, str]:
    return {
        Stage.NEW: _("Known and scored, below the line: nobody works on it."),
        Stage.MQL: _("Ready for a person: in the queue with its clock running."),
        Stage.WORKING: _("In the hands of one SDR, who finds out."),
        Stage.SQL: _("Accepted: with an AE, a team or a partner."),
        Stage.NURTURE: _("Fits, but not now: sleeps until its wake condition."),
        Stage.OPPORTUNITY: _("Sales opened a deal."),
        Stage.WON: _("The deal was won."),
        Stage.LOST: _("The deal, or the lead after it was handed over, was lost."),
        Stage.DISQUALIFIED: _("Turned away by a rule, or rejected by a person with a reason."),
    }


def _enters() -> dict[Stage, list[str]]:
    model = active_model()
    told = [_("An outcome is told by the CRM, a file or a message.")]
    return {
        Stage.NEW: [
            _("A message of a known source names a person."),
            _("Or its score falls below the line while it waits."),
        ],
        Stage.MQL: [_line(model), _("Or it comes back: woken, returned, undone or overturned.")],
        Stage.WORKING: [_claims(), _("Or a manager assigns it.")],
        Stage.SQL: [*_answers(), *_fields(), _("A manager may accept without, with a reason.")],
        Stage.NURTURE: [_("Its holder says what wakes it: a date, an activity or a score.")],
        Stage.OPPORTUNITY: told,
        Stage.WON: told,
        Stage.LOST: told,
        Stage.DISQUALIFIED: [*_turned_away(model), *_rejected()],
    }


def _line(model: ScoringModel | None) -> str:
    if model is None:
        return _("Rules are live and its score reaches their line.")
    return _(
        "Its score reaches %(line)s, the line of rules v%(version)s, and no rule refuses it."
    ) % {
        "line": model.mql,
        "version": model.version,
    }


def _claims() -> str:
    policy = settings.LEADQUAL
    return _("One SDR claims it for %(minutes)s minutes; nobody holds more than %(most)s.") % {
        "minutes": policy["CLAIM_MINUTES"],
        "most": policy["CLAIM_LIMIT"],
    }


def _answers() -> list[str]:
    """What each checklist in use requires."""
    required = FrameworkItem.objects.filter(is_required=True).order_by("position")
    in_use = Framework.objects.filter(is_active=True).prefetch_related(
        Prefetch("items", queryset=required, to_attr="required")
    )
    return [
        _("By %(checklist)s: %(parts)s are answered.")
        % {
            "checklist": framework.name,
            "parts": _listed([item.part for item in framework.required]),
        }
        for framework in in_use.order_by("-is_default", "id")
        if framework.required
    ]


def _fields() -> list[str]:
    """What each kind of destination needs."""
    catalogue = Catalogue.load()
    needed: dict[str, list[str]] = defaultdict(list)
    for field in DestinationField.objects.all():
        needed[field.target].append(catalogue.label_of(subject_of(field.subject)))
    return [
        _("%(destination)s: %(fields)s must be known.")
        % {"destination": TargetKind(target).label, "fields": _listed(labels)}
        for target, labels in needed.items()
    ]


def _turned_away(model: ScoringModel | None) -> list[str]:
    rules = model.rules.exclude(disqualifies="").order_by("position") if model else ()
    names = [rule.name for rule in rules]
    return [_("A rule turns it away: %(names)s.") % {"names": _listed(names)}] if names else []


def _rejected() -> list[str]:
    attempts = settings.LEADQUAL["MIN_ATTEMPTS"]
    said = [
        _("Its holder rejects it with a reason."),
        ngettext(
            "“Unreachable” needs %(n)s attempt.", "“Unreachable” needs %(n)s attempts.", attempts
        )
        % {"n": attempts},
    ]
    if settings.HOT_REJECTS_NEED_TWO:
        said.append(_("A hot lead is rejected by two people."))
    return said


def _listed(words: list[str]) -> str:
    """Such as `Budget, Authority and Timing`, each once."""
    return str(get_text_list(list(dict.fromkeys(words)), _("and")))
