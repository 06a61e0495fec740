"""The market of the demo company: who writes in, what they do, and what they are really worth.

Drawn from a seeded generator, knowing nothing of the scoring rules: some rules turn out right,
some wrong, as in life. Pure; called by `qualification/demo/seed.py`.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, field, replace
from typing import Any

from faker import Faker

from qualification.demo import company
from qualification.demo.company import DemoSource

BUYING_INDUSTRIES = company.INDUSTRIES[:6]
SIZES = (12, 28, 45, 90, 180, 320, 640, 1150, 2400, 5200)
CHANNELS = {"Webinar": "Event", "Partner referral": "Partner", "Paid social US": "Paid social"}
FREE_HOSTS = ("gmail.com", "outlook.com", "gmx.de")
SCHOOL_HOST = "logistics-campus.edu"
UNSERVED = "Iran"
# Every so many people one is somebody who wrote before, from an address of their own this time.
TWICE = 15
LINKS = ("/pricing", "/customers", "/docs/integrations", "/webinar", "/imprint")


@dataclass(frozen=True)
class Company:
    """A company of the market."""

    name: str
    domain: str
    industry: str
    employees: int
    country: str
    sites: int


@dataclass(frozen=True)
class Step:
    """Something a person did: minutes after the first inquiry, activity type, properties."""

    minutes: int
    type: str
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Inquirer:
    """A person who writes in, with the truth about them that no rule sees."""

    number: int
    source: DemoSource
    company: Company
    first_name: str
    last_name: str
    email: str
    phone: str
    title: str
    seniority: str
    department: str
    topic: str
    steps: tuple[Step, ...]
    opted_out: bool
    is_worth_it: bool
    why_not: str  # key of a rejection reason

    def message(self, step: Step, at: dt.datetime, *, is_first: bool) -> dict[str, Any]:
        """The webhook body for one step."""
        body: dict[str, Any] = {
            "event_id": "-".join(
                [
                    *(self.source.name, str(self.number), str(step.minutes), step.type),
                    str(step.properties.get("link", "")),
                ]
            ),
            "external_id": f"P{self.number}",
            "email": self.email,
            "type": step.type,
            "occurred_at": at.isoformat(),
            "properties": step.properties,
        }
        if is_first:
            body |= {
                "first_name": self.first_name,
                "last_name": self.last_name,
                "phone": self.phone,
                "title": self.title,
                "seniority": self.seniority,
                "department": self.department,
                "company": self.company.name,
                "website": f"https://www.{self.company.domain}/",
                "industry": self.company.industry,
                "employees": self.company.employees,
                "country": self.company.country,
                "channel": CHANNELS.get(self.source.label, "Website"),
                "topic": self.topic,
                "opted_out": self.opted_out,
                "attributes": {"sites": self.company.sites},
            }
        return body


class Market:
    """Draws companies and people; the same seed draws the same market."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311
        self.faker = Faker(["de_DE", "en_GB", "nl_NL", "es_ES", "en_US"])
        self.faker.seed_instance(seed)
        self.companies: dict[str, list[Company]] = {team: [] for team in company.TEAMS}
        self.called: dict[str, Inquirer] = {}

    def inquirer(self, number: int) -> Inquirer:
        """One more person who writes in; now and then one who did before."""
        made = self._somebody(number)
        teams = list(company.TEAMS)
        # Every other time the first inquiry is with another team.
        shift = number % (2 * TWICE) // TWICE
        team = teams[(teams.index(made.source.team) + shift) % len(teams)]
        before = self.called.get(team)
        if before is not None and number % TWICE == TWICE - 1:
            address = (
                f"{_ascii(f'{before.first_name}.{before.last_name}.{number}')}@{FREE_HOSTS[0]}"
            )
            made = replace(
                made,
                first_name=before.first_name,
                last_name=before.last_name,
                phone=before.phone,
                email=address,
                company=made.company if shift else before.company,
            )
        elif made.phone:
            self.called[made.source.team] = made
        return made

    def _somebody(self, number: int) -> Inquirer:
        draw = self.random
        source = draw.choices(company.SOURCES, [s.share for s in company.SOURCES])[0]
        firm = self._company(source.team)
        title, seniority, department = draw.choices(
            company.TITLES, (5, 10, 12, 12, 14, 8, 12, 10, 6)
        )[0]
        first, last = self.faker.first_name(), self.faker.last_name()
        is_free = seniority == "Student" or draw.random() < 0.1
        host = draw.choice(FREE_HOSTS) if is_free else firm.domain
        if seniority == "Student" and draw.random() < 0.5:
            host = SCHOOL_HOST
        local = _ascii(f"{first}.{last}.{number}" if is_free else f"{first}.{last}{number}")
        steps = self._journey(source, seniority)
        is_worth_it, why_not = self._truth(firm, seniority, steps)
        return Inquirer(
            number=number,
            source=source,
            company=firm,
            first_name=first,
            last_name=last,
            email=f"{local}@{host}",
            phone=f"+493023125{number % 1000:03d}" if draw.random() < 0.6 else "",
            title=title,
            seniority=seniority,
            department=department,
            topic=self._topic(seniority),
            steps=steps,
            opted_out=draw.random() < 0.03,
            is_worth_it=is_worth_it,
            why_not=why_not,
        )

    def _topic(self, seniority: str) -> str:
        if seniority == "Student":
            return company.THESIS
        drawn = self.random.choice(company.TOPICS)
        return company.TOPICS[0] if drawn == company.THESIS else drawn

    def _company(self, team: str) -> Company:
        known = self.companies[team]
        if known and self.random.random() < 0.45:
            return self.random.choice(known)
        draw = self.random
        industry = draw.choice(company.INDUSTRIES)
        head = draw.choice(company.NAME_HEADS)
        name = f"{head} {company.NAME_TAILS[industry]}"
        countries: tuple[str, ...] = (
            company.EMEA_COUNTRIES if team == "EMEA" else company.AMERICAS_COUNTRIES
        )
        if draw.random() < 0.03:
            countries = (UNSERVED,)
        size = draw.choice(SIZES)
        made = Company(
            name=name,
            domain=f"{_ascii(name)}{'' if team == 'EMEA' else '-us'}.example",
            industry=industry,
            employees=size,
            country=draw.choice(countries),
            sites=max(1, min(8, round(size / 300 + draw.random() * 2))),
        )
        known.append(made)
        return made

    def _journey(self, source: DemoSource, seniority: str) -> tuple[Step, ...]:
        """First what brought them in, then what followed over the next hours and days."""
        draw = self.random
        first = {"Demo form": "demo_request", "Webinar": "webinar", "Content download": "download"}
        kind = first.get(source.label.removesuffix(" US"), "form_submit")
        steps = [Step(0, kind, {"form": source.label})]
        paths = ["/pricing", "/docs/integrations", "/", "/customers"]
        if seniority == "Student" or draw.random() < 0.12:
            paths.append("/careers")
        for _ in range(draw.choice((0, 1, 1, 2, 3, 5))):
            steps.append(Step(draw.randint(1, 600), "page_view", {"path": draw.choice(paths)}))
        if draw.random() < 0.2:
            steps.append(Step(draw.randint(60, 900), "email_reply"))
        steps += self._mail_clicks()
        return tuple(sorted(steps, key=lambda step: step.minutes))

    def _mail_clicks(self) -> list[Step]:
        """What came of the mail that followed: a link or two, or all of them by a scanner."""
        draw = self.random
        minutes, drawn = draw.randint(15, 240), draw.random()
        links = LINKS if drawn < 0.15 else draw.sample(LINKS, draw.choice((0, 0, 0, 1, 2)))
        return [
            Step(minutes, "email_click", {"message_id": "welcome", "link": link}) for link in links
        ]

    def _truth(self, firm: Company, seniority: str, steps: tuple[Step, ...]) -> tuple[bool, str]:
        """Whether a deal could come of it, and else why not."""
        draw = self.random
        visited = {step.properties.get("path") for step in steps}
        kinds = {step.type for step in steps}
        # (what is the case, how often it is in the way, the reason an SDR will give)
        obstacles = (
            (seniority == "Student", 1.0, "student"),
            (firm.industry not in BUYING_INDUSTRIES, 0.85, "wrong_industry"),
            (firm.employees < 90, 0.7, "too_small"),
            ("/careers" in visited, 0.8, "research_only"),
            (seniority == "Specialist", 0.6, "no_buying_role"),
            ("webinar" in kinds, 0.5, "research_only"),
            (True, 0.03, "duplicate"),
            (True, 0.03, "fake_contact"),
            (True, 0.03, "no_project"),
            (True, 0.03, "poor_source"),
        )
        for is_so, share, reason in obstacles:
            if is_so and draw.random() < share:
                return False, reason
        return True, ""


def _ascii(text: str) -> str:
    folded = text.lower().replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")
    folded = folded.replace("ß", "ss").replace(" ", "-").replace("&", "and")
    kept = "".join(c for c in folded if c.isascii() and (c.isalnum() or c in ".-"))
    return kept.replace("--", "-").strip(".-")
