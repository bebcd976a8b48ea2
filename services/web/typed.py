"""What a form sent as text, as the lists, numbers and times that a schema asks for."""

import re
import types
from datetime import datetime
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import AwareDatetime, BaseModel

from services.web.i18n import wall_zone

_PART = re.compile(r"([^.\[\]]+)|\[(\d{1,6})\]")
# Of type checkers the second is an alias; at run time it is a class of its own.
_MOMENTS: tuple[Any, ...] = (datetime, AwareDatetime)
_DIGITS = re.compile(r"[+-]?\d+")


def plant(tree: dict[str, Any], path: str, value: str) -> None:
    """Put a value at ``a[0].b``; lists are dictionaries by index until all is in place."""
    parts: list[str | int] = [
        int(index) if index else name for name, index in _PART.findall(path)[:6]
    ]
    if not parts:
        return
    here: Any = tree
    for part in parts[:-1]:
        here = here.setdefault(part, {})
        if not isinstance(here, dict):
            return
    here[parts[-1]] = value


def with_lists(tree: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    if tree and all(isinstance(key, int) for key in tree):
        return [with_lists(tree[key]) for key in sorted(tree)]
    return {str(key): with_lists(value) for key, value in tree.items()}


def typed(kind: Any, value: Any) -> Any:
    """Text as the whole numbers, times and lists that the schema asks for; else as it was."""
    kind = _bare(kind)
    if isinstance(value, list) and get_origin(kind) is list:
        return [typed(get_args(kind)[0], each) for each in value]
    if isinstance(value, dict) and isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = kind.model_fields
        return {
            name: typed(fields[name].annotation, each) if name in fields else each
            for name, each in value.items()
        }
    if not isinstance(value, str):
        return value
    if kind is int:
        return _whole_number(value)
    return _with_zone(value) if kind in _MOMENTS else value


def _bare(kind: Any) -> Any:
    """``Annotated[X | None, …]`` as ``X``."""
    while True:
        if get_origin(kind) is Annotated:
            kind = get_args(kind)[0]
        elif get_origin(kind) in {Union, types.UnionType}:
            some = [each for each in get_args(kind) if each is not types.NoneType]
            if len(some) != 1:
                return kind
            kind = some[0]
        else:
            return kind


def _whole_number(text: str) -> int | str:
    """``12,000`` and ``１２ ０００`` are what people type and paste; 1.5 stays refused."""
    digits = re.sub(r"(?<=\d)[,\s\u2009，](?=\d{3}(?!\d))", "", text)
    return int(digits) if len(digits) <= 20 and _DIGITS.fullmatch(digits) else text


def _with_zone(text: str) -> str:
    """A browser's date and time say no zone: they are read off the wall's clock."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return moment.isoformat() if moment.tzinfo else moment.replace(tzinfo=wall_zone()).isoformat()
