"""Alerts: what somebody should look at, for as long as it is so."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.database import JSON, UTC_TIME, Row, enum_type
from services.parties.models import Role


class AlertKind(StrEnum):
    SHORTAGE = "shortage"
    NEED_LAPSING = "need_lapsing"
    NEED_LAPSED = "need_lapsed"
    NEED_TO_APPROVE = "need_to_approve"
    SUPPLY_STOPPED = "supply_stopped"
    CALL_FOR_HELP = "call_for_help"
    LOT_EXPIRING = "lot_expiring"
    LOT_EXPIRED = "lot_expired"
    RECALL = "recall"
    COUNT_DIFFERENCE = "count_difference"
    SHIPMENT_LATE = "shipment_late"
    SHIPMENT_LOST = "shipment_lost"
    COLD_BREACH = "cold_breach"
    MAKER_SILENT = "maker_silent"
    MAKER_TO_APPROVE = "maker_to_approve"
    EARMARK_UNHONOURED = "earmark_unhonoured"
    RECEIPT_DISPUTED = "receipt_disputed"
    PLAN_TO_DECIDE = "plan_to_decide"
    EMERGENCY_APPROVED = "emergency_approved"
    CHAIN_BACKLOG = "chain_backlog"
    REPORT_MISSING = "report_missing"
    SUPPLY_LOW = "supply_low"
    WEBHOOK_DISABLED = "webhook_disabled"
    WATCH_STOPPED = "watch_stopped"


class Severity(StrEnum):
    NOTICE = "notice"
    WARNING = "warning"
    CRITICAL = "critical"


class Alert(Row, table=True):
    """One thing that is so: at most one open alert of a kind for a subject.

    Who is to see it: the desks' roles in ``roles`` everywhere, and everybody of ``organisation``.
    ``facts`` fills in the sentence of its kind.
    """

    __table_args__ = (
        sa.Index(
            "uq_alert_open",
            "kind",
            "subject",
            unique=True,
            postgresql_where=sa.text("closed_at IS NULL"),
        ),
        sa.Index("ix_alert_untold", "raised_at", postgresql_where=sa.text("told_at IS NULL")),
    )

    id: UUID = Field(primary_key=True)
    kind: AlertKind = Field(sa_type=enum_type(AlertKind))
    subject: str
    severity: Severity = Field(sa_type=enum_type(Severity))
    roles: list[Role] = Field(sa_type=JSON)
    organisation: str | None = Field(default=None, foreign_key="organisation.code", index=True)
    site: str | None = Field(default=None, foreign_key="site.code")
    region: str | None = Field(default=None, foreign_key="region.code")
    item: str | None = Field(default=None, foreign_key="item.code")
    facts: dict[str, Any] = Field(sa_type=JSON)
    path: str
    raised_at: datetime = Field(sa_type=UTC_TIME)
    renewed_at: datetime = Field(sa_type=UTC_TIME)
    closed_at: datetime | None = Field(default=None, sa_type=UTC_TIME, index=True)
    # Since when the messages about it are in the outbox; null again where it became graver or over.
    told_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    acknowledged_by: UUID | None = Field(default=None, foreign_key="app_user.id")
    acknowledged_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    assigned_to: UUID | None = Field(default=None, foreign_key="app_user.id", index=True)
