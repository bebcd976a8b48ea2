"""A need lives as long as its hospital stands by it: confirmed, lapsed, revived.

Two clocks (see docs/adr/0006): the watch counts from when the last word was written down, so that
what is typed in late doesn't lapse at once; the desk's act judges by the world's time, for replays.
What is reserved for a lapsed need stays so until it is sent or a dispatcher cancels its shipment,
and what is under way still comes: a lapsed need only asks for nothing more.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col, select

from services.database import among
from services.journal.clock import refuse_future
from services.parties import service as parties
from services.parties.models import Site
from services.parties.service import Actor
from services.requests.desks import DECIDERS, may_decide
from services.requests.history import (
    locked_needs,
    set_status,
)
from services.requests.models import LIVE, Need, NeedStatus, Priority
from services.requests.served import Served, served
from services.settings import get_settings

# A hospital is warned when this part of a need's life is left.
_WARN_PART = 4


def life(priority: Priority) -> timedelta:
    """How long a need stays without a word of its hospital."""
    settings = get_settings()
    hours = {
        Priority.STAT: settings.need_life_stat_h,
        Priority.ASAP: settings.need_life_asap_h,
        Priority.URGENT: settings.need_life_urgent_h,
        Priority.ROUTINE: settings.need_life_routine_h,
    }
    return timedelta(hours=hours[priority])


def warning(priority: Priority) -> timedelta:
    """How long before a need lapses its hospital is warned."""
    return life(priority) / _WARN_PART


def lapses_at(state: Served) -> datetime | None:
    """When a need lapses by the watch unless it is confirmed; None where it can't."""
    if not may_lapse(state):
        return None
    return state.need.last_word_recorded_at + life(state.need.priority)


def may_lapse(state: Served) -> bool:
    """What waits for a desk or for goods may lapse; what is all set aside asks for nothing."""
    need = state.need
    return need.status is NeedStatus.SUBMITTED or (
        need.status is NeedStatus.APPROVED and state.outstanding > 0
    )


def lapse(session: Session, need: Need, last_word: datetime, actor: Actor | None = None) -> None:
    hours = int(life(need.priority).total_seconds()) // 3600
    since = f"{last_word:%Y-%m-%dT%H:%MZ}"
    why = f"no word from its hospital since {since}; {need.priority} needs live {hours} h"
    set_status(session, actor, need, NeedStatus.LAPSED, why)


def lapse_as_of(session: Session, actor: Actor, at: datetime, site: str | None) -> list[Need]:
    """A desk's act: let lapse what nobody had confirmed in time by the world's time ``at``.

    Only needs of regions that the actor decides on. Done twice, it is done once.
    """
    parties.require_role(actor, *DECIDERS)
    refuse_future(at, "at")
    if site is not None:
        parties.get_site(session, site)
    sites = [site] if site else None
    mine = _decided_by(session, actor, sites)
    due = [
        state.need.id
        for state in served(session, _silent_since(session, at, mine))
        if may_lapse(state)
    ]
    lapsed = []
    for state in served(session, locked_needs(session, due)):
        if may_lapse(state) and state.need.last_word_at + life(state.need.priority) <= at:
            lapse(session, state.need, state.need.last_word_at, actor)
            lapsed.append(state.need)
    return lapsed


def _decided_by(session: Session, actor: Actor, sites: Sequence[str] | None) -> list[str]:
    rows = session.exec(
        select(Site) if sites is None else select(Site).where(among(Site.code, sites))
    )
    found = list(rows)
    mine = {code: may_decide(session, actor, code) for code in {row.region for row in found}}
    return [row.code for row in found if mine[row.region]]


def _silent_since(session: Session, at: datetime, sites: Iterable[str]) -> list[Need]:
    """Live needs whose hospitals' last word was too long ago, in the world, by then."""
    statement = select(Need).where(
        col(Need.status).in_(LIVE), among(Need.site, sites), silent(at, col(Need.last_word_at))
    )
    return list(session.exec(statement.order_by(col(Need.id))))


def silent(
    now: datetime, last_word: Mapped[datetime], *, warned: bool = False
) -> sa.ColumnElement[bool]:
    """Whether the last word is so old that a need lapses, or, ``warned``, is to be warned of it."""
    return sa.or_(
        *(
            sa.and_(
                col(Need.priority) == each,
                last_word <= now - life(each) + (warning(each) if warned else timedelta(0)),
            )
            for each in Priority
        )
    )


def is_lapsing(state: Served) -> bool:
    """Whether its hospital is to be warned now that a need lapses soon."""
    until = lapses_at(state)
    return until is not None and until - warning(state.need.priority) <= datetime.now(UTC)
