"""From a problem to the plain one that is solved: no pins, no packs, no conversions, no least drop.

What is not a pure flow of pieces is taken off first, in this order: pins leave the supplies and the
needs; lots and needs below the policy's least drop are left out; items whose pieces differ are
counted in units (see `units.py`). The derived problem is solved exactly, its certificate speaks of
it, and the checker derives it again by itself. NumPy and the standard library only.

Costs are stated for a piece of the lot's item, and a unit is so many pieces of each item: the
derived `Item.pieces_per_unit` is the factor by which an arc's cost has to be multiplied. Its volume
and weight are those of a unit.
"""

from collections.abc import Mapping
from dataclasses import replace

from optimizer.derived import Derived
from optimizer.errors import ProblemError
from optimizer.parts import LARGEST_SIZE, Item, Need, Source
from optimizer.pins import Line, check_bans, pinned_lines, without_pinned
from optimizer.plan import Reason
from optimizer.problem import Problem
from optimizer.tables import Component, coupled_items
from optimizer.units import Amount, common_unit

__all__ = ["Derived", "Line", "derive"]


def derive(problem: Problem) -> Derived:
    """Return the plain problem to be solved; the very same object where nothing is to be taken off.

    Raises ProblemError, naming items, lots, needs and rules, for bans and pins of what is unknown,
    for pins that contradict a rule, a ban or each other, and for packs and conversions that have no
    common unit. What the policy asks is never an error: it may leave out everybody, with reasons.
    """
    check_bans(problem)
    pinned = pinned_lines(problem)
    taking = _Taking(problem)
    taking.pin(pinned)
    taking.leave_out_small()
    taking.count_in_units()
    return taking.derived(pinned)


class _Taking:
    """The steps from the original to the plain problem, each noting what it leaves out."""

    def __init__(self, problem: Problem) -> None:
        self.original = self.problem = problem
        self.left_out: dict[str, Reason] = {}
        self.idle: dict[str, Reason] = {}
        self.unit_pieces: dict[str, int] = {}
        self.open_pieces: dict[str, int] = {}

    def derived(self, pinned: tuple[Line, ...]) -> Derived:
        return Derived(
            self.original,
            self._plain(),
            pinned,
            self.left_out,
            self.idle,
            self.unit_pieces,
            self.open_pieces,
        )

    def _plain(self) -> Problem:
        """Return the problem without the policy's terms that are dealt with by now."""
        problem = self.problem
        if problem is self.original:
            return problem
        sources = {source.id for source in problem.sources}
        needs = {need.id for need in problem.needs}
        policy = replace(problem.policy, whole_packs=False, least_drop_pieces=0)
        bans = (
            ban
            for ban in problem.bans
            if (ban.source_id is None or ban.source_id in sources)
            and (ban.need_id is None or ban.need_id in needs)
        )
        return replace(problem, policy=policy, bans=tuple(bans))

    # Pins

    def pin(self, pinned: tuple[Line, ...]) -> None:
        if not pinned:
            return
        self.problem = without_pinned(self.original, pinned)
        sources = {source.id for source in self.problem.sources}
        needs = {need.id for need in self.problem.needs}
        for source in self.original.sources:
            if source.id not in sources:
                self.idle[source.id] = Reason("pinned")
        for need in self.original.needs:
            if need.id not in needs:
                self.left_out[need.id] = Reason("pinned", {"pieces": need.quantity})

    # The least drop

    def leave_out_small(self) -> None:
        least = self.problem.policy.least_drop_pieces

        def note(noted: dict[str, Reason], part: Source | Need) -> None:
            figures = {"pieces": part.quantity, "least_pieces": least}
            noted[part.id] = Reason("below_least_drop", figures)

        for source in self.problem.sources:
            if source.quantity < least:
                note(self.idle, source)
        for need in self.problem.needs:
            if need.quantity < least:
                note(self.left_out, need)
        self._keep({}, {})

    def _keep(self, sources: Mapping[str, int], needs: Mapping[str, int]) -> None:
        """Drop from the problem what is left out by now, and set these quantities."""
        problem = self.problem
        dropped = sum(each.id in self.idle for each in problem.sources) if self.idle else 0
        dropped += sum(each.id in self.left_out for each in problem.needs) if self.left_out else 0
        if not (dropped or sources or needs):
            return
        self.problem = replace(
            problem,
            sources=tuple(
                replace(each, quantity=sources[each.id], pack_size=1)
                if each.id in sources
                else each
                for each in problem.sources
                if each.id not in self.idle
            ),
            needs=tuple(
                replace(each, quantity=needs[each.id]) if each.id in needs else each
                for each in problem.needs
                if each.id not in self.left_out
            ),
        )

    # Units

    def count_in_units(self) -> None:
        problem = self.problem
        converts = any(item.uses_per_piece != 1 for item in problem.items)
        if not (converts or problem.policy.whole_packs):
            return
        sources: dict[str, int] = {}
        needs: dict[str, int] = {}
        counted: set[str] = set()
        for component in coupled_items(problem):
            counting = _Counting(self, problem, component)
            if counting.is_needed():
                counting.count(sources, needs)
                counted.update(component.items)
        self._keep(sources, needs)
        if counted:
            self._restate_items(counted)

    def _restate_items(self, counted: set[str]) -> None:
        """State the items of components that are counted in units by the unit."""
        known = {item.code for item in self.problem.items}
        items = [*self.problem.items, *(Item(code) for code in self.unit_pieces.keys() - known)]
        self.problem = replace(
            self.problem,
            items=tuple(self._by_unit(item) if item.code in counted else item for item in items),
        )

    def _by_unit(self, item: Item) -> Item:
        pieces = self.unit_pieces.get(item.code, 1)
        volume, weight = item.volume_ml * pieces, item.weight_g * pieces
        if max(volume, weight) > LARGEST_SIZE:
            message = f"{pieces} pieces, the least in whole packs, are too large; correct its packs"
            raise ProblemError("no_common_unit", f"item {item.code!r}", message)
        return replace(
            item,
            uses_per_piece=1,
            volume_ml=volume,
            weight_g=weight,
            pieces_per_unit=item.pieces_per_unit * pieces,
        )


class _Counting:
    """One component of items, to be counted in units."""

    def __init__(self, taking: _Taking, problem: Problem, component: Component) -> None:
        self.taking = taking
        self.packs = problem.policy.whole_packs
        self.sources = [problem.sources[each] for each in component.sources]
        self.needs = [problem.needs[each] for each in component.needs]
        self.uses = {code: problem.item(code).uses_per_piece for code in component.items}
        self.where = " and ".join(component.items)
        self.unit = 1

    def is_needed(self) -> bool:
        """Whether pieces differ, where anything is both offered and asked for."""
        if not self.sources or not self.needs:
            return False
        packed = self.packs and any(source.pack_size > 1 for source in self.sources)
        present = {each.item for each in self.sources} | {each.item for each in self.needs}
        return packed or len({self.uses[item] for item in present}) > 1

    def count(self, sources: dict[str, int], needs: dict[str, int]) -> None:
        """Add the quantities in units to these, and note what is left out in the taking."""
        offers = [each for each in self.sources if self._holds_a_pack(each)]
        if not offers:
            return
        self.unit = common_unit(
            [Amount(self._in_uses(each), self._step(each)) for each in offers],
            [Amount(self._in_uses(each), self.uses[each.item], each.tier) for each in self.needs],
            self.where,
        )
        for item, uses in self.uses.items():
            if self.unit % uses == 0 and self.unit != uses:
                self.taking.unit_pieces[item] = self.unit // uses
        for source in offers:
            units = self._in_uses(source) // self.unit
            if self.unit % self._step(source):
                self._leave(source, "packs_do_not_fit", source.pack_size)
            elif not units:
                self._leave(source, "less_than_a_pack", self._unit_pieces(source))
            else:
                sources[source.id] = units
        for need in self.needs:
            self._count_need(need, needs)

    def _count_need(self, need: Need, needs: dict[str, int]) -> None:
        units, rest = divmod(self._in_uses(need), self.unit)
        pieces = self._unit_pieces(need)
        if not units:
            figures = {"pieces": need.quantity, "pack_pieces": pieces}
            self.taking.left_out[need.id] = Reason("less_than_a_pack", figures)
            return
        needs[need.id] = units
        if rest:
            self.taking.open_pieces[need.id] = need.quantity - units * pieces

    def _holds_a_pack(self, source: Source) -> bool:
        holds = self._in_uses(source) >= self._step(source)
        if not holds:
            self._leave(source, "less_than_a_pack", source.pack_size)
        return holds

    def _leave(self, source: Source, code: str, pack: int) -> None:
        figures = {"pieces": source.quantity, "pack_pieces": pack}
        self.taking.idle[source.id] = Reason(code, figures)

    def _in_uses(self, part: Source | Need) -> int:
        return part.quantity * self.uses[part.item]

    def _step(self, source: Source) -> int:
        return self.uses[source.item] * (source.pack_size if self.packs else 1)

    def _unit_pieces(self, part: Source | Need) -> int:
        return self.unit // self.uses[part.item]
