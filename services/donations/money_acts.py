"""The papers of what is done with a fund's money, and how they are read back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlmodel import Session, col, select

from services.database import among
from services.donations.models import Fund
from services.donations.money_models import MoneyAct, MoneyActKind
from services.donations.money_schemas import (
    AppropriationIn,
    CommitmentIn,
    MoneyMoveIn,
    RefundIn,
    ReleaseIn,
)
from services.errors import NotFound
from services.journal.clock import refuse_future
from services.journal.flows import moved_by
from services.journal.once import digest_of
from services.journal.read import holdings
from services.parties.service import Actor

_Body = AppropriationIn | CommitmentIn | MoneyMoveIn | RefundIn | ReleaseIn


def new_act(
    actor: Actor,
    body: _Body,
    kind: MoneyActKind,
    fund: str,
    at: tuple[str, datetime],
    *,
    party: str | None = None,
    other_fund: str | None = None,
    subject: UUID | None = None,
) -> MoneyAct:
    """The paper of an act, to be claimed; ``at`` is the body's field of the time, and the time.

    Raises:
        InvalidInput: the time lies in the future.

    """
    field, moment = at
    refuse_future(moment, field)
    return MoneyAct(
        id=body.id,
        kind=kind,
        fund=fund,
        party=party,
        other_fund=other_fund,
        subject=subject,
        purpose=body.purpose,
        acted_by=actor.user_id,
        acted_at=moment,
        recorded_at=datetime.now(UTC),
        content_digest=digest_of(body),
    )


@dataclass(frozen=True, slots=True)
class ActState:
    """An act with what its entry moved; ``left`` is what of a commitment is still set aside."""

    act: MoneyAct
    currency: str
    amount: int
    left: int | None


def act_states(session: Session, acts: Sequence[MoneyAct]) -> list[ActState]:
    amounts = moved_by(session, [act.id for act in acts])
    currencies = currencies_of(session, {act.fund for act in acts})
    left = set_aside(session)
    return [
        ActState(
            act,
            currencies[act.fund],
            amounts.get(act.id, 0),
            left.get(f"commitment:{act.id}", 0) if act.kind is MoneyActKind.COMMITMENT else None,
        )
        for act in acts
    ]


def set_aside(session: Session) -> dict[str, int]:
    """What stands committed, by what it is set aside for, as ``{"order:<id>": minor}``."""
    found: dict[str, int] = {}
    for holding in holdings(session, state="committed"):
        purpose = holding.purpose or ""
        found[purpose] = found.get(purpose, 0) + holding.quantity
    return found


def currencies_of(session: Session, funds: set[str]) -> dict[str, str]:
    rows = session.exec(select(Fund).where(among(Fund.code, funds)))
    return {fund.code: fund.currency for fund in rows}


def get_act(session: Session, act_id: UUID, kind: MoneyActKind, field: str) -> MoneyAct:
    act = session.get(MoneyAct, act_id)
    if act is None or act.kind is not kind:
        raise NotFound(
            f"There is no {kind} {act_id}",
            field=field,
            value=act_id,
            mend=f"see GET /api/v1/money-acts?kind={kind}",
        )
    return act


def refunds_of(session: Session, subject: UUID) -> list[MoneyAct]:
    """The refunds of a purchase, delivery, payment or gift, in the order of recording."""
    statement = select(MoneyAct).where(
        MoneyAct.subject == subject, MoneyAct.kind == MoneyActKind.REFUND
    )
    return list(session.exec(statement.order_by(col(MoneyAct.recorded_at), col(MoneyAct.id))))
