"""Looking up items, and turning any unit into pieces."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlmodel import Session, col, select

from services.catalog import gs1
from services.catalog.gs1 import Scan
from services.catalog.models import Item, Pack, Substitute, TradeItem
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


def trade_items(session: Session) -> list[TradeItem]:
    """Every GTIN that the desk told of, with its package."""
    return list(session.exec(select(TradeItem).order_by(TradeItem.gtin)))


def units(session: Session) -> list[str]:
    """Every unit that some item is counted in; which fits which item is ``to_pieces``'s to say."""
    return [BASE_UNIT, *sorted({pack.unit for pack in packs(session)})]


def packing(session: Session) -> dict[str, list[tuple[str, int]]]:
    """The units of every item with their pieces, the largest first."""
    found: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for pack in reversed(packs(session)):
        found[pack.item].append((pack.unit, pack.pieces))
    return found


def in_packs(session: Session, item_code: str, pieces: int) -> list[tuple[str, int]]:
    """Pieces as the fewest packages, such as 2 cartons, 3 boxes and 7 pieces; never rounded.

    Raises:
        NotFound: there is no such item.

    """
    item = get_item(session, item_code)
    own = select(Pack).where(Pack.item == item.code).order_by(col(Pack.pieces).desc())
    return split_pieces(pieces, [(pack.unit, pack.pieces) for pack in session.exec(own)])


def split_pieces(pieces: int, units: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Pieces by units, largest first, and the rest in pieces: it always adds up again."""
    found: list[tuple[str, int]] = []
    rest = pieces
    for unit, holds in sorted(units, key=lambda unit: -unit[1]):
        whole, rest = divmod(rest, holds)
        if whole:
            found.append((unit, whole))
    return [*found, (BASE_UNIT, rest)] if rest or not found else found


def find_trade_item(session: Session, gtin: str) -> TradeItem | None:
    """The package that bears a GTIN of 14 digits: one that the desk told of, or the item's own."""
    known = session.get(TradeItem, gtin)
    if known is not None:
        return known
    alike = [gtin[start:] for start in (0, 1, 2, 6) if not gtin[:start].strip("0")]
    pack = session.exec(
        select(Pack).where(col(Pack.gtin).in_(alike)).order_by(Pack.item, Pack.unit)
    ).first()
    return TradeItem(gtin=gtin, item=pack.item, unit=pack.unit) if pack else None


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a scan says; ``package`` is None where its GTIN isn't known here."""

    scan: Scan
    package: TradeItem | None

    @property
    def quantity(self) -> int:
        """How many of the package: as it says, else the one that was scanned."""
        return self.scan.count or 1

    @property
    def item(self) -> str | None:
        return self.package.item if self.package else None

    def is_of(self, item: str, batch: str | None = None) -> bool:
        """Whether it can be on a package of this item, and of this batch where one is given.

        What the barcode doesn't say, or isn't known here, speaks against nothing.
        """
        said = self.scan.batch
        return self.item in {None, item} and (batch is None or said in {None, batch})


def scanned(session: Session, text: str) -> Scanned:
    """Read a barcode's text and find out what it is on.

    Raises:
        NotGs1: it isn't a GS1 code.

    """
    scan = gs1.parse(text)
    return Scanned(scan, find_trade_item(session, scan.gtin) if scan.gtin else None)


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
