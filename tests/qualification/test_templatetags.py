"""Template tags: wording of figures, markup of icons, clocks, grades, people, charts."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from django.template import Context, Template

from qualification.sla.faces import Face
from qualification.templatetags import figures
from qualification.templatetags.leadqual import capped

NOW = datetime(2026, 11, 24, 15, 51, 20, tzinfo=UTC)
TEN_MINUTES = timedelta(minutes=10)


def drawn(source: str, **context: object) -> str:
    return Template("{% load leadqual charts %}" + source).render(Context(context))


def parsed(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(markup)  # noqa: S314 - our own markup


def element(source: str, **context: object) -> ElementTree.Element:
    return parsed(drawn(source, **context).replace("data-clock", 'data-clock=""'))


# --- figures -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tenths", "signed", "total"),
    [
        (200, "+20.0", "20.0"),
        (-65, "−6.5", "−6.5"),
        (0, "0.0", "0.0"),
        (-4, "−0.4", "−0.4"),
        (865, "+86.5", "86.5"),
    ],
)
def test_it_prints_tenths_with_one_decimal_and_true_minus(tenths, signed, total):
    assert figures.signed_tenths(tenths) == signed
    assert figures.unsigned_tenths(tenths) == total
    assert drawn("{{ v|tenths }} {{ v|tenths_total }}", v=tenths) == f"{signed} {total}"


@pytest.mark.parametrize(
    ("points", "tenths"), [(Decimal("8.0"), 80), (Decimal("-6.5"), -65), (7.85, 78), (1, 10)]
)
def test_it_turns_points_into_tenths(points, tenths):
    assert figures.tenths_of(points) == tenths


def test_it_prints_decimal_points_like_tenths():
    assert drawn("{{ v|points }} {{ v|points_total }}", v=Decimal("12")) == "+12.0 12.0"


def test_it_prints_a_dash_for_a_total_that_is_not_known():
    source = "{{ v|tenths_total }}{{ v|points_total }}{{ v|duration }}{{ v|percent }}"
    assert drawn(source, v=None) == "––––"


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(minutes=48, seconds=59), "48 m"),
        (timedelta(hours=1, minutes=4), "1 h 04 m"),
        (timedelta(hours=3), "3 h"),
        (timedelta(days=3, hours=4, minutes=30), "3 d 4 h"),
        (timedelta(days=2), "2 d"),
        (timedelta(minutes=-18, seconds=-20), "−18 m"),
        (timedelta(seconds=-1), "−1 m"),
        (timedelta(0), "0 m"),
    ],
)
def test_it_words_a_length_of_time(length, text):
    assert figures.duration_text(length) == text


@pytest.mark.parametrize(
    ("left", "text"),
    [
        (timedelta(minutes=6, seconds=40), "06:40"),
        (timedelta(minutes=14, seconds=59.9), "14:59"),
        (timedelta(minutes=15), "15 m"),
        (timedelta(hours=1, minutes=20), "1 h 20 m"),
        (timedelta(0), "00:00"),
        (timedelta(minutes=-4), "−4 m"),
    ],
)
def test_it_counts_down_in_seconds_below_a_quarter_of_an_hour(left, text):
    assert figures.countdown_text(left) == text


@pytest.mark.parametrize(
    ("share", "decimals", "text"),
    [(0.314, 0, "31%"), (0.314, 1, "31.4%"), (Decimal("-0.02"), 0, "−2%"), (-0.0001, 0, "0%")],
)
def test_it_prints_percent(share, decimals, text):
    assert figures.percent_text(share, decimals) == text


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Maya Lindqvist", "ML"),
        ("J. Kowalski", "JK"),
        ("maya", "M"),
        ("", "?"),
        ("Ana de la O", "AO"),
    ],
)
def test_it_takes_initials(name, letters):
    assert figures.initials_of(name) == letters


def test_it_keeps_the_hue_of_a_name():
    assert figures.hue_of("Maya") == figures.hue_of("Maya")
    assert {figures.hue_of(f"name {n}") for n in range(50)} == {1, 2, 3, 4, 5}


def test_it_opens_the_axis_until_the_highest_share_fits():
    assert figures.axis_top(0.2, 0.31) == 0.6
    assert figures.axis_top(0.61) == 0.7
    assert figures.axis_top(0.7) == 0.7
    assert figures.axis_top(0.99) == 1.0


# --- icons and chips ---------------------------------------------------------------------------


def test_it_hides_an_icon_from_screen_readers():
    svg = element('{% icon "clock" "sm" %}')
    assert svg.get("class") == "icon sm"
    assert svg.get("aria-hidden") == "true"
    assert svg.get("role") is None


def test_it_names_an_icon_that_carries_meaning():
    svg = element('{% icon "badge-check" label=label %}', label='Verified "today" <b>')
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == 'Verified "today" <b>'
    assert svg.get("aria-hidden") is None


def test_it_refuses_an_unknown_icon():
    with pytest.raises(Exception, match="does not exist"):
        drawn('{% icon "no-such-icon" %}')


def test_it_escapes_rule_names():
    assert "<b>" not in drawn("{% sig 120 name %}", name="<b>Industry</b>")


@pytest.mark.parametrize(("value", "css"), [(200, "pts"), (-65, "pts neg"), (0, "pts zero")])
def test_it_colours_points_by_sign(value, css):
    assert element("{% pts v %}", v=value).get("class") == css


def test_it_draws_a_grade_with_both_halves_in_words():
    halves = element('{% grade "B1" "lg" %}')
    assert halves.get("class") == "grade lg"
    assert [half.get("class") for half in halves] == ["gf g2", "gn g1", "sr"]
    assert "".join(halves.itertext()) == "B1 fit B, intent 1"


def test_it_draws_a_dash_for_a_blank_grade():
    assert "".join(element("{% grade g %}", g="").itertext()) == "–no grade"


@pytest.mark.parametrize(
    ("due_in", "state", "text"),
    [
        (timedelta(minutes=-18), "breached", "Breached: −18 m"),
        (timedelta(minutes=6, seconds=40), "warn", "Due soon: 06:40"),
        (timedelta(minutes=22), "ok", "On time: 22 m"),
    ],
)
def test_it_draws_a_running_clock(due_in, state, text):
    chip = element("{% sla_chip due now=now %}", due=NOW + due_in, now=NOW)
    assert chip.get("data-state") == state
    assert datetime.fromisoformat(chip.get("data-due", "")) == NOW + due_in
    assert "".join(chip.itertext()).strip() == text


def test_it_counts_business_time_only_when_closed_hours_lie_ahead():
    source = "{% sla_chip due face=face now=now %}"
    face = Face(left=TEN_MINUTES, opens_at=None, has_begun=True)
    chip = element(source, due=NOW + timedelta(hours=16), face=face, now=NOW)
    assert chip.get("data-state") == "warn"
    assert datetime.fromisoformat(chip.get("data-due", "")) == NOW + TEN_MINUTES


def test_it_shows_no_deadline_on_a_paused_clock():
    chip = element("{% sla_chip due paused=True now=now %}", due=NOW, now=NOW)
    assert chip.get("data-state") == "paused"
    assert chip.get("data-due") is None
    assert "".join(chip.itertext()).strip() == "Paused: paused"


@pytest.mark.parametrize(
    ("has_begun", "text"), [(False, "starts Mon 09:00"), (True, "until Mon 09:00")]
)
def test_it_says_when_a_closed_calendar_opens(has_begun: bool, text: str):
    opens_at = datetime(2026, 11, 16, 9, tzinfo=UTC)
    face = Face(left=TEN_MINUTES, opens_at=opens_at, has_begun=has_begun)
    chip = element("{% sla_chip due face=face now=now %}", due=NOW, face=face, now=NOW)
    assert chip.get("data-state") == "paused"
    assert chip.get("data-due") is None
    assert text in "".join(chip.itertext())


def test_it_draws_a_dash_without_a_clock():
    assert "sla" not in drawn("{% sla_chip due %}", due=None)


def test_it_counts_down_to_a_moment_and_stops_at_zero():
    assert ">24 m<" in drawn("{% countdown t n %}", t=NOW + timedelta(minutes=24), n=NOW)
    assert ">0 m<" in drawn("{% countdown t n %}", t=NOW - TEN_MINUTES, n=NOW)


# --- people and messages -----------------------------------------------------------------------


def test_it_draws_a_dashed_circle_for_nobody():
    assert element("{% avatar p %}", p=None).get("class") == "avatar void"


def test_it_draws_several_people():
    faces = element("{% avatars p %}", p=["Maya Lindqvist", "Jonas Weber"])
    assert [face.text for face in faces] == ["ML", "JW"]


def test_it_takes_only_a_local_undo_address_from_a_message():
    good = SimpleNamespace(extra_tags="success undo:/leads/5/undo/")
    bad = SimpleNamespace(extra_tags="undo:https://elsewhere.example/")
    assert drawn("{{ m|undo_url }}", m=good) == "/leads/5/undo/"
    assert drawn("{{ m|undo_url }}", m=bad) == ""


# --- charts ------------------------------------------------------------------------------------


def rects(svg: ElementTree.Element) -> dict[str, tuple[float, float]]:
    return {
        str(r.get("class")): (float(r.get("x", 0)), float(r.get("width", 0)))
        for r in svg.iter("rect")
    }


def test_it_draws_fit_then_intent_up_to_the_score():
    svg = element("{% scorebar 365 500 mark_tenths=700 %}")
    parts = rects(svg)
    assert svg.get("aria-label") == "Fit 36.5 of 50, intent 50 of 50"
    assert parts["fit"] == (0, 36.5)
    assert sum(parts["intent"]) == pytest.approx(86.5)
    assert parts["mark"] == (69.6, 0.8)


def test_it_draws_nothing_for_negative_sides_and_stays_inside():
    parts = rects(element("{% scorebar -50 900 %}"))
    assert parts["fit"] == (0, 0)
    assert sum(parts["intent"]) <= 100


def test_it_draws_ledger_bars_from_a_common_zero():
    assert rects(element('{% minibar 100 "fit" %}'))["fit"] == (24, 30)
    x, width = rects(element('{% minibar -65 "fit" %}'))["neg"]
    assert x + width == pytest.approx(24)


@pytest.mark.parametrize("extremes", [(200, -65), (450, -65), (100, -300), (0, 0)])
def test_it_scales_a_ledger_so_that_every_bar_fits(extremes):
    lines = [SimpleNamespace(points_tenths=value) for value in extremes]
    bars = "{% for l in lines %}{% minibar l.points_tenths 'fit' s %}{% endfor %}"
    source = "{% ledger_scale lines as s %}" + bars
    svgs = parsed(f"<p>{drawn(source, lines=lines)}</p>")
    for svg in svgs:
        for x, width in rects(svg).values():
            assert x >= 0
            assert x + width <= 88


@pytest.mark.parametrize(
    ("low", "high", "kind"),
    [(0.071, 0.175, "is-bad"), (0.387, 0.495, "is-good"), (0.253, 0.482, "is-flat")],
)
def test_it_colours_an_interval_by_where_it_lies_to_the_base(low, high, kind):
    svg = element("{% civ 0.3 low high 0.314 top=0.6 %}", low=low, high=high)
    x, width = rects(svg)["span"]
    assert svg.get("class") == f"civ {kind}"
    assert x == pytest.approx(low / 0.6 * 200, abs=0.05)
    assert x + width == pytest.approx(high / 0.6 * 200, abs=0.1)


def test_it_fills_the_whole_answer_bar():
    parts = list(element("{% answer_bar 3 2 1 2 %}").iter("rect"))
    assert len(parts) == 4
    end = float(parts[-1].get("x", 0)) + float(parts[-1].get("width", 0))
    assert end == pytest.approx(100, abs=0.2)


def test_it_draws_progress_of_nothing_without_failing():
    assert "val" not in rects(element("{% progress 0 0 %}"))
    assert rects(element("{% progress 9 12 %}"))["val"] == (0, 75)


def test_it_draws_a_spark_line_without_values():
    assert element('{% spark values "none yet" %}', values=[]).get("aria-label") == "none yet"


def test_it_writes_no_style_or_handler():
    source = (
        '{% icon "clock" %}{% grade "A1" %}{% scorebar 1 2 %}{% civ 0.1 0 0.2 0.3 %}'
        '{% avatar "A B" %}'
    )
    assert "style=" not in drawn(source)
    assert " on" not in drawn(source).replace(" one", "")


def test_a_capped_count_says_that_there_are_more() -> None:
    assert [capped(count) for count in (None, 0, 1000, 1001)] == [
        "",
        "0",
        "1,000",
        "1,000+",
    ]


# --- open time, balances, addresses ------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes", "text"),
    [(0, "0 m"), (45, "45 m"), (60, "1 h"), (90, "1 h 30 m"), (2880, "48 h"), (4805, "80 h 05 m")],
)
def test_open_time_is_never_in_days(minutes: int, text: str) -> None:
    assert drawn("{{ n|open_time }}", n=minutes) == text


@pytest.mark.parametrize(
    ("owed", "text"), [(Decimal("0.333"), "0.33"), (-0.333, "−0.33"), (0, "0.00"), (None, "–")]
)
def test_a_balance_has_a_true_minus(owed: object, text: str) -> None:
    assert drawn("{{ n|balance }}", n=owed) == text


@pytest.mark.parametrize(
    ("address", "is_one"),
    [
        ("https://a.example", True),
        ("HTTP://a.example", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("a.example", False),
        ("", False),
        (None, False),
    ],
)
def test_only_web_addresses_become_links(address: object, is_one: bool) -> None:
    assert drawn("{{ a|is_web_address }}", a=address) == str(is_one)
