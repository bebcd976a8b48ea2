"""The pages of rounds: plan, map, driver's sheet and fleet, in both languages."""

import re
from itertools import combinations
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from services.parties.models import Site, SiteKind
from services.rounds.drawing import COLOURS, HEIGHT, MARK_HEIGHT, WIDTH, draw
from services.rounds.schemas import RoundOut, StopOut
from services.rounds.solving import fail_rounds, solve_rounds
from services.rounds.why import WHY
from services.transport.models import RoundsPlan, RoundsState
from services.web.pages import environment
from tests.browser import Browser, went_to
from tests.rounds import DAY, add_lorry, plan_day, start
from tests.shipments import Goods, act, plan
from tests.world import NOW, SITES


def test_from_no_lorries_to_a_drivers_sheet(api: TestClient, database: Database) -> None:
    """What a dispatcher does on the first day, page by page, without a script."""
    sent = plan(database, Goods(100))
    desk = Browser(api, database, "dispatcher")
    page = desk.get("/en/rounds")
    assert "No carrier has a lorry yet" in page
    assert 'href="/en/fleet#add"' in page
    assert '<form class="sheet"' not in page
    lorry = {
        "carrier": "CARR1", "code": "van", "depot": "W1", "count": "2",
        "volume_l": "5,000", "weight_kg": "1500",
    }  # fmt: skip
    action = "/en/fleet/vehicles"
    assert went_to(desk.fill("/en/fleet", lorry, action)) == "/en/fleet"
    assert "5,000" in desk.get("/en/fleet?done=vehicle-saved")
    hours = {"site": "H1", "opens_at": "09:15", "closes_at": "17:00"}
    assert went_to(desk.fill("/en/fleet", hours, "/en/fleet/hours")) == "/en/fleet"
    assert "09:15" in desk.get("/en/fleet")

    form = desk.form("/en/rounds")
    assert (form.values["day"], form.values["depot"]) == (DAY, "")
    address = went_to(desk.send(form))
    waiting = desk.get(address)
    assert '<meta http-equiv="refresh" content="2">' in waiting
    plan_id = address.rpartition("/")[2]
    assert went_to(desk.send(form)) == address, "sent twice is once"
    assert solve_rounds(database, UUID(plan_id)) is RoundsState.PLANNED

    told = desk.get(address)
    assert "http-equiv" not in told
    assert "van · 1" in told
    assert "1·1" in told, "the map numbers its stops"
    assert f'href="/api/v1/rounds/{plan_id}/stops.csv"' in told
    sheet = desk.get(f"{address}/1")
    assert "Load at W1 en from 08:33, leave at 09:03, be back about 09:47." in sheet
    assert "about 09:15" in sheet
    assert re.search(r"<b>100</b>\s*gloves", sheet)
    assert f'href="/en/shipments/{sent.id}"' in sheet
    assert "约 09:15" in desk.get(f"/zh/rounds/{plan_id}/1")
    act(api, sent.id, "cancel")
    assert "cancelled: don't load" in desk.get(f"{address}/1")
    removed = desk.post("/en/fleet/vehicles/CARR1/van/remove", {})
    assert went_to(removed) == "/en/fleet"
    assert "van · 1" in desk.get(f"{address}/1"), "the sheet still tells of the lorry"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_is_there_for_who_may_see_it(
    api: TestClient, database: Database, language: str
) -> None:
    plan(database, Goods(100))
    plan(database, Goods(100), origin="W2", destination="H2")
    add_lorry(api)
    planned = plan_day(api, database)
    pages = ["/rounds", f"/rounds/{planned['id']}", f"/rounds/{planned['id']}/1", "/fleet"]
    for user in ("dispatcher", "approver", "auditor", "admin", "carrier"):
        browser = Browser(api, database, user)
        for page in pages:
            text = browser.get(f"/{language}{page}")
            assert f'href="/{language}/rounds"' in text, (user, page)
    for user in ("hospital", "maker", "donor"):
        browser = Browser(api, database, user)
        for page in pages:
            browser.get(f"/{language}{page}", 403)
    public = Browser(api, database)
    assert (
        public.client.get(f"/{language}/rounds")
        .headers["location"]
        .startswith(f"/{language}/sign-in")
    )
    desk = Browser(api, database, "dispatcher")
    desk.get(f"/{language}/rounds/{planned['id']}/7", 404)
    desk.get(f"/{language}/rounds/{planned['id']}/x", 404)
    desk.get(f"/{language}/rounds/{'0' * 8}-0000-4000-8000-{'0' * 12}", 404)


def test_who_may_not_plan_is_shown_no_form(api: TestClient, database: Database) -> None:
    plan(database, Goods(100))
    auditor = Browser(api, database, "auditor")
    assert "Dispatchers and carriers add them" in auditor.get("/en/rounds")
    add_lorry(api)
    assert 'class="sheet"' not in auditor.get("/en/rounds")
    assert 'class="sheet"' not in auditor.get("/en/fleet")
    assert "Remove" not in auditor.get("/en/fleet")
    carrier = Browser(api, database, "carrier")
    assert carrier.form("/en/fleet", "/en/fleet/vehicles").values["carrier"] == "CARR1"
    assert "CARR2" not in carrier.get("/en/fleet")


def test_what_is_wrong_is_told_at_its_field(api: TestClient, database: Database) -> None:
    add_lorry(api)
    desk = Browser(api, database, "dispatcher")
    empty = desk.fill("/en/rounds", {"day": "2020-01-01"})
    assert empty.status_code == 409
    assert "To mend:" in empty.text
    assert "No shipment waits to leave any depot by 2020-01-01" in empty.text
    wrong = desk.fill("/zh/rounds", {"day": "2020-01-01"})
    assert "到当天为止没有待发运单" in wrong.text
    hours = {"site": "H1", "opens_at": "17:00", "closes_at": "09:00"}
    late = desk.fill("/en/fleet", hours, "/en/fleet/hours")
    assert late.status_code == 422
    assert "give a later time" in late.text
    lorry = {"carrier": "CARR1", "code": "a b", "depot": "W1", "volume_l": "x", "weight_kg": "0"}
    answer = desk.fill("/en/fleet", lorry, "/en/fleet/vehicles")
    assert answer.text.count("To mend:") == 3


def test_what_is_left_out_and_what_failed_is_on_the_page(
    api: TestClient, database: Database
) -> None:
    plan(database, Goods(100), origin="W2", destination="H2")
    add_lorry(api)
    planned = plan_day(api, database)
    desk = Browser(api, database, "dispatcher")
    page = desk.get(f"/en/rounds/{planned['id']}")
    add = "/fleet?carrier=CARR2&amp;depot=W2#add"
    assert "CARR2 en has no lorry at W2 en." in page
    assert f'href="/en{add}"' in page
    assert "add" not in Browser(api, database, "auditor").get(f"/en/rounds/{planned['id']}")
    before = desk.get("/zh/rounds")
    assert "CARR2 中在W2 中没有车辆。" in before
    assert "有1票运单在此等待。" in before
    assert f'href="/zh{add}"' in before
    form = desk.form("/en/fleet?carrier=CARR2&depot=W2", "/en/fleet/vehicles")
    assert (form.values["carrier"], form.values["depot"]) == ("CARR2", "W2")
    assert "<svg viewBox" not in page, "no map of nothing"
    failed = start(api).json()["id"]
    fail_rounds(database, UUID(failed), "the road is gone")
    assert "the road is gone" in desk.get(f"/en/rounds/{failed}")
    stopped = start(api).json()["id"]
    solve_rounds(database, UUID(stopped))
    with database.transaction() as session:
        session.get_one(RoundsPlan, UUID(stopped)).status = "stopped"
    assert "The time was up" in desk.get(f"/en/rounds/{stopped}")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_state_and_reason_has_its_words(language: str) -> None:
    labels = environment(language).get_template("labels.html").module
    assert set(labels.ROUNDS) == set(RoundsState)  # type: ignore[attr-defined]
    assert set(labels.LEFT_OUT) == set(WHY)  # type: ignore[attr-defined]


def a_round(number: int, depot: str, *stops: str) -> RoundOut:
    return RoundOut(
        number=number,
        depot=depot,
        carrier="C",
        vehicle="v",
        unit=1,
        trip=1,
        cold=False,
        loads_at=NOW,
        departs_at=NOW,
        returns_at=NOW,
        distance_m=0,
        volume_ml=0,
        weight_g=0,
        stops=[
            StopOut(
                stop=at,
                site=site,
                arrives_at=NOW,
                begins_at=NOW,
                leaves_at=NOW,
                distance_m=0,
                loads=[],
            )
            for at, site in enumerate(stops, start=1)
        ],
    )


def sites() -> dict[str, Site]:
    return {
        code: Site(
            code=code,
            organisation="O",
            kind=SiteKind.HOSPITAL,
            name_en=code,
            name_zh=code,
            region="R",
            latitude=latitude,
            longitude=longitude,
        )
        for code, (_, _, _, latitude, longitude) in SITES.items()
    }


def test_the_map_shows_all_of_it_north_up_and_to_scale() -> None:
    drawn = draw([a_round(1, "W1", "H1", "H2"), a_round(2, "W2", "F1")], sites())
    assert drawn is not None
    marks = {mark.text: mark for mark in drawn.marks}
    assert set(marks) == {"1·1", "1·2", "2·1"}
    for at in [mark.at for mark in drawn.marks] + [depot.at for depot in drawn.depots]:
        assert 0 < at.x < WIDTH
        assert 0 < at.y < HEIGHT
    assert marks["2·1"].at.y < marks["1·1"].at.y, "Shandong lies north of Wuhan"
    assert marks["2·1"].at.x > marks["1·1"].at.x > marks["1·2"].at.x, "Yichang lies in the west"
    # Wuhan and Yichang lie 285 km apart, a little less at the middle latitude of the map.
    wide = marks["1·1"].at.x - marks["1·2"].at.x
    assert wide / (drawn.scale.width / drawn.scale.km) == pytest.approx(285, rel=0.03)
    assert drawn.routes[0].colour != drawn.routes[1].colour
    first = drawn.routes[0].path.split()
    assert first[0] == first[-1], "it comes back"


def test_the_map_keeps_marks_apart_and_copes_with_one_place() -> None:
    assert draw([], sites()) is None
    numbers = (COLOURS + 1, 2, 3)
    drawn = draw([a_round(number, "W1", "H1", "H1", "W1") for number in numbers], sites())
    assert drawn is not None
    assert [mark.text for mark in drawn.marks] == [
        f"{n}·{s}" for n in numbers for s in ("1–2", "3")
    ]
    places = sorted((mark.at.x, mark.at.y, mark.width) for mark in drawn.marks)
    for one, other in combinations(places, 2):
        beside = abs(one[0] - other[0]) >= (one[2] + other[2]) / 2
        assert beside or abs(one[1] - other[1]) >= MARK_HEIGHT, (one, other)
    assert drawn.routes[0].colour == 0
    alone = draw([a_round(1, "W1", "W1")], sites())
    assert alone is not None
    assert alone.marks[0].at != alone.depots[0].at
