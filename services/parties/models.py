"""Who takes part: regions, organisations, sites, and the people and programs that act for them."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlmodel import Field

from services.database import BYTES, UTC_TIME, Row, enum_type


class OrganisationKind(StrEnum):
    HOSPITAL = "hospital"
    MANUFACTURER = "manufacturer"
    DONOR = "donor"
    CARRIER = "carrier"
    AUTHORITY = "authority"
    SUPPLIER = "supplier"


class SiteKind(StrEnum):
    HOSPITAL = "hospital"
    RELIEF_POINT = "relief_point"
    WAREHOUSE = "warehouse"
    FACTORY = "factory"


class Role(StrEnum):
    HOSPITAL = "hospital"
    MANUFACTURER = "manufacturer"
    DONOR = "donor"
    CARRIER = "carrier"
    DISPATCHER = "dispatcher"
    APPROVER = "approver"
    AUDITOR = "auditor"
    ADMIN = "admin"


# Who sees everybody's papers: those who run the relief, and those who look over their shoulders.
DESKS = (Role.DISPATCHER, Role.APPROVER, Role.AUDITOR, Role.ADMIN)


class Region(Row, table=True):
    code: str = Field(primary_key=True)
    name_en: str
    name_zh: str
    parent: str | None = Field(default=None, foreign_key="region.code")


class Organisation(Row, table=True):
    """``public`` is false where the name is not to be shown to the public (a donor's choice)."""

    code: str = Field(primary_key=True)
    kind: OrganisationKind = Field(sa_type=enum_type(OrganisationKind))
    name_en: str
    name_zh: str
    public: bool = True


class Site(Row, table=True):
    """A place with a position (WGS-84 degrees) where goods can stand."""

    code: str = Field(primary_key=True)
    organisation: str = Field(foreign_key="organisation.code", index=True)
    kind: SiteKind = Field(sa_type=enum_type(SiteKind))
    name_en: str
    name_zh: str
    region: str = Field(foreign_key="region.code", index=True)
    latitude: float
    longitude: float
    gln: str | None = None


class User(Row, table=True):
    """A person or a program. Mail goes to ``email`` in ``language`` ("en", "zh").

    Nothing but the question whether it is theirs (``email_asked_at``) goes there before
    ``email_confirmed_at``. ``email_refused_at`` says since when the address takes no mail for good;
    nothing is sent there until it is given anew.
    """

    __tablename__ = "app_user"

    id: UUID = Field(primary_key=True)
    username: str = Field(unique=True)
    display_name: str
    role: Role = Field(sa_type=enum_type(Role))
    organisation: str = Field(foreign_key="organisation.code", index=True)
    password_hash: str | None = None
    active: bool = True
    email: str | None = None
    language: str | None = None
    email_asked_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    email_confirmed_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    email_refused_at: datetime | None = Field(default=None, sa_type=UTC_TIME)


class SignIn(Row, table=True):
    """A browser's session: only the hash of its secret is kept."""

    __tablename__ = "sign_in"

    token_hash: str = Field(primary_key=True)
    user_id: UUID = Field(foreign_key="app_user.id", index=True)
    created_at: datetime = Field(sa_type=UTC_TIME)
    expires_at: datetime = Field(sa_type=UTC_TIME)


class ApiToken(Row, table=True):
    """A program's token: only its hash is kept."""

    __tablename__ = "api_token"

    id: UUID = Field(primary_key=True)
    token_hash: str = Field(unique=True)
    user_id: UUID = Field(foreign_key="app_user.id", index=True)
    label: str
    created_at: datetime = Field(sa_type=UTC_TIME)
    expires_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
    revoked_at: datetime | None = Field(default=None, sa_type=UTC_TIME)


class PartyKey(Row, table=True):
    """A public key that an organisation signs with; the journal's entries say since when.

    ``vkey`` is its text form (C2SP signed-note), named after the organisation.
    """

    __tablename__ = "party_key"

    organisation: str = Field(primary_key=True, foreign_key="organisation.code")
    key_id: str = Field(primary_key=True)
    vkey: str
    public_key: bytes = Field(sa_type=BYTES, unique=True)
    registered_at: datetime = Field(sa_type=UTC_TIME)
    revoked_at: datetime | None = Field(default=None, sa_type=UTC_TIME)
