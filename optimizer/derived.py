"""A derived problem, and the way from its plan to the original's and back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from optimizer.parts import Need
from optimizer.pins import Line
from optimizer.plan import Reason
from optimizer.problem import Problem
from optimizer.report import Violation

__all__ = ["Derived", "Line"]


@dataclass(frozen=True, slots=True)
class Derived:
    """A problem of plain units, and the way there and back.

    `pinned` are the pins as lines. `left_out` tells why a need of the original is not in `problem`,
    `idle` why a source is not. `unit_pieces` is the number of an item's pieces in one unit, where
    it isn't 1. `open_pieces` is what a need in `problem` asks for beyond whole units, in pieces.
    """

    original: Problem
    problem: Problem
    pinned: tuple[Line, ...] = ()
    left_out: Mapping[str, Reason] = field(default_factory=dict)
    idle: Mapping[str, Reason] = field(default_factory=dict)
    unit_pieces: Mapping[str, int] = field(default_factory=dict)
    open_pieces: Mapping[str, int] = field(default_factory=dict)

    def lift(self, lines: Iterable[Line]) -> list[Line]:
        """Return lines in units as lines of pieces of each source's item, the pins among them.

        Sorted by need, source and day; a pair that is pinned and allocated for one day is one line.
        """
        item = {source.id: source.item for source in self.original.sources}
        pieces = {(each.need_id, each.source_id, each.depart_day): each[2] for each in self.pinned}
        for line in lines:
            key = (line.need_id, line.source_id, line.depart_day)
            units = line.quantity * self.unit_pieces.get(item[line.source_id], 1)
            pieces[key] = pieces.get(key, 0) + units
        return [Line(key[1], key[0], pieces[key], key[2]) for key in sorted(pieces)]

    def lower(self, lines: Iterable[Line]) -> tuple[list[Line], list[Violation]]:
        """Undo `lift`: return the lines in units without the pins, and what cannot be undone.

        `lines` name sources and needs of the original, each pair and day once. A violation is a pin
        that is not kept, a line of something left out, or pieces that are no whole units.
        """
        pinned = {(each.source_id, each.need_id, each.depart_day): each[2] for each in self.pinned}
        item = {source.id: source.item for source in self.problem.sources}
        needs = {need.id for need in self.problem.needs} if self.left_out else None
        found, lowered = [], []
        for line in lines:
            where = f"{line.source_id} → {line.need_id}"
            key = (line.source_id, line.need_id, line.depart_day)
            pieces = line.quantity - pinned.pop(key, 0)
            if pieces < 0:
                message = f"gets {line.quantity}, fewer than are set by hand"
                found.append(Violation("pin", where, message))
            if pieces <= 0:
                continue
            if line.source_id not in item or (needs is not None and line.need_id not in needs):
                found.append(Violation("left_out", where, "joins what the policy leaves out"))
                continue
            unit = self.unit_pieces.get(item[line.source_id], 1)
            units, rest = divmod(pieces, unit)
            if rest:
                message = f"{pieces} pieces are not in whole units of {unit}"
                found.append(Violation("not_whole", where, message))
            lowered.append(Line(line.source_id, line.need_id, units, line.depart_day))
        for source, need, _ in pinned:
            found.append(Violation("pin", f"{source} → {need}", "is set by hand, and missing"))
        return lowered, found

    def lift_reasons(
        self, reasons: Mapping[str, Reason], received: Mapping[str, tuple[int, int, int]]
    ) -> dict[str, Reason]:
        """Return a reason for each need of the original, in pieces of the need's own item.

        `reasons` are those of the derived problem's needs, in units; `received` (pieces,
        substitutes, late) is of the original's needs, pins included.
        """
        if self.problem is self.original:
            return dict(reasons)
        idle = self._idle_pieces()
        return {
            need.id: self._lift_reason(need, reasons[need.id], received[need.id], idle)
            if need.id in reasons
            else self.left_out[need.id]
            for need in self.original.needs
        }

    def _lift_reason(
        self,
        need: Need,
        reason: Reason,
        received: tuple[int, int, int],
        idle: Mapping[str, tuple[int, int]],
    ) -> Reason:
        unit, rest = self.unit_pieces.get(need.item, 1), self.open_pieces.get(need.id, 0)
        pieces, substitutes, late = received
        got = {"pieces": pieces, "substitute_pieces": substitutes, "late_pieces": late}
        if rest and pieces + rest == need.quantity:
            return Reason("met_in_packs", got | {"open_pieces": rest, "pack_pieces": unit})
        if reason.code == "met_in_full" and substitutes:  # by a pin
            return Reason("substitute_used", got)
        if reason.code == "no_supply":
            lots = [idle[item] for item in (need.item, *need.accepts) if item in idle]
            count = sum(each for each, _ in lots)
            if count:
                figures = {"sources": count, "source_pieces": sum(each for _, each in lots)}
                return Reason("lots_left_out", figures)
        known = got | {"requested": need.quantity}
        supply = reason.params.get("source_pieces")
        if isinstance(supply, int):
            known["source_pieces"] = supply * unit
        changed = {name: known[name] for name in reason.params.keys() & known.keys()}
        return Reason(reason.code, {**reason.params, **changed})

    def _idle_pieces(self) -> dict[str, tuple[int, int]]:
        """Return the number of lots left out by the policy, and their pieces, by item."""
        result: dict[str, tuple[int, int]] = {}
        for source in self.original.sources:
            pieces = self.idle[source.id].params.get("pieces") if source.id in self.idle else None
            if isinstance(pieces, int):
                count, held = result.get(source.item, (0, 0))
                result[source.item] = (count + 1, held + pieces)
        return result
