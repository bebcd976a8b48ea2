"""Keeping the catalogue: items, packs, GTINs and substitutes. Who may is the desk's to ask.

Each function says what it changed, for the history, or nothing where all was so already.
"""

import sqlalchemy as sa
from sqlmodel import Session, col

from services.catalog import gs1, service
from services.catalog.models import Item, Pack, Substitute, TradeItem
from services.catalog.schemas import GtinIn, ItemIn, PackIn, SubstituteIn
from services.errors import Conflict, InvalidInput
from services.journal.kinds import CommodityClass
from services.journal.post import register_commodity


class PackDiffers(Conflict):
    code, title = "pack-differs", "This unit holds another number of pieces"


class GtinTaken(Conflict):
    code, title = "gtin-taken", "This GTIN belongs to another package"


def put_item(session: Session, code: str, body: ItemIn) -> str | None:
    """Add an item, or change what is said of it; what it is counted in never changes."""
    register_commodity(session, code, CommodityClass.GOODS, service.BASE_UNIT)
    item = session.get(Item, code, with_for_update=True)
    values = body.model_dump(exclude={"cold"})
    if item is None:
        session.add(Item(code=code, **values))
        session.flush()
        return f"item {code} added"
    changes = [
        f"{name} {getattr(item, name)} → {value}"
        for name, value in values.items()
        if getattr(item, name) != value
    ]
    for name, value in values.items():
        setattr(item, name, value)
    session.flush()
    return "; ".join(changes) or None


def put_pack(session: Session, item_code: str, body: PackIn) -> str | None:
    """Add a unit that an item is packed in.

    Raises:
        PackDiffers: the unit is known and holds another number. What was counted in it stays true,
            so that a larger box is a unit of its own.

    """
    item = service.get_item(session, item_code)
    if body.unit == service.BASE_UNIT:
        raise InvalidInput(
            "A piece is a piece", field="unit", value=body.unit, mend="name the package"
        )
    known = session.get(Pack, (item.code, body.unit), with_for_update=True)
    if known is None:
        session.add(Pack(item=item.code, unit=body.unit, pieces=body.pieces))
        session.flush()
        return f"unit {body.unit} of {body.pieces} pieces added"
    if known.pieces != body.pieces:
        raise PackDiffers(
            f"A {body.unit} of {item.code} holds {known.pieces} pieces",
            field="pieces",
            value=body.pieces,
            mend=f"add it as another unit, such as {body.unit}_{body.pieces}",
        )
    return None


def put_gtin(session: Session, item_code: str, body: GtinIn) -> str | None:
    """Say which package a GTIN is on.

    Raises:
        NotGs1: it is no GTIN, or its check digit is wrong.
        GtinTaken: it is another package's.

    """
    item = service.get_item(session, item_code)
    service.to_pieces(session, item.code, 1, body.unit, field="unit")
    gtin = gs1.gtin14(body.gtin)
    known = session.get(TradeItem, gtin, with_for_update=True)
    if known is None:
        session.add(TradeItem(gtin=gtin, item=item.code, unit=body.unit, brand=body.brand))
        session.flush()
        return f"GTIN {gtin} is a {body.unit}"
    if (known.item, known.unit) != (item.code, body.unit):
        raise GtinTaken(
            f"{gtin} is a {known.unit} of {known.item}",
            field="gtin",
            value=body.gtin,
            mend="compare it with the package",
        )
    if known.brand == body.brand:
        return None
    known.brand = body.brand
    session.flush()
    return f"GTIN {gtin}: brand {body.brand}"


def put_substitute(session: Session, item_code: str, body: SubstituteIn) -> str | None:
    """Say that an item may serve needs for another; a preference of 0 takes that back."""
    item = service.get_item(session, item_code)
    serves = service.get_item(session, body.serves, field="serves")
    if item.code == serves.code:
        raise InvalidInput(
            "An item serves its own needs anyway",
            field="serves",
            value=body.serves,
            mend="name another item",
        )
    if body.preference == 0:
        gone = session.connection().execute(
            sa.delete(Substitute).where(
                col(Substitute.item) == item.code, col(Substitute.serves) == serves.code
            )
        )
        return f"no substitute for {serves.code} any more" if gone.rowcount else None
    known = session.get(Substitute, (item.code, serves.code), with_for_update=True)
    if known is not None and known.preference == body.preference:
        return None
    session.merge(Substitute(item=item.code, serves=serves.code, preference=body.preference))
    session.flush()
    return f"serves {serves.code}, preference {body.preference}"
