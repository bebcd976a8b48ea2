"""Endpoints of parties: who is there, tokens, and what the administrator registers."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Response, status
from pydantic import BaseModel, Field
from sqlmodel import col, select

from services.errors import Conflict, InvalidInput, NotFound
from services.parties import service
from services.parties.access import CurrentActor
from services.parties.models import (
    ApiToken,
    Organisation,
    OrganisationKind,
    Region,
    Role,
    Site,
    SiteKind,
    User,
)
from services.parties.people import PeopleWanted, list_people
from services.web.http import Code, DatabaseSession, FromRow, Input, Moment, Text, example
from services.web.lists import ListAsked, answer

router = APIRouter(tags=["parties"])


class RegionOut(FromRow):
    code: str
    name_en: str
    name_zh: str
    parent: str | None


class SiteOut(FromRow):
    code: str
    organisation: str
    kind: SiteKind
    name_en: str
    name_zh: str
    region: str
    latitude: float
    longitude: float


class SiteIn(Input):
    """A place with its position (WGS-84 degrees)."""

    model_config = example(
        code="CP01",
        organisation="CP01",
        kind="relief_point",
        name_en="Yongqing Street community point",
        name_zh="永清街社区服务点",
        region="420102",
        latitude=30.604,
        longitude=114.297,
    )

    code: Code
    organisation: Code
    kind: SiteKind
    name_en: Annotated[Text, Field(min_length=1, max_length=200)]
    name_zh: Annotated[Text, Field(min_length=1, max_length=200)]
    region: Code
    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]


class OrganisationIn(Input):
    model_config = example(
        code="DN42", kind="donor", name_en="Plum Rain Trading", name_zh="梅雨贸易", public=True
    )

    code: Code
    kind: OrganisationKind
    name_en: Annotated[str, Field(min_length=1, max_length=200)]
    name_zh: Annotated[str, Field(min_length=1, max_length=200)]
    public: bool = True


class OrganisationOut(FromRow):
    code: str
    kind: OrganisationKind
    name_en: str | None
    name_zh: str | None


class UserIn(Input):
    model_config = example(
        username="ward7",
        display_name="Ward 7",
        role="hospital",
        organisation="HB017",
        password="a long pass phrase",
    )

    username: Code
    display_name: Text
    role: Role
    organisation: Code
    password: Annotated[str | None, Field(min_length=12, max_length=200)] = None


class UserOut(FromRow):
    id: UUID
    username: str
    display_name: str
    role: Role
    organisation: str


class UserListed(UserOut):
    active: bool
    email: str | None
    email_confirmed_at: Moment | None


Password = Annotated[str, Field(min_length=12, max_length=200)]


class UserChange(Input):
    """What to change; what is left out stays as it is."""

    model_config = example(active=False)

    active: bool | None = None
    password: Password | None = None


class PasswordChange(Input):
    model_config = example(old="a long pass phrase", new="another long pass phrase")

    old: Annotated[str, Field(max_length=200)]
    new: Password


class TokenListed(FromRow):
    id: UUID
    label: str
    created_at: datetime
    expires_at: datetime | None


class TokenIn(Input):
    model_config = example(label="ward spreadsheet", expires_at="2027-01-01T00:00:00Z")

    username: Annotated[Code | None, Field(description="Whose; yourself where left out")] = None
    label: Annotated[str, Field(min_length=1, max_length=100, examples=["ward-spreadsheet"])]
    expires_at: Moment | None = None


class TokenOut(BaseModel):
    id: UUID
    label: str
    username: str
    secret: Annotated[str, Field(description="Shown this once; only its hash is kept")]


class SignInIn(Input):
    model_config = example(username="ward7", password="a long pass phrase")

    username: Code
    password: Annotated[str, Field(max_length=200)]


@router.get("/regions")
def list_regions(session: DatabaseSession) -> list[RegionOut]:
    """Every region, with the region that contains it."""
    rows = session.exec(select(Region).order_by(col(Region.code)))
    return [RegionOut.model_validate(row) for row in rows]


@router.get("/sites")
def list_sites(
    session: DatabaseSession,
    kind: Annotated[SiteKind | None, Query()] = None,
    organisation: Annotated[str | None, Query()] = None,
) -> list[SiteOut]:
    """Every place where goods can stand."""
    statement = select(Site).order_by(col(Site.code))
    if kind is not None:
        statement = statement.where(Site.kind == kind)
    if organisation is not None:
        statement = statement.where(Site.organisation == organisation)
    return [SiteOut.model_validate(row) for row in session.exec(statement)]


@router.post("/sites", status_code=status.HTTP_201_CREATED)
def register_site(body: SiteIn, session: DatabaseSession, actor: CurrentActor) -> SiteOut:
    """Register a place of an organisation (administrators)."""
    service.require_role(actor, Role.ADMIN)
    service.get_organisation(session, body.organisation)
    if session.get(Region, body.region) is None:
        raise NotFound(
            f"There is no region {body.region}",
            field="region",
            value=body.region,
            mend="see GET /api/v1/regions",
        )
    if session.get(Site, body.code) is not None:
        raise Conflict(
            f"Site {body.code} exists", field="code", value=body.code, mend="choose another"
        )
    row = Site(**body.model_dump())
    session.add(row)
    return SiteOut.model_validate(row)


@router.get("/organisations")
def list_organisations(session: DatabaseSession) -> list[OrganisationOut]:
    """Organisations; who chose not to be named appears by code alone."""
    rows = session.exec(select(Organisation).order_by(col(Organisation.code)))
    return [
        OrganisationOut(
            code=row.code,
            kind=row.kind,
            name_en=service.public_name(row, "en"),
            name_zh=service.public_name(row, "zh"),
        )
        for row in rows
    ]


@router.post("/organisations", status_code=status.HTTP_201_CREATED)
def register_organisation(
    body: OrganisationIn, session: DatabaseSession, actor: CurrentActor
) -> OrganisationOut:
    """Register an organisation (administrators)."""
    service.require_role(actor, Role.ADMIN)
    if session.get(Organisation, body.code) is not None:
        raise Conflict(
            f"Organisation {body.code} exists", field="code", value=body.code, mend="choose another"
        )
    row = Organisation(**body.model_dump())
    session.add(row)
    return OrganisationOut.model_validate(row)


@router.get("/users", response_model=list[UserListed])
def list_users(
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    wanted: PeopleWanted,
    response: Response,
) -> Any:
    """Who may sign in, and for whom (administrators)."""
    service.require_role(actor, Role.ADMIN)
    return answer(
        list_people(session, asked, wanted).map(
            lambda rows: [UserListed.model_validate(row) for row in rows]
        ),
        response,
        "users",
    )


@router.post("/users", status_code=status.HTTP_201_CREATED)
def register_user(body: UserIn, session: DatabaseSession, actor: CurrentActor) -> UserOut:
    """Register a user (administrators)."""
    service.require_role(actor, Role.ADMIN)
    service.check_role(service.get_organisation(session, body.organisation), body.role)
    if session.exec(select(User).where(User.username == body.username)).first():
        raise Conflict(
            f"User {body.username} exists",
            field="username",
            value=body.username,
            mend="choose another name",
        )
    row = User(
        id=uuid4(),
        password_hash=service.hash_password(body.password) if body.password else None,
        **body.model_dump(exclude={"password"}),
    )
    session.add(row)
    return UserOut.model_validate(row)


@router.patch("/users/{username}")
def change_user(
    username: str, body: UserChange, session: DatabaseSession, actor: CurrentActor
) -> UserOut:
    """Let a user in or out, or give a new password (administrators). Their tokens fall silent."""
    service.require_role(actor, Role.ADMIN)
    user = service.get_user(session, username)
    service.change_user(session, user, active=body.active, password=body.password)
    return UserOut.model_validate(user)


@router.put("/me/password", status_code=status.HTTP_204_NO_CONTENT)
def change_password(body: PasswordChange, session: DatabaseSession, actor: CurrentActor) -> None:
    """A new password for yourself; everybody signed in as you is signed out."""
    service.authenticate(session, actor.username, body.old)
    user = session.get_one(User, actor.user_id)
    service.change_user(session, user, active=None, password=body.new)


@router.get("/tokens")
def list_tokens(session: DatabaseSession, actor: CurrentActor) -> list[TokenListed]:
    """Your tokens that still work; their secrets are kept nowhere."""
    return [TokenListed.model_validate(row) for row in service.tokens_of(session, actor.user_id)]


@router.get("/me")
def show_me(session: DatabaseSession, actor: CurrentActor) -> UserOut:
    """Who this token or session stands for."""
    return UserOut.model_validate(session.get_one(User, actor.user_id))


@router.post("/tokens", status_code=status.HTTP_201_CREATED)
def issue_token(body: TokenIn, session: DatabaseSession, actor: CurrentActor) -> TokenOut:
    """A token for programs: for yourself, or, as administrator, for anybody."""
    username = body.username or actor.username
    if username != actor.username:
        service.require_role(actor, Role.ADMIN)
    user = service.get_user(session, username)
    if body.expires_at is not None and body.expires_at <= datetime.now(UTC):
        raise InvalidInput(
            "A token that has expired already is of no use",
            field="expires_at",
            value=body.expires_at.isoformat(),
            mend="give a time to come, or leave it out",
        )
    token, secret = service.issue_token(session, user.id, body.label, body.expires_at)
    return TokenOut(id=token.id, label=token.label, username=username, secret=secret)


@router.delete("/tokens/{token_id}", status_code=status.HTTP_204_NO_CONTENT)
def revoke_token(token_id: UUID, session: DatabaseSession, actor: CurrentActor) -> None:
    """Make a token useless at once."""
    token = session.get(ApiToken, token_id)
    if token is None or (token.user_id != actor.user_id and actor.role is not Role.ADMIN):
        raise NotFound(f"You have no token {token_id}", field="token_id", value=token_id)
    service.revoke(token)


@router.post("/sign-in")
def sign_in(body: SignInIn, session: DatabaseSession) -> TokenOut:
    """User name and password for a token that lasts one session."""
    actor = service.authenticate(session, body.username, body.password)
    token, secret = service.issue_token(session, actor.user_id, "sign-in", service.session_end())
    return TokenOut(id=token.id, label=token.label, username=actor.username, secret=secret)
