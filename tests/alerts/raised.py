"""Alerts for tests, raised as desks raise them."""

from typing import Any

from sqlmodel import Session, select

from services.alerts.models import Alert, AlertKind, Severity
from services.alerts.service import raise_alert
from services.parties.models import Role


def late_shipment(session: Session, subject: str = "shipment:1", **changes: Any) -> Alert:
    """A shipment for H1 that is late: dispatchers and the hospital see it."""
    facts = {"site": "H1", "origin": "W1", "carrier": "CARR1", "due_on": "2020-02-05"}
    given: dict[str, Any] = {
        "path": "/shipments/1",
        "roles": [Role.DISPATCHER],
        "organisation": "HOSP1",
        "site": "H1",
        "item": "gloves",
        "facts": facts,
    }
    severity = changes.pop("severity", Severity.WARNING)
    kind = changes.pop("kind", AlertKind.SHIPMENT_LATE)
    raise_alert(session, kind, subject, severity, **(given | changes))
    return session.exec(
        select(Alert).where(Alert.kind == kind, Alert.subject == subject, Alert.closed_at == None)  # noqa: E711
    ).one()
