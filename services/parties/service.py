"""Who is who, and who may do what: the one place that is asked."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from uuid import UUID, uuid4

import sqlalchemy as sa
from pwdlib import PasswordHash
from sqlmodel import Session, col, select

from services.errors import Forbidden, InvalidInput, NotFound, Unauthenticated
from services.parties.models import (
    DESKS,
    ApiToken,
    Organisation,
    OrganisationKind,
    Region,
    Role,
    SignIn,
    Site,
    User,
)
from services.settings import get_settings
from services.web.limits import Throttle


class WrongPassword(Unauthenticated):
    code, title = "wrong-password", "User name or password is wrong"


_guesses = Throttle(tries=20, window_s=60)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a signed-in person or a program with a token, bound to an organisation."""

    user_id: UUID
    username: str
    role: Role
    organisation: str

    @property
    def reference(self) -> str:
        """How entries name the actor: the organisation; persons stay out of the public log."""
        return f"organisation:{self.organisation}"

    @property
    def reads_reasons_of(self) -> str | None:
        """Whose reasons the actor may read: what people write may name people. None: anybody's."""
        return None if self.role in DESKS else self.reference


def require_role(actor: Actor, *roles: Role) -> None:
    """Raise Forbidden unless the actor has one of the roles; an admin may do what desks do."""
    if actor.role not in roles and actor.role is not Role.ADMIN:
        raise Forbidden(
            f"The role {actor.role} may not do this",
            mend=f"sign in as {' or '.join(sorted(roles))}",
        )


def require_site(session: Session, actor: Actor, site_code: str, *roles: Role) -> Site:
    """The site, if the actor has one of the roles and the site is their organisation's.

    Raises:
        NotFound: there is no such site.
        Forbidden: wrong role, or another organisation's site.

    """
    require_role(actor, *roles)
    site = get_site(session, site_code)
    if actor.role is not Role.ADMIN and site.organisation != actor.organisation:
        raise Forbidden(
            f"Site {site_code} belongs to another organisation",
            field="site",
            value=site_code,
            mend="name a site of your own organisation",
        )
    return site


def get_site(session: Session, code: str, *, field: str = "site") -> Site:
    site = session.get(Site, code)
    if site is None:
        raise NotFound(
            f"There is no site {code}", field=field, value=code, mend="see GET /api/v1/sites"
        )
    return site


def get_organisation(session: Session, code: str, *, field: str = "organisation") -> Organisation:
    organisation = session.get(Organisation, code)
    if organisation is None:
        raise NotFound(
            f"There is no organisation {code}",
            field=field,
            value=code,
            mend="see GET /api/v1/organisations",
        )
    return organisation


def sites_of(session: Session, organisation: str) -> list[Site]:
    statement = select(Site).where(Site.organisation == organisation).order_by(Site.code)
    return list(session.exec(statement))


def regions_above(session: Session) -> dict[str, tuple[str, ...]]:
    """For each region, itself and every region that contains it, smallest first."""
    parents = {region.code: region.parent for region in session.exec(select(Region))}
    chains: dict[str, tuple[str, ...]] = {}
    for code in parents:
        chain: list[str] = []
        here: str | None = code
        while here is not None and here not in chain:
            chain.append(here)
            here = parents.get(here)
        chains[code] = tuple(chain)
    return chains


def authenticate(session: Session, username: str, password: str) -> Actor:
    """The actor of this name and password.

    Raises:
        WrongPassword: they don't belong together; an unknown name is told the same.
        TooManyTries: too many wrong passwords for this name within a minute.

    """
    _guesses.check(username)
    user = session.exec(select(User).where(User.username == username)).first()
    # An unknown name takes as long as a wrong password.
    known_hash = user.password_hash if user and user.password_hash else _decoy_hash()
    matches = _hasher().verify(password, known_hash)
    if user is None or not user.password_hash or not matches or not user.active:
        _guesses.count(username)
        raise WrongPassword("User name or password is wrong", mend="check both and try again")
    return _actor(user)


def sign_in(session: Session, username: str, password: str) -> tuple[str, Actor]:
    """Check a password and open a session; returns its secret, kept nowhere in clear."""
    actor = authenticate(session, username, password)
    secret = secrets.token_urlsafe(32)
    session.add(
        SignIn(
            token_hash=_token_hash(secret),
            user_id=actor.user_id,
            created_at=datetime.now(UTC),
            expires_at=session_end(),
        )
    )
    return secret, actor


def session_end() -> datetime:
    return datetime.now(UTC) + timedelta(hours=get_settings().session_hours)


def sign_out(session: Session, secret: str) -> None:
    session.connection().execute(
        sa.delete(SignIn).where(col(SignIn.token_hash) == _token_hash(secret))
    )


def actor_of_sign_in(session: Session, secret: str) -> Actor | None:
    row = session.exec(
        select(User)
        .join(SignIn, col(SignIn.user_id) == col(User.id))
        .where(SignIn.token_hash == _token_hash(secret), SignIn.expires_at > datetime.now(UTC))
    ).first()
    return _actor(row) if row and row.active else None


def actor_of_token(session: Session, secret: str) -> Actor | None:
    found = session.exec(
        select(User, ApiToken)
        .join(ApiToken, col(ApiToken.user_id) == col(User.id))
        .where(ApiToken.token_hash == _token_hash(secret))
    ).first()
    if found is None:
        return None
    user, token = found
    expired = token.expires_at is not None and token.expires_at <= datetime.now(UTC)
    return None if expired or token.revoked_at or not user.active else _actor(user)


def issue_token(
    session: Session, user_id: UUID, label: str, expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """A new token for programs, and its secret, which is shown this once."""
    secret = f"mr_{secrets.token_urlsafe(32)}"
    token = ApiToken(
        id=uuid4(),
        token_hash=_token_hash(secret),
        user_id=user_id,
        label=label,
        created_at=datetime.now(UTC),
        expires_at=expires_at,
    )
    session.add(token)
    return token, secret


def tokens_of(session: Session, user_id: UUID) -> list[ApiToken]:
    """A user's tokens that still work, newest first."""
    valid = col(ApiToken.expires_at).is_(None) | (col(ApiToken.expires_at) > datetime.now(UTC))
    return list(
        session.exec(
            select(ApiToken)
            .where(ApiToken.user_id == user_id, col(ApiToken.revoked_at).is_(None), valid)
            .order_by(col(ApiToken.created_at).desc(), col(ApiToken.id))
        )
    )


def change_user(session: Session, user: User, *, active: bool | None, password: str | None) -> None:
    """Let a user in or out, or give a new password; either ends what is signed in as them."""
    if active is not None:
        user.active = active
    if password is not None:
        user.password_hash = hash_password(password)
    session.connection().execute(sa.delete(SignIn).where(col(SignIn.user_id) == user.id))


def revoke(token: ApiToken) -> None:
    token.revoked_at = token.revoked_at or datetime.now(UTC)


def hash_password(password: str) -> str:
    return _hasher().hash(password)


# In which kinds of organisation a role can be held; a relief point is an authority's and asks
# for supplies as a hospital does.
_DESK = (OrganisationKind.AUTHORITY,)
_HOLDERS = {
    Role.HOSPITAL: (OrganisationKind.HOSPITAL, OrganisationKind.AUTHORITY),
    Role.MANUFACTURER: (OrganisationKind.MANUFACTURER,),
    Role.DONOR: (OrganisationKind.DONOR,),
    Role.CARRIER: (OrganisationKind.CARRIER,),
}


def check_role(organisation: Organisation, role: Role) -> None:
    """Raise InvalidInput where nobody of such an organisation can hold the role."""
    holders = _HOLDERS.get(role, _DESK)
    if organisation.kind not in holders:
        wanted = " or ".join(holders)
        raise InvalidInput(
            f"{organisation.code} is a {organisation.kind}, and a {role} belongs to: {wanted}",
            field="role",
            value=role.value,
            mend=f"name an organisation that is a {wanted}, or another role",
        )


def get_user(session: Session, username: str) -> User:
    user = session.exec(select(User).where(User.username == username)).first()
    if user is None:
        raise NotFound(f"There is no user {username}", field="username", value=username)
    return user


def public_name(organisation: Organisation, language: str) -> str | None:
    """A name to show to anybody; None where the organisation wants none shown."""
    if not organisation.public:
        return None
    return organisation.name_zh if language == "zh" else organisation.name_en


def _actor(user: User) -> Actor:
    return Actor(user.id, user.username, user.role, user.organisation)


def _token_hash(secret: str) -> str:
    # The secrets have 256 random bits: one SHA-256 is enough, and can be looked up.
    return hashlib.sha256(secret.encode()).hexdigest()


@lru_cache
def _hasher() -> PasswordHash:
    return PasswordHash.recommended()


@lru_cache
def _decoy_hash() -> str:
    return _hasher().hash(secrets.token_urlsafe(16))
