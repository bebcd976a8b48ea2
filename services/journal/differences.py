"""A difference between what follows from the journal's bytes and what is stored or on the chain."""

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
    "signature": "who signed it",
    "signed_count": "what was booked of the count that its consignee signed",
    "log_key": "who may sign checkpoints",
    "key_not_shown": "whether who registered a key had it",
    "party_key": "the key's row against the entries of it",
    "record_log": "the log that its bytes bind it to",
    "reversal": "its moves against the original's",
    "lot": "the lot's row differs from the bytes that opened it",
    "stop": "what it stops or lifts, against its statement",
    "recalled_in_use": "what stands there of a recalled lot",
    "expired_move": "what it does with an expired lot",
    "move": "the move's row differs from its entry's bytes",
    "balance": "what the moves add up to",
    "overdrawn": "more left the account than came in",
    "conservation": "what came into the lot's accounts against what left them",
    "account": "the account's row differs from its code",
    "leaf_hash": "the leaf's hash",
    "leaf_missing": "the leaves aren't numbered without a gap",
    "guard": "the database's own guard",
    "snapshot_bytes": "the digest of its snapshot against the one that was logged",
    "plan_bytes": "the digest of its plan against the one that was logged",
    "run_missing": "the run that it is about",
    "decision": "what was decided, against the entry of it",
    "earmark": "whom the lot is for, against the entry that opened it",
    "donor": "who gave, against the account that it came from",
    "shipment_line": "what it carries, against what was reserved for it",
    "log_contract": "the contract that this log is in",
    "verifier_key": "the key that signs the checkpoints",
    "anchor": "what an anchor says of its block, against the chain",
    "checkpoint_missing": "the checkpoint of an anchored batch",
    "anchor_start": "the first leaf of an anchored batch",
    "anchored_leaves": "leaves of an anchored batch",
    "tile": "the hash in the tile against the one that its leaves make",
    "tile_count": "how many hashes its tiles hold",
    "anchor_root": "the root over its leaves against the one that was anchored",
    "checkpoint_signature": "its signature",
    "checkpoint_root": "the root that it names",
    "leaves_missing": "leaves that the chain holds",
    "chain_events": "leaves in the chain's own events",
    "leaf_on_chain": "the leaf's hash against the one on the chain",
    "root_on_chain": "the root that the contract keeps",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that isn't as it should be.

    ``what`` is a stable word for programs, ``where`` names the very row; ``expected`` is what
    everything else says, ``found`` what stands there. Other parts name differences of their own.
    """

    what: str
    where: str
    expected: str
    found: str

    @property
    def sentence(self) -> str:
        """The difference for a person to read."""
        words = _WORDS.get(self.what, self.what.replace("_", " "))
        return f"{self.where}: {words}: expected {self.expected}, found {self.found}"


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
