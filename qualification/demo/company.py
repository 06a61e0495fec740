"""Who the demo company is: a seller of warehouse software, its people, its market. Data only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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

THESIS = "Collecting material for a thesis"
TOPICS = (
    "Our warehouse system will not cope with a third site",
    "Mis-picks above two percent, looking for a way out",
    "Comparing vendors for a go-live next year",
    "Price list please",
    THESIS,
    "Integration with SAP and two carriers",
)

RULES = Path(__file__).parent / "rules.yaml"


def logins_text() -> str:
    """The log-ins of the demo, as printed at every start."""
    lines = [f"  {person.username:<8} {person.role}, {person.team}" for person in PEOPLE]
    return "\n".join([f"Demo log-ins (password of all: {PASSWORD})", *lines])
