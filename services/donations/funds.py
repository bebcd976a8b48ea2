"""Money: what a fund holds, goods bought from it, and what was paid out of it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from sqlmodel import Session, select

from services.catalog import service as catalog
from services.donations.checks import (
    check_dates,
    check_earmark,
    require_warehouse,
)
from services.donations.models import EarmarkKind, Fund, LotEarmark, Payment, Purchase
from services.donations.schemas import EarmarkIn, PaymentIn, PurchaseIn
from services.donations.service import earmark_fact, earmarks_of, get_fund, require_fund
from services.errors import Conflict, InvalidInput
from services.journal.clock import refuse_future
from services.journal.kinds import AccountKind, AccountRef, EntryKind, site_account
from services.journal.once import claim, digest_of
from services.journal.post import post
from services.journal.read import Holding, holdings, moves_of_lots
from services.journal.record import Draft, NewLot, NewMove
from services.parties import service as parties
from services.parties.models import OrganisationKind, Role
from services.parties.service import Actor

# What money is earmarked for, as (kind, target); None for anything.
Earmark = tuple[EarmarkKind, str] | None
_SELLERS = frozenset({OrganisationKind.SUPPLIER, OrganisationKind.MANUFACTURER})


class InsufficientMoney(Conflict):
    code, title = "insufficient-money", "The fund doesn't hold that much for this"


@dataclass(frozen=True, slots=True)
class FundState:
    """A fund and what it holds, in minor units, by what the money is for."""

    fund: Fund
    by_earmark: dict[Earmark, int]

    @property
    def available(self) -> int:
        return sum(self.by_earmark.values())


def fund_states(session: Session) -> list[FundState]:
    """Every fund with its balance, by code."""
    held = holdings(session, kinds=[AccountKind.FUND], state="available")
    earmarks = earmarks_of(session, {holding.lot_id for holding in held})
    by_holder: dict[str, dict[Earmark, int]] = defaultdict(lambda: defaultdict(int))
    for holding in held:
        by_holder[holding.holder][_key(earmarks.get(holding.lot_id))] += holding.quantity
    return [
        FundState(fund, dict(sorted(by_holder[f"fund:{fund.code}"].items(), key=_in_order)))
        for fund in session.exec(select(Fund).order_by(Fund.code))
    ]


def _key(earmark: LotEarmark | None) -> Earmark:
    return (earmark.kind, earmark.target) if earmark else None


def _in_order(entry: tuple[Earmark, int]) -> tuple[str, ...]:
    return entry[0] or ()


def purchase(session: Session, actor: Actor, body: PurchaseIn) -> tuple[Purchase, bool]:
    """Buy goods: the money out and the goods in are one entry. The same body twice is once.

    Raises:
        NotFound, Forbidden: an unknown code, or another organisation's fund or site.
        InvalidInput: a quantity, unit, date or seller that can't be, or an item that the
            earmarked money isn't for.
        InsufficientMoney: the fund didn't hold that much for this at the time.
        EntryIdReused: the id belongs to something else.

    """
    parties.require_role(actor, Role.DISPATCHER)
    fund = _locked_fund(session, actor, body.fund)
    site = parties.require_site(session, actor, body.site, Role.DISPATCHER)
    require_warehouse(site)
    _check_seller(session, body.supplier)
    item = catalog.get_item(session, body.item)
    pieces = catalog.to_pieces(session, item.code, body.quantity, body.unit)
    refuse_future(body.bought_at, "bought_at")
    check_dates(body.produced_on, body.expires_on, body.bought_at)
    check_earmark(session, body.earmark, money=True)
    _check_item_fits(body)
    bought = Purchase(
        id=body.id,
        fund=fund.code,
        supplier=body.supplier,
        site=site.code,
        bought_by=actor.user_id,
        bought_at=body.bought_at,
        content_digest=digest_of(body),
    )
    if not claim(session, bought):
        return session.get_one(Purchase, body.id), False
    money = _pick(session, fund, body.price_minor, body.earmark, body.bought_at, "price_minor")
    post(session, _purchase_draft(actor, body, fund, money, pieces))
    if body.earmark is not None and body.earmark.kind is not EarmarkKind.ITEM:
        goods = LotEarmark(
            lot_id=goods_lot(body.id), kind=body.earmark.kind, target=body.earmark.target
        )
        session.add(goods)
        session.flush()
    return session.get_one(Purchase, body.id), True


def goods_lot(purchase_id: UUID) -> UUID:
    """The lot that a purchase opens."""
    return uuid5(purchase_id, "line/1")


def _locked_fund(session: Session, actor: Actor, code: str) -> Fund:
    """The fund, with its row held: who spends from it at once takes turns over its lots."""
    fund = require_fund(get_fund(session, code), actor)
    session.refresh(fund, with_for_update={"key_share": True})
    return fund


def _check_seller(session: Session, code: str) -> None:
    seller = parties.get_organisation(session, code, field="supplier")
    if seller.kind not in _SELLERS:
        raise InvalidInput(
            f"{code} is a {seller.kind}, and sells nothing",
            field="supplier",
            value=code,
            mend="name a supplier or a manufacturer; see GET /api/v1/organisations",
        )


def _check_item_fits(body: PurchaseIn) -> None:
    earmark = body.earmark
    if earmark and earmark.kind is EarmarkKind.ITEM and earmark.target != body.item:
        raise InvalidInput(
            f"Money given for {earmark.target} can't buy {body.item}",
            field="item",
            value=body.item,
            mend=f"buy {earmark.target}, or spend other money",
        )


def _pick(
    session: Session,
    fund: Fund,
    amount: int,
    earmark: EarmarkIn | None,
    until: datetime,
    field: str,
) -> list[tuple[UUID, int]]:
    """Money lots to take ``amount`` from, oldest receipt first.

    Only what the fund had received by ``until`` and what is earmarked exactly so (or not at all).
    """
    wanted = (earmark.kind, earmark.target) if earmark else None
    left = amount
    picked: list[tuple[UUID, int]] = []
    fitting = [
        holding for holding, purpose in _by_receipt(session, fund, until) if purpose == wanted
    ]
    for holding in fitting:
        if not left:
            break
        picked.append((holding.lot_id, min(left, holding.quantity)))
        left -= picked[-1][1]
    if left:
        raise _insufficient(session, fund, amount, amount - left, wanted, field)
    return picked


def _by_receipt(session: Session, fund: Fund, until: datetime) -> list[tuple[Holding, Earmark]]:
    """The fund's lots that were received by then, oldest first, each with what it is for."""
    held = holdings(
        session, kinds=[AccountKind.FUND], holder=f"fund:{fund.code}", state="available"
    )
    lot_ids = {holding.lot_id for holding in held}
    received: dict[UUID, datetime] = {}
    recorded: dict[UUID, int] = {}
    for order, move in enumerate(moves_of_lots(session, lot_ids)):
        received.setdefault(move.lot_id, move.occurred_at)
        recorded.setdefault(move.lot_id, order)
    earmarks = earmarks_of(session, lot_ids)
    ordered = sorted(held, key=lambda one: (received[one.lot_id], recorded[one.lot_id]))
    return [
        (holding, _key(earmarks.get(holding.lot_id)))
        for holding in ordered
        if received[holding.lot_id] <= until
    ]


def _insufficient(
    session: Session, fund: Fund, amount: int, there: int, wanted: Earmark, field: str
) -> InsufficientMoney:
    state = next(one for one in fund_states(session) if one.fund.code == fund.code)
    held = {_told(earmark): quantity for earmark, quantity in state.by_earmark.items()}
    return InsufficientMoney(
        f"Fund {fund.code} had received and not spent {there} {fund.currency} (minor units) "
        f"of {_told(wanted)} money by then; {amount} were asked for",
        field=field,
        value=amount,
        mend=f"ask for {there} or less; the fund holds now: "
        + (", ".join(f"{quantity} {what}" for what, quantity in held.items()) or "nothing"),
        fund=fund.code,
        available=there,
        holds=held,
    )


def _told(earmark: Earmark) -> str:
    return f"{earmark[0].value}:{earmark[1]}" if earmark else "unearmarked"


def _purchase_draft(
    actor: Actor,
    body: PurchaseIn,
    fund: Fund,
    money: Sequence[tuple[UUID, int]],
    pieces: int,
) -> Draft:
    lot_id = goods_lot(body.id)
    seller = AccountRef(f"supplier:{body.supplier}", "traded")
    lot = NewLot(
        lot_id,
        body.item,
        f"purchase:{body.id}/line:1",
        batch=body.batch,
        produced_on=body.produced_on,
        expires_on=body.expires_on,
    )
    return Draft(
        id=body.id,
        kind=EntryKind.PURCHASE,
        occurred_at=body.bought_at,
        actor=actor.reference,
        document=f"purchase:{body.id}",
        lots=[lot],
        moves=[
            *_out_of(fund, seller, money),
            NewMove(lot_id, seller, site_account(body.site, "available"), pieces),
        ],
        facts={
            "earmark": earmark_fact(body.earmark.kind, body.earmark.target)
            if body.earmark
            else None
        },
    )


def _out_of(fund: Fund, target: AccountRef, money: Sequence[tuple[UUID, int]]) -> list[NewMove]:
    source = AccountRef(f"fund:{fund.code}", "available")
    return [NewMove(lot_id, source, target, amount) for lot_id, amount in money]


def pay(session: Session, actor: Actor, body: PaymentIn) -> tuple[Payment, bool]:
    """Pay unearmarked money out of a fund. The same body twice is once.

    Raises:
        NotFound, Forbidden: an unknown code, or another organisation's fund.
        InvalidInput: a time that can't be.
        InsufficientMoney: the fund didn't hold that much unearmarked money at the time.
        EntryIdReused: the id belongs to something else.

    """
    parties.require_role(actor, Role.DISPATCHER)
    fund = _locked_fund(session, actor, body.fund)
    payee = parties.get_organisation(session, body.payee, field="payee")
    refuse_future(body.paid_at, "paid_at")
    payment = Payment(
        id=body.id,
        fund=fund.code,
        payee=payee.code,
        purpose=body.purpose,
        paid_by=actor.user_id,
        paid_at=body.paid_at,
        content_digest=digest_of(body),
    )
    if not claim(session, payment):
        return session.get_one(Payment, body.id), False
    money = _pick(session, fund, body.amount_minor, None, body.paid_at, "amount_minor")
    post(
        session,
        Draft(
            id=body.id,
            kind=EntryKind.DISBURSE_MONEY,
            occurred_at=body.paid_at,
            actor=actor.reference,
            document=f"payment:{body.id}",
            moves=_out_of(fund, AccountRef(f"organisation:{payee.code}", "paid"), money),
            # What people write may name people, and the log can't forget: never in clear there.
            concealed={"purpose": body.purpose},
        ),
    )
    return session.get_one(Payment, body.id), True
