"""Which opens and clicks of mails a machine did: agents, bursts, and what people do afterwards."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.intake.machines import (
    BURST_LINKS,
    BURST_REASON,
    BURST_WITHIN,
    SCANNER_AGENTS,
    SCANNER_REASON,
    MailAct,
    machine_acts,
)

START = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)
PERSON = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36"


def act(pk: int, seconds: float, **more: Any) -> MailAct:
    """A click on a link of its own."""
    at = START + dt.timedelta(seconds=seconds)
    plain = {"lead_id": 1, "type": "email_click", "mail": "m1", "link": f"l{pk}", "agent": ""}
    return MailAct(pk=pk, at=at, **{**plain, **more})


def test_many_links_within_seconds_are_a_machine() -> None:
    clicks = [act(number, number * 0.3) for number in range(BURST_LINKS)]
    assert machine_acts(clicks) == dict.fromkeys(range(BURST_LINKS), BURST_REASON)
    assert machine_acts(clicks[1:]) == {}


def test_an_open_amid_the_burst_is_the_machine_too_and_a_later_click_is_not() -> None:
    clicks = [act(number, number) for number in range(4)]
    opened = act(10, 1.5, type="email_open", link="")
    later = act(11, 60)
    assert set(machine_acts([later, opened, *clicks])) == {0, 1, 2, 3, 10}


@pytest.mark.parametrize(
    "clicks",
    [
        [act(number, number, link="same") for number in range(9)],  # one link, clicked impatiently
        [act(number, number * 4) for number in range(9)],  # one after the other
        [act(number, number, mail=f"m{number}") for number in range(9)],  # of different mails
        [act(number, number, lead_id=number) for number in range(9)],  # by different people
        [act(number, number, type="email_open") for number in range(9)],
        [act(number, number, link="") for number in range(9)],
    ],
)
def test_what_people_do_stays(clicks: list[MailAct]) -> None:
    assert machine_acts(clicks) == {}


def test_the_window_has_an_edge() -> None:
    edge = BURST_WITHIN.total_seconds()
    clicks = [act(0, 0), act(1, 1), act(2, 2)]
    assert len(machine_acts([*clicks, act(3, edge)])) == 4
    assert machine_acts([*clicks, act(3, edge + 0.001)]) == {}


@pytest.mark.parametrize(
    "agent",
    [
        "BarracudaCentral/1.0",
        "Mozilla/5.0 (compatible; Proofpoint URL Defense)",
        "Mozilla/5.0 Chrome/100 BingPreview/1.0b",
        "python-requests/2.31",
        "curl/8.4.0",
    ],
)
def test_a_scanner_that_says_so_is_one(agent: str) -> None:
    assert machine_acts([act(1, 0, agent=agent)]) == {1: SCANNER_REASON}


@pytest.mark.parametrize(
    "agent",
    [PERSON, "", "Mozilla/5.0 (Linux; Android 13; CUBOT NOTE 7)", "GoogleImageProxy", "Outlook 16"],
)
def test_people_and_their_mail_hosts_are_none(agent: str) -> None:
    assert not SCANNER_AGENTS.search(agent)


def test_what_somebody_judged_stays_as_judged() -> None:
    clicks = [act(number, 0, is_judged=number == 2) for number in range(4)]
    assert set(machine_acts(clicks)) == {0, 1, 3}


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 5), st.booleans(), st.integers(0, 1)),
        max_size=14,
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_of_arrival_does_not_matter(
    drawn: list[tuple[int, int, bool, int]], random: Any
) -> None:
    acts = [
        act(pk, seconds, link=f"l{link}", type="email_click" if clicked else "email_open", mail=m)
        for pk, (seconds, link, clicked, number) in enumerate(drawn)
        for m in [f"m{number}"]
    ]
    shuffled = list(acts)
    random.shuffle(shuffled)
    judged: set[int] = set()
    for arrived, _ in pairwise(range(len(acts) + 2)):
        judged |= set(machine_acts(shuffled[:arrived]))
    assert judged == set(machine_acts(acts)) == by_definition(acts)


def by_definition(acts: list[MailAct]) -> set[int]:
    """Every act of a mail that shares ten seconds with four links of it, tried out one by one."""
    found = set()
    for first in acts:
        stretch = [
            other
            for other in acts
            if other.mail == first.mail
            and dt.timedelta(0) <= other.at - first.at <= dt.timedelta(seconds=10)
        ]
        if len({a.link for a in stretch if a.type == "email_click"}) >= 4:
            found |= {a.pk for a in stretch}
    return found
