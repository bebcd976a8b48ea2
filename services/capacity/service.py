"""Reports of output, each of which opens a lot; and what other desks may count on."""

from datetime import UTC, date, datetime, timedelta

from sqlmodel import Session

from services.capacity.factories import own_factory
from services.capacity.made import Produced, lot_of, produced
from services.capacity.makers import check_may_make
from services.capacity.models import ExpirySource, Production
from services.capacity.orders import check_booking
from services.capacity.promised import Promised, due_orders, hold_day, promised
from services.capacity.schemas import ProductionIn
from services.catalog import service as catalog
from services.errors import InvalidInput
from services.journal.clock import end_of_day, local_date
from services.journal.kinds import AccountRef, EntryKind, site_account
from services.journal.once import claim, digest_of
from services.journal.post import post
from services.journal.record import Draft, NewLot, NewMove
from services.parties.service import Actor

__all__ = ["Promised", "due_orders", "promised", "report_production"]

_FIRST_DAY = date(2000, 1, 1)
_LONGEST_LIFE = timedelta(days=30 * 366)


def report_production(session: Session, actor: Actor, body: ProductionIn) -> tuple[Produced, bool]:
    """Put an own factory's output on its shelf as one new lot; the same body twice is once.

    Raises:
        NotFound, Forbidden: an unknown site or item, or another organisation's site.
        InvalidInput: a quantity, unit or date that can't be, or another factory's order.
        MakerNotApproved: output of the item isn't taken from this maker.
        OrderClosed: nothing more is to be made for the order.
        EntryIdReused: the id belongs to something else.

    """
    site = own_factory(session, actor, body.site)
    item = catalog.get_item(session, body.item)
    pieces = catalog.to_pieces(session, item.code, body.quantity, body.unit)
    _check_days(body)
    expires_on, source = _expiry(body, item.shelf_life_days)
    now = datetime.now(UTC)
    production = Production(
        id=body.id,
        site=site.code,
        item=item.code,
        day=body.day,
        expiry_source=source,
        reported_by=actor.user_id,
        reported_at=now,
        content_digest=digest_of(body),
        order_id=None,
    )
    if not claim(session, production):
        return produced(session, [session.get_one(Production, body.id)])[0], False
    check_may_make(session, site.organisation, item.code)
    # Whoever orders off this day meanwhile waits, and then sees what was made.
    hold_day(session, site.code, item.code, body.day)
    if body.order_id is not None:
        check_booking(session, body.order_id, site.code, item.code)
        session.get_one(Production, body.id).order_id = body.order_id
        session.flush()
    lot_id = lot_of(body.id)
    post(
        session,
        Draft(
            id=body.id,
            kind=EntryKind.REPORT_OUTPUT,
            occurred_at=body.occurred_at or min(end_of_day(body.day), now),
            actor=actor.reference,
            document=f"production:{body.id}",
            lots=[
                NewLot(
                    lot_id,
                    item.code,
                    f"production:{body.id}",
                    batch=body.batch,
                    produced_on=body.produced_on,
                    expires_on=expires_on,
                )
            ],
            moves=[
                NewMove(
                    lot_id,
                    AccountRef(f"producer:{site.organisation}", "made"),
                    site_account(site.code, "available"),
                    pieces,
                )
            ],
            facts={"day": body.day.isoformat(), "expiry_source": source.value},
        ),
    )
    return produced(session, [session.get_one(Production, body.id)])[0], True


def _check_days(body: ProductionIn) -> None:
    today = local_date(datetime.now(UTC))
    _refuse_unless(body.day <= today, "day", body.day, f"give a day up to {today}")
    made = body.produced_on
    mend = f"give a day from {_FIRST_DAY} to {body.day}"
    _refuse_unless(_FIRST_DAY <= made <= body.day, "produced_on", made, mend)
    if body.occurred_at is not None:
        local = local_date(body.occurred_at)
        _refuse_unless(
            local >= made, "occurred_at", body.occurred_at, f"give a time on or after {made}"
        )


def _expiry(body: ProductionIn, shelf_life_days: int | None) -> tuple[date | None, ExpirySource]:
    """The lot's expiry and where it comes from; what is out of date already isn't output."""
    if body.expires_on is not None:
        expires_on, source = body.expires_on, ExpirySource.GIVEN
    elif shelf_life_days is not None:
        expires_on = body.produced_on + timedelta(days=shelf_life_days)
        source = ExpirySource.SHELF_LIFE
    else:
        return None, ExpirySource.NONE
    latest = body.produced_on + _LONGEST_LIFE
    mend = f"give a day after {body.day}, up to {latest}"
    _refuse_unless(body.day < expires_on <= latest, "expires_on", expires_on, mend)
    return expires_on, source


def _refuse_unless(holds: bool, field: str, value: date, mend: str) -> None:
    if not holds:
        raise InvalidInput(
            f"{field} can't be {value.isoformat()}",
            field=field,
            value=value.isoformat(),
            mend=mend,
        )
