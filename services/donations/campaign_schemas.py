"""What goes in and out of the endpoints of campaigns."""

from datetime import date
from typing import Annotated

from pydantic import Field

from services.web.http import Code, FromRow, Input, Moment, Quantity, Text, example

_Name = Annotated[Text, Field(min_length=1, max_length=200)]


class GoalIn(Input):
    commodity: Annotated[Code, Field(description="Item or currency", examples=["gloves", "CNY"])]
    quantity_base: Annotated[Quantity, Field(description="Pieces, or minor units of a currency")]


class CampaignIn(Input):
    """A call for gifts, as everybody may read it; gifts name it by its code."""

    model_config = example(
        name_en="Masks for Wuhan",
        name_zh="为武汉捐口罩",
        about_en="Respirators for the ten designated hospitals.",
        about_zh="为十家定点医院募集口罩。",
        starts_on="2020-01-26",
        ends_on="2020-03-31",
        goals=[
            {"commodity": "n95_respirator", "quantity_base": 200000},
            {"commodity": "CNY", "quantity_base": 500000000},
        ],
        closed=False,
        reason="as decided on 25 January",
    )

    name_en: _Name
    name_zh: _Name
    about_en: Annotated[Text, Field(max_length=2000)] = ""
    about_zh: Annotated[Text, Field(max_length=2000)] = ""
    starts_on: date
    ends_on: date | None = None
    goals: Annotated[list[GoalIn], Field(min_length=1, max_length=50)]
    closed: bool = False
    reason: Annotated[Text, Field(max_length=500)] | None = None


class GoalOut(FromRow):
    """``goal_base`` is null for what came although nobody asked for it."""

    commodity: str
    commodity_class: str
    goal_base: int | None
    promised_base: int
    received_base: int
    used_base: int
    percent: int | None


class CampaignOut(FromRow):
    """A campaign, with what is promised, came in and was used: readings of the journal."""

    code: str
    name_en: str
    name_zh: str
    about_en: str
    about_zh: str
    organisation: str
    starts_on: date
    ends_on: date | None
    closed_at: Moment | None
    is_open: bool
    gifts: int
    donors: int
    goals: list[GoalOut]
