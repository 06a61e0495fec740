"""What counts as good when a version is judged: the decision, a deal won, a client who stayed."""

from __future__ import annotations

import datetime as dt
import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from crm.clock import stamp_history
from crm.models import Lead, Outcome
from qualification.exceptions import LabelInvalid
from qualification.feedback.backtest import backtest
from qualification.feedback.labels import Label, labelled_decisions, read_label
from tests.factories import NOW, SourceFactory
from tests.qualification.feedback_support import decide, live_model

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)
LATER = NOW + 400 * DAY


def told(lead: Lead, value: str, *, after: int, months: int | None = None) -> None:
    source = SourceFactory()
    at = NOW + after * DAY
    Outcome.objects.create(
        lead=lead, value=value, months=months, source=source, recorded_at=at, occurred_at=at
    )


def labels(text: str, now: dt.datetime = LATER) -> dict[int, bool]:
    rows = labelled_decisions(read_label(text), now=now)
    return {row.lead_id: row.is_accepted for row in rows}


def test_each_label_asks_for_its_own_fact(people, team) -> None:
    made = decide(
        live_model(),
        [("accept", ["big"])] * 6 + [("wrong_industry", [])],
        by=people["sdr"],
        ae=people["ae"],
        team=team,
    )
    open_, lost, won, stayed, left, young, rejected = (decision.lead for decision in made)
    told(open_, "opportunity", after=3)
    told(lost, "lost", after=5)
    for lead, after in ((won, 10), (stayed, 10), (left, 10), (young, 350)):
        told(lead, "won", after=after)
    told(won, "retained", after=130, months=3)
    told(stayed, "retained", after=380, months=12)
    everybody = {decision.lead_id for decision in made}
    assert labels("accepted") == dict.fromkeys(everybody - {rejected.pk}, True) | {
        rejected.pk: False
    }
    assert labels("won") == {lost.pk: False} | {
        lead.pk: True for lead in (won, stayed, left, young)
    }
    # A year is over for those won on day 10, not for the young one; three months prove no twelve.
    assert labels("retained:12") == {
        lost.pk: False,
        won.pk: False,
        stayed.pk: True,
        left.pk: False,
    }
    assert labels("retained:3")[won.pk] is True


def test_what_was_told_later_is_not_known_yet(people, team) -> None:
    (decision,) = decide(
        live_model(), [("accept", ["big"])], by=people["sdr"], ae=people["ae"], team=team
    )
    told(decision.lead, "won", after=30)
    assert labels("won", NOW + 29 * DAY) == {}
    assert labels("won", NOW + 30 * DAY) == {decision.lead_id: True}


@pytest.mark.parametrize("text", ["", "sold", "retained", "retained:0", "retained:x", "won:3"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(LabelInvalid):
        read_label(text)


def test_a_version_is_judged_by_what_became_of_leads(people, team, settings) -> None:
    settings.LEADQUAL = {**settings.LEADQUAL, "EVIDENCE_MIN_DECISIONS": 20}
    active = live_model()
    draft = live_model({"big": ("fit", "10.0"), "asked": ("intent", "-20.0")}, version=2)
    type(active).objects.filter(pk=active.pk).update(status="retired", retired_at=NOW)
    stamp_history(NOW)
    # Those who asked are accepted all the same, and lost.
    made = decide(
        draft,
        [("accept", ["big"])] * 15 + [("accept", ["big", "asked"])] * 15,
        by=people["sdr"],
        ae=people["ae"],
        team=team,
    )
    for number, decision in enumerate(made):
        told(decision.lead, "won" if number < 15 else "lost", after=20)
    found = backtest(draft, now=LATER, label=Label("won"))
    assert found is not None
    assert found.judged is not None
    assert (found.judged.n, found.judged.accepted) == (30, 15)
    assert found.judged.areas[0].value == 1.0
    by_decision = backtest(draft, now=LATER)
    assert by_decision is not None
    assert by_decision.judged is None  # all were accepted: nothing to compare
    out = StringIO()
    call_command("backtest", "2", "--label", "won", "--json", stdout=out)
    assert json.loads(out.getvalue())["label"] == "won"
    with pytest.raises(CommandError, match="--label"):
        call_command("backtest", "2", "--label", "sold", stdout=out)
