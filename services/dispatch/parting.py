"""A part of a plan: which of its lines are approved, as bytes whose digest is logged."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from services.dispatch.models import Rest, Run
from services.dispatch.schemas import Decision, PartIn
from services.dispatch.snapshot import digest_text
from services.dispatch.store import ExpectedLine, planned_lines
from services.errors import Conflict, InvalidInput
from services.transport.service import PlannedLine


class NothingToReserve(Conflict):
    code, title = "nothing-to-reserve", "None of this is there yet"


@dataclass(frozen=True, slots=True)
class Part:
    """Lines of a plan with their numbers in it, from 1 on; ``content`` is None of a whole plan.

    ``expected`` are the numbers of lines that are meant too, and whose goods aren't there yet.
    """

    lines: Sequence[PlannedLine]
    numbers: Sequence[int]
    expected: Sequence[int]
    of: int
    rest: Rest
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
        waiting = {"lines_expected": len(self.expected)} if self.expected else {}
        return told | {"lines_planned": self.of} | waiting


def choose_part(run: Run, body: Decision) -> Part:
    """The lines that a decision means: those to be reserved, and those that are only expected.

    Raises:
        InvalidInput: there is no such line, none fits, or no reason is given for rejecting others.
        NothingToReserve: all that is meant is only expected.

    """
    every = planned_lines(run)
    meant = _numbers(every, body.only) if body.only else list(range(1, len(every) + 1))
    found = [(number, every[number - 1]) for number in meant]
    there = [(number, line) for number, line in found if isinstance(line, PlannedLine)]
    if found and not there:
        raise NothingToReserve(
            "All of it is expected, and nothing stands on a shelf yet",
            field="only" if body.only else "run_id",
            value=None if body.only else run.id,
            mend="start a new run once the goods are there; a plan holds nothing back until then",
        )
    others = len(meant) < len(every)
    if others and body.rest is Rest.REJECTED and not body.rest_reason:
        raise InvalidInput(
            "It doesn't say why the other lines are rejected",
            field="rest_reason",
            mend="give the reason, or leave the other lines to the next run",
        )
    numbers, lines = [number for number, _ in there], [line for _, line in there]
    part = Part(
        lines=lines,
        numbers=numbers,
        expected=[number for number in meant if number not in set(numbers)],
        of=len(every),
        # What is only expected is planned again by the next run, whatever is said of others.
        rest=body.rest if others else Rest.NEXT_RUN,
        content=None,
    )
    return part if len(lines) == len(every) else replace(part, content=_content(run, part))


def _numbers(every: Sequence[PlannedLine | ExpectedLine], only: PartIn) -> list[int]:
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


def _content(run: Run, part: Part) -> bytes:
    told: dict[str, Any] = {
        "run": str(run.id),
        "plan": run.plan_digest,
        "lines_planned": part.of,
        "rest": part.rest.value,
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
            for number, line in zip(part.numbers, part.lines, strict=True)
        ],
    }
    if part.expected:
        told["expected"] = list(part.expected)
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()


def keep_part(run: Run, part: Part, body: Decision) -> None:
    """Write down with the run what was approved of it."""
    run.pieces_approved = part.pieces
    if part.content is not None:
        run.approved_part = part.content
        run.approved_part_digest = digest_text(part.content)
        run.rest, run.rest_reason = part.rest, body.rest_reason
