"""What the desk of donations should look at: earmarked goods and money that wait too long."""

from collections import defaultdict
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session

from services.alerts.models import AlertKind, Severity
from services.alerts.service import close_others, raise_alert
from services.donations.earmarks import Honour, honours
from services.donations.models import EarmarkKind
from services.parties.models import Role, Site

WAITS_TOO_LONG = timedelta(days=7)
# A look at once; what is more comes when these are settled.
_MOST = 2000


def watch(session: Session, now: datetime) -> None:
    """Raise an alert for each gift whose earmark waits to be honoured, and close what is settled.

    Counted from when the gift was written down, not from when it came: a past that is replayed
    today isn't late.
    """
    waiting: dict[UUID, list[Honour]] = defaultdict(list)
    for honour in honours(session, is_released=False, limit=_MOST):
        is_late = now - honour.recorded_at >= WAITS_TOO_LONG
        if honour.donation is not None and honour.waits and is_late:
            waiting[honour.donation.id].append(honour)
    for donation_id, some in waiting.items():
        _raise(session, donation_id, some)
    subjects = [_subject(donation_id) for donation_id in waiting]
    close_others(session, AlertKind.EARMARK_UNHONOURED, subjects)


def _subject(donation_id: UUID) -> str:
    return f"donation:{donation_id}"


def _raise(session: Session, donation_id: UUID, waiting: list[Honour]) -> None:
    first = waiting[0]
    donation, earmark = first.donation, first.earmark
    assert donation is not None, "goods that were bought are no single donor's"
    site = earmark.target if earmark.kind is EarmarkKind.SITE else None
    region = earmark.target if earmark.kind is EarmarkKind.REGION else None
    if site is not None:
        region = session.get_one(Site, site).region
    goods = {each.lot.commodity for each in waiting} if donation.fund is None else set()
    if earmark.kind is EarmarkKind.ITEM:
        goods = {earmark.target}
    raise_alert(
        session,
        AlertKind.EARMARK_UNHONOURED,
        _subject(donation_id),
        Severity.WARNING,
        path=f"/gifts/{donation_id}",
        roles=[Role.DISPATCHER],
        organisation=donation.donor,
        site=site,
        region=region,
        item=goods.pop() if len(goods) == 1 else None,
        facts={
            "quantity": sum(each.waits for each in waiting),
            "unit": "minor" if donation.fund else "piece",
            "commodity": first.lot.commodity,
            "kind": earmark.kind.value,
            "target": earmark.target,
            "since": first.came_at.isoformat(),
        },
    )
