"""A witness: it has seen a log grow, and signs that it did (C2SP tlog-cosignature).

Whoever trusts a witness need not have kept a checkpoint: a log that tells two people two stories
would have to tell the witness one of them. Pure: what was kept, what the log shows and the clock
are passed in, and nothing is written here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger import checkpoint, merkle
from ledger.checkpoint import Checkpoint, NoteRefused, VerifierKey, WitnessKey

Growth = Callable[[int, int], Sequence[bytes]]


class WitnessRefused(Exception):
    """What the log shows doesn't follow from what it showed before; nothing is cosigned.

    `kept` and `shown` are the two notes, both signed by the log: together they are evidence.
    `path` is what the log gave as the proof between them.
    """

    def __init__(self, why: str, kept: str, shown: str, path: Sequence[bytes] = ()) -> None:
        super().__init__(why)
        self.why = why
        self.kept = kept
        self.shown = shown
        self.path = tuple(path)


class LogRolledBack(WitnessRefused):
    """The log shows a smaller tree than before: leaves are gone, or the answer is a stale one."""


class LogForked(WitnessRefused):
    """The log shows a tree that the one before isn't the beginning of: history was changed."""


class GrowthNotShown(WitnessRefused):
    """The log gives no proof of the right length, so that nobody can tell whether it forked."""


@dataclass(frozen=True)
class Cosigner:
    """The witness's own name and key; the key signs cosignatures and nothing else."""

    name: str
    private_key: Ed25519PrivateKey

    @property
    def key(self) -> WitnessKey:
        """What others check its cosignatures with."""
        return WitnessKey(self.name, self.private_key.public_key())


@dataclass(frozen=True)
class Sight:
    """A checkpoint that the witness has seen and signed. `note` is what it keeps from now on."""

    head: Checkpoint
    note: str
    line: str
    grew_by: int | None


def look(
    kept: str | None,
    shown: str,
    *,
    log: VerifierKey,
    growth: Growth,
    cosigner: Cosigner,
    now_s: int,
) -> Sight:
    """Hold what a log shows against what was kept, and cosign it where the log only grew.

    Without anything kept, what is shown is believed this once. Seen again, the cosignature of the
    first time stays. `growth` gives RFC 9162's consistency proof between two sizes.

    Raises:
        NoteRefused: either note isn't a checkpoint; what is shown isn't signed by the log's key, or
            what was kept neither by that nor, for the same log, by the witness itself.
        LogRolledBack, LogForked, GrowthNotShown: see there.

    """
    head = checkpoint.verify(shown, log)
    if kept is None:
        return _signed(head, shown, cosigner, now_s, grew_by=None)
    before = _kept_head(kept, head, log, cosigner)
    _demand_growth(before, head, kept, shown, growth)
    if before == head:
        try:
            line = checkpoint.verify_cosignature(kept, cosigner.key).line
        except NoteRefused:
            # What was kept isn't cosigned by this key: it has come into use since.
            return _signed(head, shown, cosigner, now_s, grew_by=0)
        return Sight(head, kept, line, grew_by=0)
    return _signed(head, shown, cosigner, now_s, grew_by=head.size - before.size)


def _kept_head(kept: str, head: Checkpoint, log: VerifierKey, cosigner: Cosigner) -> Checkpoint:
    """What was kept: signed by the log's key, or by ourselves while the log had another one."""
    try:
        return checkpoint.verify(kept, log)
    except NoteRefused:
        before = checkpoint.parse(kept)
        if before.origin != head.origin:
            raise
        checkpoint.verify_cosignature(kept, cosigner.key)
        return before


def _demand_growth(
    before: Checkpoint, head: Checkpoint, kept: str, shown: str, growth: Growth
) -> None:
    if head.origin != before.origin:
        why = f"it calls itself {head.origin} now, and was {before.origin}"
        raise LogForked(why, kept, shown)
    if head.size < before.size:
        raise LogRolledBack(f"it had {before.size} leaves, and shows {head.size}", kept, shown)
    if head.size == before.size:
        if head.root != before.root:
            raise LogForked(f"it has two roots at {head.size} leaves", kept, shown)
        return
    path = growth(before.size, head.size)
    try:
        merkle.verify_consistency(before.size, head.size, path, before.root, head.root)
    except merkle.RootMismatch as error:
        raise LogForked(
            f"its {head.size} leaves don't begin with the {before.size} that it had",
            kept,
            shown,
            path,
        ) from error
    except merkle.ProofRefused as error:
        raise GrowthNotShown(
            f"it doesn't prove that it grew from {before.size} to {head.size}: {error}",
            kept,
            shown,
            path,
        ) from error


def _signed(
    head: Checkpoint, shown: str, cosigner: Cosigner, now_s: int, *, grew_by: int | None
) -> Sight:
    """The note with the log's signatures and ours, and without what stood there in our name."""
    lines = shown.removesuffix("\n").split("\n")
    others = [line for line in lines if not line.startswith(f"— {cosigner.name} ")]
    line = checkpoint.cosign(shown, cosigner.name, cosigner.private_key, now_s)
    note = "\n".join([*others, line]) + "\n"
    if checkpoint.parse(note) != head:
        raise NoteRefused("the note can't carry another line")
    return Sight(head, note, line, grew_by)
