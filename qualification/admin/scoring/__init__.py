"""Admin of scoring: versions and their rules, points, trials, files, reviews, usage."""

from qualification.admin.scoring import models, reviews, rules

__all__ = ["models", "reviews", "rules"]
