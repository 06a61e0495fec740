"""Random files, imported one after the other, against a plain model of what an import means."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.db import transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from crm.imports import load
from crm.imports.load import Import, load_file
from crm.imports.mapping import Mapping
from crm.imports.sniff import sniff
from crm.models import Lead, LeadIdentity, Outcome
from tests import factories

MAPPING = Mapping.model_validate(
    {
        "name": "Random",
        "source": "random",
        "external_id": "id",
        "fields": {"email": "mail", "city": "city"},
        "attributes": {"n": {"column": "n", "type": "number"}},
        "outcome": {"column": "result", "positive": ["won"]},
    }
)
HEADER = ["id", "mail", "city", "n", "result"]
Row = tuple[str, str, str, str, str]


def line(key: str, mail: str = "", city: str = "") -> Row:
    """One line; blank where nothing is said."""
    return (key, mail, city, "", "")


rows = st.lists(
    st.tuples(
        st.sampled_from(["1", "2", "3", "4", "5", ""]),
        st.sampled_from(["", "", "a@x.com", "B@x.com", "b@X.com", "c@x.com", "wrong"]),
        st.sampled_from(["", "Kiel", "Rome", 'O"slo', "Bad\nEms", "Köln;"]),
        st.sampled_from(["", "1", "2.5", "-7", "1e3", "x", "1,5"]),
        st.sampled_from(["", "", "won", "lost"]),
    ),
    max_size=9,
)


@dataclass
class Person:
    """What the model knows of somebody."""

    mail: str = ""
    city: str = ""
    n: float | None = None
    stage: str = "new"
    outcomes: list[str] = field(default_factory=list)


@dataclass
class World:
    """A plain model: people, and what each id said last."""

    people: list[Person] = field(default_factory=list)
    by_id: dict[str, Person] = field(default_factory=dict)
    said: dict[str, dict[str, object]] = field(default_factory=dict)

    def load(self, file: Sequence[Row]) -> dict[str, int]:
        """Takes a file; the four counts."""
        tally = dict.fromkeys(("imported", "updated", "unchanged", "failed"), 0)
        first: dict[str, Row] = {}
        for row in file:
            if any(row):
                first.setdefault(row[0], row)
                is_repeat = row[0] != "" and first[row[0]] != row
                tally["failed" if is_repeat else self.take(row)] += 1
        return tally

    def take(self, row: Row) -> str:
        """One row; which count rises."""
        key, mail, city, number, result = row
        n = {"": None, "1": 1, "2.5": 2.5, "-7": -7, "1e3": 1000}.get(number, "bad")
        if not key or mail == "wrong" or n == "bad":
            return "failed"
        stated = {"mail": mail.lower(), "city": city.replace("\n", " "), "n": n}
        says = {name: value for name, value in stated.items() if value not in ("", None)}
        owner = next((p for p in self.people if mail and p.mail == mail.lower()), None)
        person = self.by_id.get(key) or owner
        if owner is not None and person is not owner:
            return "failed"
        verdict = "unchanged"
        if person is None:
            person = Person(stage=result or "new")
            self.people.append(person)
            verdict = "imported"
        elif key not in self.by_id:
            verdict = "updated"
        self.by_id[key] = person
        last = self.said.setdefault(key, {})
        # The address counts as it was written.
        written = {**says, **({"mail": mail} if mail else {})}
        for name, value in written.items():
            if last.get(name) != value:
                setattr(person, name, says[name])
                verdict = "updated" if verdict == "unchanged" else verdict
        last.update(written)
        if result and last.get("result") != result:
            person.outcomes.append(result)
            last["result"] = result
            verdict = "updated" if verdict == "unchanged" else verdict
        return verdict


def write(path: Path, file: Sequence[Row]) -> None:
    """The file as CSV."""
    out = io.StringIO()
    csv.writer(out).writerows([HEADER, *file])
    path.write_text(out.getvalue(), newline="")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(files=st.lists(rows, min_size=1, max_size=3), chunk=st.sampled_from([1, 2, 3, 100]))
# Somebody unknown gets the address that another gives up in the same chunk.
@example(files=[[line("2", "a@x.com")], [line("2", "B@x.com"), line("3", "a@x.com")]], chunk=2)
# So does somebody known, whose row was touched first.
@example(
    files=[
        [line("2", "a@x.com"), line("3", "c@x.com"), line("4", "c@x.com")],
        [line("4", city="Kiel"), line("2", "B@x.com"), line("3", "a@x.com")],
    ],
    chunk=100,
)
def test_it_does_what_the_plain_model_does(
    db: None, tmp_path: Path, files: list[list[Row]], chunk: int
) -> None:
    path, world = tmp_path / "leads.csv", World()
    with transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(load, "CHUNK", chunk)
        for file in [*files, files[-1]]:
            write(path, file)
            job = Import(layout=sniff(path, MAPPING), mapping=MAPPING, now=factories.NOW)
            expected = world.load(file)
            counts = load_file(job)
            assert counts.line == " ".join(f"{name}={n}" for name, n in expected.items())
            assert sum(expected.values()) == sum(any(row) for row in file)
        found = {
            identity.external_id: (
                identity.lead.email_key or "",
                identity.lead.city,
                identity.lead.attributes.get("n"),
                identity.lead.stage,
                list(
                    Outcome.objects.filter(lead=identity.lead)
                    .order_by("id")
                    .values_list("value", flat=True)
                ),
            )
            for identity in LeadIdentity.objects.select_related("lead")
        }
        assert found == {
            key: (person.mail, person.city, person.n, person.stage, person.outcomes)
            for key, person in world.by_id.items()
        }
        assert Lead.objects.count() == len(world.people)
        transaction.set_rollback(True)
