"""What goes in where the catalogue is kept, and what a scan says."""

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field, model_validator

from services.catalog.models import (
    ASSUMED_VOLUME_ML,
    ASSUMED_WEIGHT_G,
    USUAL_LEAST_CENTI,
    USUAL_MOST_CENTI,
)
from services.web.http import Code, Input, Text, example

_Name = Annotated[Text, Field(min_length=1, max_length=120)]
_Measure = Annotated[int, Field(strict=True, ge=1, le=10_000_000)]
_Centi = Annotated[int, Field(strict=True, ge=-10_000, le=10_000, examples=[-2_500])]
MAX_PACK = 1_000_000


class ItemIn(Input):
    """A kind of supply, counted in pieces. Volume and weight are a packed piece's.

    Cold goods are kept from ``least_centi`` to ``most_centi``, in hundredths of a degree Celsius;
    ``cold`` alone means from 2 to 8 degrees.
    """

    model_config = example(
        name_en="Face shield", name_zh="防护面屏", category="ppe", shelf_life_days=1095,
        volume_ml=400, weight_g=60,
    )  # fmt: skip

    name_en: _Name
    name_zh: _Name
    category: Code
    shelf_life_days: Annotated[int, Field(strict=True, ge=1, le=36_600)] | None = None
    volume_ml: _Measure = ASSUMED_VOLUME_ML
    weight_g: _Measure = ASSUMED_WEIGHT_G
    cold: bool | None = None
    least_centi: _Centi | None = None
    most_centi: _Centi | None = None

    @model_validator(mode="after")
    def _kept_between(self) -> "ItemIn":
        least, most = self.least_centi, self.most_centi
        if least is None and most is None:
            if self.cold:
                self.least_centi, self.most_centi = USUAL_LEAST_CENTI, USUAL_MOST_CENTI
        elif least is None or most is None or least >= most or self.cold is False:
            raise ValueError("give both limits, the lower first, or none where it isn't cold")
        return self


class PackIn(Input):
    """A unit and how many pieces it holds."""

    model_config = example(unit="box", pieces=50)

    unit: Code
    pieces: Annotated[int, Field(strict=True, ge=2, le=MAX_PACK)]


class GtinIn(Input):
    """A GTIN of 8, 12, 13 or 14 digits, and the unit whose package bears it."""

    model_config = example(gtin="09506000134352", unit="box", brand="Example Medical")

    gtin: Annotated[Text, Field(min_length=1, max_length=40)]
    unit: Code = "piece"
    brand: Annotated[Text, Field(max_length=120)] | None = None


class SubstituteIn(Input):
    """What the item may serve needs for; 1 is preferred, 0 takes it back."""

    model_config = example(serves="surgical_mask", preference=1)

    serves: Code
    preference: Annotated[int, Field(strict=True, ge=0, le=100)] = 1


class PackedOut(BaseModel):
    unit: str
    quantity: int


class ScanOut(BaseModel):
    """What a scan says, and what it is here; ``item`` is null where its GTIN isn't known."""

    gtin: str | None
    sscc: str | None
    item: str | None
    unit: str | None
    quantity: int
    quantity_base: int | None
    batch: str | None
    serial: str | None
    produced_on: date | None
    expires_on: date | None
    weight_kg: Decimal | None
    text: str
    digital_link: str | None
