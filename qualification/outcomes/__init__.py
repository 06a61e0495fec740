"""Decides what an outcome told from outside does: a fact kept for good, and perhaps a stage.

`record.py` is the one door; files, the signed door and the poll of CRMs all lead through it.
"""
