"""Reference data: what can be asked for and given."""

import sqlalchemy as sa
from sqlmodel import Field

from services.database import Row

# What a piece takes up where nobody has measured it: assumed, as for a small packed article.
ASSUMED_VOLUME_ML = 100
ASSUMED_WEIGHT_G = 50
# What vaccines and most cold medicines need (WHO, Model guidance for the storage and transport of
# time- and temperature-sensitive pharmaceutical products, TRS 961 annex 9): 2 to 8 degrees.
USUAL_LEAST_CENTI, USUAL_MOST_CENTI = 200, 800


class Item(Row, table=True):
    """A kind of supply, counted in pieces.

    Volume and weight are a packed piece's. ``least_centi`` and ``most_centi`` are the limits, in
    hundredths of a degree Celsius, within which it is kept and carried; None where any will do.
    """

    __table_args__ = (
        sa.CheckConstraint(
            "(least_centi IS NULL) = (most_centi IS NULL) AND least_centi < most_centi",
            name="kept_between",
        ),
    )

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
    least_centi: int | None = None
    most_centi: int | None = None

    @property
    def cold(self) -> bool:
        """Whether it needs a cold way: it has limits that the weather may break."""
        return self.least_centi is not None


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
