"""What desks hold makers to: said by a desk, with a reason, and kept in the history."""

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, select

from services.capacity.models import CapacityRules
from services.capacity.schemas_makers import RulesIn
from services.parties import service as parties
from services.parties.changes import record_change
from services.parties.models import Role
from services.parties.service import Actor

SUBJECT = "capacity_rules"


def get_rules(session: Session) -> CapacityRules:
    """The rules that hold now; the defaults where nobody said otherwise."""
    return session.get(CapacityRules, 1) or CapacityRules()


def change_rules(session: Session, actor: Actor, body: RulesIn) -> CapacityRules:
    """Set the rules that are given; those left out stay. Saying it twice is saying it once."""
    parties.require_role(actor, Role.DISPATCHER, Role.APPROVER)
    defaults = CapacityRules().model_dump()
    session.connection().execute(insert(CapacityRules).values(**defaults).on_conflict_do_nothing())
    rules = session.exec(select(CapacityRules).with_for_update()).one()
    given = body.model_dump(exclude={"reason"}, exclude_none=True)
    changed = [
        f"{name} {getattr(rules, name)} → {value}"
        for name, value in given.items()
        if getattr(rules, name) != value
    ]
    if changed:
        for name, value in given.items():
            setattr(rules, name, value)
        record_change(session, actor, SUBJECT, ", ".join(changed), body.reason)
    return rules
