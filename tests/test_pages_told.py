"""What pages tell people: promises as promises, shortage as shortage, errors in their own words."""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from starlette.responses import PlainTextResponse
from starlette.types import Message

from services.database import Database
from services.dispatch.pages import _left_out, _serves_fewer
from services.donations.became import lots_of
from services.transport.service import PlannedLine
from services.web.head import AnswerHead
from services.web.pages import for_people
from services.web.stacked import name_cells
from tests import gifts, shipments
from tests.browser import Browser, went_to
from tests.test_pages_public import check_strict
from tests.world import World, stock

Open = Callable[[str | None], Browser]
RECEIVED = {"occurred_at": "2020-02-01T10:00:00Z"}


@pytest.fixture
def browser(api: TestClient, database: Database) -> Open:
    return lambda username: Browser(api, database, username)


def text_of(html: str) -> str:
    """A page's words without its tags, each space one space."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def given(api: TestClient, world: World, **changes: object) -> UUID:
    body = gifts.goods() | changes
    sent = api.post("/api/v1/donations", json=body, headers=world.bearer("donor"))
    assert sent.status_code == 201, sent.text
    return UUID(body["id"])


def receive(api: TestClient, world: World, gift: UUID) -> None:
    path = f"/api/v1/donations/{gift}/receive"
    assert api.post(path, json=RECEIVED, headers=world.bearer("dispatcher")).status_code == 200


def test_each_cell_says_its_columns_name() -> None:
    table = (
        '<table><thead><tr><th>Item</th><th class="n">On  its <b>"way"</b></th>'
        "<th></th></tr></thead>"
        '<tbody><tr><th scope="row">a</th><td class="n">1</td><td>x</td></tr>'
        '<tr><td data-label="own">b</td><td>2</td><td></td></tr></tbody></table><td>out</td>'
    )
    named = name_cells(table)
    assert '<td class="n" data-label="On its &#34;way&#34;">1</td><td>x</td>' in named
    assert '<th scope="row">a</th>' in named
    assert '<td data-label="own">b</td><td data-label="On its &#34;way&#34;">2</td>' in named
    assert named.endswith("<td>out</td>")
    assert name_cells("<table><tbody><tr><td>1</td></tr></tbody></table>").count("label") == 0


def test_every_table_of_a_page_can_be_stacked(browser: Open, database: Database) -> None:
    shipments.plan(database, shipments.Goods(100))
    page = browser("hospital").get("/zh/needs")
    assert re.search(r'<td class="n" data-label="[^"]+">100', page)


def test_head_answers_as_get_does_and_sends_no_body(browser: Open) -> None:
    anybody = browser(None).client
    for path in ("/en/", "/zh/log", "/en/nothing", "/static/style.css", "/api/v1/sites"):
        told, seen = anybody.head(path), anybody.get(path)
        assert told.status_code == seen.status_code, path
        assert told.headers["content-type"] == seen.headers["content-type"]
        assert told.content == b""
    assert anybody.head("/en/sign-out").status_code == 405


def test_no_piece_of_a_body_leaves_on_head() -> None:
    sent: list[Message] = []

    async def receive_nothing() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def keep(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "HEAD", "path": "/", "headers": [], "query_string": b""}
    asyncio.run(AnswerHead(PlainTextResponse("seen"))(scope, receive_nothing, keep))
    assert dict(sent[0]["headers"])[b"content-length"] == b"4"
    assert [message["body"] for message in sent[1:]] == [b""]
    assert scope["method"] == "HEAD"


def test_a_promise_is_told_as_a_promise_until_it_comes(
    browser: Open, api: TestClient, world: World
) -> None:
    gift = given(api, world, earmark={"kind": "site", "target": "H1"})
    anybody = browser(None)
    page = text_of(anybody.get(f"/en/donations/{gift}"))
    assert "promised goods to W1 en. They are for H1 en only." in page
    assert "gave goods" not in page
    assert str(gift) not in anybody.get("/en/")
    receive(api, world, gift)
    assert "gave goods to W1 en. They are for" in text_of(anybody.get(f"/en/donations/{gift}"))
    assert str(gift) in anybody.get("/en/")


def test_the_latest_donations_are_found_behind_many_promises(
    browser: Open, api: TestClient, world: World
) -> None:
    came = given(api, world, given_at="2020-01-30T09:00:00Z")
    receive(api, world, came)
    promises = [given(api, world) for _ in range(10)]
    page = browser(None).get("/en/")
    assert str(came) in page
    assert not [gift for gift in promises if str(gift) in page]


def test_what_is_set_aside_is_added_up_by_place_and_hospital(
    browser: Open, api: TestClient, world: World, database: Database
) -> None:
    gift = given(api, world)
    receive(api, world, gift)
    with database.transaction() as session:
        (lot,) = lots_of(session, [gift])[gift]
        lines = [
            PlannedLine(
                shipments.a_need(session, shipments.Goods(quantity), site),
                lot.id,
                "gloves",
                quantity,
                "W1",
                site,
                shipments.DAY,
                shipments.DAY + timedelta(1),
            )
            for quantity, site in ((100, "H1"), (50, "H1"), (30, "H2"))
        ]
        shipments.reserve_and_plan(session, lines)
    page = text_of(browser(None).get(f"/en/donations/{gift}"))
    assert "W1 en, for H1 en: 150" in page
    assert "W1 en, for H2 en: 30" in page
    assert page.count("for H1 en:") == 1
    assert " : " not in page


def test_expired_stock_is_not_counted_without_a_word(browser: Open, database: Database) -> None:
    today = datetime.now(UTC).date()
    with database.transaction() as session:
        shipments.a_lot(session, shipments.Goods(300, "gloves", date(2021, 1, 1)))
        shipments.a_lot(session, shipments.Goods(200, "gloves", today + timedelta(days=9)))
        stock(session, "W1", "surgical_mask", 70)
    page = text_of(browser(None).get("/en/"))
    assert "300 of those in stock have passed their expiry date by today." in page
    assert "pieces in stock, 300 of them expired" in page
    assert page.count("300 expired") == 2
    assert "Stocktake" not in page


@pytest.mark.parametrize(("counted", "told"), [(990, "10 missing"), (1000, None)])
def test_a_stocktakes_difference_has_its_column(
    browser: Open,
    api: TestClient,
    world: World,
    database: Database,
    counted: int,
    told: str | None,
) -> None:
    with database.transaction() as session:
        lot = stock(session, "W1", "gloves", 1000)
    body = {"site": "W1", "item": "gloves", "lot_id": str(lot), "counted": counted}
    body |= {"occurred_at": "2020-02-05T10:00:00Z", "reason": "Weekly"}
    answer = api.post("/api/v1/counts", json=body, headers=world.bearer("dispatcher"))
    assert answer.status_code == 201, answer.text
    page = text_of(browser(None).get("/en/"))
    assert ("Stocktake" in page) is (told is not None)
    assert told is None or told in page


def test_a_run_says_how_many_needs_each_practice_leaves_out() -> None:
    comparison = {
        "medrelay": {"zero_share_ppm": 0, "mean_fill_ppm": 300_000},
        "first_come_first_served": {"zero_share_ppm": 706_293, "mean_fill_ppm": 400_000},
    }
    left_out = _left_out(comparison, 143)
    assert left_out == [("medrelay", 0), ("first_come_first_served", 101)]
    assert _serves_fewer(comparison, dict(left_out)) == 101
    comparison["medrelay"]["mean_fill_ppm"] = 400_000
    assert _serves_fewer(comparison, dict(left_out)) == 0
    assert _serves_fewer({}, {}) == 0


@pytest.mark.parametrize(
    ("mend", "told"),
    [
        ("see GET /api/v1/shipments for yours", ""),
        ("name a fund of your own organisation; see GET /api/v1/funds", "name a fund of your own"),
        ('send "duplicate": "keep" if both are wanted', ""),
        (None, ""),
    ],
)
def test_what_only_programs_can_do_is_not_told_to_people(mend: str | None, told: str) -> None:
    assert for_people(mend).startswith(told)
    assert "/api/" not in for_people(mend)
    assert told or not for_people(mend)


@pytest.mark.parametrize(
    "path", ["/nothing", "/shipments/nothing", f"/shipments/{gifts.UNKNOWN_ID}", "/entries/x"]
)
def test_an_error_page_leads_on_and_says_nothing_twice(browser: Open, path: str) -> None:
    page = browser("hospital").get(f"/en{path}", 404)
    words = text_of(page)
    assert "/api/" not in words
    assert 'class="button second" href="/en/"' in page
    assert ('class="button" href="/en/shipments"' in page) is path.startswith("/shipments")
    sentences = [each for each in re.split(r"[.:]\s", words) if len(each) > 20]
    assert len(sentences) == len(set(sentences))


def test_who_may_not_see_a_page_is_told_so_plainly(browser: Open, database: Database) -> None:
    sent = shipments.plan(database, shipments.Goods(100))
    page = browser("hospital2").get(f"/en/shipments/{sent.id}", 403)
    assert "It belongs to somebody else" in page
    assert "/api/" not in text_of(page)


def test_asking_twice_is_told_in_the_pages_words_beside_its_line(browser: Open) -> None:
    person = browser("hospital")
    soon = (datetime.now(UTC).date() + timedelta(days=3)).isoformat()
    need = {"needs[0].item": "gloves", "needs[0].quantity": "5", "needs[0].need_by": soon}
    assert went_to(person.fill("/en/needs/new", need)) == "/en/needs"
    again = person.fill("/en/needs/new", need)
    assert again.status_code == 409
    assert '"duplicate"' not in text_of(again.text)
    line = again.text[again.text.index("<fieldset>") : again.text.index("</fieldset>")]
    assert "You asked for the same before" in line
    assert 'name="needs[0].duplicate"' in line
    assert "you asked for 5 pieces" in line
    assert "This line asks for 5 pieces" in line
    assert again.text.count("You asked for the same before") == 1
    check_strict(again.headers["content-security-policy"], again.text)
    form = person.form("/en/needs/new")
    both = {"needs[0].duplicate": "add"}
    assert went_to(person.send(form, **need, **both)) == "/en/needs"


def test_an_administrator_adds_a_user_and_lets_one_out(browser: Open) -> None:
    admin = browser("admin")
    ward = {"username": "ward9", "display_name": "Ward 9", "role": "hospital"}
    ward |= {"organisation": "HOSP1", "password": "short"}
    form = admin.form("/en/people")
    refused = admin.send(form, **ward)
    assert refused.status_code == 422
    assert 'id="password-slip"' in refused.text
    assert "short" not in re.findall(r'value="([^"]*)"', refused.text)
    ward["password"] = "a long pass phrase"
    assert went_to(admin.send(form, **ward)) == "/en/people"
    assert "ward9: May sign in" in text_of(admin.get("/en/people?name=ward9"))
    assert admin.send(form, **ward).status_code == 409
    assert went_to(admin.post("/en/people/ward9/out", {})) == "/en/people"
    assert "ward9: Let out" in text_of(admin.get("/en/people?name=ward9"))
    browser("hospital").get("/en/people", 403)
    answer = browser("hospital").post("/en/people/ward9/in", {})
    assert answer.status_code == 403
    assert "ward9: Let out" in text_of(admin.get("/en/people?name=ward9"))
