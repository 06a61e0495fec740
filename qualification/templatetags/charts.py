"""Tags that draw small charts as inline SVG: score bar, ledger bars, intervals, progress, sparks.

Templates load them with {% load charts %}. Geometry is SVG attributes, colour comes from classes.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from .figures import axis_top, percent_text, unsigned_tenths
from .remembered import remembered

register = template.Library()

BAR_GAP = 0.8
MINIBAR_ZERO = 24.0
MINIBAR_RIGHT = 60.0
MINIBAR_UNIT = 3.0
INTERVAL_WIDTH = 200.0
SEGMENT_GAP = 1.0
# The histogram and the rounds: a plot of this size with room for figures below.
PLOT_WIDTH, PLOT_HEIGHT, PLOT_FOOT = 360.0, 84.0, 18.0
# Room for the figures of the axis beside the dots.
AXIS_WIDTH = 30.0
TICKS = 5


def _rect(css: str, x: float, width: float, more: str = 'height="6" rx="1.5"') -> SafeString:
    start = format_html(' x="{}"', f"{x:.1f}") if x else ""
    return format_html(
        '<rect class="{}"{} width="{}" {}/>', css, start, f"{max(width, 0):.1f}", SafeString(more)
    )


def _plain(value_tenths: int) -> str:
    return unsigned_tenths(value_tenths).removesuffix(".0")


@register.simple_tag
@remembered
def scorebar(
    fit_tenths: int,
    intent_tenths: int,
    *,
    mark_tenths: int | None = None,
    fit_max_tenths: int = 500,
    intent_max_tenths: int = 500,
) -> SafeString:
    """Fit then intent on one scale, with an optional mark at the accept line; all in tenths."""
    whole = max(fit_max_tenths + intent_max_tenths, 1)
    fit = min(max(fit_tenths, 0) * 100 / whole, 100)
    intent = min(max(intent_tenths, 0) * 100 / whole, 100 - fit)
    gap = BAR_GAP if fit and intent else 0
    parts = [_rect("track", 0, 100), _rect("fit", 0, fit), _rect("intent", fit + gap, intent - gap)]
    if mark_tenths is not None:
        place = min(max(mark_tenths * 100 / whole, 0), 100)
        parts.append(_rect("mark", place - 0.4, 0.8, 'height="6"'))
    label = _("Fit %(fit)s of %(fit_max)s, intent %(intent)s of %(intent_max)s") % {
        "fit": _plain(fit_tenths),
        "fit_max": _plain(fit_max_tenths),
        "intent": _plain(intent_tenths),
        "intent_max": _plain(intent_max_tenths),
    }
    return _svg("scorebar", 100, 6, label, parts)


def _svg(css: str, width: float, height: float, label: str, parts: Iterable[str]) -> SafeString:
    return format_html(
        '<svg class="{}" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" '
        'aria-label="{}">{}</svg>',
        css,
        f"{width:g}",
        f"{height:g}",
        label,
        format_html_join("", "{}", ((part,) for part in parts)),
    )


@register.simple_tag
def ledger_scale(lines: Iterable[Any]) -> float:
    """Pixels per point that fit every line of a ledger; lines need `points_tenths`."""
    values = [line.points_tenths / 10 for line in lines]
    highest, lowest = max([0.0, *values]), -min([0.0, *values])
    limits = [MINIBAR_UNIT]
    limits += [MINIBAR_RIGHT / highest] if highest else []
    limits += [MINIBAR_ZERO / lowest] if lowest else []
    return min(limits)


@register.simple_tag
@remembered
def minibar(value_tenths: int, dimension: str = "fit", scale: float = MINIBAR_UNIT) -> SafeString:
    """Bar of one ledger line: right of zero in its dimension's colour, left of it when negative."""
    width = abs(value_tenths) / 10 * scale
    css = "neg" if value_tenths < 0 else dimension
    start = MINIBAR_ZERO - width if value_tenths < 0 else MINIBAR_ZERO
    return format_html(
        '<svg class="minibar" viewBox="0 0 88 8" aria-hidden="true">{}{}</svg>',
        _rect("zero", MINIBAR_ZERO - 0.5, 1, 'height="8"'),
        _rect(css, start, width, 'y="1" height="6" rx="1.5"') if width else "",
    )


@register.simple_tag
def civ(rate: float, low: float, high: float, base: float, top: float | None = None) -> SafeString:
    """Rate with its 95% interval against a base line; all are shares between 0 and 1.

    top: upper end of the axis; give one value to all bars of a page so that they compare.
    """
    rate, low, high, base = float(rate), float(low), float(high), float(base)
    unit = INTERVAL_WIDTH / (top or axis_top(high, base))
    kind = "is-good" if low > base else "is-bad" if high < base else "is-flat"
    label = _("%(rate)s, interval %(low)s to %(high)s, base %(base)s") % {
        "rate": percent_text(rate, 1),
        "low": percent_text(low, 1),
        "high": percent_text(high, 1),
        "base": percent_text(base, 1),
    }
    parts = [
        _rect("rail", 0, INTERVAL_WIDTH, 'y="6" height="2"'),
        _rect("span", low * unit, (high - low) * unit, 'y="3" height="8" rx="2"'),
        _rect("pt", rate * unit - 1.5, 3, 'y="2" height="10"'),
        _rect("base", base * unit - 0.6, 1.2, 'height="14"'),
    ]
    return _svg(f"civ {kind}", INTERVAL_WIDTH, 14, label, parts)


@register.simple_tag
def progress(done: float, whole: float, label: str = "", css: str = "") -> SafeString:
    """A progress bar (`.bar`); the label is a sentence, `9 of 12` when left out."""
    share = min(max(done / whole, 0), 1) * 100 if whole else 0
    spoken = label or _("%(done)g of %(whole)g") % {"done": done, "whole": whole}
    parts = [
        _rect("track", 0, 100, 'height="6" rx="2"'),
        _rect("val", 0, share, 'height="6" rx="2"') if share else "",
    ]
    return _svg(f"bar {css}".strip(), 100, 6, spoken, parts)


@register.simple_tag
def answer_bar(confirmed: int, inferred: int, contradicted: int, unknown: int) -> SafeString:
    """Checklist progress: confirmed, inferred, contradicted, unknown side by side."""
    counts = [
        ("s-ok", confirmed),
        ("s-info", inferred),
        ("s-danger", contradicted),
        ("track", unknown),
    ]
    shown = [(css, count) for css, count in counts if count]
    unit = (100 - SEGMENT_GAP * (len(shown) - 1)) / max(sum(n for _css, n in shown), 1)
    parts, x = [], 0.0
    for css, count in shown:
        parts.append(_rect(css, x, count * unit, 'height="6" rx="1"'))
        x += count * unit + SEGMENT_GAP
    label = _(
        "%(confirmed)d confirmed, %(inferred)d inferred, %(contradicted)d contradicted, "
        "%(unknown)d unknown"
    ) % {
        "confirmed": confirmed,
        "inferred": inferred,
        "contradicted": contradicted,
        "unknown": unknown,
    }
    return _svg("bar segments", 100, 6, label, parts)


@register.simple_tag
def spark(values: Sequence[float], label: str, places: Sequence[float] | None = None) -> SafeString:
    """A spark line over values at these places from 0 to 1, else equally spaced; the label says in
    words what it shows. What is below zero stands at zero."""
    highest = max([1.0, *values])
    along = places or [i / max(len(values) - 1, 1) for i in range(len(values))]
    dots = [
        (4 + 264 * place, 32 - 26 * max(value, 0) / highest)
        for place, value in zip(along, values, strict=True)
    ]
    if not dots:
        return _svg("spark", 272, 36, label, [])
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in dots)
    last_x, last_y = dots[-1]
    parts = [
        format_html('<polygon class="area" points="4,36 {} {},36"/>', path, f"{last_x:.0f}"),
        format_html('<polyline class="line" points="{}"/>', path),
        format_html(
            '<circle class="end" cx="{}" cy="{}" r="2.6"/>', f"{last_x:.1f}", f"{last_y:.1f}"
        ),
    ]
    return _svg("spark", 272, 36, label, parts)


@register.simple_tag
def histogram(
    before: Sequence[int],
    after: Sequence[int],
    *,
    start_tenths: int,
    width_tenths: int,
    line_tenths: int,
    label: str,
) -> SafeString:
    """Two distributions over the same bins, side by side in each; a dashed mark at the queue line.

    Bin i covers `width_tenths` from `start_tenths` + i · `width_tenths`; the label says in words
    what it shows.
    """
    unit = PLOT_WIDTH / max(len(before), 1)
    highest = max([1, *before, *after])
    parts = _columns("hist-before", before, unit, highest, offset=0)
    parts += _columns("hist-after", after, unit, highest, offset=0.5)
    parts.append(_rule("axis", (0, PLOT_WIDTH), (PLOT_HEIGHT, PLOT_HEIGHT)))
    x = (line_tenths - start_tenths) / width_tenths * unit
    if 0 <= x <= PLOT_WIDTH:
        parts.append(_rule("threshold", (x, x), (0, PLOT_HEIGHT)))
    for place in range(0, len(before), max(1, len(before) // TICKS)):
        figure = _plain(start_tenths + place * width_tenths)
        at = (f"{place * unit:.1f}", f"{PLOT_HEIGHT + 14:g}")
        parts.append(format_html('<text x="{}" y="{}">{}</text>', *at, figure))
    return format_html(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>',
        f"{PLOT_WIDTH:g}",
        f"{PLOT_HEIGHT + PLOT_FOOT:g}",
        label,
        format_html_join("", "{}", ((part,) for part in parts)),
    )


def _columns(
    css: str, counts: Sequence[int], unit: float, highest: int, *, offset: float
) -> list[SafeString]:
    """The bars of one distribution, each half as wide as its bin."""
    columns = []
    for place, count in enumerate(counts):
        if count:
            height = max(count / highest * PLOT_HEIGHT, 1)
            more = f'y="{PLOT_HEIGHT - height:.1f}" height="{height:.1f}"'
            columns.append(_rect(css, (place + offset) * unit + 0.5, unit / 2 - 1, more))
    return columns


def _rule(css: str, x: tuple[float, float], y: tuple[float, float]) -> SafeString:
    """A straight line."""
    return format_html(
        '<line class="{}" x1="{}" x2="{}" y1="{}" y2="{}"/>',
        css,
        *(f"{value:.1f}" for value in (*x, *y)),
    )


@register.simple_tag
def rounds_plot(rounds: Sequence[Any]) -> SafeString:
    """Agreement by round, oldest first; without an interval where a round is too short for a share.

    Rounds need `agreed` with k, n and interval.
    """
    label = _("Agreement with the team in %(n)d rounds; the figures are in the table below.") % {
        "n": len(rounds)
    }
    agreed = [past.agreed for past in rounds]
    return _shares_plot([(share.k, share.n, share.interval) for share in agreed], label)


@register.simple_tag
def weeks_plot(weeks: Sequence[Any], base: float) -> SafeString:
    """Share of clocks met by week, oldest first, against the share of all. Weeks need `met`, `n`,
    `interval` and `label`."""
    label = _("Share of clocks met in %(n)d weeks; the figures are in the table below.") % {
        "n": len(weeks)
    }
    ends = (weeks[0].label, weeks[-1].label) if weeks else ()
    shares = [(week.met, week.n, week.interval) for week in weeks]
    return _shares_plot(shares, label, ends=ends, base=base)


def _shares_plot(
    shares: Sequence[tuple[int, int, tuple[float, float] | None]],
    label: str,
    *,
    ends: Sequence[str] = (),
    base: float | None = None,
) -> SafeString:
    """Shares (k of n) on an axis from 0 to 100 %: a dot with its interval, a smaller dot without
    one. `ends` names the first and the last, a line marks the `base`. The table beside it says it
    all."""
    unit = (PLOT_WIDTH - AXIS_WIDTH) / max(len(shares), 1)
    levels = [("grid", at) for at in (0, 0.5, 1)] + ([] if base is None else [("base", base)])
    parts = [_rule(css, (0, PLOT_WIDTH), (_height(at), _height(at))) for css, at in levels]
    for place, (k, n, interval) in enumerate(shares):
        x = AXIS_WIDTH + (place + 0.5) * unit
        if interval:
            low, high = interval
            parts.append(_rule("ci", (x, x), (_height(low), _height(high))))
        if n:
            y, radius = f"{_height(k / n):.1f}", min(4 if interval else 2.5, unit / 2)
            parts.append(
                format_html('<circle class="dot" cx="{}" cy="{}" r="{}"/>', f"{x:.1f}", y, radius)
            )
    for at in (0, 0.5, 1):
        place_y = f"{_height(at) - 3:.1f}"
        parts.append(format_html('<text x="0" y="{}">{}</text>', place_y, percent_text(at)))
    for text, x, css in zip(ends, (AXIS_WIDTH, PLOT_WIDTH), ("", "end"), strict=False):
        below = f"{PLOT_HEIGHT + 14:g}"
        parts.append(
            format_html('<text class="{}" x="{}" y="{}">{}</text>', css, f"{x:g}", below, text)
        )
    return format_html(
        '<svg class="chart is-small" viewBox="0 -14 {} {}" role="img" aria-label="{}">{}</svg>',
        f"{PLOT_WIDTH:g}",
        f"{PLOT_HEIGHT + PLOT_FOOT + (14 if ends else 0):g}",
        label,
        format_html_join("", "{}", ((part,) for part in parts)),
    )


def _height(share: float) -> float:
    """Where a share stands on the plot; all of it is at the top."""
    return PLOT_HEIGHT * (1 - share)
