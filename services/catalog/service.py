"""Looking up items, and turning any unit into pieces."""

from collections import defaultdict

from sqlmodel import Session, col, select

from services.catalog.models import Item, Pack, Substitute
from services.errors import InvalidInput, NotFound
from services.journal.post import MAX_QUANTITY

BASE_UNIT = "piece"


def get_item(session: Session, code: str, *, field: str = "item") -> Item:
    item = session.get(Item, code)
    if item is None:
        raise NotFound(
            f"There is no item {code}", field=field, value=code, mend="see GET /api/v1/items"
        )
    return item


def items(session: Session) -> list[Item]:
    return list(session.exec(select(Item).order_by(Item.code)))


def packs(session: Session) -> list[Pack]:
    return list(session.exec(select(Pack).order_by(col(Pack.item), col(Pack.pieces))))


def units(session: Session) -> list[str]:
    """Every unit that some item is counted in; which fits which item is ``to_pieces``'s to say."""
    return [BASE_UNIT, *sorted({pack.unit for pack in packs(session)})]


def to_pieces(
    session: Session, item_code: str, quantity: int, unit: str, *, field: str = "quantity"
) -> int:
    """``quantity`` of ``unit`` in pieces.

    Raises:
        NotFound: there is no such item.
        InvalidInput: the item isn't packed in that unit, or the pieces are too many to be true.

    """
    item = get_item(session, item_code)
    per_unit = 1
    if unit != BASE_UNIT:
        pack = session.get(Pack, (item.code, unit))
        if pack is None:
            known = session.exec(
                select(Pack.unit).where(Pack.item == item.code).order_by(Pack.unit)
            )
            raise InvalidInput(
                f"{item.code} isn't counted in {unit}",
                field="unit",
                value=unit,
                mend=f"use one of: {', '.join([BASE_UNIT, *known])}",
            )
        per_unit = pack.pieces
    pieces = quantity * per_unit
    if not 0 < pieces <= MAX_QUANTITY:
        raise InvalidInput(
            f"{quantity} {unit} are {pieces} pieces",
            field=field,
            value=quantity,
            mend=f"give a quantity from 1 to {MAX_QUANTITY} pieces",
        )
    return pieces


def substitutes(session: Session) -> dict[str, tuple[str, ...]]:
    """For each item, what may serve in its place, best first."""
    found: dict[str, list[str]] = defaultdict(list)
    order = select(Substitute).order_by(
        col(Substitute.serves), col(Substitute.preference), col(Substitute.item)
    )
    for row in session.exec(order):
        found[row.serves].append(row.item)
    return {item: tuple(others) for item, others in found.items()}
