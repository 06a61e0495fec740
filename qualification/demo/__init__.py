"""A believable company to look at: its people, its leads, two months of decisions.

Everything comes through the doors real work uses, under a shifted clock. Called by `seed_demo`.
"""

from qualification.demo.company import logins_text

__all__ = ["logins_text"]
