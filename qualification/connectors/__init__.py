"""Decides how a CRM is spoken to: an accepted lead goes there, outcomes are read from there.

One module a vendor; `registry.py` names them. When messages leave decides `outbox/`, what an
outcome does decides `outcomes/`.
"""
