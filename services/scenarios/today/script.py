"""What ``today.toml`` says: calls of the API, told relative to the day of the demonstration."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.scenarios.rows import Code, Count, Name

_BRACED = re.compile(r"\{([^{}]+)\}")
_WHEN = re.compile(r"D(?P<days>[+-]\d+)?(?: (?P<time>\d\d:\d\d))?")


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Call(_Told):
    """One call, by an account or by nobody; see the head of the file for what stands in braces."""

    by: Annotated[Code | None, Field(alias="as")] = None
    post: Name | None = None
    put: Name | None = None
    unless: Name | None = None
    body: dict[str, Any]

    @model_validator(mode="after")
    def _is_one(self) -> "Call":
        if (self.post is None) == (self.put is None):
            raise ValueError("give either post or put")
        return self


class PointScript(_Told):
    """So many pieces of a gift's batch go from a warehouse to the community point."""

    origin: Code
    gift: Name
    batch: Name
    pieces: Count


class TodayScript(_Told):
    expects_a_shipment: Code
    point: PointScript
    before: list[Call]
    after: list[Call]


@dataclass(frozen=True, slots=True)
class Day:
    """The day of the demonstration, by the scenario's clock, and the ids of what belongs to it."""

    today: date
    zone: str
    namespace: UUID

    def id(self, name: str) -> str:
        return str(uuid5(self.namespace, f"today/{self.today.isoformat()}/{name}"))

    def filled(self, told: Any) -> Any:
        """The same value with everything in braces put in, however deep it stands."""
        if isinstance(told, str):
            return _BRACED.sub(lambda found: self._put_in(found[1]), told)
        if isinstance(told, dict):
            return {name: self.filled(value) for name, value in told.items()}
        if isinstance(told, list):
            return [self.filled(value) for value in told]
        return told

    def on(self, days: int) -> date:
        return self.today + timedelta(days=days)

    def at(self, days: int, clock: str) -> datetime:
        moment = datetime.combine(self.on(days), time.fromisoformat(clock)).isoformat()
        return datetime.fromisoformat(moment + self.zone)

    def _put_in(self, name: str) -> str:
        when = _WHEN.fullmatch(name)
        if when is None:
            return self.id(name)
        days = int(when["days"] or 0)
        if when["time"] is None:
            return self.on(days).isoformat()
        return self.at(days, when["time"]).isoformat()
