"""Decides who is told what, in which words, on which channels, and what they have read.

How mail and chat leave is in `qualification/channels/`.
"""
