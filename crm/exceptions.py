"""Rules of crm that can be broken, each named for the rule."""


class CrmError(Exception):
    """Base of everything crm refuses; the text is meant for a person."""


class StageMoveRefused(CrmError):
    """The lead is not in a stage from which this move is allowed."""


class MergeRefused(CrmError):
    """Two leads cannot become one, or one cannot become two again; the text says why."""


class RoleInvalid(CrmError):
    """A buying role cannot be recorded like that; the text says why."""


class MappingInvalid(CrmError):
    """The import mapping is not usable; the text names the key and the reason."""


class FileInvalid(CrmError):
    """The file cannot be imported at all; the text names file, row and reason."""


class PayloadInvalid(CrmError):
    """A message could not be understood; the text says why."""


class SignatureInvalid(CrmError):
    """The message does not carry a valid signature."""


class FactsInvalid(CrmError):
    """Facts somebody wrote cannot be so; `wrong` says what is wrong by key."""

    def __init__(self, wrong: dict[str, str]) -> None:
        super().__init__("; ".join(f"{key}: {text}" for key, text in wrong.items()))
        self.wrong = wrong
