"""What goes in and out of the endpoints of standing pins and bans."""

from typing import Annotated, Self
from uuid import UUID, uuid4

from pydantic import BaseModel, Field, model_validator

from services.dispatch.desk_models import RuleKind
from services.web.http import Code, Input, Moment, Quantity, Text, example


class HandRuleIn(Input):
    """A pin or a ban for every run from the next one on. Without a lot: any lot of the site."""

    model_config = example(
        id="5f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d31",
        kind="ban",
        site="W1",
        need_id="5f0c2c9e-3f55-4b5c-9c1a-3a1f0f6f2d32",
        why="the road is closed",
    )

    id: Annotated[UUID, Field(default_factory=uuid4, description="Made by you: idempotency key")]
    kind: RuleKind
    site: Annotated[Code | None, Field(description="Where the goods stand")] = None
    lot_id: UUID | None = None
    need_id: UUID | None = None
    quantity: Annotated[Quantity | None, Field(description="Pieces, of a pin")] = None
    why: Annotated[Text, Field(min_length=1, description="Why: it stands in the snapshot")]

    @model_validator(mode="after")
    def _names_enough(self) -> Self:
        if self.kind is RuleKind.PIN and None in {self.site, self.need_id, self.quantity}:
            raise ValueError("a pin names a site, a need and a quantity")
        if self.kind is RuleKind.BAN and self.quantity is not None:
            raise ValueError("a ban has no quantity; leave it out")
        if self.lot_id is not None and self.site is None:
            raise ValueError("give the lot's site too")
        if self.site is None and self.need_id is None:
            raise ValueError("name a site, a need, or both")
        return self


class HandRuleEnd(Input):
    """Why a pin or ban is taken back."""

    model_config = example(why="the road is open again")

    why: Annotated[Text, Field(min_length=1)]


class HandRuleOut(BaseModel):
    """A pin or ban; ``need_site`` and ``item`` are its need's. ``run_id`` carried a pin out."""

    id: UUID
    kind: RuleKind
    site: str | None
    lot_id: UUID | None
    need_id: UUID | None
    need_site: str | None
    item: str | None
    quantity_base: int | None
    why: str
    set_by: str
    set_at: Moment
    ended_by: str | None
    ended_at: Moment | None
    ended_why: str | None
    run_id: UUID | None
