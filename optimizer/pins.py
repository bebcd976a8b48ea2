"""What people have decided by hand: pins and bans, checked before anything is shared out."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from optimizer.errors import ProblemError
from optimizer.parts import Corridor, Need, Pin, Source
from optimizer.problem import Problem
from optimizer.rules import depart_day, refusal

__all__ = ["Line", "check_bans", "pinned_lines", "without_pinned"]


Loads = Mapping[int, tuple[int, int]]
"""ml and g by day of departure."""


class Line(NamedTuple):
    """Pieces, or units of a derived problem, of a source for a need, leaving on a day."""

    source_id: str
    need_id: str
    quantity: int
    depart_day: int


def check_bans(problem: Problem) -> None:
    """Refuse a ban of something unknown: it would silently forbid nothing."""
    if not problem.bans:
        return
    sources = {source.id for source in problem.sources}
    needs = {need.id for need in problem.needs}
    for ban in problem.bans:
        where = f"ban of {ban.source_id!r} for {ban.need_id!r}"
        if ban.source_id is not None and ban.source_id not in sources:
            message = f"there is no source {ban.source_id!r}; correct it, or drop the ban"
            raise ProblemError("unknown_ban", where, message)
        if ban.need_id is not None and ban.need_id not in needs:
            message = f"there is no need {ban.need_id!r}; correct it, or drop the ban"
            raise ProblemError("unknown_ban", where, message)


def pinned_lines(problem: Problem) -> tuple[Line, ...]:
    """Return the pins as lines, each leaving as soon as its lot can.

    Raises ProblemError, naming lot, need and rule, for a pin of something unknown, for one that a
    rule or a ban refuses, and for pins that together take more than there is or was asked for.
    """
    if not problem.pins:
        return ()
    sources = {source.id: source for source in problem.sources}
    needs = {need.id: need for need in problem.needs}
    lines = []
    for pin in problem.pins:
        source, need = sources.get(pin.source_id), needs.get(pin.need_id)
        if source is None or need is None:
            kind, name = ("need", pin.need_id) if source else ("source", pin.source_id)
            where = f"pin of {pin.source_id!r} to {pin.need_id!r}"
            message = f"there is no {kind} {name!r}; correct it, or drop the pin"
            raise ProblemError("unknown_pin", where, message)
        _check_pin(problem, pin, source, need)
        lines.append(Line(source.id, need.id, pin.quantity, depart_day(source)))
    _check_sums(problem, lines)
    _corridors(problem, lines)
    return tuple(lines)


def _where(source: Source, need: Need) -> str:
    return (
        f"pin of {source.id!r} ({source.item!r} at {source.site!r}) "
        f"to {need.id!r} ({need.item!r} at {need.site!r})"
    )


def _check_pin(problem: Problem, pin: Pin, source: Source, need: Need) -> None:
    where = _where(source, need)
    refused = refusal(source, need, problem.way(source.site, need.site), problem)
    if refused is not None and refused.code == "banned":
        message = "a ban forbids what the pin asks for; drop one of the two"
        raise ProblemError("contradicting_pin", where, message)
    if refused is not None:
        figures = ", ".join(f"{name} {value}" for name, value in sorted(refused.params.items()))
        message = f"the rule {refused.code!r} refuses it ({figures}); drop the pin"
        raise ProblemError("refused_pin", where, message)
    if problem.converted(pin.quantity, source.item, need.item) is None:
        message = (
            f"{pin.quantity} pieces of {source.item!r} are no whole number of pieces of "
            f"{need.item!r}; pin another quantity"
        )
        raise ProblemError("pin_not_whole", where, message)


def _taken(problem: Problem, lines: list[Line]) -> tuple[dict[str, int], dict[str, int]]:
    """Return what the lines take of each source and give to each need, in pieces of its item."""
    item = {source.id: source.item for source in problem.sources}
    own = {need.id: need.item for need in problem.needs}
    drawn: dict[str, int] = defaultdict(int)
    given: dict[str, int] = defaultdict(int)
    for line in lines:
        drawn[line.source_id] += line.quantity
        pieces = problem.converted(line.quantity, item[line.source_id], own[line.need_id])
        assert pieces is not None, "a pin that is not whole was refused"
        given[line.need_id] += pieces
    return drawn, given


def _check_sums(problem: Problem, lines: list[Line]) -> None:
    drawn, given = _taken(problem, lines)
    for source in problem.sources:
        if drawn.get(source.id, 0) > source.quantity:
            where = f"pins of source {source.id!r} of {source.item!r} at {source.site!r}"
            message = f"take {drawn[source.id]} pieces, {source.quantity} exist; pin fewer"
            raise ProblemError("overdrawn_pins", where, message)
    for need in problem.needs:
        if given.get(need.id, 0) > need.quantity:
            where = f"pins to need {need.id!r} of {need.item!r} at {need.site!r}"
            message = f"give {given[need.id]} pieces, {need.quantity} are asked for; pin fewer"
            raise ProblemError("overfilled_pins", where, message)


def _loads(
    problem: Problem, lines: Iterable[Line]
) -> dict[tuple[str, str], dict[int, tuple[int, int]]]:
    """Return the ml and g that the lines load, by zones and day."""
    sources = {source.id: source for source in problem.sources}
    needs = {need.id: need for need in problem.needs}
    loads: dict[tuple[str, str], dict[int, tuple[int, int]]] = defaultdict(dict)
    for line in lines:
        source, need = sources[line.source_id], needs[line.need_id]
        item = problem.item(source.item)
        by_day = loads[problem.zone(source.site), problem.zone(need.site)]
        volume, weight = by_day.get(line.depart_day, (0, 0))
        by_day[line.depart_day] = (
            volume + line.quantity * item.volume_ml,
            weight + line.quantity * item.weight_g,
        )
    return loads


def _corridors(problem: Problem, lines: Iterable[Line]) -> tuple[Corridor, ...]:
    """Return the corridors with what the lines take of them; refuse what they cannot carry."""
    if not problem.corridors:
        return ()
    loads = _loads(problem, lines)
    return tuple(
        _with_taken(each, loads.get((each.origin_zone, each.destination_zone), {}))
        for each in problem.corridors
    )


def _with_taken(corridor: Corridor, loads: Loads) -> Corridor:
    limits = (corridor.volume_ml_per_day, corridor.weight_g_per_day)
    before = {day: (volume, weight) for day, volume, weight in corridor.taken}
    taken = []
    for day in sorted(loads.keys() | before.keys()):
        pins, used = loads.get(day, (0, 0)), before.get(day, (0, 0))
        load = pins[0] + used[0], pins[1] + used[1]
        for unit, pinned, already, limit in zip(("ml", "g"), pins, used, limits, strict=True):
            if limit is not None and pinned and pinned > limit - already:
                zones = f"{corridor.origin_zone!r} to {corridor.destination_zone!r}"
                message = f"load {pinned} {unit}, {limit - already} {unit} can leave; pin fewer"
                raise ProblemError(
                    "overloaded_pins", f"pins from zone {zones} on day {day}", message
                )
        # What nothing limits nobody adds up.
        volume, weight = (0 if limits[side] is None else load[side] for side in (0, 1))
        if volume or weight:
            taken.append((day, volume, weight))
    return replace(corridor, taken=tuple(taken)) if taken else corridor


def without_pinned(problem: Problem, lines: tuple[Line, ...]) -> Problem:
    """Return the problem without what the lines take; what they use up or meet is left out."""
    if not lines:
        return problem
    drawn, given = _taken(problem, list(lines))
    return replace(
        problem,
        sources=tuple(
            replace(each, quantity=each.quantity - drawn[each.id]) if each.id in drawn else each
            for each in problem.sources
            if drawn.get(each.id, 0) < each.quantity
        ),
        needs=tuple(
            replace(each, quantity=each.quantity - given[each.id]) if each.id in given else each
            for each in problem.needs
            if given.get(each.id, 0) < each.quantity
        ),
        corridors=_corridors(problem, lines),
        pins=(),
    )
