"""Knows when a person can act on a lead: their clock, their team's openings, the lead's own day."""

from __future__ import annotations

from datetime import datetime

from crm.models import Lead, User
from qualification.exceptions import BusinessTimeInvalid
from qualification.review.contact_hours import windows_now, zone_of_lead
from qualification.review.next_steps import Reach
from qualification.sla.business_time import next_open
from qualification.sla.hours import hours_of_teams
from qualification.zones import zone_named


def reach_of(lead: Lead, *, by: User) -> Reach:
    """What times of next steps are worked out from, in three queries."""
    calendar = hours_of_teams([lead.team_id])[lead.team_id].calendar

    def next_open_or_same(at: datetime) -> datetime:
        try:
            return next_open(calendar, at)
        except BusinessTimeInvalid:  # closed for ten years: a step then comes when it comes
            return at

    found = zone_of_lead(lead)
    return Reach(
        zone=zone_named(by.time_zone),
        next_open=next_open_or_same,
        lead_zone=found.zone if found else None,
        windows=windows_now(),
    )
