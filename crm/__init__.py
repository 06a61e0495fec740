"""Who and what: people, companies, what they did, and how it reached us.

Knows nothing of qualification.
"""
