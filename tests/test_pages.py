"""Pages take what the API takes: the same checks, beside the field, with nothing lost."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from services.database import Database
from services.parties.models import User
from services.parties.service import hash_password
from tests.browser import ORIGIN, Browser, went_to
from tests.world import World

Open = Callable[[str | None], Browser]
NEED = {
    "needs[0].item": "gloves",
    "needs[0].quantity": "1,200",
    "needs[0].unit": "box",
    "needs[0].priority": "stat",
    "needs[0].need_by": "2099-01-01",
}


@pytest.fixture
def browser(api: TestClient, database: Database) -> Open:
    return lambda username: Browser(api, database, username)


@pytest.fixture
def password(database: Database) -> str:
    with database.transaction() as session:
        user = session.exec(select(User).where(User.username == "hospital")).one()
        user.password_hash = hash_password("a long pass phrase")
    return "a long pass phrase"


def needs_of(api: TestClient, world: World) -> list[dict[str, object]]:
    found: list[dict[str, object]] = api.get(
        "/api/v1/needs", headers=world.bearer("hospital")
    ).json()
    return found


def soon() -> str:
    """A date that a need of today may name."""
    return (datetime.now(UTC).date() + timedelta(days=3)).isoformat()


def test_signing_in_and_out_opens_and_ends_a_session(browser: Open, password: str) -> None:
    person = browser(None)
    wanted = "/en/needs"
    signed_out = person.client.get(wanted)
    assert signed_out.headers["location"] == "/en/sign-in?next=%2Fen%2Fneeds"
    answer = person.fill(
        signed_out.headers["location"],
        {"username": "hospital", "password": password},
        "/en/sign-in",
    )
    assert went_to(answer) == wanted
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "hospital" in person.get(wanted)
    kept = person.client.cookies["medrelay"]
    assert went_to(person.post("/en/sign-out", {})) == "/en/"
    person.client.cookies.set("medrelay", kept)
    assert person.client.get(wanted).status_code == 303


def test_a_wrong_password_is_told_and_the_name_kept(browser: Open, password: str) -> None:
    given = {"username": "hospital", "password": password + "!"}
    answer = browser(None).fill("/en/sign-in", given)
    assert answer.status_code == 422
    assert "User name or password is wrong" in answer.text
    assert 'value="hospital"' in answer.text
    assert password not in answer.text


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/en/..//evil.example", "/\\evil", "/api"]
)
def test_signing_in_leads_to_our_own_pages_only(browser: Open, password: str, target: str) -> None:
    person = browser(None)
    form = person.form("/en/sign-in")
    answer = person.send(form, username="hospital", password=password, next=target)
    assert went_to(answer) == "/en/me"


def test_a_form_from_another_site_is_refused(
    browser: Open, api: TestClient, world: World, password: str
) -> None:
    person = browser("hospital")
    values = person.form("/en/needs/new").values | NEED | {"needs[0].need_by": soon()}
    foreign = {"Origin": "https://evil.example"}
    assert person.client.post("/en/needs/new", data=values, headers=foreign).status_code == 403
    broken = {"Origin": "http://["}
    assert person.client.post("/en/needs/new", data=values, headers=broken).status_code == 403
    assert person.client.post("/en/needs/new", data=values).status_code == 403
    assert needs_of(api, world) == []
    given = {"username": "hospital", "password": password, "next": ""}
    anybody = browser(None)
    assert anybody.client.post("/en/sign-in", data=given, headers=foreign).status_code == 403


def test_a_hospital_posts_several_needs_and_empty_lines_are_left_out(
    browser: Open, api: TestClient, world: World
) -> None:
    second = {
        "needs[2].item": "surgical_mask",
        "needs[2].quantity": "5000",
        "needs[2].need_by": soon(),
    }
    person = browser("hospital")
    answer = person.fill("/en/needs/new", NEED | {"needs[0].need_by": soon()} | second)
    assert went_to(answer) == "/en/needs"
    found = [
        (need["item"], need["quantity_base"], need["priority"]) for need in needs_of(api, world)
    ]
    assert found == [("gloves", 60_000, "stat"), ("surgical_mask", 5000, "urgent")]
    page = person.get(answer.headers["location"])
    assert "Your needs are posted." in page
    assert "60,000" in page


def test_a_form_sent_twice_is_written_once(browser: Open, api: TestClient, world: World) -> None:
    person = browser("hospital")
    form = person.form("/en/needs/new")
    values = NEED | {"needs[0].need_by": soon()}
    # Nothing but the posting time may differ, and a page doesn't send one.
    for _ in range(2):
        assert went_to(person.send(form, **values)) == "/en/needs"
    assert len(needs_of(api, world)) == 1


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"needs[0].quantity": "2.5"}, "needs[0].quantity", "Give a whole number"),
        ({"needs[0].quantity": "-3"}, "needs[0].quantity", "Give 1 or more."),
        ({"needs[0].quantity": "9" * 30}, "needs[0].quantity", "Give a whole number"),
        ({"needs[0].quantity": "0"}, "needs[0].quantity", "Give 1 or more."),
        ({"needs[0].quantity": "<b>"}, "needs[0].quantity", "Give a whole number"),
        ({"needs[0].need_by": "2020-02-30"}, "needs[0].need_by", "Give a date that exists."),
        ({"needs[0].need_by": "2019-01-01"}, "needs[0].need_by", "before the request"),
        ({"needs[0].unit": "lorry"}, "needs[0].unit", "counted in lorry"),
        ({"needs[0].priority": "soon"}, "needs[0].priority", "Choose one of the list."),
        ({"needs[0].item": "unobtainium"}, "needs[0].item", "There is no item unobtainium"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_the_value_is_kept(
    browser: Open,
    api: TestClient,
    world: World,
    changes: dict[str, str],
    field: str,
    message: str,
) -> None:
    person = browser("hospital")
    values = NEED | {"needs[0].need_by": soon(), "note": "ward 3"} | changes
    answer = person.post("/en/needs/new", person.form("/en/needs/new").values | values)
    assert answer.status_code in {404, 422}, answer.text
    at = field.replace("[", "-").replace("].", "-")
    slip = re.search(rf'<span class="slip" id="{at}-slip">(.*?)</span>', answer.text, re.DOTALL)
    assert slip, answer.text
    beside = answer.text[slip.start() : slip.start() + 600]
    assert message in beside.replace("&#39;", "'")
    assert "ward 3" in answer.text
    assert "<b>" not in answer.text.replace("<b>0</b>", "")
    if not field.endswith(("item", "unit", "priority")):
        assert f'value="{changes[field]}"'.replace("<b>", "&lt;b&gt;") in answer.text
    assert needs_of(api, world) == []


def test_one_bad_line_of_several_writes_nothing_at_all(
    browser: Open, api: TestClient, world: World
) -> None:
    bad = {
        "needs[1].item": "surgical_mask",
        "needs[1].quantity": "5000",
        "needs[1].need_by": "2019-01-01",
    }
    answer = browser("hospital").fill("/en/needs/new", NEED | {"needs[0].need_by": soon()} | bad)
    assert answer.status_code == 422
    assert needs_of(api, world) == []


def test_a_form_without_a_line_is_told_so_in_words(browser: Open) -> None:
    person = browser("hospital")
    for path, told in (
        ("/en/needs/new", "Fill in at least one line."),
        ("/zh/needs/new", "至少填写 1 行。"),
    ):
        answer = person.fill(path, {})
        assert answer.status_code == 422
        summary = answer.text.partition('class="slips"')[2].partition("</div>")[0]
        assert told in summary
        assert "<span class" not in summary


def test_more_lines_come_without_scripts_and_keep_what_was_typed(browser: Open) -> None:
    person = browser("hospital")
    form = person.form("/en/needs/new")
    answer = person.send(form, **(NEED | {"more": "1"}))
    assert answer.status_code == 200
    assert 'value="1,200"' in answer.text
    assert 'name="needs[3].item"' in answer.text


def test_a_need_is_changed_and_cancelled_on_its_page(
    browser: Open, api: TestClient, world: World
) -> None:
    person = browser("hospital")
    person.fill("/en/needs/new", NEED | {"needs[0].need_by": soon()})
    need = needs_of(api, world)[0]
    page = f"/zh/needs/{need['id']}"
    edited = person.fill(page, {"quantity": "7", "unit": "carton"}, f"{page}/edit")
    assert went_to(edited) == "/zh/needs"
    assert needs_of(api, world)[0]["quantity_base"] == 14_000
    stale = person.post(f"{page}/edit", {"version": "1", "quantity": "8"})
    assert stale.status_code == 409
    assert "他人刚刚修改了此需求" in stale.text
    without = person.fill(page, {"reason": " "}, f"{page}/cancel")
    assert without.status_code == 422
    assert "请填写此项。" in without.text
    cancelled = person.fill(page, {"reason": "enough"}, f"{page}/cancel")
    assert went_to(cancelled) == "/zh/needs"
    assert needs_of(api, world)[0]["status"] == "cancelled"


def test_another_hospitals_need_is_not_shown(browser: Open, api: TestClient, world: World) -> None:
    browser("hospital").fill("/en/needs/new", NEED | {"needs[0].need_by": soon()})
    need = needs_of(api, world)[0]
    stranger = browser("hospital2")
    stranger.get(f"/en/needs/{need['id']}", 403)
    answer = stranger.post(f"/en/needs/{need['id']}/cancel", {"reason": "mine"})
    assert answer.status_code == 403
    assert needs_of(api, world)[0]["status"] == "approved"
    assert "60,000" not in stranger.get("/en/needs")
    assert "60,000" in browser("dispatcher").get("/en/needs")


def test_what_is_not_a_form_is_refused(browser: Open) -> None:
    person = browser("hospital")
    for kind, content in (("application/json", b"{}"), ("text/plain", b"a=b")):
        headers = ORIGIN | {"Content-Type": kind}
        answer = person.client.post("/en/needs/new", content=content, headers=headers)
        assert answer.status_code == 422, kind
    form = ORIGIN | {"Content-Type": "application/x-www-form-urlencoded"}
    for body in (
        b"note=" + b"a" * 1_100_000,
        b"a=1&" * 3000,
        b"note=%ff",
        b"note=\xff",
        b"note=%00",
    ):
        answer = person.client.post("/en/needs/new", content=body, headers=form)
        assert answer.status_code == (413 if len(body) > 2**20 else 422), body[:20]
    nested = b"needs[0].item[0].x[1]=5&needs=4&needs[0]=2&needs[" + b"9" * 5000 + b"].quantity=1"
    assert person.client.post("/en/needs/new", content=nested, headers=form).status_code == 422
