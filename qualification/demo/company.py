"""Who the demo company is: a seller of warehouse software, its people, its market. Data only."""

from __future__ import annotations

from dataclasses import dataclass

PASSWORD = "demo-leadqual"  # noqa: S105  # printed at every start: it protects nothing


@dataclass(frozen=True)
class Person:
    """Somebody who logs in to the demo."""

    username: str
    first_name: str
    last_name: str
    role: str
    team: str
    time_zone: str = "Europe/Berlin"


PEOPLE = (
    Person("maya", "Maya", "Lindqvist", "sdr", "EMEA"),
    Person("aisha", "Aisha", "Bello", "sdr", "EMEA", "Europe/London"),
    Person("jonas", "Jonas", "Weber", "sdr", "EMEA"),
    Person("rafael", "Rafael", "Costa", "sdr", "Americas", "America/New_York"),
    Person("grace", "Grace", "Okafor", "sdr", "Americas", "America/Chicago"),
    Person("elena", "Elena", "Marchetti", "ae", "EMEA"),
    Person("tom", "Tom", "Sandberg", "ae", "EMEA", "Europe/Stockholm"),
    Person("nina", "Nina", "Alvarez", "ae", "Americas", "America/New_York"),
    Person("kenji", "Kenji", "Mori", "manager", "EMEA"),
    Person("lucia", "Lucía", "Romero", "manager", "Americas", "America/New_York"),
    Person("dana", "Dana", "Whitfield", "admin", "EMEA"),
    Person("ines", "Inês", "Duarte", "admin", "EMEA", "Europe/Lisbon"),
    Person("priya", "Priya", "Nair", "marketing", "EMEA", "Europe/London"),
)

TEAMS = ("EMEA", "Americas")


@dataclass(frozen=True)
class DemoSource:
    """A way in of the demo company."""

    name: str
    label: str
    kind: str
    team: str
    share: float


SOURCES = (
    DemoSource("demo-form-emea", "Demo form", "json", "EMEA", 0.26),
    DemoSource("content-emea", "Content download", "json", "EMEA", 0.2),
    DemoSource("webinar-emea", "Webinar", "json", "EMEA", 0.14),
    DemoSource("partner-emea", "Partner referral", "json", "EMEA", 0.08),
    DemoSource("demo-form-us", "Demo form US", "json", "Americas", 0.18),
    DemoSource("paid-social-us", "Paid social US", "json", "Americas", 0.14),
)

INDUSTRIES = (
    "Logistics",
    "Wholesale",
    "Food manufacturing",
    "E-commerce",
    "Automotive",
    "Pharma wholesale",
    "Building materials",
    "Retail",
    "Software",
    "Consulting",
)

EMEA_COUNTRIES = ("Germany", "Netherlands", "France", "Poland", "Spain", "Sweden", "United Kingdom")
AMERICAS_COUNTRIES = ("United States", "Canada", "Brazil")

NAME_HEADS = (
    "Brightwater",
    "Tallgrass",
    "Cobalt Ridge",
    "Harrow & Finch",
    "Pinecrest",
    "Northgate",
    "Almazara",
    "Fjordsyn",
    "Sakurado",
    "Banksia",
    "Vltava",
    "Ortofino",
    "Maison Verrier",
    "Stonebridge",
    "Larkspur",
    "Redwater",
    "Halcyon",
    "Ironwood",
    "Bluefern",
    "Quayside",
)
NAME_TAILS = {
    "Logistics": "Freight GmbH",
    "Wholesale": "Distribution",
    "Food manufacturing": "Foods",
    "E-commerce": "Online",
    "Automotive": "Automotive Parts",
    "Pharma wholesale": "Pharma",
    "Building materials": "Supply Co.",
    "Retail": "Retail",
    "Software": "Labs",
    "Consulting": "Advisory",
}

# (title, seniority, department)
TITLES = (
    ("Chief Supply Chain Officer", "C-level", "Supply chain"),
    ("VP Operations", "VP", "Operations"),
    ("Director of Logistics", "Director", "Logistics"),
    ("Head of Fulfilment", "Head", "Operations"),
    ("Warehouse Manager", "Manager", "Logistics"),
    ("IT Manager", "Manager", "IT"),
    ("Logistics Planner", "Specialist", "Logistics"),
    ("Inventory Analyst", "Specialist", "Operations"),
    ("Student", "Student", "University"),
)

TOPICS = (
    "Our warehouse system will not cope with a third site",
    "Mis-picks above two percent, looking for a way out",
    "Comparing vendors for a go-live next year",
    "Price list please",
    "Collecting material for a thesis",
    "Integration with SAP and two carriers",
)

RULES = """
name: Warehouse software
base: {fit: 5, intent: 0}
limits: {fit: [-30, 50], intent: [-20, 50], total: [0, 100]}
thresholds: {mql: 30, accept: 60, fit: {A: 35, B: 22, C: 10}, intent: {1: 30, 2: 18, 3: 8}}
caps: {browsing: 15}
rules:
  - {name: Decision maker, dimension: fit, points: 12, when: {subject: lead.seniority, op: is_one_of, value: [C-level, VP, Director, Head]}}
  - {name: Warehouse industry, dimension: fit, points: 12, when: {subject: account.industry, op: is_one_of, value: [Logistics, Wholesale, Food manufacturing, E-commerce, Automotive, Pharma wholesale]}}
  - {name: "Employees 200 to 5,000", dimension: fit, points: 10, when: {subject: account.employees, op: between, value: [200, 5000]}}
  - {name: "Under 50 employees", dimension: fit, points: -8, when: {subject: account.employees, op: at_most, value: 49}}
  - {name: Operations or logistics, dimension: fit, points: 5, when: {subject: lead.department, op: is_one_of, value: [Operations, Logistics, Supply chain]}}
  - {name: Two sites or more, dimension: fit, points: 6, when: {subject: attributes.sites, op: at_least, value: 2}}
  - {name: Free mail address, dimension: fit, points: -10, when: {subject: lead.email_kind, op: is_one_of, value: [free, disposable]}}
  - {name: Student, dimension: fit, points: -15, when: {subject: lead.title, op: contains, value: student}}
  - {name: Demo request, dimension: intent, points: 20, when: {activity: demo_request, within_days: 30, per: once, half_life_days: 30}}
  - {name: Pricing page, dimension: intent, group: browsing, points: 5, when: {activity: page_view, where: {path: [/pricing]}, within_days: 60, half_life_days: 30, max_points: 15}}
  - {name: Integration docs, dimension: intent, group: browsing, points: 3, when: {activity: page_view, where: {path: [/docs/integrations]}, within_days: 60, half_life_days: 30, max_points: 9}}
  - {name: Webinar attended, dimension: intent, points: 10, when: {activity: webinar, within_days: 90, per: once, half_life_days: 45}}
  - {name: Content download, dimension: intent, points: 6, when: {activity: download, within_days: 60, half_life_days: 30, max_points: 12}}
  - {name: Replied to a mail, dimension: intent, points: 8, when: {activity: email_reply, within_days: 30, per: once}}
  - {name: Careers page, dimension: intent, points: 4, when: {activity: page_view, where: {path: [/careers]}, within_days: 60, per: once}}
  - {name: Gone quiet, dimension: intent, points: -6, when: {no_activity: any, within_days: 45, after_first: true}}
  - {name: Opted out, dimension: intent, points: 0, disqualifies: opted_out, when: {subject: lead.opted_out, op: is_true}}
"""


def logins_text() -> str:
    """The log-ins of the demo, as printed at every start."""
    lines = [f"  {person.username:<8} {person.role}, {person.team}" for person in PEOPLE]
    return "\n".join([f"Demo log-ins (password of all: {PASSWORD})", *lines])
