"""Decides where an accepted lead goes, what is read there, and what the answer does; tells of it.

Called by `review/decisions.py`, views and the sweep.
"""
