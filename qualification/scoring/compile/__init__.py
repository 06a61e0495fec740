"""Decides how rules become one parametrised SQL expression over rows of facts, in integer tenths.
Called by ledger, rescore and feedback; nothing else evaluates a rule."""

from qualification.scoring.compile.holding import which_hold
from qualification.scoring.compile.matrix import FiredMatrix, fired_matrix
from qualification.scoring.compile.members import IsAmongMembers, IsMember, members
from qualification.scoring.compile.model import (
    CompiledModel,
    Statement,
    compile_model,
    compile_rules,
)
from qualification.scoring.compile.running import run
from qualification.scoring.compile.sources import (
    Source,
    at_moments,
    leads_as_of,
    leads_between,
    leads_now,
)

__all__ = [
    "CompiledModel",
    "FiredMatrix",
    "IsAmongMembers",
    "IsMember",
    "Source",
    "Statement",
    "at_moments",
    "compile_model",
    "compile_rules",
    "fired_matrix",
    "leads_as_of",
    "leads_between",
    "leads_now",
    "members",
    "run",
    "which_hold",
]
