"""Decides what an AE gets of an accepted lead, takes the AE's answer, and sends what is to be told.

Called by `review/decisions.py`, views and the sweep.
"""
