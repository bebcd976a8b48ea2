"""Endpoints of the keys that organisations sign with."""

from typing import Annotated

from fastapi import APIRouter, Response, status
from pydantic import Field

from services.parties import keys
from services.parties.access import CurrentActor
from services.web.http import DatabaseSession, FromRow, Input, Moment, example

router = APIRouter(tags=["parties"])

_VKEY = "DN42+972310b3+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
_SIG = "6z1iSNavHzB6tp7MA4lAHpBtJumvwbs3VDymeS3cm6kOfmlcHh2VBFExyow/TDZ5xDxMOjSZB+I/TSAYY/74Aw=="


class KeyIn(Input):
    """What `medrelay keygen` prints with `--log`; `sig` shows that the sender has the key."""

    model_config = example(vkey=_VKEY, sig=_SIG)

    vkey: Annotated[str, Field(max_length=200, description="As `medrelay keygen` prints it")]
    sig: Annotated[
        str | None,
        Field(
            max_length=100,
            description="By this key over its own registration, in base64; without it, or with "
            "another, the refusal says in `to_sign` which bytes are to be signed",
        ),
    ] = None


class KeyOut(FromRow):
    """``revoked_at`` is null for a key that signs."""

    organisation: str
    key_id: str
    vkey: str
    registered_at: Moment
    revoked_at: Moment | None


@router.get("/organisations/{code}/keys")
def list_keys(code: str, session: DatabaseSession) -> list[KeyOut]:
    """Every key that an organisation registered, for anybody to compare with what it says."""
    return [KeyOut.model_validate(key) for key in keys.keys_of(session, code)]


@router.post("/organisations/{code}/keys", status_code=status.HTTP_201_CREATED)
def register_key(
    code: str, body: KeyIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> KeyOut:
    """Register a public key of your own organisation, signed by itself. Again, it answers 200."""
    key, created = keys.register(session, actor, code, body.vkey, body.sig)
    if not created:
        response.status_code = status.HTTP_200_OK
    return KeyOut.model_validate(key)


@router.post("/organisations/{code}/keys/{key_id}/revoke")
def revoke_key(code: str, key_id: str, session: DatabaseSession, actor: CurrentActor) -> KeyOut:
    """Take a key out of use (its organisation, administrators). What it signed stays signed."""
    return KeyOut.model_validate(keys.revoke(session, actor, code, key_id))
