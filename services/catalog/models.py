"""Reference data: what can be asked for and given."""

from sqlmodel import Field

from services.database import Row


class Item(Row, table=True):
    """A kind of supply, counted in pieces."""

    code: str = Field(primary_key=True, foreign_key="commodity.code")
    name_en: str
    name_zh: str
    category: str
    shelf_life_days: int | None = None
    note: str | None = None


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
