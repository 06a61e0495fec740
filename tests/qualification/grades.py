"""The grade tables of the models that tests make: tiers, and what to do."""

from __future__ import annotations

TIERS = {
    "hot": ["A1", "A2", "B1"],
    "warm": ["A3", "B2", "B3", "C1", "C2"],
    "cool": ["A4", "B4", "C3", "D1", "D2"],
    "cold": ["C4", "D3", "D4"],
}
ACTIONS = {
    "accept": ["A1", "A2", "B1", "B2"],
    "engage": ["A3", "A4", "B3", "B4"],
    "nurture": ["C1", "C2", "D1", "D2"],
    "reject": ["C3", "C4", "D3", "D4"],
}
# From how many points a letter of the fit or a number of the intent.
LETTERS = {"A": "30.0", "B": "20.0", "C": "10.0"}
NUMBERS = {"1": "30.0", "2": "20.0", "3": "10.0"}
