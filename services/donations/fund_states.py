"""What each fund holds and did: readings of the journal, in minor units of its currency."""

from dataclasses import dataclass, field

from sqlmodel import Session, select

from services.donations.models import Fund
from services.donations.picking import Earmark, held_by_earmark
from services.journal.flows import Flow, flows
from services.journal.kinds import AccountKind, EntryKind
from services.journal.read import totals

_OUTSIDE = (AccountKind.SUPPLIER, AccountKind.RECIPIENT)


@dataclass(slots=True)
class FundState:
    """A fund and its money: whatever came in or was moved in is somewhere.

    ``came_in + moved_in = available + committed + paid + returned + moved_out``.
    """

    fund: Fund
    by_earmark: dict[Earmark, int] = field(default_factory=dict)
    committed: int = 0
    came_in: int = 0
    moved_in: int = 0
    moved_out: int = 0
    paid: int = 0
    returned: int = 0

    @property
    def available(self) -> int:
        return sum(self.by_earmark.values())

    @property
    def adds_up(self) -> bool:
        stands = self.available + self.committed + self.paid + self.returned + self.moved_out
        return self.came_in + self.moved_in == stands


def fund_states(session: Session) -> list[FundState]:
    """Every fund with its balance and its flows, by code."""
    held = held_by_earmark(session)
    states = {
        f"fund:{fund.code}": FundState(fund, held.get(fund.code, {}))
        for fund in session.exec(select(Fund).order_by(Fund.code))
    }
    for (_, kind, holder, state), quantity in totals(session).items():
        if kind is AccountKind.FUND and state == "committed" and holder in states:
            states[holder].committed += quantity
    for flow in flows(session, AccountKind.FUND):
        _count(states, flow)
    return list(states.values())


def _count(states: dict[str, FundState], flow: Flow) -> None:
    """Add a flow where it belongs; a reversal takes back what it reverses."""
    back = flow.kind is EntryKind.REVERSE
    source, target = states.get(flow.source), states.get(flow.target)
    if source is not None and target is not None:
        if source is not target and back:
            source.moved_in -= flow.quantity
            target.moved_out -= flow.quantity
        elif source is not target:
            source.moved_out += flow.quantity
            target.moved_in += flow.quantity
    elif target is not None:
        if flow.source_kind in _OUTSIDE:
            target.paid -= flow.quantity
        elif back:
            target.returned -= flow.quantity
        else:
            target.came_in += flow.quantity
    elif source is not None:
        if flow.target_kind in _OUTSIDE:
            source.paid += flow.quantity
        elif back:
            source.came_in -= flow.quantity
        else:
            source.returned += flow.quantity
