"""Lanes, shipments, lorries and their rounds; orders, tracks and papers have files beside this.

What became of a shipment's line is a reading of the journal, not a column.
"""

from datetime import date, datetime, time
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.database import BIGINT, BYTES, UTC_TIME, Row, enum_type
from services.journal.kinds import need_purpose, sent_back_purpose


def transfer_purpose(transfer_id: object, sent_back_as: str | None = None) -> str:
    """The purpose part of accounts that hold goods for one transfer order."""
    if sent_back_as is not None:
        return sent_back_purpose(sent_back_as, transfer_id)
    return f"transfer:{transfer_id}"


class Lane(Row, table=True):
    """A way from site to site that a carrier serves.

    ``duration_days`` is what the carrier states; how long it really takes is a reading of the
    deliveries (``durations``). A capacity of None is not stated, and so limits nothing. Until a
    desk says otherwise, a lane keeps cold goods cold. Costs are millionths of a cost unit a piece.
    """

    __table_args__ = (
        sa.CheckConstraint("origin <> destination", name="leads_away"),
        sa.CheckConstraint("distance_m >= 0 AND duration_days >= 0", name="not_negative"),
        sa.CheckConstraint(
            "cost_per_piece_micro >= 0 AND volume_l_per_day >= 0 AND weight_kg_per_day >= 0",
            name="limits_not_negative",
        ),
    )

    origin: str = Field(primary_key=True, foreign_key="site.code")
    destination: str = Field(primary_key=True, foreign_key="site.code")
    carrier: str = Field(foreign_key="organisation.code")
    distance_m: int
    duration_days: int
    cost_per_piece_micro: int = Field(
        default=0, sa_type=BIGINT, sa_column_kwargs={"server_default": "0"}
    )
    volume_l_per_day: int | None = None
    weight_kg_per_day: int | None = None
    keeps_cold: bool = Field(default=True, sa_column_kwargs={"server_default": sa.true()})


class ShipmentState(StrEnum):
    PLANNED = "planned"
    PICKED = "picked"
    LOADED = "loaded"
    DISPATCHED = "dispatched"
    ARRIVED = "arrived"
    DELIVERED = "delivered"
    RECEIVED = "received"
    PARTLY_RECEIVED = "partly_received"
    REFUSED = "refused"
    LOST = "lost"
    VERIFIED = "verified"
    CANCELLED = "cancelled"
    JOINED = "joined"


class Shipment(Row, table=True):
    """Goods for one destination from one origin on one day.

    ``run_id`` is the run that it was planned by; None where a transfer was ordered. One that was
    joined into another has no lines any more, and says which has them. ``diverted_from`` is the
    one on which its goods left, where they were taken out of it on the way.
    """

    id: UUID = Field(primary_key=True)
    run_id: UUID | None = Field(default=None, foreign_key="run.id", index=True)
    origin: str = Field(foreign_key="site.code", index=True)
    destination: str = Field(foreign_key="site.code", index=True)
    carrier: str = Field(foreign_key="organisation.code", index=True)
    depart_on: date
    due_on: date
    state: ShipmentState = Field(sa_type=enum_type(ShipmentState), index=True)
    joined_into: UUID | None = Field(default=None, foreign_key="shipment.id")
    diverted_from: UUID | None = Field(default=None, foreign_key="shipment.id")


class ShipmentLine(Row, table=True):
    """What was reserved from one lot for a need or a transfer, and put on this shipment.

    A purpose and a lot meet in one line of a shipment only, so that the journal's moves between
    the purpose's accounts say what became of the line. Which item it is, the lot says. Goods
    planned for a need (by ``run_id``) and diverted to a shelf have both ids: the transfer is where
    they go. Diverted to another need, they have that one's, and ``planned_for`` is the first. Of a
    line all of which was diverted on another shipment nothing is left; rounds may tell of it still.
    ``sent_back_as`` is the state that goods of a transfer leave and arrive in which nobody can use.
    """

    __tablename__ = "shipment_line"
    __table_args__ = (
        sa.CheckConstraint("quantity_base >= 0", name="quantity_not_negative"),
        sa.CheckConstraint("need_id IS NOT NULL OR transfer_id IS NOT NULL", name="has_purpose"),
        sa.Index(
            "uq_shipment_line_need",
            *("shipment_id", "need_id", "lot_id"),
            unique=True,
            postgresql_where=sa.text("transfer_id IS NULL AND quantity_base > 0"),
        ),
        sa.Index(
            "uq_shipment_line_transfer",
            *("shipment_id", "transfer_id", "lot_id"),
            unique=True,
            postgresql_where=sa.text("quantity_base > 0"),
        ),
    )

    shipment_id: UUID = Field(primary_key=True, foreign_key="shipment.id")
    line: int = Field(primary_key=True)
    need_id: UUID | None = Field(default=None, foreign_key="need.id", index=True)
    transfer_id: UUID | None = Field(default=None, foreign_key="transfer.id", index=True)
    run_id: UUID | None = Field(default=None, foreign_key="run.id", index=True)
    planned_for: UUID | None = Field(default=None, foreign_key="need.id")
    sent_back_as: str | None = None
    lot_id: UUID = Field(foreign_key="lot.id", index=True)
    quantity_base: int = Field(sa_type=BIGINT)

    @property
    def purpose(self) -> str:
        """What its goods are for, as the journal's accounts say it."""
        if self.transfer_id is not None:
            return transfer_purpose(self.transfer_id, self.sent_back_as)
        return need_purpose(self.need_id)


class ShipmentEvent(Row, table=True):
    """Each state that a shipment came to: when in the world, and who said so.

    ``content_digest`` tells the same act sent twice from another one. ``received_by_name`` is
    personal: whoever took the goods at the door; it never goes into the journal. ``via_link`` is
    the carrier's link by which a driver said it, for whom ``actor`` made the link.
    """

    __tablename__ = "shipment_event"

    sequence: int = Field(
        sa_column=sa.Column(sa.BigInteger, sa.Identity(), primary_key=True), default=None
    )
    shipment_id: UUID = Field(foreign_key="shipment.id", index=True)
    state: ShipmentState = Field(sa_type=enum_type(ShipmentState))
    occurred_at: datetime = Field(sa_type=UTC_TIME)
    recorded_at: datetime = Field(sa_type=UTC_TIME)
    actor: UUID = Field(foreign_key="app_user.id")
    note: str | None = None
    received_by_name: str | None = None
    content_digest: str | None = None
    via_link: UUID | None = Field(default=None, foreign_key="carrier_link.id")


class Receipt(Row, table=True):
    """Why the consignee took less of a line than was sent. How much less, the journal says."""

    __tablename__ = "receipt_line"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["shipment_id", "line"],
            ["shipment_line.shipment_id", "shipment_line.line"],
            name="line",
        ),
    )

    shipment_id: UUID = Field(primary_key=True)
    line: int = Field(primary_key=True)
    reason: str


# A site that says nothing else can take goods in these hours, within so many minutes a call.
DEFAULT_OPENS_AT, DEFAULT_CLOSES_AT = time(8), time(18)
DEFAULT_SERVICE_MINUTES = 20
# At a depot that says nothing else, the drivers' days alone count, and loading takes this long.
DEFAULT_LOADING_MINUTES = 30


class Vehicle(Row, table=True):
    """``count`` equal lorries of a carrier that stand at a depot, each with a driver a day.

    The driver's day begins at ``starts_at`` at the earliest and ends within ``shift_minutes``.
    """

    __table_args__ = (
        sa.CheckConstraint("count >= 1 AND most_rounds >= 1", name="at_least_one"),
        sa.CheckConstraint(
            "volume_l >= 1 AND weight_kg >= 1 AND shift_minutes >= 1", name="carries_something"
        ),
    )

    carrier: str = Field(primary_key=True, foreign_key="organisation.code")
    code: str = Field(primary_key=True)
    depot: str = Field(foreign_key="site.code", index=True)
    count: int
    volume_l: int
    weight_kg: int
    cold: bool
    starts_at: time
    shift_minutes: int
    most_rounds: int


class SiteHours(Row, table=True):
    """When lorries are served at a site (local time), and how long a call there takes."""

    __tablename__ = "site_hours"
    __table_args__ = (
        sa.CheckConstraint("opens_at < closes_at", name="opens_first"),
        sa.CheckConstraint("service_minutes >= 0", name="service_not_negative"),
    )

    site: str = Field(primary_key=True, foreign_key="site.code")
    opens_at: time
    closes_at: time
    service_minutes: int


class RoundsState(StrEnum):
    QUEUED = "queued"
    SEARCHING = "searching"
    PLANNED = "planned"
    FAILED = "failed"


# Rounds are still to come.
UNPLANNED = (RoundsState.QUEUED, RoundsState.SEARCHING)


class RoundsPlan(Row, table=True):
    """The rounds of one day, of one depot or (None) of all, frozen with what they are made from.

    ``problem`` are the bytes that the rounds can be checked against. Of two plans for the same
    shipments, the one that was started later counts.
    """

    __tablename__ = "rounds_plan"

    id: UUID = Field(primary_key=True)
    content_digest: str
    day: date = Field(index=True)
    depot: str | None = Field(default=None, foreign_key="site.code")
    state: RoundsState = Field(sa_type=enum_type(RoundsState), index=True)
    started_by: UUID = Field(foreign_key="app_user.id")
    started_at: datetime = Field(sa_type=UTC_TIME)
    problem: bytes = Field(sa_type=BYTES)
    shipments: int
    most_seconds: int
    finished_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    status: str | None = None
    iterations: int | None = None
    failure: str | None = None


class Round(Row, table=True):
    """One way of one lorry from its depot and back; numbers count within the plan."""

    plan_id: UUID = Field(primary_key=True, foreign_key="rounds_plan.id")
    number: int = Field(primary_key=True)
    depot: str = Field(foreign_key="site.code")
    carrier: str = Field(foreign_key="organisation.code")
    vehicle: str
    unit: int
    trip: int
    cold: bool
    loads_at: datetime = Field(sa_type=UTC_TIME)
    departs_at: datetime = Field(sa_type=UTC_TIME)
    returns_at: datetime = Field(sa_type=UTC_TIME)
    distance_m: int
    volume_ml: int = Field(sa_type=BIGINT)
    weight_g: int = Field(sa_type=BIGINT)


class RoundStop(Row, table=True):
    """A call of a round at a site; ``distance_m`` is from the stop before."""

    __tablename__ = "round_stop"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["plan_id", "number"], ["round.plan_id", "round.number"], name="round"
        ),
    )

    plan_id: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True)
    stop: int = Field(primary_key=True)
    site: str = Field(foreign_key="site.code")
    arrives_at: datetime = Field(sa_type=UTC_TIME)
    begins_at: datetime = Field(sa_type=UTC_TIME)
    leaves_at: datetime = Field(sa_type=UTC_TIME)
    distance_m: int


class RoundLoad(Row, table=True):
    """Pieces of a shipment's line that are handed over at a stop."""

    __tablename__ = "round_load"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["plan_id", "number", "stop"],
            ["round_stop.plan_id", "round_stop.number", "round_stop.stop"],
            name="stop",
        ),
        sa.ForeignKeyConstraint(
            ["shipment_id", "line"],
            ["shipment_line.shipment_id", "shipment_line.line"],
            name="line",
        ),
        sa.CheckConstraint("quantity_base > 0", name="quantity_positive"),
    )

    plan_id: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True)
    stop: int = Field(primary_key=True)
    shipment_id: UUID = Field(primary_key=True, index=True)
    line: int = Field(primary_key=True)
    quantity_base: int = Field(sa_type=BIGINT)


class RoundLeftOut(Row, table=True):
    """Pieces of a shipment's line that no round takes, and why."""

    __tablename__ = "round_left_out"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["shipment_id", "line"],
            ["shipment_line.shipment_id", "shipment_line.line"],
            name="line",
        ),
    )

    plan_id: UUID = Field(primary_key=True, foreign_key="rounds_plan.id")
    shipment_id: UUID = Field(primary_key=True, index=True)
    line: int = Field(primary_key=True)
    reason: str = Field(primary_key=True)
    quantity_base: int = Field(sa_type=BIGINT)
