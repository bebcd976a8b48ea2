"""Money: goods bought from a fund at once, and what was paid out of it."""

from uuid import UUID, uuid5

from sqlmodel import Session

from services.catalog import service as catalog
from services.donations.checks import check_dates, check_earmark, require_warehouse
from services.donations.committing import commitment_account, get_commitment
from services.donations.models import EarmarkKind, Fund, LotEarmark, Payment, Purchase
from services.donations.picking import (
    Earmark,
    InsufficientMoney,
    Picked,
    available,
    key,
    locked_fund,
    move_all,
    pick,
    pick_from,
)
from services.donations.schemas import PaymentIn, PurchaseIn
from services.donations.service import earmark_fact
from services.errors import InvalidInput
from services.journal.clock import refuse_future
from services.journal.kinds import AccountRef, EntryKind, site_account
from services.journal.once import claim, digest_of, said_before
from services.journal.post import post
from services.journal.record import Draft, NewLot, NewMove
from services.parties import service as parties
from services.parties.models import OrganisationKind, Role
from services.parties.service import Actor

__all__ = ["Earmark", "InsufficientMoney", "check_seller", "goods_lot", "pay", "purchase"]

_SELLERS = frozenset({OrganisationKind.SUPPLIER, OrganisationKind.MANUFACTURER})


def purchase(session: Session, actor: Actor, body: PurchaseIn) -> tuple[Purchase, bool]:
    """Buy goods: the money out and the goods in are one entry. The same body twice is once.

    Raises:
        NotFound, Forbidden: an unknown code, or another organisation's fund or site.
        InvalidInput: a quantity, unit, date or seller that can't be, or an item that the
            earmarked money isn't for.
        InsufficientMoney: the fund didn't hold that much for this at the time.
        EntryIdReused: the id belongs to something else.

    """
    if (first := said_before(session, Purchase, actor.user_id, body)) is not None:
        return first, False
    parties.require_role(actor, Role.DISPATCHER)
    fund = locked_fund(session, actor, body.fund)
    site = parties.require_site(session, actor, body.site, Role.DISPATCHER)
    require_warehouse(site)
    check_seller(session, body.supplier)
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
    money = pick(session, fund, body.price_minor, key(body.earmark), body.bought_at, "price_minor")
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


def check_seller(session: Session, code: str) -> None:
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


def _purchase_draft(
    actor: Actor,
    body: PurchaseIn,
    fund: Fund,
    money: Picked,
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
            *move_all(money, available(fund.code), seller),
            NewMove(lot_id, seller, site_account(body.site, "available"), pieces),
        ],
        facts={
            "earmark": earmark_fact(body.earmark.kind, body.earmark.target)
            if body.earmark
            else None
        },
    )


def pay(session: Session, actor: Actor, body: PaymentIn) -> tuple[Payment, bool]:
    """Pay unearmarked money out of a fund, or what was committed. The same body twice is once.

    Raises:
        NotFound, Forbidden: an unknown code, or another organisation's fund.
        InvalidInput: a time that can't be, or a commitment to somebody else.
        InsufficientMoney: there wasn't that much unearmarked or committed money at the time.
        EntryIdReused: the id belongs to something else.

    """
    if (first := said_before(session, Payment, actor.user_id, body)) is not None:
        return first, False
    parties.require_role(actor, Role.DISPATCHER)
    fund = locked_fund(session, actor, body.fund)
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
        commitment=body.commitment,
    )
    if not claim(session, payment):
        return session.get_one(Payment, body.id), False
    source = available(fund.code)
    if body.commitment is None:
        money = pick(session, fund, body.amount_minor, None, body.paid_at, "amount_minor")
    else:
        source = _committed_to(session, fund, body.commitment, payee.code)
        money = pick_from(session, fund, source, body.amount_minor, body.paid_at, "amount_minor")
    post(
        session,
        Draft(
            id=body.id,
            kind=EntryKind.DISBURSE_MONEY,
            occurred_at=body.paid_at,
            actor=actor.reference,
            document=f"payment:{body.id}",
            moves=move_all(money, source, AccountRef(f"organisation:{payee.code}", "paid")),
            # What people write may name people, and the log can't forget: never in clear there.
            concealed={"purpose": body.purpose},
        ),
    )
    return session.get_one(Payment, body.id), True


def _committed_to(session: Session, fund: Fund, commitment_id: UUID, payee: str) -> AccountRef:
    commitment = get_commitment(session, commitment_id)
    if (commitment.fund, commitment.party) != (fund.code, payee):
        raise InvalidInput(
            f"This money of {commitment.fund} is committed to {commitment.party}",
            field="commitment",
            value=commitment_id,
            mend=f"pay {commitment.party} from {commitment.fund}, or leave the commitment out",
        )
    return commitment_account(commitment)
