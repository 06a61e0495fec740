"""The report on the use of rules: counted over all leads in the background, read here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from qualification.admin.scoring import runs
from qualification.admin.scoring.pages import show, version_or_404
from qualification.admin.scoring.reviews import due_badge
from qualification.models import RunKind
from qualification.permissions import Right, require

if TYPE_CHECKING:
    from qualification.feedback.rule_usage import RuleUse

SORTS = {
    "position": lambda row: (row.rule.position,),
    "fired": lambda row: (-(row.fired.rate or 0.0), row.rule.position),
    "told": lambda row: (-row.told.accepted, row.rule.position),
    "accepted": lambda row: (-(row.accepted.rate or 0.0), row.rule.position),
    "disputed": lambda row: (-row.disputed.accepted, row.rule.position),
    "flags": lambda row: (-len(row.flags), row.rule.position),
}

COLUMNS = (
    ("position", gettext_lazy("Rule")),
    ("fired", gettext_lazy("Fired")),
    ("told", gettext_lazy("Changes the grade")),
    ("accepted", gettext_lazy("Accepted")),
    ("disputed", gettext_lazy("Disputed")),
    ("flags", gettext_lazy("To look at")),
)


@require_http_methods(["GET", "POST"])
@require(Right.EDIT_SCORING)
def rule_usage(request: HttpRequest, pk: int) -> HttpResponse:
    """Shows the last count; POST counts anew."""
    # The admin is loaded by every worker, the statistics behind this page need not be.
    from qualification.feedback.rule_usage import MIN_FIRED, usage_report

    model = version_or_404(pk)
    if request.method == "POST":
        runs.begin(request, RunKind.USAGE, model)
        return HttpResponseRedirect(request.path)
    report = usage_report(model, now=timezone.now())
    sort = request.GET.get("sort", "position")
    finding = request.GET.get("finding", "")
    rows = [
        row for row in report.rows if not finding or finding in {flag.key for flag in row.flags}
    ]
    rows.sort(key=SORTS.get(sort, SORTS["position"]))
    return show(
        request,
        "usage.html",
        title=_("v%(n)s: rule usage") % {"n": model.version},
        model=model,
        report=report,
        rows=[(row, due_badge(row.review)) for row in rows],
        counts=_flag_counts(report.rows),
        columns=COLUMNS,
        directions={key: "ascending" if key == "position" else "descending" for key in SORTS},
        sort=sort,
        finding=finding,
        min_fired=MIN_FIRED,
        **runs.progress_context(runs.latest(RunKind.USAGE, model)),
    )


def _flag_counts(rows: tuple[RuleUse, ...]) -> list[tuple[str, str, int]]:
    """(key, words, rules) of each kind of finding."""
    words = {
        "rare": _("fire on < 1 %"),
        "idle": _("never change a grade"),
        "contradicts": _("contradict"),
    }
    return [(key, text, sum(key in _keys(row) for row in rows)) for key, text in words.items()]


def _keys(row: RuleUse) -> set[str]:
    return {flag.key for flag in row.flags}
