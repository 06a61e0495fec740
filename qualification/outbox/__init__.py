"""Decides when a message to the outside leaves: at least once, again later, given up in the end.

What is said and how it travels decide the rooms that post: `handoff/`, `channels/`.
"""
