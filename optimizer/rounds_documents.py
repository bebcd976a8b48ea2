"""A problem of rounds as text and back, so that its rounds can be checked again later."""

import json
from dataclasses import asdict
from typing import Any

from optimizer.documents import decode_record, need_list, need_object
from optimizer.errors import ProblemError
from optimizer.rounds_parts import Drop, Goods, Road, RoundsProblem, Site, Vehicle

__all__ = ["problem_from_json", "problem_to_json"]

FORMAT = "medrelay-rounds/1"
_PARTS = {"sites": Site, "vehicles": Vehicle, "drops": Drop, "roads": Road}


def problem_to_json(problem: RoundsProblem) -> str:
    """Always the same text for the same problem; whole numbers only, none beyond 2^53."""
    document = {"format": FORMAT} | asdict(problem)
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def problem_from_json(text: str | bytes) -> RoundsProblem:
    """What `problem_to_json` wrote; ProblemError names the part that can't be read."""
    try:
        content = dict(need_object(json.loads(text), "problem"))
    except ValueError as error:
        raise ProblemError("bad_document", "problem", f"isn't JSON: {error}") from error
    if content.pop("format", None) != FORMAT:
        raise ProblemError("bad_document", "problem", f"format must be {FORMAT!r}")
    for name, kind in _PARTS.items():
        content[name] = tuple(
            decode_record(kind, _with_goods(part) if kind is Drop else part, f"{name}[{index}]")
            for index, part in enumerate(need_list(content.get(name), name))
        )
    return decode_record(RoundsProblem, content, "problem")


def _with_goods(part: object) -> dict[str, Any]:
    drop = dict(need_object(part, "drops"))
    drop["goods"] = tuple(
        decode_record(Goods, one, f"goods[{index}]")
        for index, one in enumerate(need_list(drop.get("goods"), "goods"))
    )
    return drop
