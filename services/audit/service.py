"""The public side: where a donation went, and the proof of any entry."""

from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session, col, func, select

from ledger import merkle
from ledger.proof import ChainEvidence, Receipt
from services.audit.models import Anchor, LogContract, SignedCheckpoint
from services.errors import Conflict, InvalidInput, NotFound
from services.journal.read import entry_count, find_entry, find_leaf
from services.journal.seal import leaf_hashes_between, tree_size
from services.settings import get_settings


class NotAnchoredYet(Conflict):
    code, title = "not-anchored-yet", "The log hasn't come to this entry yet"


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
    anchor = _newest_anchor(session)
    contract = find_contract(session)
    return LogStatus(
        origin=get_settings().log_origin,
        entries=entry_count(session),
        sealed=tree_size(session),
        anchored=anchor.size if anchor else 0,
        root=anchor.root.hex() if anchor else merkle.EMPTY_ROOT.hex(),
        chain_id=contract.chain_id if contract else None,
        contract=contract.address if contract else None,
        verifier_key=contract.verifier_key if contract else None,
    )


def find_contract(session: Session) -> LogContract | None:
    return session.exec(select(LogContract)).first()


def anchored_size(session: Session) -> int:
    return session.exec(select(func.max(Anchor.size))).one() or 0


def newest_checkpoint(session: Session) -> SignedCheckpoint:
    """The signed note of the newest anchored tree."""
    order = col(SignedCheckpoint.size).desc()
    found = session.exec(select(SignedCheckpoint).order_by(order)).first()
    if found is None:
        raise NotFound("Nothing is anchored yet, so there is no checkpoint", mend="try again soon")
    return found


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
    leaves = leaf_hashes_between(session, 0, after)
    return Consistency(
        before,
        after,
        merkle.root(leaves[:before]),
        merkle.root(leaves),
        merkle.consistency_proof(leaves, before, after),
    )


def receipt_of(session: Session, entry_id: UUID) -> Receipt:
    """The proof that an entry is in the log, against the first anchored tree that holds it.

    Raises:
        NotFound: there is no such entry.
        NotAnchoredYet: it is written, and will be anchored within seconds.

    """
    entry = find_entry(session, entry_id)
    if entry is None:
        raise NotFound(f"There is no entry {entry_id}", field="entry_id", value=entry_id)
    leaf = find_leaf(session, entry_id)
    anchor = _anchor_over(session, leaf.index) if leaf else None
    if leaf is None or anchor is None:
        raise NotAnchoredYet(
            f"Entry {entry_id} is written and not anchored yet",
            field="entry_id",
            value=entry_id,
            mend="ask again in a few seconds",
        )
    leaves = leaf_hashes_between(session, 0, anchor.size)
    note = session.get_one(SignedCheckpoint, anchor.size).note
    return Receipt(
        entry=entry.body,
        leaf_index=leaf.index,
        tree_size=anchor.size,
        inclusion_path=tuple(merkle.inclusion_proof(leaves, leaf.index, anchor.size)),
        root=anchor.root,
        checkpoint=note,
        chain=ChainEvidence(
            chain_id=anchor.chain_id,
            contract=anchor.contract,
            block_number=anchor.block_number,
            block_hash=bytes.fromhex(anchor.block_hash),
            tx_hash=bytes.fromhex(anchor.tx_hash),
        ),
    )


def entry_bytes(session: Session, entry_id: UUID) -> bytes:
    """An entry's exact bytes; NotFound where there is none of that id."""
    entry = find_entry(session, entry_id)
    if entry is None:
        raise NotFound(f"There is no entry {entry_id}", field="entry_id", value=entry_id)
    return entry.body


def _newest_anchor(session: Session) -> Anchor | None:
    return session.exec(select(Anchor).order_by(col(Anchor.size).desc())).first()


def _anchor_over(session: Session, index: int) -> Anchor | None:
    statement = select(Anchor).where(col(Anchor.size) > index).order_by(col(Anchor.size))
    return session.exec(statement).first()
