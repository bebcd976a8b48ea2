"""What goes in and out of the endpoints of saved policies."""

from typing import Annotated, Any
from uuid import UUID, uuid4

from pydantic import BaseModel, Field

from services.dispatch.orders import PolicyIn
from services.web.http import Code, Input, Moment, Text, example


class PolicySave(Input):
    """Keep a policy under a name. Send the same ``id`` again to repeat safely."""

    model_config = example(
        id="5f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d21",
        name="steady",
        policy={"fairness": "max_min", "stability_micro_per_piece": 20_000},
        why="fewer changes from day to day",
    )

    id: Annotated[UUID, Field(default_factory=uuid4, description="Made by you: idempotency key")]
    name: Code
    policy: PolicyIn
    why: Annotated[Text, Field(min_length=1)]
    edited_version: Annotated[
        int | None,
        Field(
            ge=0,
            le=2**31 - 1,
            description="The version that you edited: refused where there is a newer one. "
            "0: none, the name is to be new.",
        ),
    ] = None


class DefaultIn(Input):
    """Why runs that name no policy are to take this one."""

    model_config = example(why="agreed on by the staff")

    why: Annotated[Text, Field(min_length=1)]


class PolicyOut(BaseModel):
    """One version of a policy; ``is_default`` is the policy's."""

    id: UUID
    name: str
    version: int
    is_default: bool
    policy: dict[str, Any]
    why: str
    saved_by: str
    saved_at: Moment


class PolicyChange(BaseModel):
    """A field in which two versions differ."""

    field: str
    before: str
    after: str
