"""What is stored against what the chain holds: the contract, each leaf, each root, each anchor."""

from collections.abc import Iterator, Sequence

from sqlmodel import Session, col, select

from ledger.chain import Chain, LeafBatch, TreeHead
from ledger.merkle import CompactRange
from services.audit.anchoring_models import AnchorState
from services.audit.models import Anchor
from services.audit.service import find_contract
from services.journal.differences import NOTHING
from services.journal.seal import leaf_hashes_between, tree_size
from services.journal.verify import Difference


def check_chain(session: Session, chain: Chain, head: TreeHead) -> Iterator[Difference]:
    """Every difference up to ``head``, which was read before the session's snapshot was taken.

    So what is sealed or anchored meanwhile is a backlog, and not a difference.
    """
    yield from _check_contract(session, chain, head)
    sealed = tree_size(session)
    if head.size > sealed:
        yield Difference(
            "leaves_missing", "journal", f"{head.size} leaves, as on the chain", str(sealed)
        )
    anchors = {anchor.first_index: anchor for anchor in session.exec(select(Anchor))}
    tree, stop, agrees = CompactRange(), min(head.size, sealed), True
    for batch in chain.events(0, stop):
        if batch.first_index != tree.size:
            break
        ours = leaf_hashes_between(session, tree.size, tree.size + len(batch.leaf_hashes))
        yield from _compare_leaves(ours, batch)
        tree = tree.extend(ours)
        if agrees and chain.root_at(tree.size) != tree.root():
            agrees = False  # and no later root can agree
            yield _root_difference(tree.size, tree.root(), chain.root_at(tree.size))
        if batch.first_index in anchors:
            yield from _compare_anchor(anchors[batch.first_index], batch, chain)
    if tree.size < stop:
        where = f"leaves {tree.size} to {stop - 1}"
        yield Difference("chain_events", where, str(stop - tree.size), "0")
    yield from _check_anchored_roots(session, chain)


def _check_contract(session: Session, chain: Chain, head: TreeHead) -> Iterator[Difference]:
    known = find_contract(session)
    expected = f"{chain.address} on chain {chain.chain_id}"
    if known is None:
        if head.size:
            yield Difference("log_contract", "log_contract", expected, NOTHING)
        return
    found = f"{known.address} on chain {known.chain_id}"
    if found != expected:
        yield Difference("log_contract", "log_contract", expected, found)


def _compare_leaves(ours: Sequence[bytes], batch: LeafBatch) -> Iterator[Difference]:
    for offset, chained in enumerate(batch.leaf_hashes):
        own = ours[offset] if offset < len(ours) else None
        if own != chained:
            where = f"leaf {batch.first_index + offset}"
            yield Difference(
                "leaf_on_chain", where, chained.hex(), own.hex() if own is not None else NOTHING
            )


def _compare_anchor(anchor: Anchor, batch: LeafBatch, chain: Chain) -> Iterator[Difference]:
    """Receipts repeat what an anchor says of its block, so each word of it is held to the chain."""
    stands = {
        "size": batch.first_index + len(batch.leaf_hashes),
        "chain_id": chain.chain_id,
        "contract": chain.address,
        "tx_hash": batch.tx_hash.hex(),
        "block_number": batch.block_number,
        "block_hash": batch.block_hash.hex(),
    }
    if anchor.state is not AnchorState.FINAL:
        # A reorganisation may have moved it since; the writer's next pass looks after it.
        stands = {name: stands[name] for name in ("size", "chain_id", "contract")}
    for name, expected in stands.items():
        found = getattr(anchor, name)
        if found != expected:
            where = f"anchor of {anchor.size}, {name}"
            yield Difference("anchor", where, str(expected), str(found))


def _check_anchored_roots(session: Session, chain: Chain) -> Iterator[Difference]:
    in_chain = col(Anchor.state) != AnchorState.SUBMITTED
    for anchor in session.exec(select(Anchor).where(in_chain).order_by(col(Anchor.size))):
        kept = chain.root_at(anchor.size)
        if kept != anchor.root:
            yield _root_difference(anchor.size, anchor.root, kept)


def _root_difference(size: int, own: bytes, kept: bytes | None) -> Difference:
    where = f"tree of {size} leaves"
    return Difference("root_on_chain", where, own.hex(), kept.hex() if kept else NOTHING)
