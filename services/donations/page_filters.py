"""The filters of lists on pages: a choice that was left blank is none."""

from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from services.donations.gift_lists import GiftFilter, HonourFilter
from services.errors import InvalidInput
from services.web.http import field_error

Filter = TypeVar("Filter", bound=BaseModel)


def _read(request: Request, kind: type[Filter]) -> Filter:
    given = {name: value for name, value in request.query_params.items() if value}
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        said = field_error(dict(error.errors()[0]))
        raise InvalidInput(
            f"This list can't be filtered by {said['field']} like that",
            field=said["field"],
            value=said["value"],
            mend=said["mend"],
        ) from error


def gift_filter(request: Request) -> GiftFilter:
    return _read(request, GiftFilter)


def honour_filter(request: Request) -> HonourFilter:
    return _read(request, HonourFilter)
