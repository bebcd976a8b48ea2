"""A batch's way through the chain: planned, sent, mined, perhaps moved or lost again, final.

Each step leaves a row that says how far it came, so that a pass may be killed anywhere and the next
one goes on. What is once planned is sent with the same leaves for as long as it takes: so whatever
a reorganisation does, the log has the same roots at the same sizes.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from ledger.anchor import LogDiverged, append_missing
from ledger.chain import MAX_BATCH, Chain, ChainUnavailable, LeafBatch
from ledger.checkpoint import Checkpoint, VerifierKey, parse, sign
from ledger.merkle import CompactRange
from services.audit import anchoring as stored
from services.audit.anchoring_models import AnchorBatch, AnchorState
from services.audit.models import Anchor, SignedCheckpoint
from services.audit.tiles import stored_tree, write_tiles
from services.database import Database
from services.journal.seal import leaf_hashes_between

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a batch stands on the chain; hashes in hex, as they are stored."""

    tx_hash: str
    block_number: int
    block_hash: str

    @classmethod
    def of(cls, batch: LeafBatch) -> "Evidence":
        return cls(batch.tx_hash.hex(), batch.block_number, batch.block_hash.hex())


@dataclass(slots=True)
class Anchoring:
    """One log on one chain. ``tree`` is the recorded part of it, and spares reading it again."""

    database: Database
    chain: Chain
    origin: str
    key: Ed25519PrivateKey
    tree: CompactRange = CompactRange()  # noqa: RUF009 — frozen

    def follow(self) -> None:
        """Hold every batch that isn't final against the chain: the same, moved, lost, or final.

        Raises:
            LogDiverged: what was final is gone.

        """
        with self.database.transaction() as session:
            unfinished = stored.unfinished_anchors(session)
            newest = stored.newest_final(session)
        if newest is not None:
            _demand_final(self.chain, newest)
        final_block = self.chain.final_block() if unfinished else 0
        for anchor in unfinished:
            found = self._where(anchor, newest.block_number if newest else 0)
            with self.database.transaction() as session:
                _settle(session.get_one(Anchor, anchor.size), found, final_block)

    def append(self, size: int) -> None:
        """Send the journal's first ``size`` leaves as far as the chain lacks them."""
        with self.database.transaction() as session:
            mined = stored.mined_size(session)
        for appended in append_missing(
            self.chain,
            self.leaves,
            size,
            known=self._tree_of(mined),
            earlier=self._stored_tree,
            batch_end=lambda start: self.plan(start, size),
        ):
            log.info("anchored", size=appended.size, block=appended.block_number)

    def plan(self, start: int, size: int) -> int:
        """Where the batch from ``start`` ends: as it was sent before, or else as full as can be."""
        with self.database.transaction() as session:
            known = stored.batch_from(session, start)
            if known is None:
                end = min(start + MAX_BATCH, size)
                _plan(session, start, end)
                return end
        return known.size

    def record(self, size: int) -> None:
        """Read back what the chain holds beyond the recorded part, whoever appended it, and sign.

        Raises:
            ChainUnavailable: the chain moves while it is read; try again.
            LogDiverged: it holds other leaves than the journal.

        """
        with self.database.transaction() as session:
            mined, newest = stored.mined_size(session), stored.newest_final(session)
        tree = self._tree_of(mined)
        final_block = self.chain.final_block() if mined < size else 0
        from_block = newest.block_number if newest else 0
        for batch in self.chain.events(mined, size, from_block=from_block):
            if batch.first_index != tree.size:
                raise ChainUnavailable(f"the chain doesn't give leaf {tree.size}; try again")
            tree = self._agreed(tree, batch)
            with self.database.transaction() as session:
                self._record(session, batch, tree, final_block)
            self.tree = tree
        if tree.size < size:
            raise ChainUnavailable(f"the chain gives {tree.size} leaves of {size}; try again")

    def leaves(self, start: int, stop: int) -> list[bytes]:
        with self.database.transaction() as session:
            return leaf_hashes_between(session, start, stop)

    def _tree_of(self, size: int) -> CompactRange:
        if self.tree.size != size:
            self.tree = self._stored_tree(size)
        return self.tree

    def _stored_tree(self, size: int) -> CompactRange:
        with self.database.transaction() as session:
            return stored_tree(session, size)

    def _agreed(self, tree: CompactRange, batch: LeafBatch) -> CompactRange:
        """The journal's own tree with this batch, once the chain is seen to hold the very same."""
        end = tree.size + len(batch.leaf_hashes)
        ours = self.leaves(tree.size, end)
        grown = tree.extend(ours)
        root = self.chain.root_at(end)
        if root is None:
            raise ChainUnavailable(f"the chain doesn't give its root at {end} leaves; try again")
        if tuple(ours) != batch.leaf_hashes or root != grown.root():
            raise LogDiverged(f"the chain's leaves {tree.size} to {end - 1} aren't the journal's")
        return grown

    def _where(self, anchor: Anchor, from_block: int) -> Evidence | None:
        """Where the chain now has this batch; None where it doesn't have it."""
        known = Evidence(anchor.tx_hash, anchor.block_number, anchor.block_hash)
        block = self.chain.block_hash(anchor.block_number)
        in_place = block is not None and block.hex() == anchor.block_hash
        if anchor.state is AnchorState.MINED and in_place:
            return known
        for batch in self.chain.events(anchor.first_index, anchor.size, from_block=from_block):
            end = batch.first_index + len(batch.leaf_hashes)
            if (batch.first_index, end) == (anchor.first_index, anchor.size):
                if self.chain.root_at(end) == anchor.root:
                    return Evidence.of(batch)
                raise LogDiverged(f"the chain's root at {end} leaves isn't the one anchored")
        return None

    def _record(
        self, session: Session, batch: LeafBatch, tree: CompactRange, final_block: int
    ) -> None:
        size, root, now = tree.size, tree.root(), datetime.now(UTC)
        known = session.get(Anchor, size)
        if known is not None:
            _settle(known, Evidence.of(batch), final_block)
            return
        _plan(session, batch.first_index, size)
        found = Evidence.of(batch)
        session.add(
            Anchor(
                size=size,
                first_index=batch.first_index,
                root=root,
                chain_id=self.chain.chain_id,
                contract=self.chain.address,
                tx_hash=found.tx_hash,
                block_number=found.block_number,
                block_hash=found.block_hash,
                anchored_at=now,
                state=_state(found, final_block),
            )
        )
        session.flush()
        write_tiles(session, batch.first_index, batch.leaf_hashes)
        self._sign(session, size, root)

    def _sign(self, session: Session, size: int, root: bytes) -> None:
        """Give out a checkpoint, unless one of this size was given out: that one stays."""
        keys = stored.log_keys(session)
        if (
            keys
            and keys[-1].verifier_key != VerifierKey(self.origin, self.key.public_key()).encode()
        ):
            raise LogDiverged("the key of checkpoints was changed meanwhile; start this again")
        checkpoint = Checkpoint(self.origin, size, root)
        note = sign(checkpoint, self.origin, self.key)
        row = {"size": size, "note": note, "signed_at": datetime.now(UTC)}
        session.connection().execute(
            insert(SignedCheckpoint).values(**row).on_conflict_do_nothing()
        )
        if parse(session.get_one(SignedCheckpoint, size).note) != checkpoint:
            raise LogDiverged(f"the checkpoint given out for {size} leaves says something else")


def _plan(session: Session, start: int, end: int) -> None:
    """Write down what is about to be sent, or find that the same was.

    Raises:
        LogDiverged: another batch from there, or to there, was sent.

    """
    row = {"size": end, "first_index": start, "submitted_at": datetime.now(UTC)}
    session.connection().execute(insert(AnchorBatch).values(**row).on_conflict_do_nothing())
    kept = session.get(AnchorBatch, end)
    if kept is None or kept.first_index != start:
        raise LogDiverged(f"leaves {start} to {end - 1} were sent in another batch before")


def _settle(anchor: Anchor, found: Evidence | None, final_block: int) -> None:
    """Write down what became of a batch that was mined once."""
    if found is None:
        if anchor.state is not AnchorState.SUBMITTED:
            log.warning("reorganised_away", size=anchor.size, block=anchor.block_number)
        anchor.state = AnchorState.SUBMITTED
        return
    known = Evidence(anchor.tx_hash, anchor.block_number, anchor.block_hash)
    if known != found:
        log.warning("reorganised", size=anchor.size, block=found.block_number)
        anchor.tx_hash = found.tx_hash
        anchor.block_number = found.block_number
        anchor.block_hash = found.block_hash
    anchor.state = _state(found, final_block)


def _state(found: Evidence, final_block: int) -> AnchorState:
    return AnchorState.FINAL if found.block_number <= final_block else AnchorState.MINED


def _demand_final(chain: Chain, anchor: Anchor) -> None:
    block = chain.block_hash(anchor.block_number)
    if block is not None and block.hex() == anchor.block_hash:
        return
    found = block.hex() if block is not None else "no block"
    raise LogDiverged(
        f"The chain was reorganised past what was final: block {anchor.block_number} was "
        f"{anchor.block_hash} and is now {found}. Nothing is appended; somebody has to look "
        "(a node that is still syncing says so too)"
    )
