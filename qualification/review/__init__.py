"""Decides what waits in the queue, in which order, who holds it and how it leaves.

Called by the pipeline, the rescore, the sweep and the views; nobody else writes an item.
"""
