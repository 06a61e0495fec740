"""The chain of what was decided and who changed what it rests on: written by PostgreSQL, proven
here."""
