"""Money that an authority assigns, committed to a payee, released again, or moved to a fund."""

from uuid import UUID, uuid5

from sqlmodel import Session

from services.donations.checks import check_earmark
from services.donations.models import LotEarmark
from services.donations.money_acts import get_act, new_act
from services.donations.money_models import MoneyAct, MoneyActKind
from services.donations.money_schemas import AppropriationIn, CommitmentIn, MoneyMoveIn, ReleaseIn
from services.donations.picking import (
    Picked,
    available,
    committed,
    key,
    locked_fund,
    move_all,
    pick,
    pick_from,
)
from services.donations.service import earmark_fact, get_fund
from services.errors import InvalidInput
from services.journal.kinds import AccountRef, EntryKind
from services.journal.once import claim, said_before
from services.journal.post import post
from services.journal.read import holdings
from services.journal.record import Draft, NewLot, NewMove
from services.parties import service as parties
from services.parties.models import OrganisationKind, Role
from services.parties.service import Actor


def appropriation_lot(act_id: UUID) -> UUID:
    """The lot of money that an appropriation opens."""
    return uuid5(act_id, "line/1")


def treasury(authority: str) -> AccountRef:
    return AccountRef(f"treasury:{authority}", "appropriated")


def appropriate(session: Session, actor: Actor, body: AppropriationIn) -> tuple[MoneyAct, bool]:
    """Write down public money that an authority assigns to a fund. The same twice is once.

    Raises:
        NotFound, Forbidden: an unknown code, or another organisation's fund.
        InvalidInput: it isn't an authority, or a time or earmark that can't be.

    """
    if (first := said_before(session, MoneyAct, actor.user_id, body)) is not None:
        return first, False
    parties.require_role(actor, Role.DISPATCHER)
    fund = locked_fund(session, actor, body.fund)
    authority = parties.get_organisation(session, body.authority, field="authority")
    if authority.kind is not OrganisationKind.AUTHORITY:
        raise InvalidInput(
            f"{authority.code} is a {authority.kind}, and has no public money to assign",
            field="authority",
            value=authority.code,
            mend="name an authority; write down what others give as a donation",
        )
    check_earmark(session, body.earmark, money=True)
    at = ("appropriated_at", body.appropriated_at)
    kind = MoneyActKind.APPROPRIATION
    act = new_act(actor, body, kind, fund.code, at, party=authority.code)
    if not claim(session, act):
        return session.get_one(MoneyAct, body.id), False
    lot = NewLot(appropriation_lot(body.id), fund.currency, f"appropriation:{body.id}")
    source, target = treasury(authority.code), available(fund.code)
    earmark = body.earmark
    post(
        session,
        Draft(
            id=body.id,
            kind=EntryKind.APPROPRIATE,
            occurred_at=body.appropriated_at,
            actor=actor.reference,
            document=f"appropriation:{body.id}",
            lots=[lot],
            moves=[NewMove(lot.id, source, target, body.amount_minor)],
            facts={"earmark": earmark_fact(earmark.kind, earmark.target) if earmark else None},
            concealed={"purpose": body.purpose},
        ),
    )
    if earmark is not None:
        session.add(LotEarmark(lot_id=lot.id, kind=earmark.kind, target=earmark.target))
        session.flush()
    return session.get_one(MoneyAct, body.id), True


def commitment_account(act: MoneyAct) -> AccountRef:
    """Where a commitment's money stands."""
    return committed(act.fund, f"commitment:{act.id}")


def get_commitment(session: Session, act_id: UUID) -> MoneyAct:
    return get_act(session, act_id, MoneyActKind.COMMITMENT, "commitment")


def commit_money(session: Session, actor: Actor, body: CommitmentIn) -> tuple[MoneyAct, bool]:
    """Set unearmarked money aside for a payee. The same body twice is once.

    Raises:
        NotFound, Forbidden: an unknown code, or another organisation's fund.
        InvalidInput: a time that can't be.
        InsufficientMoney: the fund didn't hold that much unearmarked money at the time.

    """
    if (first := said_before(session, MoneyAct, actor.user_id, body)) is not None:
        return first, False
    parties.require_role(actor, Role.DISPATCHER)
    fund = locked_fund(session, actor, body.fund)
    payee = parties.get_organisation(session, body.payee, field="payee")
    at = ("committed_at", body.committed_at)
    act = new_act(actor, body, MoneyActKind.COMMITMENT, fund.code, at, party=payee.code)
    if not claim(session, act):
        return session.get_one(MoneyAct, body.id), False
    act = session.get_one(MoneyAct, body.id)
    money = pick(session, fund, body.amount_minor, None, body.committed_at, "amount_minor")
    moves = move_all(money, available(fund.code), commitment_account(act))
    post(session, _draft(actor, act, EntryKind.COMMIT_MONEY, moves, f"commitment:{act.id}"))
    return act, True


def release(
    session: Session, actor: Actor, commitment_id: UUID, body: ReleaseIn
) -> tuple[MoneyAct, bool]:
    """Make committed money available again, all that is left or a part. The same twice is once.

    Raises:
        NotFound, Forbidden: no such commitment, or another organisation's fund.
        InsufficientMoney: that much of it wasn't left at the time.
        InvalidInput: nothing of it is left.

    """
    if (first := said_before(session, MoneyAct, actor.user_id, body)) is not None:
        return first, False
    parties.require_role(actor, Role.DISPATCHER)
    commitment = get_commitment(session, commitment_id)
    fund = locked_fund(session, actor, commitment.fund)
    at = ("released_at", body.released_at)
    kind = MoneyActKind.RELEASE
    act = new_act(actor, body, kind, fund.code, at, party=commitment.party, subject=commitment_id)
    if not claim(session, act):
        return session.get_one(MoneyAct, body.id), False
    account = commitment_account(commitment)
    amount = body.amount_minor or standing(session, account)
    if not amount:
        raise InvalidInput(
            "Nothing of this commitment is left",
            field="amount_minor",
            value=body.amount_minor,
            mend="see what was paid and released of it",
        )
    money = pick_from(session, fund, account, amount, body.released_at, "amount_minor")
    act = session.get_one(MoneyAct, body.id)
    moves = move_all(money, account, available(fund.code))
    document = f"commitment:{commitment_id}"
    post(session, _draft(actor, act, EntryKind.RELEASE_MONEY, moves, document))
    return act, True


def standing(session: Session, account: AccountRef) -> int:
    """What stands on one account now, in minor units."""
    held = holdings(session, holder=account.holder, state=account.state, purpose=account.purpose)
    return sum(each.quantity for each in held)


def move_money(session: Session, actor: Actor, body: MoneyMoveIn) -> tuple[MoneyAct, bool]:
    """Move money to another fund of the same currency. The same body twice is once.

    Raises:
        NotFound, Forbidden: an unknown fund, or another organisation's to take from.
        InvalidInput: the same fund, another currency, or a time that can't be.
        InsufficientMoney: the fund didn't hold that much of it at the time.

    """
    if (first := said_before(session, MoneyAct, actor.user_id, body)) is not None:
        return first, False
    parties.require_role(actor, Role.DISPATCHER)
    fund = locked_fund(session, actor, body.fund)
    other = get_fund(session, body.other_fund, field="other_fund")
    if other.code == fund.code or other.currency != fund.currency:
        raise InvalidInput(
            f"{fund.code} holds {fund.currency}; {other.code} holds {other.currency}",
            field="other_fund",
            value=other.code,
            mend="name another fund of the same currency; no currency is turned into another",
        )
    check_earmark(session, body.earmark, money=True)
    at = ("moved_at", body.moved_at)
    act = new_act(actor, body, MoneyActKind.MOVE, fund.code, at, other_fund=other.code)
    if not claim(session, act):
        return session.get_one(MoneyAct, body.id), False
    money: Picked = pick(
        session, fund, body.amount_minor, key(body.earmark), body.moved_at, "amount_minor"
    )
    act = session.get_one(MoneyAct, body.id)
    moves = move_all(money, available(fund.code), available(other.code))
    post(session, _draft(actor, act, EntryKind.MOVE_MONEY, moves, f"money-move:{act.id}"))
    return act, True


def _draft(
    actor: Actor, act: MoneyAct, kind: EntryKind, moves: list[NewMove], document: str
) -> Draft:
    return Draft(
        id=act.id,
        kind=kind,
        occurred_at=act.acted_at,
        actor=actor.reference,
        document=document,
        moves=moves,
        # What people write may name people, and the log can't forget: never in clear there.
        concealed={"purpose": act.purpose},
    )
