"""Reference data: what can be asked for and given."""

import sqlalchemy as sa
from sqlmodel import Field

from services.database import Row

# What a piece takes up where nobody has measured it: assumed, as for a small packed article.
ASSUMED_VOLUME_ML = 100
ASSUMED_WEIGHT_G = 50


class Item(Row, table=True):
    """A kind of supply, counted in pieces.

    Volume and weight are a packed piece's; ``cold`` goods must not get warm on the way.
    """

    code: str = Field(primary_key=True, foreign_key="commodity.code")
    name_en: str
    name_zh: str
    category: str
    shelf_life_days: int | None = None
    note: str | None = None
    volume_ml: int = Field(
        default=ASSUMED_VOLUME_ML, sa_column_kwargs={"server_default": str(ASSUMED_VOLUME_ML)}
    )
    weight_g: int = Field(
        default=ASSUMED_WEIGHT_G, sa_column_kwargs={"server_default": str(ASSUMED_WEIGHT_G)}
    )
    cold: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})


class Pack(Row, table=True):
    """A unit that an item may be counted in, and how many pieces it holds."""

    item: str = Field(primary_key=True, foreign_key="item.code")
    unit: str = Field(primary_key=True)
    pieces: int
    gtin: str | None = None


class Substitute(Row, table=True):
    """``item`` may serve a need for ``serves``; never the other way round."""

    item: str = Field(primary_key=True, foreign_key="item.code")
    serves: str = Field(primary_key=True, foreign_key="item.code")
    preference: int = 1


class TradeItem(Row, table=True):
    """A GTIN, as 14 digits, and what its package is here: an item in a unit.

    Each maker numbers its own packages, so that one item's box has as many GTINs as makers.
    """

    __tablename__ = "trade_item"

    gtin: str = Field(primary_key=True)
    item: str = Field(foreign_key="item.code", index=True)
    unit: str
    brand: str | None = None
