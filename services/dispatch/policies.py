"""Policies kept under a name: a change is a new version, and a run says which one it used."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from services.dispatch.desk_models import PolicyVersion, SavedPolicy
from services.dispatch.orders import PolicyIn, check_policy
from services.dispatch.policy_schemas import PolicyChange, PolicySave
from services.dispatch.store import take_turns
from services.errors import Conflict, InvalidInput, NotFound
from services.journal.once import claim, digest_of
from services.parties.changes import record_change
from services.parties.models import Role
from services.parties.service import Actor, require_role
from services.web.lists import Asked, Listing, select_page


class PolicyChanged(Conflict):
    code, title = "policy-changed", "Somebody changed this policy meanwhile"


@dataclass(frozen=True, slots=True)
class Chosen:
    """The policy that a run takes, and the saved version that it is, if it is one."""

    policy: PolicyIn
    name: str | None = None
    version: int | None = None


def subject_of(name: str) -> str:
    return f"policy:{name}"


def save_policy(session: Session, actor: Actor, body: PolicySave) -> tuple[PolicyVersion, bool]:
    """Keep a policy under its name, as the first version or the next one.

    Raises:
        Forbidden: neither dispatcher nor approver.
        InvalidInput: the policy can't be.
        PolicyChanged: there is a newer version than the one that was edited.
        EntryIdReused: the id belongs to another version.

    """
    require_role(actor, Role.DISPATCHER, Role.APPROVER)
    take_turns(session, subject_of(body.name))
    check_policy(body.policy)
    known = session.get(PolicyVersion, body.id)
    newest = _newest(session, body.name)
    if known is None and body.edited_version not in {None, newest}:
        raise PolicyChanged(
            f"Version {newest} of {body.name} is the newest, and you edited {body.edited_version}",
            field="edited_version",
            value=body.edited_version,
            mend="look at the newest version, and edit that",
        )
    if known is None:
        _put_newest(session, body.name, newest + 1)
    version = PolicyVersion(
        id=body.id,
        name=body.name,
        version=known.version if known else newest + 1,
        weights=body.policy.model_dump(mode="json"),
        why=body.why,
        saved_by=actor.user_id,
        saved_at=datetime.now(UTC),
        content_digest=digest_of(body),
    )
    created = claim(session, version)
    if created:
        told = "; ".join(_told(each) for each in _changes_since(session, body, newest))
        what = f"version {version.version}" + (f": {told}" if told else "")
        record_change(session, actor, subject_of(body.name), what, body.why)
    return session.get_one(PolicyVersion, body.id), created


def _newest(session: Session, name: str) -> int:
    saved = session.get(SavedPolicy, name, with_for_update=True)
    return saved.newest if saved else 0


def _put_newest(session: Session, name: str, version: int) -> None:
    session.connection().execute(
        insert(SavedPolicy)
        .values(name=name, newest=version, is_default=False)
        .on_conflict_do_update(index_elements=["name"], set_={"newest": version})
    )


def _changes_since(session: Session, body: PolicySave, before: int) -> list[PolicyChange]:
    if not before:
        return []
    return changes_between(get_version(session, body.name, before).weights, body.policy)


def _told(change: PolicyChange) -> str:
    return f"{change.field} {change.before} → {change.after}"


def changes_between(before: dict[str, Any], after: PolicyIn) -> list[PolicyChange]:
    """The fields in which two policies differ, in the order in which a policy names them."""
    old = PolicyIn.model_validate(before).model_dump(mode="json")
    new = after.model_dump(mode="json")
    return [
        PolicyChange(field=name, before=str(old[name]), after=str(new[name]))
        for name in PolicyIn.model_fields
        if old[name] != new[name]
    ]


def make_default(session: Session, actor: Actor, name: str, why: str) -> SavedPolicy:
    """Runs that name no policy take this one's newest version from now on; said twice is once."""
    require_role(actor, Role.DISPATCHER, Role.APPROVER)
    take_turns(session, "policy-default")
    chosen = get_policy(session, name)
    if chosen.is_default:
        return chosen
    session.connection().execute(
        sa.update(SavedPolicy).where(col(SavedPolicy.is_default)).values(is_default=False)
    )
    session.connection().execute(
        sa.update(SavedPolicy).where(col(SavedPolicy.name) == name).values(is_default=True)
    )
    record_change(session, actor, subject_of(name), "made the default", why)
    session.refresh(chosen)
    return chosen


def get_policy(session: Session, name: str, *, field: str = "name") -> SavedPolicy:
    saved = session.get(SavedPolicy, name, populate_existing=True)
    if saved is None:
        raise NotFound(
            f"There is no policy {name}", field=field, value=name, mend="see GET /api/v1/policies"
        )
    return saved


def get_version(session: Session, name: str, version: int | None = None) -> PolicyVersion:
    """A version of a policy, the newest where none is named; NotFound where there is none."""
    number = version if version is not None else get_policy(session, name).newest
    # No column holds more.
    if not 0 < number < 2**31:
        raise _no_version(name, number)
    statement = select(PolicyVersion).where(
        PolicyVersion.name == name, PolicyVersion.version == number
    )
    found = session.exec(statement).first()
    if found is None:
        get_policy(session, name)
        raise _no_version(name, number)
    return found


def _no_version(name: str, number: int) -> NotFound:
    return NotFound(
        f"{name} has no version {number}",
        field="version",
        value=number,
        mend=f"see GET /api/v1/policies/{name}/versions",
    )


def newest_versions(session: Session, asked: Asked) -> Listing[PolicyVersion]:
    """The newest version of every policy."""
    statement = select(PolicyVersion).join(
        SavedPolicy,
        (col(SavedPolicy.name) == col(PolicyVersion.name))
        & (col(SavedPolicy.newest) == col(PolicyVersion.version)),
    )
    order = {"name": PolicyVersion.name, "saved_at": PolicyVersion.saved_at}
    return select_page(session, statement, order, asked, tie=col(PolicyVersion.id))


def versions_of(session: Session, name: str, asked: Asked) -> Listing[PolicyVersion]:
    """Every version of a policy, the newest first."""
    get_policy(session, name)
    statement = select(PolicyVersion).where(PolicyVersion.name == name)
    order = {"version": col(PolicyVersion.version).desc(), "saved_at": PolicyVersion.saved_at}
    return select_page(session, statement, order, asked, tie=col(PolicyVersion.id))


def default_name(session: Session) -> str | None:
    return session.exec(select(SavedPolicy.name).where(col(SavedPolicy.is_default))).first()


def names(session: Session) -> Sequence[str]:
    """Every policy's name; the default first."""
    order = (col(SavedPolicy.is_default).desc(), col(SavedPolicy.name))
    return session.exec(select(SavedPolicy.name).order_by(*order).limit(500)).all()


def choose(
    session: Session, policy: PolicyIn | None, name: str | None, version: int | None
) -> Chosen:
    """What a run is to take: as given, the saved one that it names, the default, or the usual.

    Raises:
        InvalidInput: both a policy and a saved one's name, or a version of none.
        NotFound: there is no such policy or version.

    """
    if name is None and version is not None:
        raise InvalidInput(
            "A version is a saved policy's",
            field="policy_version",
            value=version,
            mend="name the policy too, or leave the version out",
        )
    if name is not None and policy is not None:
        raise InvalidInput(
            "It gives a policy, and the name of a saved one too",
            field="policy_name",
            value=name,
            mend="leave one of the two out",
        )
    name = name or (default_name(session) if policy is None else None)
    if name is None:
        return Chosen(policy or PolicyIn())
    saved = get_version(session, name, version)
    return Chosen(PolicyIn.model_validate(saved.weights), name, saved.version)
