"""The page of a region's desk: what waits there, and nothing of elsewhere."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlmodel import Session, col, select

from services.database import Database
from services.parties.models import Region, Site
from services.requests.help import service as help_calls
from services.requests.models import Need, RegionDesk
from services.web.limits import Throttle
from tests.browser import Browser
from tests.community.points import add_point, offer, put_in_hand, soon
from tests.requests.hospital import Desk
from tests.test_pages_public import check_strict
from tests.world import World

PATH = "/en/region-desk"


@pytest.fixture(autouse=True)
def nobody_called_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(help_calls, "throttle", lambda: Throttle(10, 60))


def ask(api: TestClient, world: World, item: str, priority: str) -> None:
    need_by = (datetime.now(UTC) + timedelta(days=5)).date().isoformat()
    need = {"item": item, "quantity": 500, "priority": priority, "need_by": need_by}
    body = {"id": str(uuid4()), "site": "H1", "needs": [need]}
    answer = api.post("/api/v1/requests", json=body, headers=world.bearer("hospital"))
    assert answer.status_code == 201, answer.text


def section(page: str, title: str) -> str:
    return re.split(r"<h2", page.partition(f">{title}</h2>")[2])[0]


def elsewhere(session: Session) -> str:
    """A region that nothing of the tests lies in."""
    known = session.exec(select(Region.code)).all()
    if "990000" not in known:
        session.add(Region(code="990000", name_en="Elsewhere", name_zh="别处", parent=None))
        session.flush()
    return "990000"


def test_it_shows_what_waits_in_its_region_the_most_urgent_first(
    api: TestClient, world: World, database: Database
) -> None:
    with database.transaction() as session:
        away = elsewhere(session)
        add_point(session)
        put_in_hand(session, 10)
    Desk(api, "admin").rule(outcome="ask")
    ask(api, world, "gloves", "routine")
    ask(api, world, "surgical_mask", "stat")
    call = {"id": str(uuid4()), "region": "420100", "words": "A care home without masks"}
    assert api.post("/api/v1/help-calls", json=call).status_code == 201
    today = soon(0).date().isoformat()
    offer(api, world, first_day=today, last_day=soon(5).date().isoformat())
    desk = Browser(api, database, "dispatcher")
    page = desk.get(f"{PATH}?region=420000")
    waiting = section(page, "To approve")
    assert waiting.index("At once") < waiting.index("Routine")
    assert "region=420000&amp;state=submitted" in page
    assert "A care home without masks" in section(page, "Calls for help")
    assert "P1 point" in section(page, "Community points that run out")
    empty = desk.get(f"{PATH}?region={away}")
    for text in ("At once", "A care home", "P1 point"):
        assert text not in empty


def test_what_its_hospital_has_not_confirmed_for_long_is_about_to_lapse(
    api: TestClient, world: World, database: Database
) -> None:
    ask(api, world, "gloves", "stat")
    desk = Browser(api, database, "dispatcher")
    assert "Gloves" not in section(desk.get(f"{PATH}?region=420100"), "Lapsing soon")
    with database.transaction() as session:
        need = session.exec(select(Need)).one()
        need.last_word_recorded_at -= timedelta(hours=22)
    page = section(desk.get(f"{PATH}?region=420100"), "Lapsing soon")
    assert "unless its hospital confirms it" in page


def test_a_desk_of_no_region_sees_first_where_its_places_are(
    api: TestClient, world: World, database: Database
) -> None:
    with database.transaction() as session:
        first = session.exec(select(Region).order_by(col(Region.code))).first()
        places = set(session.exec(select(Site.region).where(Site.organisation == "RELIEF")))
        assert first
        assert first.code not in {"420000", *places}
        assert places == {"420100", "420500"}
    assert "Desk of 420000" in Browser(api, database, "dispatcher").get(PATH)


def test_a_desk_sees_its_own_region_first_and_who_decides(
    api: TestClient, world: World, database: Database
) -> None:
    with database.transaction() as session:
        away = elsewhere(session)
        session.add(RegionDesk(region=away, organisation="RELIEF"))
    page = Browser(api, database, "dispatcher").get(PATH)
    assert "Desk of Elsewhere" in page
    assert "You look on here" not in page


@pytest.mark.parametrize("who", ["hospital", "donor", "carrier", "maker"])
def test_it_is_the_desks_alone(api: TestClient, database: Database, who: str) -> None:
    Browser(api, database, who).get(PATH, 403)


@pytest.mark.parametrize("who", ["dispatcher", "approver", "auditor", "admin"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_is_strict_and_speaks_both_languages(
    api: TestClient, database: Database, who: str, language: str
) -> None:
    answer = Browser(api, database, who).client.get(f"/{language}/region-desk?region=no%00where")
    assert answer.status_code == 200
    check_strict(answer.headers["content-security-policy"], answer.text)
