"""The points of all rules on one page: by dimension and group, with what they add up to at most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from qualification.admin.scoring.pages import editor_in, is_draft, show, version_or_404
from qualification.admin.scoring.words import sentence_or_error
from qualification.choices import Dimension
from qualification.exceptions import ModelFrozen, ModelInvalid
from qualification.models import ScoringModel, ScoringRule
from qualification.permissions import Right, require
from qualification.scoring import drafts
from qualification.scoring.conditions import parse_points, parse_when
from qualification.scoring.document import GRADES
from qualification.scoring.reach import Reach, Span, most_points, reach_of
from qualification.scoring.sentences import signed_points
from qualification.scoring.subjects import Catalogue


@dataclass(frozen=True)
class MatrixRow:
    """A rule: what it does, its points, and the most it can give or take."""

    rule: ScoringRule
    sentence: str
    points: str
    most: str
    error: str = ""


@dataclass(frozen=True)
class MatrixGroup:
    """Rules that share a cap, or those of no group (blank name)."""

    name: str
    cap: str
    rows: tuple[MatrixRow, ...]


@dataclass(frozen=True)
class MatrixDimension:
    """Fit or intent: base, groups, limits, the ends of the sum."""

    key: str
    label: str
    base: str
    limits: str
    lowest: str
    highest: str
    groups: tuple[MatrixGroup, ...]


@require_http_methods(["GET", "POST"])
@require(Right.EDIT_SCORING)
def points_matrix(request: HttpRequest, pk: int) -> HttpResponse:
    """Shows the matrix; a draft's points are all changed by one form."""
    model = version_or_404(pk)
    rules = list(model.rules.order_by("position", "pk"))
    errors: dict[str, str] = {}
    if request.method == "POST":
        wanted, errors = _wanted(request.POST, rules)
        if not errors:
            return _save(request, model, wanted)
    reach = reach_of(model, rules)
    return show(
        request,
        "matrix.html",
        title=_("v%(n)s: points matrix") % {"n": model.version},
        model=model,
        status=422 if errors else 200,
        dimensions=_dimensions(model, rules, reach, errors, request.POST),
        reach=reach,
        total=_span_words(reach.total),
        grades=_grade_rows(model, reach),
        n_errors=len(errors),
    )


def _wanted(data: Any, rules: Sequence[ScoringRule]) -> tuple[dict[str, Decimal], dict[str, str]]:
    """Points that were changed, and what is no usable number, by rule key."""
    wanted, errors = {}, {}
    for rule in rules:
        text = str(data.get(f"points-{rule.pk}", rule.points)).strip()
        try:
            points = parse_points(Decimal(text.replace("−", "-")))
        except (InvalidOperation, ModelInvalid) as error:
            is_number = isinstance(error, ModelInvalid)
            errors[rule.key] = str(error) if is_number else _("Write a number, such as 12.5.")
            continue
        if points != rule.points:
            wanted[rule.key] = points
    return wanted, errors


def _save(request: HttpRequest, model: ScoringModel, wanted: dict[str, Decimal]) -> HttpResponse:
    by, now = editor_in(request), timezone.now()
    try:
        if not is_draft(model):
            raise ModelFrozen(_("Version %(n)s is no draft any more.") % {"n": model.version})
        with transaction.atomic():
            for key, points in wanted.items():
                drafts.change_points(draft=model, rule_key=key, points=points, by=by, now=now)
    except (ModelFrozen, ModelInvalid) as error:
        messages.error(request, str(error))
    else:
        text = _("%(n)d changed.") if wanted else _("Nothing changed.")
        messages.success(request, text % {"n": len(wanted)} if wanted else text)
    return HttpResponseRedirect(request.path)


# --- what the page shows -----------------------------------------------------------------------


def _dimensions(
    model: ScoringModel,
    rules: Sequence[ScoringRule],
    reach: Reach,
    errors: dict[str, str],
    data: Any,
) -> list[MatrixDimension]:
    catalogue = Catalogue.load()
    rows = {
        rule.pk: MatrixRow(
            rule=rule,
            sentence=sentence_or_error(rule, catalogue),
            points=data.get(f"points-{rule.pk}", str(rule.points)),
            most=_points_words(most_points(rule, parse_when(rule.condition))),
            error=errors.get(rule.key, ""),
        )
        for rule in rules
    }
    return [_dimension(model, key, rows, getattr(reach, key)) for key in Dimension.values]


def _dimension(
    model: ScoringModel, key: str, rows: dict[int, MatrixRow], span: Span
) -> MatrixDimension:
    own = [row for row in rows.values() if row.rule.dimension == key]
    groups = sorted({row.rule.group for row in own})
    return MatrixDimension(
        key=key,
        label=str(Dimension(key).label),
        base=signed_points(getattr(model, f"base_{key}")),
        limits=_limits_words(getattr(model, f"{key}_min"), getattr(model, f"{key}_max")),
        lowest=_points_words(span.lowest),
        highest=_points_words(span.highest),
        groups=tuple(
            MatrixGroup(
                name=group,
                cap=str(model.caps.get(group, "")),
                rows=tuple(row for row in own if row.rule.group == group),
            )
            for group in groups
        ),
    )


def _points_words(points: Decimal) -> str:
    return signed_points(points) if points.is_finite() else _("no limit")


def _limits_words(lowest: Decimal | None, highest: Decimal | None) -> str:
    ends = [signed_points(end) if end is not None else "–" for end in (lowest, highest)]
    return _("from %(low)s to %(high)s") % {"low": ends[0], "high": ends[1]}


def _span_words(span: Span) -> tuple[str, str]:
    return _points_words(span.lowest), _points_words(span.highest)


def _grade_rows(model: ScoringModel, reach: Reach) -> list[list[tuple[str, str, bool]]]:
    """The sixteen grades as four rows of (grade, tier, whether it can be reached)."""
    tier_of = {grade: tier for tier, grades in model.tiers.items() for grade in grades}
    cells = [(grade, tier_of.get(grade, ""), grade in reach.grades) for grade in GRADES]
    return [cells[start : start + 4] for start in range(0, 16, 4)]
