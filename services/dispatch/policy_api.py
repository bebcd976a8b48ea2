"""Endpoints of saved policies: keep one, see its versions, compare two, make one the default."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Response, status

from services.dispatch import policies
from services.dispatch.api import READERS, usernames
from services.dispatch.desk_models import PolicyVersion
from services.dispatch.orders import PolicyIn
from services.dispatch.policy_schemas import DefaultIn, PolicyChange, PolicyOut, PolicySave
from services.parties.access import CurrentActor
from services.parties.service import require_role
from services.web.http import Code, DatabaseSession
from services.web.lists import ListAsked, answer

router = APIRouter(tags=["dispatch"])
_Version = Annotated[int, Query(ge=1, le=2**31 - 1)]


def policies_out(session: DatabaseSession, rows: Sequence[PolicyVersion]) -> list[PolicyOut]:
    people = usernames(session, {row.saved_by for row in rows})
    default = policies.default_name(session)
    return [
        PolicyOut(
            **row.model_dump(include={"id", "name", "version", "why", "saved_at"}),
            is_default=row.name == default,
            policy=row.weights,
            saved_by=people[row.saved_by],
        )
        for row in rows
    ]


@router.get("/policies", response_model=list[PolicyOut])
def list_policies(
    session: DatabaseSession, actor: CurrentActor, asked: ListAsked, response: Response
) -> object:
    """The newest version of every policy."""
    require_role(actor, *READERS)
    listing = policies.newest_versions(session, asked)
    return answer(listing.map(lambda rows: policies_out(session, rows)), response, "policies")


@router.post("/policies", status_code=status.HTTP_201_CREATED)
def save_policy(
    body: PolicySave, session: DatabaseSession, actor: CurrentActor, response: Response
) -> PolicyOut:
    """Keep a policy under a name; under a name that there is, as its next version."""
    version, created = policies.save_policy(session, actor, body)
    if not created:
        response.status_code = status.HTTP_200_OK
    return policies_out(session, [version])[0]


@router.get("/policies/{name}/versions", response_model=list[PolicyOut])
def list_versions(
    name: Code, session: DatabaseSession, actor: CurrentActor, asked: ListAsked, response: Response
) -> object:
    """Every version of a policy, the newest first, with who saved it, when and why."""
    require_role(actor, *READERS)
    listing = policies.versions_of(session, name, asked)
    return answer(listing.map(lambda rows: policies_out(session, rows)), response, f"policy-{name}")


@router.get("/policies/{name}/difference")
def show_difference(
    name: Code, before: _Version, after: _Version, session: DatabaseSession, actor: CurrentActor
) -> list[PolicyChange]:
    """The fields in which two versions of a policy differ."""
    require_role(actor, *READERS)
    old, new = (policies.get_version(session, name, each) for each in (before, after))
    return policies.changes_between(old.weights, PolicyIn.model_validate(new.weights))


@router.post("/policies/{name}/default")
def make_default(
    name: Code, body: DefaultIn, session: DatabaseSession, actor: CurrentActor
) -> PolicyOut:
    """Runs that name no policy take this one's newest version from now on."""
    policies.make_default(session, actor, name, body.why)
    return policies_out(session, [policies.get_version(session, name)])[0]
