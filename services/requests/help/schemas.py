"""What goes in and out of the endpoints of calls for help."""

from typing import Annotated
from uuid import UUID, uuid4

from pydantic import Field

from services.requests.help.models import CallState
from services.requests.schemas import NeedIn
from services.web.http import Code, FromRow, Input, Moment, Text, example

_Short = Annotated[Text, Field(min_length=1, max_length=300)]


class CallIn(Input):
    """A call for help, from anybody. Send the same ``id`` again to repeat safely."""

    model_config = example(
        id="5f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d41",
        region="420100",
        words="Our care home has 60 residents and no masks left",
        place="Jiefang Avenue 1277",
        contact="138 0000 0000",
    )

    id: Annotated[UUID, Field(default_factory=uuid4, description="Made by you: keep it to see")]
    region: Code
    words: Annotated[Text, Field(min_length=5, max_length=1000)]
    place: _Short | None = None
    contact: Annotated[
        _Short | None, Field(description="Seen by desks alone, and deleted when it is settled")
    ] = None


class Assignment(Input):
    model_config = example(site="P1", reason="Nearest point")

    site: Code
    reason: _Short | None = None


class TakeUp(Input):
    """The need that a call becomes, at the site that takes it up."""

    model_config = example(
        site="P1",
        need={
            "item": "surgical_mask",
            "quantity": 600,
            "priority": "urgent",
            "need_by": "2020-02-08",
        },
        occurred_at="2020-02-06T09:00:00+08:00",
    )

    site: Code
    need: NeedIn
    occurred_at: Moment | None = None


class Reply(Input):
    """What the caller is told, where no need comes of it."""

    model_config = example(answer="The pharmacy at No. 12 gives masks to households; book there.")

    answer: Annotated[Text, Field(min_length=1, max_length=1000)]


class CallOut(FromRow):
    """A call as its caller sees it, and as lists show it: neither place nor contact."""

    id: UUID
    region: str
    words: str
    state: CallState
    site: str | None
    request_id: UUID | None
    answer: str | None
    called_at: Moment
    settled_at: Moment | None


class DeskCallOut(CallOut):
    """As the desk that looks into it sees it."""

    place: str | None
    contact: str | None
