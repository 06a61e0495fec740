"""From raw bytes to a lead: stores messages first, understands them later.

The inbox is written by the intake views; `qualification/pipeline.py` and imports call the rest.
"""
