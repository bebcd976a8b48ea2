"""The public side: where a donation went, and the proof of any entry."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlmodel import Session, col, func, select

from ledger import merkle, tiles
from ledger.proof import ChainEvidence, Receipt
from services.audit.anchoring_models import AnchorState
from services.audit.models import Anchor, LogContract, SignedCheckpoint
from services.audit.tile_models import Cosignature
from services.audit.tiles import StoredTiles
from services.errors import Conflict, InvalidInput, NotFound, Unavailable
from services.journal.leaves import record_at, record_of
from services.journal.read import entry_count, find_entry
from services.journal.seal import tree_size
from services.settings import get_settings

# A checkpoint's cosignature lines, beside its own row; null where nobody sent one.
_COSIGNATURES = (
    sa.select(
        sa.func.string_agg(
            col(Cosignature.line) + "\n",
            aggregate_order_by(sa.literal(""), col(Cosignature.received_at)),
        )
    )
    .where(col(Cosignature.size) == col(SignedCheckpoint.size))
    .correlate(SignedCheckpoint)
    .scalar_subquery()
    .label("cosigned")
)
# The first anchored tree that holds a leaf, with its checkpoint. Made once: making the statement
# takes longer than asking.
_ANCHORED_OVER = (
    sa.select(sa.inspect(Anchor).local_table, col(SignedCheckpoint.note), _COSIGNATURES)
    .join(SignedCheckpoint, col(SignedCheckpoint.size) == col(Anchor.size))
    .where(col(Anchor.size) > sa.bindparam("index", type_=sa.BigInteger))
    .order_by(col(Anchor.size))
    .limit(1)
)


class NotAnchoredYet(Conflict):
    code, title = "not-anchored-yet", "The log hasn't come to this entry yet"


class AnchoredAgain(NotAnchoredYet):
    code, title = "anchored-again", "The chain lost this entry's block; it is being anchored again"


@dataclass(frozen=True, slots=True)
class LogStatus:
    """How far the log has come: entries written, leaves sealed, leaves on the chain."""

    origin: str
    entries: int
    sealed: int
    anchored: int
    root: str
    chain_id: int | None
    contract: str | None
    verifier_key: str | None


def log_status(session: Session) -> LogStatus:
    anchored, root = anchored_head(session)
    contract = find_contract(session)
    return LogStatus(
        origin=get_settings().log_origin,
        entries=entry_count(session),
        sealed=tree_size(session),
        anchored=anchored,
        root=root.hex(),
        chain_id=contract.chain_id if contract else None,
        contract=contract.address if contract else None,
        verifier_key=contract.verifier_key if contract else None,
    )


def find_contract(session: Session) -> LogContract | None:
    return session.exec(select(LogContract)).first()


def anchored_size(session: Session) -> int:
    return session.exec(select(func.max(Anchor.size))).one() or 0


def anchored_head(session: Session) -> tuple[int, bytes]:
    """The size and the root of the newest anchored tree; the empty one's before that."""
    anchor = _newest_anchor(session)
    return (anchor.size, anchor.root) if anchor else (0, merkle.EMPTY_ROOT)


def newest_checkpoint(session: Session) -> SignedCheckpoint:
    """The newest anchored tree's checkpoint, as the log itself signed it."""
    order = col(SignedCheckpoint.size).desc()
    found = session.exec(select(SignedCheckpoint).order_by(order).limit(1)).first()
    if found is None:
        raise NotFound("Nothing is anchored yet, so there is no checkpoint", mend="try again soon")
    return found


def newest_note(session: Session) -> str:
    """The newest anchored tree's checkpoint, with the cosignatures that witnesses sent for it."""
    checkpoint = newest_checkpoint(session)
    cosigned = session.scalar(select(_COSIGNATURES).where(SignedCheckpoint.size == checkpoint.size))
    return checkpoint.note + (cosigned or "")


@dataclass(frozen=True, slots=True)
class Consistency:
    """That the tree of ``before`` leaves grew into the tree of ``after`` (RFC 9162, 2.1.4)."""

    before: int
    after: int
    before_root: bytes
    after_root: bytes
    path: tuple[bytes, ...]


def consistency(session: Session, before: int, after: int | None) -> Consistency:
    """The proof between two sizes of the log; ``after`` is the newest anchored size unless given.

    Raises:
        InvalidInput: the log hasn't that many anchored leaves, or the sizes stand the wrong way.

    """
    anchored = anchored_size(session)
    after = anchored if after is None else after
    for field, size, most in (("to", after, anchored), ("from", before, after)):
        if size > most:
            raise InvalidInput(
                f"The log has {anchored} anchored leaves, and a tree only grows",
                field=field,
                value=size,
                mend=f"give a size up to {most}",
            )
    reader = StoredTiles(session)
    reader.fetch(
        tiles.consistency_tiles(before, after) | tiles.root_tiles(before) | tiles.root_tiles(after)
    )
    with _tiles_at_hand():
        return Consistency(
            before,
            after,
            tiles.root(reader, before),
            tiles.root(reader, after),
            tiles.consistency_path(reader, before, after),
        )


def receipt_of(session: Session, entry_id: UUID) -> Receipt:
    """The proof that an entry is in the log, against the first anchored tree that holds it.

    Raises:
        NotFound: there is no such entry.
        NotAnchoredYet: it is written, and will be anchored within seconds.
        AnchoredAgain: it was, in a block that the chain has given up since.

    """
    found = record_of(session, entry_id)
    if found is None:
        raise NotFound(f"There is no entry {entry_id}", field="entry_id", value=entry_id)
    body, index = found
    receipt = None if index is None else _receipt(session, body, index)
    if receipt is None:
        raise NotAnchoredYet(
            f"Entry {entry_id} is written and not anchored yet",
            field="entry_id",
            value=entry_id,
            mend="ask again in a few seconds",
        )
    return receipt


def receipt_of_leaf(session: Session, index: int) -> Receipt:
    """The same for the entry at a leaf index; NotFound where no leaf is anchored there.

    Raises:
        AnchoredAgain: see `receipt_of`.

    """
    body = record_at(session, index)
    receipt = None if body is None else _receipt(session, body, index)
    if receipt is None:
        size = anchored_size(session)
        raise NotFound(
            f"The log has no anchored leaf {index}",
            field="leaf",
            value=index,
            mend=f"it has {size} anchored leaves, counted from 0",
        )
    return receipt


def _receipt(session: Session, body: bytes, index: int) -> Receipt | None:
    """The receipt of the leaf at an index; None where it isn't anchored yet."""
    anchor = session.connection().execute(_ANCHORED_OVER, {"index": index}).first()
    if anchor is None:
        return None
    if anchor.state is AnchorState.SUBMITTED:
        raise AnchoredAgain(
            f"The chain gave up the block that leaf {index} stood in; it is being anchored again, "
            "under the same root",
            field="leaf",
            value=index,
            mend="ask again in a minute",
        )
    reader = StoredTiles(session)
    reader.fetch(tiles.inclusion_tiles(index, anchor.size))
    with _tiles_at_hand():
        path = tiles.inclusion_path(reader, index, anchor.size)
    return Receipt(
        entry=body,
        leaf_index=index,
        tree_size=anchor.size,
        inclusion_path=path,
        root=anchor.root,
        checkpoint=anchor.note + (anchor.cosigned or ""),
        chain=ChainEvidence(
            chain_id=anchor.chain_id,
            contract=anchor.contract,
            block_number=anchor.block_number,
            block_hash=bytes.fromhex(anchor.block_hash),
            tx_hash=bytes.fromhex(anchor.tx_hash),
        ),
    )


@contextmanager
def _tiles_at_hand() -> Iterator[None]:
    """Tell a log whose tiles are still being written, after it was brought to this version."""
    try:
        yield
    except tiles.TileMalformed as error:
        raise Unavailable(
            "The log's tiles aren't all written yet", mend="ask again in a minute"
        ) from error


def entry_bytes(session: Session, entry_id: UUID) -> bytes:
    """An entry's exact bytes; NotFound where there is none of that id."""
    entry = find_entry(session, entry_id)
    if entry is None:
        raise NotFound(f"There is no entry {entry_id}", field="entry_id", value=entry_id)
    return entry.body


def _newest_anchor(session: Session) -> Anchor | None:
    return session.exec(select(Anchor).order_by(col(Anchor.size).desc()).limit(1)).first()
