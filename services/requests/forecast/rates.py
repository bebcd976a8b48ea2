"""How much of an item goes with a patient's day, a shift or a test: our figures, and the desks'.

Staff's own use is counted either by their patients or by their shifts, never by both. A desk's
word on an item and driver takes the place of ours; what it was before stays in the history.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from services.catalog import service as catalog
from services.errors import Conflict
from services.parties import service as parties
from services.parties.changes import record_change
from services.parties.models import Role
from services.parties.service import Actor
from services.requests.forecast.models import Driver, SupplyRate
from services.requests.forecast.schemas import RateIn

JHCHS = (
    "Johns Hopkins Center for Health Security, Assumptions of US PPE Needs for COVID-19, "
    "18 April 2020"
)
LMIS = "Pakistan Logistics Management Information System, Forecasting of PPEs for COVID-19, 2020"
PARTS = "assumed: a part of what a critical patient takes"


class RateChanged(Conflict):
    code, title = "rate-changed", "Somebody changed this rate meanwhile"


@dataclass(frozen=True, slots=True)
class Rate:
    """Thousandths of a piece of an item with one of a driver a day; version 0 is ours."""

    item: str
    driver: Driver
    rate_milli: int
    source: str
    assumed: bool
    version: int = 0


def _each(item: str, source: str, assumed: bool, **pieces: int) -> tuple[Rate, ...]:
    return tuple(
        Rate(item, Driver(driver), number * 1000, source, assumed)
        for driver, number in pieces.items()
    )


DEFAULTS: tuple[Rate, ...] = (
    *_each("gloves", f"{JHCHS}: 170 changes, 2 gloves each", False, patient_critical=340),
    *_each("gloves", PARTS, True, patient_severe=100, patient_mild=30, patient_suspected=30),
    *_each("gown", JHCHS, False, patient_critical=20),
    *_each("gown", PARTS, True, patient_severe=10, patient_mild=4, patient_suspected=4),
    *_each("surgical_mask", JHCHS, False, patient_critical=10),
    *_each("surgical_mask", LMIS, False, patient_mild=4, patient_suspected=4),
    *_each("surgical_mask", PARTS, True, patient_severe=8),
    *_each("n95_respirator", LMIS, False, shift_doctor=1, shift_nurse=1),
    *_each("n95_respirator", "assumed: as a nurse", True, shift_cleaner=1),
    *_each("coverall", LMIS, False, shift_doctor=1, shift_nurse=1),
    *_each("coverall", "assumed: as a nurse", True, shift_cleaner=1),
    *_each("goggles", LMIS, False, shift_doctor=1, shift_nurse=1),
    *_each("face_shield", LMIS, False, shift_doctor=1, shift_nurse=1),
    *_each("cap", LMIS, False, shift_doctor=3, shift_nurse=3),
    *_each("shoe_cover", LMIS, False, shift_doctor=3, shift_nurse=3),
    *_each("mask_other", "assumed: two a shift where no patient is touched", True, shift_other=2),
    *_each("test_kit", "assumed: one for each test", True, test=1),
)


def all_rates(session: Session) -> list[Rate]:
    """Every rate that counts, by item and driver: ours for items that there are, or the desks'."""
    known = {item.code for item in catalog.items(session)}
    rates = {(rate.item, rate.driver): rate for rate in DEFAULTS if rate.item in known}
    for row in session.exec(select(SupplyRate)):
        rates[row.item, row.driver] = _from_row(row)
    order = list(Driver)
    return sorted(rates.values(), key=lambda rate: (rate.item, order.index(rate.driver)))


def rates_by_item(session: Session) -> dict[str, Mapping[Driver, int]]:
    """For each item its rates in thousandths of a piece."""
    found: dict[str, dict[Driver, int]] = defaultdict(dict)
    for rate in all_rates(session):
        found[rate.item][rate.driver] = rate.rate_milli
    return dict(found)


def put_rate(
    session: Session, actor: Actor, item_code: str, driver: Driver, body: RateIn
) -> tuple[Rate, bool]:
    """A desk's word on a rate; said again to the letter it is the same word (False).

    Raises:
        Forbidden: who asks isn't a dispatcher or an administrator.
        NotFound: there is no such item.
        RateChanged: ``body.version`` isn't the newest.

    """
    parties.require_role(actor, Role.DISPATCHER)
    item = catalog.get_item(session, item_code)
    ours = next((r for r in DEFAULTS if (r.item, r.driver) == (item.code, driver)), None)
    row = session.get(SupplyRate, (item.code, driver), populate_existing=True)
    before = _from_row(row) if row else ours
    version = before.version if before else 0
    if version == body.version + 1 and row is not None and _same(row, body):
        return _from_row(row), False
    if version != body.version or not _write(session, actor, item.code, driver, body):
        raise RateChanged(
            f"The rate of {item.code} by {driver} is at version {version}",
            field="version",
            value=body.version,
            mend="read it again, then change what you see",
        )
    told = f"{_pieces(before)} → {body.rate_milli / 1000:g} ({body.source})"
    record_change(session, actor, subject(item.code, driver), told, body.reason)
    return Rate(
        item.code, driver, body.rate_milli, body.source, body.assumed, body.version + 1
    ), True


def subject(item: str, driver: Driver) -> str:
    """What the history of a rate is found by."""
    return f"rate:{item}/{driver}"


def _write(session: Session, actor: Actor, item: str, driver: Driver, body: RateIn) -> bool:
    """Write the word unless another came first: of two at once, one finds its version gone."""
    statement = insert(SupplyRate).values(
        item=item,
        driver=driver,
        rate_milli=body.rate_milli,
        source=body.source,
        assumed=body.assumed,
        version=body.version + 1,
        updated_by=actor.user_id,
        updated_at=datetime.now(UTC),
    )
    newest = ("rate_milli", "source", "assumed", "version", "updated_by", "updated_at")
    written = session.connection().execute(
        statement.on_conflict_do_update(
            index_elements=["item", "driver"],
            set_={name: statement.excluded[name] for name in newest},
            where=col(SupplyRate.version) == body.version,
        ).returning(sa.literal(value=True))
    )
    return written.first() is not None


def _same(row: SupplyRate, body: RateIn) -> bool:
    said = (body.rate_milli, body.source, body.assumed)
    return said == (row.rate_milli, row.source, row.assumed)


def _from_row(row: SupplyRate) -> Rate:
    return Rate(row.item, row.driver, row.rate_milli, row.source, row.assumed, row.version)


def _pieces(rate: Rate | None) -> str:
    return f"{rate.rate_milli / 1000:g} ({rate.source})" if rate else "none"
