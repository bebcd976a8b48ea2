"""The readings: every balance against the sum of its moves, and what follows from them."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, func

from services.journal.differences import NOTHING, Difference
from services.journal.entry_check import Flow
from services.journal.models import Account, Balance, Move

_STREAM = {"yield_per": 1000}
Key = tuple[str, UUID]


def check_balances(
    connection: sa.Connection, corrections: Mapping[Flow, int]
) -> Iterator[Difference]:
    """Balances that aren't what the moves add up to, overdrawn accounts, lots that don't add up.

    ``corrections`` are what the moves' rows lack of what the entries' bytes say.
    """
    named: set[Key] = set()
    for difference, key in _against_moves(connection, corrections):
        named.add(key)
        yield difference
    yield from _overdrawn(connection, named)
    lots_named = {lot_id for _, lot_id in named}
    for lot_id, difference in unconserved_lots(connection):
        # A balance that was named already unbalances its lot: that is no second finding.
        if lot_id not in lots_named:
            yield difference


def unconserved_lots(connection: sa.Connection) -> Iterator[tuple[UUID, Difference]]:
    """Lots of which more, or less, came into their accounts than left other accounts."""
    inflow, outflow = func.sum(col(Balance.inflow)), func.sum(col(Balance.outflow))
    statement = (
        sa.select(col(Balance.lot_id), inflow, outflow)
        .group_by(col(Balance.lot_id))
        .having(inflow != outflow)
        .order_by(col(Balance.lot_id))
    )
    for lot_id, came, left in connection.execute(statement, execution_options=_STREAM):
        yield (
            lot_id,
            Difference("conservation", f"lot {lot_id}", f"{left} in, as out", f"{came} in"),
        )


def _against_moves(
    connection: sa.Connection, corrections: Mapping[Flow, int]
) -> Iterator[tuple[Difference, Key]]:
    left = _by_key(corrections)
    for row in connection.execute(_unequal_balances(), execution_options=_STREAM):
        key = (row.account, row.lot_id)
        yield from _compared(key, row, left.pop(key, Counter()))
    # Here the moves' rows and the balance agree with each other, and not with the bytes.
    for key, correction in sorted(left.items()):
        if any(correction.values()):
            row = connection.execute(_one_balance(*key)).one()
            yield from _compared(key, row, correction)


def _compared(
    key: Key, row: sa.Row[Any], correction: Mapping[str, int]
) -> Iterator[tuple[Difference, Key]]:
    moved = [row.moved_in, row.moved_out]
    expected = [
        int(moved[0] or 0) + correction.get("inflow", 0),
        int(moved[1] or 0) + correction.get("outflow", 0),
    ]
    found = None if row.inflow is None else [row.inflow, row.outflow]
    # A row of zeros that no move ever touched isn't right either: post() makes none.
    untouched = moved == [None, None] and not any(expected)
    if found == expected and not untouched:
        return
    if found is None and not any(expected):
        return
    account, lot_id = key
    yield (
        Difference(
            "balance",
            f"balance of {account}, lot {lot_id}",
            NOTHING if untouched else _flows_text(expected),
            NOTHING if found is None else _flows_text(found),
        ),
        key,
    )


def _flows_text(flows: list[int]) -> str:
    return f"{flows[0]} in, {flows[1]} out"


def _by_key(corrections: Mapping[Flow, int]) -> dict[Key, Counter[str]]:
    found: dict[Key, Counter[str]] = defaultdict(Counter)
    for (account, lot_id, counter), quantity in corrections.items():
        found[account, lot_id][counter] += quantity
    return dict(found)


def _moved() -> sa.Subquery:
    """What the moves' rows add up to, by account and lot."""
    nothing = sa.literal(0, sa.BigInteger)
    flows = sa.union_all(
        sa.select(
            col(Move.target).label("account"),
            col(Move.lot_id).label("lot_id"),
            col(Move.quantity).label("moved_in"),
            nothing.label("moved_out"),
        ),
        sa.select(col(Move.source), col(Move.lot_id), nothing, col(Move.quantity)),
    ).subquery()
    return (
        sa.select(
            flows.c.account,
            flows.c.lot_id,
            func.sum(flows.c.moved_in).label("moved_in"),
            func.sum(flows.c.moved_out).label("moved_out"),
        )
        .group_by(flows.c.account, flows.c.lot_id)
        .subquery()
    )


def _unequal_balances() -> sa.Select[*tuple[Any, ...]]:
    moved = _moved()
    same = sa.and_(col(Balance.account) == moved.c.account, col(Balance.lot_id) == moved.c.lot_id)
    account = func.coalesce(col(Balance.account), moved.c.account).label("account")
    lot_id = func.coalesce(col(Balance.lot_id), moved.c.lot_id).label("lot_id")
    return (
        sa.select(
            account,
            lot_id,
            col(Balance.inflow),
            col(Balance.outflow),
            moved.c.moved_in,
            moved.c.moved_out,
        )
        .select_from(sa.outerjoin(Balance, moved, same, full=True))
        .where(
            col(Balance.inflow).is_distinct_from(moved.c.moved_in)
            | col(Balance.outflow).is_distinct_from(moved.c.moved_out)
        )
        .order_by(account, lot_id)
    )


def _one_balance(account: str, lot_id: UUID) -> sa.Select[*tuple[Any, ...]]:
    """Balance and moves of one account and lot; one row, even where there is neither."""
    balance = col(Balance.account) == account, col(Balance.lot_id) == lot_id

    def moved(side: str) -> sa.ScalarSelect[Any]:
        where = getattr(Move, side) == account, col(Move.lot_id) == lot_id
        return sa.select(func.sum(col(Move.quantity))).where(*where).scalar_subquery()

    return sa.select(
        sa.select(col(Balance.inflow)).where(*balance).scalar_subquery().label("inflow"),
        sa.select(col(Balance.outflow)).where(*balance).scalar_subquery().label("outflow"),
        moved("target").label("moved_in"),
        moved("source").label("moved_out"),
    )


def _overdrawn(connection: sa.Connection, named: set[Key]) -> Iterator[Difference]:
    statement: sa.Select[*tuple[Any, ...]] = (
        sa.select(
            col(Balance.account),
            col(Balance.lot_id),
            col(Balance.inflow),
            col(Balance.outflow),
            col(Balance.may_overdraw),
            col(Account.may_overdraw).label("account_may"),
        )
        .join(Account, col(Account.code) == col(Balance.account))
        .where(
            (col(Balance.may_overdraw) != col(Account.may_overdraw))
            | (~col(Account.may_overdraw) & (col(Balance.inflow) < col(Balance.outflow)))
        )
        .order_by(col(Balance.account), col(Balance.lot_id))
    )
    for row in connection.execute(statement, execution_options=_STREAM):
        where = f"balance of {row.account}, lot {row.lot_id}"
        if row.may_overdraw != row.account_may:
            yield Difference(
                "balance",
                f"{where}, may_overdraw",
                str(row.account_may),
                str(row.may_overdraw),
            )
        elif (row.account, row.lot_id) not in named:
            yield Difference("overdrawn", where, f"at most {row.inflow} out", f"{row.outflow} out")
