"""A made-up file of leads for a replay without a file: what decides them is known and hidden.

The rules it comes with are a fair first guess: some right, one idle, one the wrong way round.
"""

from __future__ import annotations

import csv
import math
import random
from dataclasses import dataclass
from pathlib import Path

MAPPING = """
name: Made up
source: made-up
external_id: id
order_by: id
attributes:
  employees: {column: employees, type: number}
  industry:  {column: industry, type: choice}
  visits:    {column: visits, type: number}
  demo:      {column: demo, type: boolean, true_values: ["yes"]}
  fair:      {column: fair, type: boolean, true_values: ["yes"]}
outcome: {column: bought, positive: ["yes"]}
"""

RULES = """
name: Made up, first guess
limits: {fit: [-60, 100], intent: [-60, 100], total: [-100, 200]}
thresholds: {mql: 20, fit: {A: 30, B: 20, C: 10}, intent: {1: 25, 2: 15, 3: 5}}
rules:
  - name: 200 people or more
    dimension: fit
    when: {subject: attributes.employees, op: at_least, value: 200}
    points: 15
  - name: Logistics
    dimension: fit
    when: {subject: attributes.industry, op: is_one_of, value: [logistics]}
    points: 10
  - name: Retail
    dimension: fit
    when: {subject: attributes.industry, op: is_one_of, value: [retail]}
    points: 10
  - name: 5 visits or more
    dimension: intent
    when: {subject: attributes.visits, op: at_least, value: 5}
    points: 10
  - name: Asked for a demo
    dimension: intent
    when: {subject: attributes.demo, op: is_true}
    points: 10
  - name: Met at a fair
    dimension: intent
    when: {subject: attributes.fair, op: is_true}
    points: 15
"""


@dataclass(frozen=True)
class Files:
    """Where the three files were written."""

    data: Path
    mapping: Path
    rules: Path


def write(folder: Path, *, leads: int, seed: int) -> Files:
    """Write data, mapping and rules into the folder."""
    files = Files(folder / "leads.csv", folder / "mapping.yaml", folder / "rules.yaml")
    files.mapping.write_text(MAPPING, encoding="utf-8")
    files.rules.write_text(RULES, encoding="utf-8")
    draw = random.Random(f"made up {seed}")  # nosec
    with files.data.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["id", "employees", "industry", "visits", "demo", "fair", "bought"])
        out.writerows(_lead(number, draw) for number in range(1, leads + 1))
    return files


def _lead(number: int, draw: random.Random) -> list[object]:
    employees = round(math.exp(draw.gauss(5.0, 1.3)))
    industry = draw.choice(["logistics", "retail", "health", "media", "public"])
    visits = round(draw.expovariate(0.25))
    demo, fair = draw.random() < 0.25, draw.random() < 0.3
    worth = (
        -1.6
        + 0.9 * (employees >= 200)
        + 1.1 * (industry == "logistics")
        - 0.9 * (industry == "retail")
        + 0.5 * (visits >= 5)
        + 2.0 * demo
    )
    is_bought = draw.random() < 1 / (1 + math.exp(-worth))
    words = ["yes" if flag else "no" for flag in (demo, fair, is_bought)]
    return [number, employees, industry, visits, *words]
