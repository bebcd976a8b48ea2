"""What purchases and payments took out of a fund, as their entries' exact bytes say."""

from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from sqlmodel import Session

from ledger.canonical import parse
from services.errors import NotFound
from services.journal.flows import is_reversed
from services.journal.kinds import AccountKind, AccountRef
from services.journal.read import find_entry


@dataclass(frozen=True, slots=True)
class Spent:
    """What an entry took out of a fund, lot by lot, and what it brought in, if anything.

    Where it was taken back, it took and brought nothing; of what, is still told.
    """

    currency: str
    money: tuple[tuple[UUID, int], ...]
    goods_lot: UUID | None
    item: str | None
    quantity: int
    earmark: dict[str, str] | None

    @property
    def amount(self) -> int:
        return sum(amount for _, amount in self.money)


def spent_in(session: Session, entry_id: UUID) -> Spent:
    """What the entry of a purchase or payment moved; NotFound where no entry took money out."""
    entry = find_entry(session, entry_id)
    record = cast("dict[str, Any]", parse(entry.body)) if entry else {"moves": []}
    money = [move for move in record["moves"] if _is_from_fund(move)]
    if not money:
        raise NotFound(
            f"No purchase or payment has the entry {entry_id}", field="entry_id", value=entry_id
        )
    stands = not is_reversed(session, entry_id)
    goods = [move for move in record["moves"] if not _is_from_fund(move)]
    return Spent(
        currency=money[0]["commodity"],
        money=tuple((UUID(move["lot"]), int(move["quantity"])) for move in money if stands),
        goods_lot=UUID(goods[0]["lot"]) if goods else None,
        item=goods[0]["commodity"] if goods else None,
        quantity=sum(int(move["quantity"]) for move in goods if stands),
        earmark=record["facts"].get("earmark"),
    )


def _is_from_fund(move: dict[str, str]) -> bool:
    return AccountRef.parse(move["source"]).kind is AccountKind.FUND
