"""What the second act says: one class for each table of ``second_act.toml``.

Times are the world's. ``donation`` and ``line`` name a lot by how it came in.
"""

from datetime import date, time
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.requests.models import Priority
from services.scenarios.rows import Code, Count, Name, Some


class _Act(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ForecastScript(_Act):
    site: Code
    accepted_at: AwareDatetime


class LapseScript(_Act):
    site: Code
    item: Code
    quantity: Count
    priority: Priority
    posted_at: AwareDatetime
    need_by: date
    lapsed_at: AwareDatetime


class ReleaseScript(_Act):
    donation: Code
    released_at: AwareDatetime
    reason: Name


class GivingBackScript(_Act):
    """Of the largest lot of the item that the site received; in pieces."""

    site: Code
    item: Code
    quantity: Count
    at: AwareDatetime
    reason: Name
    to: Code
    depart_on: date
    due_on: date
    carrier: Code


class DiversionScript(_Act):
    origin: Code
    destination: Code
    donation: Code
    line: Count
    quantity: Count
    ordered_at: AwareDatetime
    depart_on: date
    due_on: date
    carrier: Code
    diverted_at: AwareDatetime
    diverted_to: Code
    reason: Name


class CommunityScript(_Act):
    """A point, its supply in pieces, its offer, and how many households do what.

    ``second_tries`` of those that come for their pieces try to book once more; the last ones of
    all give their booking up or miss it.
    """

    code: Code
    name_en: Name
    name_zh: Name
    region: Code
    latitude: float
    longitude: float
    username: Code
    password: Annotated[str, Field(min_length=12)]
    registered_at: AwareDatetime
    origin: Code
    donation: Code
    line: Count
    supplied: Count
    supplied_at: AwareDatetime
    depart_on: date
    due_on: date
    carrier: Code
    pieces: Count
    period_days: Count
    opens_at: time
    closes_at: time
    slot_minutes: Count
    bookings_per_slot: Count
    first_day: date
    last_day: date
    booked_at: AwareDatetime
    households: Count
    second_tries: Some
    given_up: Some
    missed: Some
    missed_at: AwareDatetime

    @property
    def served(self) -> int:
        """How many households come for their pieces."""
        return self.households - self.given_up - self.missed


class RecallScript(_Act):
    donation: Code
    line: Count
    cause: Literal["quality", "contamination", "labelling", "falsified", "regulator", "maker"]
    reason: Name
    at: AwareDatetime


class Script(_Act):
    """The whole second act."""

    forecast: ForecastScript
    lapse: LapseScript
    release: ReleaseScript
    giving_back: GivingBackScript
    diversion: DiversionScript
    community: CommunityScript
    recall: RecallScript
