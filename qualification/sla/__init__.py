"""Decides when a lead must be answered and writes down the moment it was not.

Called by the queue, the decisions, the handoff and the sweep.
"""
