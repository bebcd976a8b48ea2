"""Days for which nobody plans: refused at their field, by the API and on the pages."""

import html
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from tests.browser import Browser
from tests.rounds import add_lorry
from tests.shipments import Goods, plan
from tests.world import World

TOMORROWS = (datetime.now(UTC) + timedelta(days=70)).date().isoformat()
FAR = ["1900-01-01", TOMORROWS, "9999-12-31"]


def ready(database: Database) -> None:
    """A shipment waits: only the day is wrong."""
    plan(database, Goods(100))


@pytest.mark.parametrize("day", FAR)
@pytest.mark.parametrize("url", ["/runs", "/rounds"])
def test_a_day_that_nobody_plans_for_is_refused_at_its_field(
    api: TestClient, world: World, database: Database, url: str, day: str
) -> None:
    ready(database)
    assert add_lorry(api).status_code == 200
    before = api.get(f"/api/v1{url}", headers=world.bearer("dispatcher")).json()
    body = {"id": str(uuid4()), "day": day}
    answer = api.post(f"/api/v1{url}", json=body, headers=world.bearer("dispatcher"))
    assert answer.status_code == 422, answer.text
    (slip,) = answer.json()["errors"]
    assert (slip["field"], slip["value"]) == ("day", day)
    assert slip["mend"].startswith("give a day from 20")
    assert api.get(f"/api/v1{url}", headers=world.bearer("dispatcher")).json() == before


@pytest.mark.parametrize(
    ("language", "told"), [("en", "1900-01-01 is too far back to plan for"), ("zh", "日期无效。")]
)
@pytest.mark.parametrize("page", ["/runs", "/rounds"])
def test_the_page_says_so_beside_the_day(
    api: TestClient, database: Database, language: str, told: str, page: str
) -> None:
    ready(database)
    assert add_lorry(api).status_code == 200
    desk = Browser(api, database, "dispatcher")
    url = f"/{language}{page}"
    shown = html.unescape(desk.fill(url, {"day": "1900-01-01"}, url).text)
    beside = shown.partition('name="day"')[2].partition("<input")[0]
    assert told in beside
