"""A difference between what the journal's bytes say and what the database holds."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.journal.record import utc_text

NOTHING = "nothing"

_WORDS = {
    "entry_bytes": "its stored bytes were changed; their digest",
    "entry_form": "its bytes aren't a record",
    "entry_digest": "the digest kept beside its bytes",
    "content_digest": "the digest of what its client sent",
    "entry_column": "a column differs from its bytes",
    "entry_rule": "it does what its kind may not",
    "entry_missing": "the entry that it belongs to is gone",
    "concealed": "its hidden fields",
    "reversal": "its moves against the original's",
    "lot": "the lot's row differs from the bytes that opened it",
    "move": "the move's row differs from its entry's bytes",
    "balance": "what the moves add up to",
    "overdrawn": "more left the account than came in",
    "conservation": "what came into the lot's accounts against what left them",
    "account": "the account's row differs from its code",
    "leaf_hash": "the leaf's hash",
    "leaf_missing": "the leaves aren't numbered without a gap",
    "guard": "the database's own guard",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that isn't as it should be.

    ``what`` is a stable word for programs, ``where`` names the very row; ``expected`` is what
    everything else says, ``found`` what stands there.
    """

    what: str
    where: str
    expected: str
    found: str

    def __post_init__(self) -> None:
        assert self.what in _WORDS, self.what

    @property
    def sentence(self) -> str:
        """The difference for a person to read."""
        return f"{self.where}: {_WORDS[self.what]}: expected {self.expected}, found {self.found}"


def shown(value: Any) -> str:
    """A column's value as a difference shows it, and as an entry's bytes would write it."""
    if value is None:
        return NOTHING
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
