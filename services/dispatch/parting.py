"""A part of a plan: which of its lines are approved, as bytes whose digest is logged."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.dispatch.models import Rest, Run
from services.dispatch.schemas import Decision, PartIn
from services.dispatch.snapshot import digest_text
from services.dispatch.store import planned_lines
from services.errors import InvalidInput
from services.transport.service import PlannedLine


@dataclass(frozen=True, slots=True)
class Part:
    """Lines of a plan with their numbers in it, from 1 on; ``content`` is None of a whole plan."""

    lines: Sequence[PlannedLine]
    numbers: Sequence[int]
    of: int
    content: bytes | None

    @property
    def pieces(self) -> int:
        return sum(line.quantity_base for line in self.lines)

    @property
    def facts(self) -> dict[str, Any]:
        """What the approval's statement says besides, where it isn't the whole plan."""
        if self.content is None:
            return {}
        told = {"part": digest_text(self.content), "lines": len(self.lines)}
        return told | {"lines_planned": self.of}


def choose_part(run: Run, body: Decision) -> Part:
    """The lines that a decision means.

    Raises:
        InvalidInput: there is no such line, none fits, or no reason is given for rejecting others.

    """
    every = planned_lines(run)
    if body.only is None:
        return Part(every, range(1, len(every) + 1), len(every), None)
    numbers = _numbers(every, body.only)
    lines = [every[number - 1] for number in numbers]
    if len(lines) == len(every):
        return Part(lines, numbers, len(every), None)
    if body.rest is Rest.REJECTED and not body.rest_reason:
        raise InvalidInput(
            "It doesn't say why the other lines are rejected",
            field="rest_reason",
            mend="give the reason, or leave the other lines to the next run",
        )
    return Part(lines, numbers, len(every), _content(run, numbers, lines, body.rest, len(every)))


def _numbers(every: Sequence[PlannedLine], only: PartIn) -> list[int]:
    for index, number in enumerate(only.lines):
        if number > len(every):
            raise InvalidInput(
                f"The plan has {len(every)} lines",
                field=f"only.lines[{index}]",
                value=number,
                mend="name lines by their numbers in GET /api/v1/runs/{run_id}",
            )
    found = [
        number
        for number, line in enumerate(every, start=1)
        if number in set(only.lines)
        or line.destination in only.destinations
        or line.item in only.items
    ]
    if not found:
        raise InvalidInput(
            "No line of the plan is meant by this",
            field="only",
            mend="name lines, destinations or items of the plan; or reject it",
        )
    return found


def _content(
    run: Run, numbers: Sequence[int], lines: Sequence[PlannedLine], rest: Rest, of: int
) -> bytes:
    told = {
        "run": str(run.id),
        "plan": run.plan_digest,
        "lines_planned": of,
        "rest": rest.value,
        "lines": [
            {
                "line": number,
                "need": str(line.need_id),
                "lot": str(line.lot_id),
                "item": line.item,
                "origin": line.origin,
                "destination": line.destination,
                "pieces": str(line.quantity_base),
                "depart_on": line.depart_on.isoformat(),
                "arrive_on": line.due_on.isoformat(),
            }
            for number, line in zip(numbers, lines, strict=True)
        ],
    }
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()


def keep_part(run: Run, part: Part, body: Decision) -> None:
    """Write down with the run what was approved of it."""
    run.pieces_approved = part.pieces
    if part.content is not None:
        run.approved_part = part.content
        run.approved_part_digest = digest_text(part.content)
        run.rest, run.rest_reason = body.rest, body.rest_reason
