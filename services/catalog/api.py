"""Endpoints of the catalogue."""

from fastapi import APIRouter
from pydantic import BaseModel

from services.catalog import service
from services.web.http import DatabaseSession

router = APIRouter(tags=["catalogue"])


class PackOut(BaseModel):
    unit: str
    pieces: int
    gtin: str | None


class GtinOut(BaseModel):
    """A GTIN, as 14 digits, of a maker's package: the unit that it is, and whose."""

    gtin: str
    unit: str
    brand: str | None


class ItemOut(BaseModel):
    code: str
    name_en: str
    name_zh: str
    category: str
    base_unit: str
    shelf_life_days: int | None
    volume_ml: int
    weight_g: int
    cold: bool
    least_centi: int | None
    most_centi: int | None
    packs: list[PackOut]
    substitutes: list[str]
    gtins: list[GtinOut]


@router.get("/items")
def list_items(session: DatabaseSession) -> list[ItemOut]:
    """What can be asked for and given: units, shelf life, and what may stand in for it."""
    packs = service.packs(session)
    substitutes = service.substitutes(session)
    gtins = service.trade_items(session)
    return [
        ItemOut(
            **item.model_dump(exclude={"note"}),
            cold=item.cold,
            base_unit=service.BASE_UNIT,
            packs=[
                PackOut(unit=pack.unit, pieces=pack.pieces, gtin=pack.gtin)
                for pack in packs
                if pack.item == item.code
            ],
            substitutes=list(substitutes.get(item.code, ())),
            gtins=[
                GtinOut(gtin=each.gtin, unit=each.unit, brand=each.brand)
                for each in gtins
                if each.item == item.code
            ],
        )
        for item in service.items(session)
    ]
