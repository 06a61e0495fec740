"""Decides what a lead is worth and why: versions of rules, one compiled expression, its ledger.
Called by the pipeline, the queue, decisions, feedback, pages and commands."""
