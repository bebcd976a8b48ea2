"""Which money is taken: by what it is for, oldest receipt first, and never before it came."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from services.donations.models import EarmarkKind, Fund, LotEarmark
from services.donations.schemas import EarmarkIn
from services.donations.service import earmarks_of, get_fund, require_fund
from services.errors import Conflict
from services.journal.flows import Free, free_at
from services.journal.kinds import AccountKind, AccountRef
from services.journal.read import holdings
from services.journal.record import NewMove
from services.parties.service import Actor

# What money is earmarked for, as (kind, target); None for anything.
Earmark = tuple[EarmarkKind, str] | None
Picked = Sequence[tuple[UUID, int]]
"""Lots with how much of each, in minor units."""


class InsufficientMoney(Conflict):
    code, title = "insufficient-money", "The fund doesn't hold that much for this"


def available(fund: str) -> AccountRef:
    return AccountRef(f"fund:{fund}", "available")


def committed(fund: str, purpose: str) -> AccountRef:
    """Where money stands that is promised to a supplier or payee; ``purpose`` says by what."""
    return AccountRef(f"fund:{fund}", "committed", purpose)


def locked_fund(session: Session, actor: Actor, code: str) -> Fund:
    """The fund, with its row held: who spends from it at once takes turns over its lots."""
    fund = require_fund(get_fund(session, code), actor)
    session.refresh(fund, with_for_update={"key_share": True})
    return fund


def key(earmark: LotEarmark | EarmarkIn | None) -> Earmark:
    return (earmark.kind, earmark.target) if earmark else None


def told(earmark: Earmark) -> str:
    return f"{earmark[0].value}:{earmark[1]}" if earmark else "unearmarked"


def held_by_earmark(session: Session) -> dict[str, dict[Earmark, int]]:
    """What stands available in each fund, by what it is for, as ``{fund: {earmark: minor}}``."""
    held = holdings(session, kinds=[AccountKind.FUND], state="available")
    earmarks = earmarks_of(session, {holding.lot_id for holding in held})
    found: dict[str, dict[Earmark, int]] = defaultdict(lambda: defaultdict(int))
    for holding in held:
        fund = holding.holder.removeprefix("fund:")
        found[fund][key(earmarks.get(holding.lot_id))] += holding.quantity
    return {
        fund: dict(sorted(some.items(), key=lambda each: each[0] or ()))
        for fund, some in found.items()
    }


def pick(
    session: Session, fund: Fund, amount: int, earmark: Earmark, until: datetime, field: str
) -> Picked:
    """Available lots to take ``amount`` from, oldest receipt first.

    Only what the fund had by ``until`` and what is earmarked exactly so (or not at all).

    Raises:
        InsufficientMoney: there was less.

    """
    free = free_at(session, available(fund.code), until)
    earmarks = earmarks_of(session, {each.lot_id for each in free})
    fitting = [each for each in free if key(earmarks.get(each.lot_id)) == earmark]
    picked, left = _take(fitting, amount)
    if left:
        raise _insufficient(session, fund, amount, amount - left, earmark, field)
    return picked


def pick_from(
    session: Session, fund: Fund, account: AccountRef, amount: int, until: datetime, field: str
) -> Picked:
    """The same of an account whose money was set aside for one thing: what it is for was asked."""
    picked, left = _take(free_at(session, account, until), amount)
    if left:
        there = amount - left
        raise InsufficientMoney(
            f"{there} {fund.currency} (minor units) of it were there at the time; "
            f"{amount} were asked for",
            field=field,
            value=amount,
            mend=f"ask for {there} or less",
            fund=fund.code,
            available=there,
        )
    return picked


def _take(free: Iterable[Free], amount: int) -> tuple[Picked, int]:
    """What to take of each lot in turn, and how much is lacking then."""
    picked: list[tuple[UUID, int]] = []
    for each in free:
        if not amount:
            break
        picked.append((each.lot_id, min(amount, each.quantity)))
        amount -= picked[-1][1]
    return picked, amount


def move_all(money: Picked, source: AccountRef, target: AccountRef) -> list[NewMove]:
    return [NewMove(lot_id, source, target, amount) for lot_id, amount in money]


def _insufficient(
    session: Session, fund: Fund, amount: int, there: int, wanted: Earmark, field: str
) -> InsufficientMoney:
    by_earmark = held_by_earmark(session).get(fund.code, {})
    held = {told(earmark): quantity for earmark, quantity in by_earmark.items()}
    return InsufficientMoney(
        f"Fund {fund.code} had received and not spent {there} {fund.currency} (minor units) "
        f"of {told(wanted)} money by then; {amount} were asked for",
        field=field,
        value=amount,
        mend=f"ask for {there} or less; the fund holds now: "
        + (", ".join(f"{quantity} {what}" for what, quantity in held.items()) or "nothing"),
        fund=fund.code,
        available=there,
        holds=held,
    )
