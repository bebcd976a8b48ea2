"""What a recall's lots touched, by the journal's moves, and where all of it is now."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from uuid import UUID

from sqlmodel import Session

from services.errors import NotFound
from services.inventory.models import Recall
from services.journal.kinds import ORIGINS, AccountKind, AccountRef, EntryKind
from services.journal.models import Lot
from services.journal.read import TracedMove, holdings, lots_of, moves_of_lots
from services.journal.stops import repacked_from
from services.parties import service as parties
from services.parties.models import Organisation

# What was repacked within these lots cancels out; what was repacked into them came in by that.
_CAME_IN = ORIGINS | {AccountKind.CONVERSION}


@dataclass(frozen=True, slots=True)
class Touched:
    """Everything that a recall's lots touched, from the journal's moves, and where they are now.

    Quantities are pieces. ``now`` is by holder and state; ``had`` names every holder that ever had
    some. ``opened`` came in by donation, production or purchase, and ``given_back`` of it went
    back to whoever it came from.
    """

    lots: tuple[Lot, ...]
    opened: int
    now: dict[str, dict[str, int]]
    had: tuple[str, ...]
    needs: tuple[str, ...]
    donations: tuple[str, ...]
    destroyed: int
    given_back: int
    moves: tuple[TracedMove, ...] = field(repr=False)

    @property
    def sites(self) -> list[str]:
        return _holders(self.had, "site")

    @property
    def shipments(self) -> list[str]:
        """On which shipments some of it is under way at this moment."""
        return _holders(
            [one for one, held in self.now.items() if held.get("in_transit")], "shipment"
        )

    def standing(self, *states: str) -> int:
        return sum(held.get(state, 0) for held in self.now.values() for state in states)

    @property
    def progress(self) -> dict[str, int]:
        """Where all that was opened is: it adds up, once what is counted off is told too."""
        gathered, under_way = self.standing("recalled"), self.standing("in_transit")
        used, lost = self.standing("consumed"), self.standing("lost") - self.destroyed
        known = gathered + self.destroyed + self.given_back + under_way + used + lost
        return {
            "gathered": gathered,
            "destroyed": self.destroyed,
            "given_back": self.given_back,
            "under_way": under_way,
            "used": used,
            "lost": lost,
            "elsewhere": self.opened - known,
        }


def no_recall(recall_id: UUID) -> NotFound:
    return NotFound(
        f"There is no recall {recall_id}",
        field="recall_id",
        value=recall_id,
        mend="see GET /api/v1/recalls",
    )


def get_recall(session: Session, recall_id: UUID) -> Recall:
    recall = session.get(Recall, recall_id)
    if recall is None:
        raise no_recall(recall_id)
    return recall


def lots_under(session: Session, recall: Recall) -> list[Lot]:
    """The lots that a recall is about: those of its batch now, or its lot and what became of it."""
    if recall.batch is not None:
        lots = lots_of(session, commodity=recall.item, batch=recall.batch)
        more = repacked_from(session, [lot.id for lot in lots]) - {lot.id for lot in lots}
        return [*lots, *lots_of(session, lot_ids=more)]
    assert recall.lot_id is not None
    return lots_of(session, lot_ids={recall.lot_id} | repacked_from(session, [recall.lot_id]))


def touched(session: Session, recall: Recall) -> Touched:
    """Everything that the recall's lots touched, and where all of it is now."""
    lots = lots_under(session, recall)
    moves = moves_of_lots(session, [lot.id for lot in lots])
    now: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    opened = given_back = sum(map(_given_back, moves))
    for one in holdings(session, lot_ids=[lot.id for lot in lots], above_zero=False):
        if one.kind in _CAME_IN:
            opened -= one.quantity
        else:
            now[one.holder][one.state] += one.quantity
    accounts = [AccountRef.parse(code) for move in moves for code in (move.source, move.target)]
    return Touched(
        lots=tuple(lots),
        opened=opened,
        now={holder: dict(held) for holder, held in sorted(now.items())},
        had=tuple(sorted({account.holder for account in accounts})),
        needs=tuple(
            sorted({a.purpose for a in accounts if a.purpose and a.purpose[:5] == "need:"})
        ),
        donations=tuple(sorted({_donation(lot) for lot in lots} - {""})),
        destroyed=_destroyed(moves),
        given_back=given_back,
        moves=tuple(moves),
    )


def _donation(lot: Lot) -> str:
    kind, _, rest = lot.origin.partition(":")
    return rest.partition("/")[0] if kind == "donation" else ""


def _destroyed(moves: Iterable[TracedMove]) -> int:
    """What left the recalled goods for good, less what a correction brought back."""
    gone: Counter[str] = Counter()
    for move in moves:
        states = AccountRef.parse(move.source).state, AccountRef.parse(move.target).state
        if states == ("recalled", "lost"):
            gone["pieces"] += move.quantity
        if states == ("lost", "recalled"):
            gone["pieces"] -= move.quantity
    return gone["pieces"]


def _given_back(move: TracedMove) -> int:
    """What went back to whom it came from; a correction brings it in again."""
    if move.kind is EntryKind.GIVE_BACK and AccountRef.parse(move.target).kind in ORIGINS:
        return move.quantity
    is_undone = move.kind is EntryKind.REVERSE and AccountRef.parse(move.source).kind in ORIGINS
    return -move.quantity if is_undone else 0


def _holders(codes: Collection[str], kind: str) -> list[str]:
    return sorted(code.partition(":")[2] for code in codes if code.startswith(f"{kind}:"))


def organisations_of(session: Session, found: Touched) -> set[str]:
    """Whoever gave, made, sold, kept or got some of it."""
    owners = {parties.get_site(session, site).organisation for site in found.sites}
    for kind in ("donor", "producer", "supplier"):
        owners |= set(_holders(found.had, kind))
    return {each for each in owners if session.get(Organisation, each) is not None}
