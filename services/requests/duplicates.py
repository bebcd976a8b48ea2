"""You asked for 5,000 yesterday: add these, replace those, or keep one."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session

from services.errors import Conflict
from services.parties.service import Actor
from services.requests.history import locked_needs, set_status
from services.requests.models import Need, NeedStatus
from services.requests.schemas import Choice
from services.requests.served import Served, live_needs, served

# Why a need was ended by choosing "keep_one".
KEPT_ONE = "one is kept, the one that is open already"


class DuplicateNeed(Conflict):
    code, title = "duplicate-need", "You asked for this already"


def settle(session: Session, actor: Actor, need: Need, where: str, choice: Choice) -> bool:
    """Set a need beside what the site waits for of the same item; whether it is to be posted.

    Lines of one request are beside each other on purpose, unless they say the very same.

    Raises:
        DuplicateNeed: something is open, and ``choice`` is to be told of it.

    """
    if choice in {"add", "keep"}:
        return True
    others = [each for each in live_needs(session, need.site, need.item) if each.need is not need]
    found = [each for each in others if each.need.request_id != need.request_id]
    if choice == "refuse":
        found += [each for each in others if each not in found and _same(each.need, need)]
    if not found:
        return True
    if choice == "refuse":
        raise _refusal(need, where, found)
    if choice == "replace":
        _replace(session, actor, need, found)
        return True
    return False


def _same(one: Need, other: Need) -> bool:
    said = ("quantity_base", "need_by", "priority")
    return all(getattr(one, name) == getattr(other, name) for name in said)


def _replace(session: Session, actor: Actor, need: Need, found: Sequence[Served]) -> None:
    """The open ones ask for no more: what is under way for them still comes."""
    for state in served(session, locked_needs(session, [each.need.id for each in found])):
        if state.is_open:
            why = f"replaced by need {need.id}"
            set_status(session, actor, state.need, NeedStatus.CANCELLED, why)


def _refusal(need: Need, where: str, found: Sequence[Served]) -> DuplicateNeed:
    first = found[0].need
    pieces = sum(each.wanted for each in found)
    return DuplicateNeed(
        f"{need.site} waits for {pieces} pieces of {need.item} already, and this asks for "
        f"{need.quantity_base}; the first is need {first.id}",
        field=where,
        value=need.item,
        mend='send "duplicate": "add" if these are wanted as well, "replace" to have them instead, '
        'or "keep_one" to leave this line out',
        need_id=str(first.id),
        open_needs=[_told(each) for each in found],
    )


def _told(state: Served) -> dict[str, Any]:
    need = state.need
    return {
        "id": str(need.id),
        "quantity_base": need.quantity_base,
        "approved_base": need.approved_base,
        "committed_base": state.committed,
        "received_base": state.received,
        "priority": need.priority.value,
        "need_by": need.need_by.isoformat(),
        "posted_at": need.posted_at.isoformat(),
        "progress": state.progress,
    }
