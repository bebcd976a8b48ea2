"""Alerts as endpoints and messages give them."""

from collections.abc import Sequence

from sqlmodel import Session

from services.alerts.acting import subject_of
from services.alerts.models import Alert
from services.alerts.schemas import AlertDetail, AlertOut, ChangeOut
from services.alerts.words import Teller, teller
from services.parties.changes import changes_of


def shown(session: Session, alerts: Sequence[Alert], language: str) -> list[AlertOut]:
    """Each with its sentence in a language."""
    tells = teller(session, alerts, language)
    return [_out(alert, tells) for alert in alerts]


def detail(session: Session, alert: Alert, language: str) -> AlertDetail:
    """One with who did what about it."""
    (out,) = shown(session, [alert], language)
    subject = subject_of(alert.id)
    history = [ChangeOut.model_validate(row) for row in changes_of(session, [subject])[subject]]
    return AlertDetail(**out.model_dump(), history=history)


def _out(alert: Alert, tells: Teller) -> AlertOut:
    told = alert.model_dump(exclude={"roles", "told_at", "acknowledged_by", "assigned_to"})
    return AlertOut(
        **told,
        says=tells.says(alert),
        acknowledged_by=tells.people.get(alert.acknowledged_by),
        assigned_to=tells.people.get(alert.assigned_to),
    )
