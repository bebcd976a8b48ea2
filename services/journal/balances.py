"""Changing balances: two counters that only grow, under a condition and in one order."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col

from services.errors import Conflict
from services.journal.kinds import OVERDRAWN
from services.journal.models import Balance
from services.journal.record import NewMove

# One account's and lot's change, as a row of `balance` has it.
_Change = Mapping[str, Any]


class InsufficientStock(Conflict):
    code, title = "insufficient-stock", "There isn't that much there"


def change_balances(session: Session, moves: Sequence[NewMove]) -> None:
    """Add to the counters in sorted order, so that two entries never wait for each other.

    Raises:
        InsufficientStock: an account doesn't hold what the moves take from it.

    """
    for takes, run in groupby(_changes(moves), _takes):
        (_take_all if takes else _add_all)(session, list(run))


def _changes(moves: Sequence[NewMove]) -> list[_Change]:
    flows: dict[tuple[str, UUID], list[int]] = defaultdict(lambda: [0, 0])
    may_overdraw: dict[str, bool] = {}
    for move in moves:
        flows[str(move.target), move.lot_id][0] += move.quantity
        flows[str(move.source), move.lot_id][1] += move.quantity
        for ref in (move.source, move.target):
            may_overdraw[str(ref)] = ref.kind in OVERDRAWN
    return [
        {
            "account": account,
            "lot_id": lot_id,
            "inflow": inflow,
            "outflow": outflow,
            "may_overdraw": may_overdraw[account],
        }
        for (account, lot_id), (inflow, outflow) in sorted(flows.items())
    ]


def _takes(change: _Change) -> bool:
    return change["inflow"] < change["outflow"] and not change["may_overdraw"]


def _add_all(session: Session, changes: list[_Change]) -> None:
    """One row after the other, as they are sorted: that is the order of their locks."""
    statement = insert(Balance)
    adding = statement.on_conflict_do_update(
        index_elements=["account", "lot_id"],
        set_={
            "inflow": col(Balance.inflow) + statement.excluded.inflow,
            "outflow": col(Balance.outflow) + statement.excluded.outflow,
        },
    )
    session.connection().execute(adding, changes)


def _take_all(session: Session, changes: list[_Change]) -> None:
    """All at once; where one holds too little, again one by one, to say which."""
    if len(changes) > 1:
        with session.begin_nested() as savepoint:
            if _taken(session, changes) == len(changes):
                return
            savepoint.rollback()
    for change in changes:
        if _taken(session, [change]) != 1:
            raise _insufficient(session, change)


def _taken(session: Session, changes: list[_Change]) -> int:
    """Conditional UPDATEs: each finds enough under its row's lock or changes nothing."""
    inflow = col(Balance.inflow) + sa.bindparam("more_in", type_=sa.BigInteger)
    outflow = col(Balance.outflow) + sa.bindparam("more_out", type_=sa.BigInteger)
    statement = (
        sa.update(Balance)
        .where(col(Balance.account) == sa.bindparam("of_account"))
        .where(col(Balance.lot_id) == sa.bindparam("of_lot"), inflow >= outflow)
        .values(inflow=inflow, outflow=outflow)
    )
    rows = [
        {
            "of_account": change["account"],
            "of_lot": change["lot_id"],
            "more_in": change["inflow"],
            "more_out": change["outflow"],
        }
        for change in changes
    ]
    return session.connection().execute(statement, rows).rowcount


def _insufficient(session: Session, change: _Change) -> InsufficientStock:
    account, lot_id = change["account"], change["lot_id"]
    balance = session.get(Balance, (account, lot_id), populate_existing=True)
    available = balance.inflow - balance.outflow if balance else 0
    wanted = change["outflow"] - change["inflow"]
    return InsufficientStock(
        f"{account} holds {available} of lot {lot_id}, and {wanted} were to leave it",
        field="quantity",
        value=wanted,
        mend=f"take {available} or fewer, or another lot",
        account=account,
        lot_id=str(lot_id),
        available=available,
    )
