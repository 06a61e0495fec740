"""Template tags: how points, grades, clocks and people look on a page.

Templates load them with {% load leadqual %}; nothing else calls in here.
"""
