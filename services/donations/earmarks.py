"""Which earmarks bind, and how each is honoured: readings of the journal."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlmodel import Session, col, select

from services.database import among
from services.donations.became import lots_of
from services.donations.models import Donation, EarmarkKind, LotEarmark
from services.donations.progress import BECAME
from services.journal.flows import packed_from, repacked_from
from services.journal.models import Lot
from services.journal.read import Holding, find_entry, get_lots, holdings
from services.journal.reversals import reversals_of
from services.parties import service as parties
from services.parties.models import Site

# Goods are rarely repacked twice; more often than this they aren't.
_DEEPEST = 5


def binding(session: Session, lot_ids: Collection[UUID]) -> dict[UUID, LotEarmark]:
    """The earmark of each lot that has one and whose donor hasn't released it.

    A lot that repacking made is for whom the goods were that it was made of.
    """
    found = _own(session, lot_ids)
    made_of = {lot_id: {lot_id} for lot_id in lot_ids if lot_id not in found}
    for _ in range(_DEEPEST):
        parents = repacked_from(session, {each for some in made_of.values() for each in some})
        made_of = {
            lot_id: above
            for lot_id, some in made_of.items()
            if (above := {each for one in some for each in parents.get(one, ())})
        }
        if not made_of:
            break
        marks = _own(session, {each for some in made_of.values() for each in some})
        for lot_id, some in list(made_of.items()):
            marked = sorted(each for each in some if each in marks)
            if marked:
                found[lot_id] = marks[marked[0]]
                del made_of[lot_id]
    return {lot_id: mark for lot_id, mark in found.items() if mark.released_entry is None}


def _own(session: Session, lot_ids: Collection[UUID]) -> dict[UUID, LotEarmark]:
    rows = session.exec(select(LotEarmark).where(among(LotEarmark.lot_id, lot_ids)))
    return {row.lot_id: row for row in rows}


@dataclass(frozen=True, slots=True)
class Honour:
    """How far one lot's earmark is honoured, in pieces or minor units.

    ``served`` reached whom it is for, or bought what it is for; ``under_way`` is set aside,
    committed or on its way; ``waits`` is there for nobody yet, since ``came_at``; ``elsewhere``
    went to others; ``gone`` is lost, written off or given back.
    """

    lot: Lot
    earmark: LotEarmark
    donation: Donation | None
    came_at: datetime
    recorded_at: datetime
    served: int = 0
    under_way: int = 0
    waits: int = 0
    elsewhere: int = 0
    gone: int = 0

    @property
    def release_on(self) -> date | None:
        return self.donation.earmark_release_on if self.donation else None


def honours(
    session: Session,
    *,
    donor: str | None = None,
    kind: EarmarkKind | None = None,
    target: str | None = None,
    is_released: bool | None = None,
    limit: int | None = None,
) -> list[Honour]:
    """Every earmarked lot with what became of it, by lot.

    Lots that were bought with earmarked money are told too; they are no single donor's.
    """
    statement = select(LotEarmark).order_by(col(LotEarmark.lot_id))
    if kind is not None:
        statement = statement.where(LotEarmark.kind == kind)
    if target is not None:
        statement = statement.where(LotEarmark.target == target)
    if is_released is not None:
        released = col(LotEarmark.released_entry).is_not(None)
        statement = statement.where(released if is_released else ~released)
    marks = {row.lot_id: row for row in session.exec(statement.limit(limit))}
    return _read(session, marks, donor)


def honours_of(session: Session, donation: Donation) -> list[Honour]:
    """How the earmark of one gift is honoured, by lot; nothing where it has none."""
    lots = lots_of(session, [donation.id])[donation.id]
    return _read(session, _own(session, [lot.id for lot in lots]), None)


def _read(session: Session, marks: Mapping[UUID, LotEarmark], donor: str | None) -> list[Honour]:
    lots = get_lots(session, list(marks))
    never_came = reversals_of(session, {lot.entry_id for lot in lots.values()})
    lots = {lot_id: lot for lot_id, lot in lots.items() if lot.entry_id not in never_came}
    donations = _donations_of(session, lots)
    if donor is not None:
        lots = {
            lot_id: lot
            for lot_id, lot in lots.items()
            if (given := donations.get(lot_id)) and given.donor == donor
        }
    regions = _regions_by_site(session)
    packed = packed_from(session, lots)
    held: dict[UUID, list[Holding]] = {}
    for holding in holdings(session, lot_ids=[*lots, *packed]):
        # What was repacked is told of where the new lots are.
        if holding.state != "converted":
            lot_id = packed.get(holding.lot_id, holding.lot_id)
            held.setdefault(lot_id, []).append(holding)
    return [
        _honour(session, lot, marks[lot_id], donations.get(lot_id), held.get(lot_id, []), regions)
        for lot_id, lot in sorted(lots.items())
    ]


def _donations_of(session: Session, lots: Mapping[UUID, Lot]) -> dict[UUID, Donation]:
    """The donation of each lot that one opened."""
    ids = {
        lot_id: UUID(lot.origin.removeprefix("donation:").partition("/")[0])
        for lot_id, lot in lots.items()
        if lot.origin.startswith("donation:")
    }
    rows = session.exec(select(Donation).where(among(Donation.id, set(ids.values()))))
    donations = {row.id: row for row in rows}
    return {lot_id: donations[each] for lot_id, each in ids.items() if each in donations}


def _honour(
    session: Session,
    lot: Lot,
    earmark: LotEarmark,
    donation: Donation | None,
    held: Collection[Holding],
    regions: Mapping[str, tuple[str, ...]],
) -> Honour:
    entry = find_entry(session, lot.entry_id)
    assert entry is not None, "a lot's entry is a foreign key"
    counts = dict.fromkeys(("served", "under_way", "waits", "elsewhere", "gone"), 0)
    for holding in held:
        counts[_counted_as(holding, earmark, regions)] += holding.quantity
    return Honour(lot, earmark, donation, entry.occurred_at, entry.recorded_at, **counts)


def _counted_as(
    holding: Holding, earmark: LotEarmark, regions: Mapping[str, tuple[str, ...]]
) -> str:
    became = BECAME.get(holding.state)
    if became in {"reserved", "in_transit", "committed"}:
        return "under_way"
    if became in {"on_hand", "held", "rejected"}:
        return "waits"
    if became == "handed_over":
        site = holding.holder.removeprefix("site:")
        is_it = earmark.target in {site, *regions.get(site, ())}
        return "served" if is_it else "elsewhere"
    # Money is spent by its earmark alone: an item's buys the item, a place's what is for the place.
    if became == "spent":
        return "served"
    return "elsewhere" if became == "paid_out" else "gone"


def _regions_by_site(session: Session) -> dict[str, tuple[str, ...]]:
    above = parties.regions_above(session)
    return {site.code: above[site.region] for site in session.exec(select(Site))}
