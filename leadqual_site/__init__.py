"""Composition root: settings, URLs, schedule. No models, no business rules."""
