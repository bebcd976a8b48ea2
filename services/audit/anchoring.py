"""How far each batch has come on the chain, and which key signs: what is stored of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, func, select, true

from services.audit.anchoring_models import AnchorBatch, AnchoringTrouble, AnchorState, LogKey
from services.audit.models import Anchor, LogContract

# How many of the anchors are held against the chain whenever it is opened, at the most.
SAMPLED = 256


@dataclass(frozen=True, slots=True)
class KeyChange:
    """From ``since_size`` on, larger trees are signed by ``verifier_key``, as the old key says."""

    since_size: int
    verifier_key: str
    note: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Leaves that came so far, each count within the one before; and why they don't go on.

    ``trouble`` is None where all is well; with ``stopped`` somebody has to look, else it waits.
    """

    submitted: int
    mined: int
    final: int
    trouble: str | None
    trouble_since: datetime | None
    stopped: bool
    key_changes: list[KeyChange]


def progress(session: Session) -> Progress:
    """How far the batches have come on the chain."""
    trouble = find_trouble(session)
    return Progress(
        submitted=submitted_size(session),
        mined=mined_size(session),
        final=final_size(session),
        trouble=trouble.why if trouble else None,
        trouble_since=trouble.since if trouble else None,
        stopped=trouble.stopped if trouble else False,
        key_changes=[
            KeyChange(key.since_size, key.verifier_key, key.note) for key in log_keys(session)
        ],
    )


def submitted_size(session: Session) -> int:
    """How many leaves were sent to the contract, whether or not they are mined yet."""
    return session.exec(select(func.max(AnchorBatch.size))).one() or 0


def mined_size(session: Session) -> int:
    """How many leaves stand in the chain's blocks, as far as we know, without a gap."""
    lost = select(func.min(Anchor.first_index)).where(Anchor.state == AnchorState.SUBMITTED)
    gap: int | None = session.exec(lost).one()
    if gap is not None:
        return gap
    return session.exec(select(func.max(Anchor.size))).one() or 0


def final_size(session: Session) -> int:
    """How many leaves stand in blocks that stay."""
    newest = newest_final(session)
    return newest.size if newest else 0


def newest_final(session: Session) -> Anchor | None:
    final = select(Anchor).where(Anchor.state == AnchorState.FINAL)
    return session.exec(final.order_by(col(Anchor.size).desc()).limit(1)).first()


def unfinished_anchors(session: Session) -> Sequence[Anchor]:
    """Those that a reorganisation may still move, in order."""
    unfinished = select(Anchor).where(Anchor.state != AnchorState.FINAL)
    return session.exec(unfinished.order_by(col(Anchor.size))).all()


def sample_of_anchors(session: Session, *, final_only: bool) -> Sequence[Anchor]:
    """At most `SAMPLED` anchors, in order: the newest, and others spread over the leaves.

    Each is found by its size, so that a long log is read no further than these.
    """
    wanted = [Anchor.state == AnchorState.FINAL] if final_only else []
    by_size = select(Anchor).where(*wanted)
    half = SAMPLED // 2
    newest = session.exec(by_size.order_by(col(Anchor.size).desc()).limit(half)).all()
    if len(newest) < half:
        return newest[::-1]
    step = newest[0].size // (SAMPLED - half) + 1
    series = func.generate_series(1, newest[-1].size - 1, step)
    sizes = series.table_valued("at_least").render_derived()
    spread = by_size.where(col(Anchor.size) >= sizes.c.at_least).order_by(col(Anchor.size))
    each = spread.limit(1).subquery().lateral()
    found = session.exec(select(each.c.size).select_from(sizes).join(each, true())).all()
    chosen = {*found, *(anchor.size for anchor in newest)}
    rows = select(Anchor).where(col(Anchor.size).in_(chosen)).order_by(col(Anchor.size))
    return session.exec(rows).all()


def batch_from(session: Session, first_index: int) -> AnchorBatch | None:
    statement = select(AnchorBatch).where(AnchorBatch.first_index == first_index)
    return session.exec(statement).first()


def log_keys(session: Session) -> Sequence[LogKey]:
    """The successors of the log's first key, in order."""
    return session.exec(select(LogKey).order_by(col(LogKey.since_size))).all()


def current_verifier_key(session: Session, known: LogContract) -> str:
    """The key that signs the next checkpoint."""
    keys = log_keys(session)
    return keys[-1].verifier_key if keys else known.verifier_key


def find_trouble(session: Session) -> AnchoringTrouble | None:
    """Why the newest pass didn't end, where it didn't."""
    return session.get(AnchoringTrouble, 1)


def set_trouble(session: Session, why: str | None, *, stopped: bool, now: datetime) -> None:
    """Keep why anchoring doesn't go on, since when; None where it does."""
    known = find_trouble(session)
    if why is None:
        if known is not None:
            session.delete(known)
        return
    if known is None:
        session.add(AnchoringTrouble(why=why, stopped=stopped, since=now))
    else:
        known.why, known.stopped = why, stopped
