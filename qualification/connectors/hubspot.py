"""Speaks to HubSpot: contact, company and deal by a unique property, linked; closed deals read.

Wants a private app token with read and write rights on contacts, companies and deals, and the
property `leadqual_id` (one line of text, unique) on all three.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from django.utils.dateparse import parse_datetime

from qualification.connectors.base import Access, Changes, Forgotten, Parcel, ToldOutcome
from qualification.connectors.hubspot_calls import Calls, Conflict, Gone
from qualification.outbox.http import Refused

OUR_ID = "leadqual_id"
PAGE, PAGES = 100, 5
# The search index of HubSpot lags behind; what is read twice is told once.
LAG = timedelta(minutes=2)
DESCRIPTION_LENGTH = 10_000


class HubSpot:
    """The connector; it keeps nothing between two calls."""

    label = "HubSpot"
    # `stage` is where a new deal stands, `opportunity_stage` the one from which it is an
    # opportunity; the ids are those of HubSpot's own first pipeline.
    defaults: Mapping[str, Any] = {
        "pipeline": "default",
        "stage": "appointmentscheduled",
        "opportunity_stage": "qualifiedtobuy",
    }
    reads_outcomes = True

    def deliver(self, parcel: Parcel, access: Access) -> dict[str, str]:
        """Company, contact, deal, then the lines between them; each again changes nothing."""
        calls = Calls(access)
        found = {}
        if parcel.account_id is not None:
            found["account"] = _put_company(calls, parcel)
        found["lead"] = _put_contact(calls, parcel)
        found["handoff"] = _put_deal(calls, parcel, access.options)
        _associate(calls, found)
        return found

    def forget(self, person: Forgotten, access: Access) -> None:
        """Deletes the contact for good and takes its name and words out of our deals, whose figures
        stay. What HubSpot keeps besides (docs/crm.md) is deleted there by hand."""
        calls = Calls(access)
        for key, known in person.handoffs.items():
            deal = known or calls.find("deals", by=OUR_ID, key=key)
            if deal:
                _forget_deal(calls, deal, person.lead_id)
        _forget_contact(calls, person)

    def try_out(self, access: Access) -> None:
        """Whether the property is there on all three kinds, which needs a valid token too."""
        calls = Calls(access)
        for kind in ("contacts", "companies", "deals"):
            try:
                found = calls.send("GET", f"/crm/v3/properties/{kind}/{OUR_ID}")
            except Gone:
                raise Refused(f"{kind} have no property {OUR_ID}") from None
            if not found.get("hasUniqueValue"):
                raise Refused(f"the property {OUR_ID} of {kind} is not unique")

    def changes_since(self, access: Access, since: datetime) -> Changes:
        """Deals of ours changed since then, at most 500 at once."""
        calls, stage = Calls(access), str(access.options["opportunity_stage"])
        outcomes: list[ToldOutcome] = []
        until, after = since, ""
        for _page in range(PAGES):
            found = calls.send("POST", "/crm/v3/objects/deals/search", _search(since, stage, after))
            for deal in found.get("results") or []:
                properties = deal.get("properties") or {}
                outcomes += _outcomes_of(str(deal["id"]), properties, stage)
                until = max(until, _moment(properties.get("hs_lastmodifieddate")) or until)
            after = str(((found.get("paging") or {}).get("next") or {}).get("after") or "")
            if not after:
                return Changes(tuple(outcomes), until=max(since, until - LAG))
        return Changes(tuple(outcomes), until=until, is_all=False)


def _forget_contact(calls: Calls, person: Forgotten) -> None:
    key = f"lead:{person.lead_id}"
    theirs = person.vendor_id or calls.find("contacts", by=OUR_ID, key=key)
    if not theirs:
        return
    try:
        calls.send("POST", "/crm/v3/objects/contacts/gdpr-delete", {"objectId": theirs})
    except Gone:
        # Deleted before; unless it is still there and the path is what is missing.
        if calls.find("contacts", by=OUR_ID, key=key):
            raise


def _forget_deal(calls: Calls, deal: str, lead_id: int) -> None:
    """A deal that is gone there has nothing to forget."""
    with suppress(Gone):
        _change(calls, "deals", deal, {"dealname": f"Lead {lead_id}", "description": ""})


def _put_company(calls: Calls, parcel: Parcel) -> str:
    """The company, by our id; one HubSpot has under the same domain already becomes ours."""
    key, properties = f"account:{parcel.account_id}", _company(parcel.packet.get("account") or {})
    if "account" not in parcel.links and properties.get("domain"):
        theirs = _company_of_domain(calls, properties["domain"])
        if theirs:
            return _change(calls, "companies", theirs, {**properties, OUR_ID: key})
    return calls.upsert("companies", by=OUR_ID, key=key, properties=properties)


def _put_contact(calls: Calls, parcel: Parcel) -> str:
    """The contact, by our id; one HubSpot has under the same address already becomes ours."""
    key, properties = f"lead:{parcel.lead_id}", _contact(parcel.packet.get("lead") or {})
    try:
        return calls.upsert("contacts", by=OUR_ID, key=key, properties=properties)
    except Conflict as conflict:
        if not conflict.existing:
            raise
        return _change(calls, "contacts", conflict.existing, {**properties, OUR_ID: key})


def _put_deal(calls: Calls, parcel: Parcel, options: Mapping[str, Any]) -> str:
    """The deal, by the key of the handoff. Only a new one gets a stage: one that an attempt whose
    answer was lost has made, and that moved on since, must not go back."""
    key, properties = parcel.handoff_key, _deal(parcel, options)
    if parcel.links.get("handoff") or calls.find("deals", by=OUR_ID, key=key):
        del properties["pipeline"], properties["dealstage"]
    return calls.upsert("deals", by=OUR_ID, key=key, properties=properties)


def _company_of_domain(calls: Calls, domain: str) -> str:
    """The id of a company without our id that has this domain; blank when there is none."""
    wanted = [
        {"propertyName": "domain", "operator": "EQ", "value": domain},
        {"propertyName": OUR_ID, "operator": "NOT_HAS_PROPERTY"},
    ]
    body = {"filterGroups": [{"filters": wanted}], "properties": ["domain"], "limit": 1}
    results = calls.send("POST", "/crm/v3/objects/companies/search", body).get("results") or []
    return str(results[0]["id"]) if results else ""


def _change(calls: Calls, kind: str, pk: str, properties: Mapping[str, Any]) -> str:
    calls.send("PATCH", f"/crm/v3/objects/{kind}/{quote(pk)}", {"properties": dict(properties)})
    return pk


def _associate(calls: Calls, found: Mapping[str, str]) -> None:
    """Draws the lines between them; one that is there stays."""
    pairs = [("deals", "handoff", "contacts", "lead")]
    if "account" in found:
        pairs.append(("deals", "handoff", "companies", "account"))
        pairs.append(("contacts", "lead", "companies", "account"))
    for kind, name, other_kind, other in pairs:
        ours, theirs = quote(found[name]), quote(found[other])
        calls.send(
            "PUT", f"/crm/v4/objects/{kind}/{ours}/associations/default/{other_kind}/{theirs}"
        )


# --- our words in theirs --------------------------------------------------------------------------


def _known(properties: Mapping[str, Any]) -> dict[str, Any]:
    """What is known: HubSpot would empty a property that is sent blank."""
    return {name: value for name, value in properties.items() if value not in (None, "")}


def _contact(person: Mapping[str, Any]) -> dict[str, Any]:
    first, _blank, last = str(person.get("name") or "").rpartition(" ")
    return _known(
        {
            "email": person.get("email"),
            "firstname": first,
            "lastname": last,
            "phone": person.get("phone"),
            "jobtitle": person.get("title"),
            "company": person.get("company"),
            "city": person.get("city"),
            "country": person.get("country"),
        }
    )


def _company(account: Mapping[str, Any]) -> dict[str, Any]:
    return _known(
        {
            "name": account.get("name"),
            "domain": _domain(str(account.get("website") or "")),
            "numberofemployees": account.get("employees"),
            "city": account.get("city"),
            "country": account.get("country"),
        }
    )


def _domain(website: str) -> str:
    """`https://www.example.com/x` → `example.com`."""
    host = website.strip().lower().rpartition("://")[2].partition("/")[0]
    return host.removeprefix("www.")


def _deal(parcel: Parcel, options: Mapping[str, Any]) -> dict[str, Any]:
    packet = parcel.packet
    person, account = packet.get("lead") or {}, packet.get("account") or {}
    company = account.get("name") or person.get("company")
    name = f"{company}, {person.get('name')}" if company else str(person.get("name") or "")
    return _known(
        {
            "dealname": name,
            "pipeline": options["pipeline"],
            "dealstage": options["stage"],
            "description": _description(packet),
        }
    )


def _description(packet: Mapping[str, Any]) -> str:
    """What the AE reads in one text: opening, note, answers."""
    opening = (packet.get("opening") or {}).get("text", "")
    answers = [
        f"{answer.get('label')}: {answer.get('words')} ({answer.get('state')})"
        for answer in packet.get("answers") or []
    ]
    parts = [opening, str(packet.get("note") or ""), "\n".join(answers)]
    return "\n\n".join(part for part in parts if part)[:DESCRIPTION_LENGTH]


# --- their words in ours --------------------------------------------------------------------------


def _search(since: datetime, stage: str, after: str) -> dict[str, Any]:
    changed = {
        "propertyName": "hs_lastmodifieddate",
        "operator": "GTE",
        "value": str(int(since.timestamp() * 1000)),
    }
    ours = {"propertyName": OUR_ID, "operator": "HAS_PROPERTY"}
    body: dict[str, Any] = {
        "filterGroups": [{"filters": [changed, ours]}],
        "sorts": [{"propertyName": "hs_lastmodifieddate", "direction": "ASCENDING"}],
        "properties": [
            OUR_ID,
            "closedate",
            "hs_is_closed",
            "hs_is_closed_won",
            "hs_lastmodifieddate",
            f"hs_v2_date_entered_{stage}",
        ],
        "limit": PAGE,
    }
    return {**body, "after": after} if after else body


def _outcomes_of(pk: str, properties: Mapping[str, Any], stage: str) -> Iterator[ToldOutcome]:
    """What a deal says: since when it is an opportunity, when and how it closed."""
    ref = str(properties.get(OUR_ID) or "")
    entered = _moment(properties.get(f"hs_v2_date_entered_{stage}"))
    if entered:
        yield ToldOutcome(pk, "opportunity", entered, ref)
    closed = _moment(properties.get("closedate"))
    if closed and properties.get("hs_is_closed_won") == "true":
        yield ToldOutcome(pk, "won", closed, ref)
    elif closed and properties.get("hs_is_closed") == "true":
        yield ToldOutcome(pk, "lost", closed, ref)


def _moment(text: Any) -> datetime | None:
    """A time as HubSpot writes it: ISO 8601, or milliseconds since 1970."""
    told = str(text or "")
    if told.isdigit() and len(told) < 16:
        return datetime.fromtimestamp(int(told) / 1000, tz=UTC)
    try:
        found = parse_datetime(told)
    except ValueError:
        return None
    return None if found is None else found.replace(tzinfo=found.tzinfo or UTC)
