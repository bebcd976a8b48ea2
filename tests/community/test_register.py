"""A point's register: who is on it may book, who isn't is refused, and nobody can read it."""

import re

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from httpx2 import Response

from services.community import identity, register
from services.community.register import BadRegister, TooManyNumbers, parse_register
from services.database import Database
from services.journal.clock import local_date
from services.web.limits import Throttle
from tests.browser import ORIGIN, Browser, went_to
from tests.community.points import DAY, STAFF, add_point, book, offer, put_in_hand, soon
from tests.world import World

PATH = "/api/v1/community/points/P1/register"
ONE, OTHER = "11010519491231002X", "420102198001011231"


@pytest.fixture(autouse=True)
def point(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "secret", lambda: b"k" * 32)
    monkeypatch.setattr(register, "_strangers", Throttle(10, 600, TooManyNumbers))
    with database.transaction() as session:
        add_point(session)
        put_in_hand(session, 100)


def send(api: TestClient, world: World, text: str, who: str = STAFF, path: str = PATH) -> Response:
    files = {"file": ("register.csv", text.encode())}
    return api.put(path, files=files, headers=world.bearer(who))


def problem(answer: Response) -> str:
    return str(answer.json()["type"].rpartition(":")[2])


def test_who_is_on_it_books_and_who_is_not_is_refused(
    api: TestClient, world: World, database: Database
) -> None:
    offer_id = offer(api, world)
    assert book(api, offer_id, "made up 1").status_code == 201
    kept = send(api, world, f"号码,姓名\n1101 0519 4912 31002x,张\n{ONE},张\n")
    assert (kept.status_code, kept.json()) == (200, {"site": "P1", "households": 1})
    assert api.get(PATH, headers=world.bearer(STAFF)).json()["households"] == 1
    refused = book(api, offer_id, "made up 2")
    assert (refused.status_code, problem(refused)) == (409, "not-on-register")
    assert "made up" not in refused.text
    assert book(api, offer_id, ONE).status_code == 201
    path, headers = "/api/v1/community/bookings", world.bearer(STAFF)
    listed = api.get(path, params={"day": DAY}, headers=headers).json()
    assert sorted(it["on_register"] for it in listed) == [False, True]
    with database.engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT r::text FROM registered_household r")).scalars()
        assert [row for row in rows if ONE in row or "张" in row] == []


def test_a_new_register_takes_the_old_ones_place_and_none_takes_all(
    api: TestClient, world: World
) -> None:
    offer_id, headers = offer(api, world), world.bearer(STAFF)
    assert send(api, world, ONE).status_code == 200
    assert send(api, world, OTHER).json()["households"] == 1
    assert problem(book(api, offer_id, ONE)) == "not-on-register"
    assert [api.delete(PATH, headers=headers).json()["households"] for _ in range(2)] == [0, 0]
    assert book(api, offer_id, ONE).status_code == 201


def test_who_lives_where_cannot_be_tried_out(api: TestClient, world: World) -> None:
    offer_id = offer(api, world)
    send(api, world, ONE)
    tried = [problem(book(api, offer_id, f"household {number}")) for number in range(11)]
    assert tried == ["not-on-register"] * 10 + ["too-many-numbers"]


@pytest.mark.parametrize("who", ["hospital2", "donor", "dispatcher"])
def test_it_is_its_own_staffs_alone(api: TestClient, world: World, who: str) -> None:
    headers = world.bearer(who)
    assert send(api, world, ONE, who).status_code == 403
    assert api.get(PATH, headers=headers).status_code == 403
    assert api.delete(PATH, headers=headers).status_code == 403


def test_only_a_point_has_one(api: TestClient, world: World) -> None:
    refused = send(api, world, ONE, path="/api/v1/community/points/H1/register")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "site")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("number\n", "0 numbers"),
        (f"{ONE}\n1\n", "Row 2"),
        ("number\n110105194912310021\n", "Row 2"),
        ("1.10105E+17\n", "Row 1"),
        ("", "0 numbers"),
        ("1" * 200_000, "isn't CSV"),
    ],
)
def test_a_list_that_cannot_be_names_the_row_and_not_the_number(text: str, told: str) -> None:
    with pytest.raises(BadRegister, match=told) as refused:
        parse_register(text.encode())
    assert "110105" not in f"{refused.value} {refused.value.mend}"


def test_a_list_is_read_however_it_was_saved() -> None:
    saved = [f"\ufeffnumber\r\n{ONE}\r\n".encode(), f"号码\n{ONE}\n".encode("gb18030")]
    saved.append(f"number\r{ONE}\r".encode())
    assert [parse_register(each) for each in saved] == [[ONE]] * 3


def test_the_pages_without_scripts(api: TestClient, world: World, database: Database) -> None:
    offer_id = offer(api, world)
    book(api, offer_id, "made up 1")
    staff = Browser(api, database, STAFF)
    page = staff.client.get(f"/en/point?day={DAY}").text
    assert "not checked: look at the paper" in page
    assert "anybody can book with any number" in page
    form = staff.form("/en/point", "/en/point/P1/register")
    empty = staff.client.post(form.action, data=form.values, headers=ORIGIN)
    assert empty.status_code == 422
    assert 'id="P1-file-slip"' in empty.text
    sent = staff.client.post(form.action, files={"file": ("a.csv", ONE.encode())}, headers=ORIGIN)
    assert went_to(sent) == "/en/point"
    assert "One household is on it" in staff.get("/en/point")
    day = local_date(soon(2))
    path = f"/zh/community/offers/{offer(api, world, first_day=str(day), last_day=str(day))}"
    resident = Browser(api, database)
    slot = re.findall(r'<option value="([^"]+)">\d\d:\d\d', resident.get(path))[0]
    shown = resident.form(path, f"{path}/book")
    refused = resident.send(shown, slot_starts_at=slot, household="made up 2")
    assert refused.status_code == 409
    assert "本点无法接受用此号码预约" in refused.text
    assert "made up 2" not in refused.text
    assert went_to(staff.post(form.action, {"drop": "1"})) == "/en/point"
    assert "anybody can book with any number" in staff.get("/en/point")


def test_a_body_of_another_kind_is_told_how_a_file_is_sent(api: TestClient, world: World) -> None:
    path = "/api/v1/community/points/HB1/register"
    told = api.put(path, json={}, headers=world.bearer("hospital"))
    assert told.status_code == 422
    slip = told.json()["errors"][0]
    assert (slip["field"], "multipart/form-data" in slip["mend"]) == ("file", True)
