"""Practice: past leads judged again with the decision hidden.

It reads what was frozen with them and writes its own two tables; no statistic, score or queue knows
of it.
"""
