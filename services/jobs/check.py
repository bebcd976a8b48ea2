"""Recompute everything, from the entries' bytes to the chain, and name every difference."""

from collections.abc import Iterator

from sqlmodel import Session, col, select

from ledger.chain import Chain
from ledger.checkpoint import NoteRefused, VerifierKey
from ledger.checkpoint import verify as verify_note
from ledger.merkle import CompactRange
from services.audit.anchoring import log_keys
from services.audit.models import Anchor, LogContract, SignedCheckpoint
from services.jobs.chain_check import check_chain
from services.jobs.desk_check import check_desks
from services.jobs.log_key_check import check_log_keys
from services.jobs.signature_check import check_signatures
from services.jobs.tile_check import check_tiles
from services.journal.differences import NOTHING
from services.journal.seal import leaf_hashes_between
from services.journal.verify import Difference, check_journal


def check_everything(session: Session, chain: Chain | None) -> Iterator[Difference]:
    """Every difference between what is stored and what follows from it; none means all is well.

    Without a chain, as before the first anchoring, the rest is checked. The session's transaction
    must be a new one; see `check_journal`.
    """
    # Read before the snapshot: entries are sealed before they are on the chain, so at that moment
    # and at every later one the journal holds all the leaves that the chain then held.
    head = chain.head() if chain is not None else None
    yield from check_journal(session)
    yield from check_desks(session)
    yield from check_signatures(session)
    yield from _check_anchors(session)
    yield from check_log_keys(session)
    yield from _check_checkpoints(session)
    yield from check_tiles(session)
    if chain is not None and head is not None:
        yield from check_chain(session, chain, head)


def _check_anchors(session: Session) -> Iterator[Difference]:
    """The leaves' own tree against the root recorded with each batch."""
    tree = CompactRange()
    for anchor in session.exec(select(Anchor).order_by(col(Anchor.size))):
        if anchor.first_index != tree.size:
            yield Difference(
                "anchor_start", f"anchor of {anchor.size}", str(tree.size), str(anchor.first_index)
            )
            return
        leaves = leaf_hashes_between(session, tree.size, anchor.size)
        if len(leaves) != anchor.size - tree.size:
            yield Difference(
                "anchored_leaves",
                f"leaves {anchor.first_index} to {anchor.size - 1}",
                str(anchor.size - tree.size),
                str(len(leaves)),
            )
            return
        tree = tree.extend(leaves)
        if tree.root() != anchor.root:
            yield Difference(
                "anchor_root",
                f"anchor of leaves {anchor.first_index} to {anchor.size - 1}",
                anchor.root.hex(),
                tree.root().hex(),
            )
            return


def _check_checkpoints(session: Session) -> Iterator[Difference]:
    """Every checkpoint given out: signed by the log's key, and of the anchored root."""
    roots = {anchor.size: anchor.root for anchor in session.exec(select(Anchor))}
    order = col(SignedCheckpoint.size)
    notes = list(session.exec(select(SignedCheckpoint).order_by(order)))
    for size in sorted(roots.keys() - {given.size for given in notes}):
        yield Difference("checkpoint_missing", f"checkpoint of {size} leaves", "there", NOTHING)
    contract = session.exec(select(LogContract)).first()
    if contract is None:
        if roots or notes:
            yield Difference("log_contract", "log_contract", "there, beside anchors", NOTHING)
        return
    try:
        first = VerifierKey.decode(contract.verifier_key)
        later = [
            (key.since_size, VerifierKey.decode(key.verifier_key)) for key in log_keys(session)
        ]
    except ValueError as error:
        yield Difference("verifier_key", "log_contract", "a verifier key", str(error))
        return
    for given in notes:
        where = f"checkpoint of {given.size} leaves"
        verifier = next((key for size, key in reversed(later) if given.size > size), first)
        try:
            checkpoint = verify_note(given.note, verifier)
        except NoteRefused as error:
            yield Difference("checkpoint_signature", where, "signed by the log's key", str(error))
            continue
        expected = roots.get(given.size)
        if (checkpoint.size, checkpoint.root) != (given.size, expected):
            wanted = expected.hex() if expected else "an anchor"
            yield Difference("checkpoint_root", where, wanted, checkpoint.root.hex())
