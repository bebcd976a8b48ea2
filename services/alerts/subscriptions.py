"""What each person wants to see, and how they are told; by their role until they say otherwise."""

from collections.abc import Iterable

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from services.alerts.models import Severity
from services.alerts.schemas import SubscriptionIn
from services.alerts.telling_models import AlertSubscription, Means
from services.catalog.models import Item
from services.database import among
from services.errors import InvalidInput
from services.parties.changes import record_change
from services.parties.models import Region, Role, User
from services.parties.service import Actor

MORNING = 8
# Who works at a desk sees the page all day; who doesn't is written to sooner.
_DEFAULTS = {
    Role.HOSPITAL: (Means.AT_ONCE, Severity.WARNING),
    Role.MANUFACTURER: (Means.AT_ONCE, Severity.WARNING),
    Role.CARRIER: (Means.AT_ONCE, Severity.WARNING),
    Role.DONOR: (Means.DIGEST, Severity.NOTICE),
    Role.DISPATCHER: (Means.AT_ONCE, Severity.CRITICAL),
    Role.APPROVER: (Means.AT_ONCE, Severity.CRITICAL),
    Role.AUDITOR: (Means.DIGEST, Severity.WARNING),
    Role.ADMIN: (Means.AT_ONCE, Severity.WARNING),
}


def default_of(user: User) -> AlertSubscription:
    """How somebody of this role is told who has chosen nothing."""
    means, least = _DEFAULTS[user.role]
    return AlertSubscription(
        user_id=user.id,
        kinds=[],
        items=[],
        regions=[],
        least_severity=least,
        means=means,
        digest_hour=MORNING,
    )


def subscription_of(session: Session, user: User) -> AlertSubscription:
    """What a person chose, or the default of their role."""
    return session.get(AlertSubscription, user.id) or default_of(user)


def subscribe(session: Session, actor: Actor, body: SubscriptionIn) -> AlertSubscription:
    """Set what the actor wants to see and how; the same again changes nothing.

    Raises:
        InvalidInput: an item or a region that isn't there.

    """
    _require_known(session, Item.code, body.items, "items")
    _require_known(session, Region.code, body.regions, "regions")
    user = session.get_one(User, actor.user_id, with_for_update=True)
    values = body.model_dump(mode="json")
    for name in ("kinds", "items", "regions"):
        values[name] = list(dict.fromkeys(values[name]))
    before = subscription_of(session, user)
    if session.get(AlertSubscription, user.id) and all(
        getattr(before, name) == value for name, value in values.items()
    ):
        return before
    statement = insert(AlertSubscription).values(user_id=user.id, **values)
    session.connection().execute(
        statement.on_conflict_do_update(index_elements=["user_id"], set_=values)
    )
    what = f"alerts by {before.means.value} → {body.means.value}"
    record_change(session, actor, f"alert_subscription:{user.username}", what)
    session.expire_all()
    return session.get_one(AlertSubscription, user.id, populate_existing=True)


def _require_known(session: Session, column: str, codes: Iterable[str], field: str) -> None:
    wanted = list(codes)
    found = set(session.exec(select(col(column)).where(among(column, wanted))))
    for at, code in enumerate(wanted):
        if code not in found:
            raise InvalidInput(
                f"There is no {code}",
                field=f"{field}[{at}]",
                value=code,
                mend=f"see GET /api/v1/{field}",
            )
