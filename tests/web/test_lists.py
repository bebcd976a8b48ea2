"""Lists: their order, parts, links and files are the same for every desk."""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import date
from enum import StrEnum
from typing import Any

import pytest
from fastapi import FastAPI, Response
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from sqlmodel import Session, col, select
from starlette.requests import Request

from services.database import Database
from services.errors import InvalidInput
from services.parties.models import Site
from services.web.http import DatabaseSession, install_error_handlers
from services.web.lists import Asked, ListAsked, answer, csv_file, cut_page, select_page


class SiteRow(BaseModel):
    code: str
    gln: str | None
    tags: list[str] = []


class Word(StrEnum):
    A = "a"


class Nested(BaseModel):
    x: int = 1


class Row(BaseModel):
    text: str
    number: int | None = None
    yes: bool = True
    word: Word = Word.A
    day: date = date(2020, 2, 3)
    nested: Nested | None = None
    lines: list[int] | None = None


def rows_out(sites: Sequence[Site]) -> list[SiteRow]:
    return [SiteRow(code=site.code, gln=site.gln) for site in sites]


@pytest.fixture(scope="module")
def app() -> FastAPI:
    app = FastAPI()
    install_error_handlers(app)

    @app.get("/sites", response_model=list[SiteRow])
    def sites(
        session: DatabaseSession, asked: ListAsked, response: Response, kind: str | None = None
    ) -> Any:
        statement = select(Site)
        if kind is not None:
            statement = statement.where(Site.kind == kind)
        order = {"code": col(Site.code).desc(), "gln": col(Site.gln)}
        listing = select_page(session, statement, order, asked, tie=col(Site.code))
        return answer(listing.map(rows_out), response, "sites")

    return app


@pytest.fixture
def client(app: FastAPI, database: Database) -> Iterator[TestClient]:
    app.state.database = database
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def codes(client: TestClient, **query: str | int) -> list[str]:
    found = client.get("/sites", params=query)
    assert found.status_code == 200, found.text
    return [row["code"] for row in found.json()]


def test_a_list_has_its_order_and_others_by_name(client: TestClient) -> None:
    assert codes(client) == ["W2", "W1", "H2", "H1", "F1"]
    assert codes(client, sort="code") == ["F1", "H1", "H2", "W1", "W2"]
    assert codes(client, sort="-code") == ["W2", "W1", "H2", "H1", "F1"]
    assert codes(client, sort="code", kind="hospital") == ["H1", "H2"]


def test_what_has_no_value_stands_last_either_way(client: TestClient, database: Database) -> None:
    with database.transaction() as session:
        for code, gln in {"H2": "1", "W1": "2"}.items():
            session.get_one(Site, code).gln = gln
    assert codes(client, sort="gln") == ["H2", "W1", "F1", "H1", "W2"]
    assert codes(client, sort="-gln") == ["W1", "H2", "F1", "H1", "W2"]


def test_parts_are_linked_and_counted(client: TestClient) -> None:
    part = client.get("/sites?kind=hospital&limit=1&offset=1&sort=code&kind=hospital&done=x")
    assert [row["code"] for row in part.json()] == ["H2"]
    assert part.headers["x-total-count"] == "2"
    assert part.headers["link"] == (
        '</sites?kind=hospital&limit=1&sort=code&kind=hospital>; rel="prev"'
    )
    first = client.get("/sites?limit=2")
    assert first.headers["link"] == '</sites?limit=2&offset=2>; rel="next"'
    beyond = client.get("/sites?limit=2&offset=500")
    assert (beyond.json(), beyond.headers["x-total-count"]) == ([], "5")
    assert beyond.headers["link"] == '</sites?limit=2&offset=3>; rel="prev"'
    whole = client.get("/sites")
    assert "link" not in whole.headers


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("sort=name", "sort"),
        ("sort=code;drop", "sort"),
        ("sort=--code", "sort"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("offset=-1", "offset"),
        ("offset=99999999999999999999", "offset"),
        ("format=xml", "format"),
    ],
)
def test_what_cant_be_asked_is_told(client: TestClient, query: str, field: str) -> None:
    refused = client.get(f"/sites?{query}")
    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["field"] == field


def test_a_dash_alone_is_no_order(client: TestClient) -> None:
    assert codes(client, sort="-") == codes(client)


def test_the_file_has_the_whole_list(client: TestClient) -> None:
    found = client.get("/sites?format=csv&limit=1&sort=code")
    assert found.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="sites.csv"' in found.headers["content-disposition"]
    assert found.headers["x-total-count"] == "5"
    assert found.text == "\ufeffcode,gln\r\nF1,\r\nH1,\r\nH2,\r\nW1,\r\nW2,\r\n"


def test_a_file_of_nothing_has_its_heading(client: TestClient) -> None:
    assert client.get("/sites?format=csv&kind=none").text == "\ufeffcode,gln\r\n"


def test_a_cell_says_what_a_spreadsheet_can_read() -> None:
    rows = [Row(text="=1+1", number=-5, lines=[1], nested=Nested()), Row(text='a,"b"\n手')]
    whole = bytes(csv_file(rows, "x").body).decode()
    assert list(csv.reader(io.StringIO(whole.removeprefix("\ufeff")))) == [
        ["text", "number", "yes", "word", "day"],
        ["'=1+1", "-5", "true", "a", "2020-02-03"],
        ['a,"b"\n手', "", "true", "a", "2020-02-03"],
    ]


@given(text=st.text())
def test_nothing_in_a_cell_runs_as_a_formula(text: str) -> None:
    whole = bytes(csv_file([Row(text=text)], "x").body) if text.isprintable() else b""
    cell = whole.decode().partition("\r\n")[2]
    assert not cell.lstrip('"').startswith(("=", "+", "-", "@", "\t", "\r"))


def asked(query: str = "", **more: Any) -> Asked:
    scope = {"type": "http", "path": "/x", "query_string": query.encode(), "headers": []}
    return Asked(Request(scope), **more)


@given(
    values=st.lists(st.none() | st.integers(0, 5), max_size=12),
    limit=st.integers(1, 5),
    sort=st.sampled_from(["", "n", "-n"]),
)
def test_the_parts_together_are_the_list(values: list[int | None], limit: int, sort: str) -> None:
    order = {"n": lambda value: value}
    whole = list(cut_page(values, order, asked(limit=1000, sort=sort)).rows)
    parts: list[int | None] = []
    offset = 0
    while True:
        part = cut_page(values, order, asked(limit=limit, offset=offset, sort=sort))
        parts += part.rows
        assert part.total == len(values)
        if part.next is None:
            break
        offset = part.last
    assert parts == whole
    known = [value for value in whole if value is not None]
    if sort:
        assert known == sorted(known, reverse=sort == "-n")
        assert whole == known + [None] * (len(whole) - len(known))


def test_a_column_turns_round_when_it_is_asked_for_again() -> None:
    order = {"n": lambda value: value}
    up = cut_page([1, 2], order, asked("sort=n&offset=1&done=x&q=%E6%89%8B", sort="n", offset=1))
    assert up.sorted_by("n") == "/x?q=%E6%89%8B&sort=-n"
    assert (up.direction("n"), up.direction("m")) == ("ascending", "none")
    down = cut_page([1, 2], order, asked("sort=-n", sort="-n"))
    assert (down.sorted_by("n"), down.direction("n")) == ("/x?sort=n", "descending")
    assert down.csv == "/x?sort=-n&format=csv"
    with pytest.raises(InvalidInput):
        cut_page([1], order, asked(sort="m"))


def test_a_list_of_two_tables_is_counted_too(session: Session) -> None:
    other = select(Site, Site.code).where(col(Site.code) != "F1")
    listing = select_page(session, other, {"code": col(Site.code)}, asked(), tie=col(Site.code))
    assert (listing.total, listing.first, listing.last) == (4, 1, 4)
    assert isinstance(listing.rows[0][0], Site)
