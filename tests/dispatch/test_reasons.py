"""Each need's reason, and what would change it, reach desks and hospitals in their language."""

import csv
import html
import io
import re
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from babel.messages.pofile import read_po
from fastapi.testclient import TestClient

from optimizer.explain import COUNTED, NAMED, REMEDIES, SENTENCES, messages, sentence
from optimizer.plan import Reason
from optimizer.remedy import Remedy
from services.database import Database
from services.dispatch.reasons import Words
from services.settings import PROJECT_ROOT
from services.web.i18n import LANGUAGES, preferred_language
from tests.dispatch.test_runs import ask, shelves, solved, start
from tests.world import World, stock

__all__ = ["shelves"]

CATALOGUE = PROJECT_ROOT / "services" / "web" / "locales" / "zh.plans.po"
NAMES = {
    kind: dict.fromkeys(("3", "420300"), "某处") for kind in ("site", "item", "zone", "region")
}
FIGURES: dict[str, int | str] = dict.fromkeys(COUNTED, 3) | dict.fromkeys(NAMED, "3")
FIGURES |= {"rate_numerator": 1, "rate_denominator": 3, "earmark": "region:420300", "why": ""}
FIGURES |= {"new_rate_numerator": 2, "new_rate_denominator": 3, "metres": 2_000_000, "day": 3}


def told(language: str, code: str) -> str:
    kind = Reason if code in SENTENCES else Remedy
    return sentence(kind(code, FIGURES), Words(language, date(2020, 2, 3), NAMES))


@pytest.mark.parametrize("code", [*SENTENCES, *REMEDIES])
def test_every_code_is_told_in_both_languages_with_all_its_figures(code: str) -> None:
    english, chinese = told("en", code), told("zh", code)
    assert not re.search(r"%\(|\bNone\b", english + chinese)
    assert (
        "3" in english
        or code in {"earlier_tiers_first", "no_supply", "in_time_never_cold"}
        or ("某处" in english)
    )
    assert re.findall("[A-Za-z]+", chinese) == []
    assert chinese.endswith("。")


def test_the_catalogue_has_every_message_once_and_nothing_else() -> None:
    with CATALOGUE.open("rb") as source:
        entries = [each for each in read_po(source, locale="zh_CN", abort_invalid=True) if each.id]
    keys = [tuple(each.id) if isinstance(each.id, tuple | list) else each.id for each in entries]
    assert keys == list(messages())
    for each in entries:
        asked, said = str(each.id), str(each.string)
        assert set(re.findall(r"%\((\w+)\)s", said)) == set(re.findall(r"%\((\w+)\)s", asked))


def test_figures_are_written_as_each_language_writes_them() -> None:
    many = {"pieces": 12_345, "late_pieces": 0}
    reason = Reason("met_in_full", many)
    english, chinese = (Words(each, date(2020, 2, 3), {}) for each in LANGUAGES)
    assert sentence(reason, english) == "Met in full: 12,345 pieces."
    assert sentence(reason, chinese) == "已全部满足：12,345 件。"
    road = Remedy("in_time_by_road", {"metres": 2_000_000, "day": 3})
    assert "6 Feb 2020" in sentence(road, english)
    assert "2,000 km" in sentence(road, english)
    assert "2020年2月6日" in sentence(road, chinese)
    assert "2,000" in sentence(road, chinese)


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        *(("", "en"), ("zh", "zh"), ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("en-GB, zh;q=0.5", "en")),
        *(("fr, zh;q=0.2", "zh"), ("fr", "en"), ("zh;q=0", "en"), ("zh;q=x", "en"), (";;,", "en")),
    ],
)
def test_the_language_is_the_one_that_is_accepted_most(accepted: str, language: str) -> None:
    assert preferred_language(accepted) == language


def run_of(api: TestClient, world: World, run_id: str, **headers: str) -> dict[str, Any]:
    answer = api.get(f"/api/v1/runs/{run_id}", headers=world.bearer("auditor") | headers)
    assert answer.status_code == 200
    result: dict[str, Any] = answer.json()
    return result


def remedy(need: dict[str, Any], code: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in need["remedies"] if each["code"] == code)
    return found


def test_what_a_run_promises_for_more_supply_comes_true_in_the_next(
    api: TestClient, world: World, database: Database, shelves: dict[str, UUID]
) -> None:
    ask(api, world, 2000)
    ask(api, world, 1000, site="H2")
    first = run_of(api, world, solved(api, world, database))
    promised = remedy(first["needs"][0], "more_supply")["params"]
    assert promised["pieces"] == 100
    assert [promised["rate_numerator"], promised["rate_denominator"]] == [1, 2]
    with database.transaction() as session:
        stock(session, promised["site"], promised["item"], promised["pieces"], key="more")
    second = run_of(api, world, solved(api, world, database))
    params = second["needs"][0]["reason"]["params"]
    assert params["rate_numerator"] * promised["new_rate_denominator"] == (
        params["rate_denominator"] * promised["new_rate_numerator"]
    )
    whole = remedy(second["needs"][0], "meet_all")["params"]
    with database.transaction() as session:
        stock(session, whole["site"], whole["item"], whole["pieces"], key="rest")
    third = run_of(api, world, solved(api, world, database))
    assert {need["reason"]["code"] for need in third["needs"]} == {"met_in_full"}
    assert [need["remedies"] for need in third["needs"]] == [[], []]


def test_the_api_speaks_the_language_that_is_asked_for(
    api: TestClient, world: World, database: Database, shelves: dict[str, UUID]
) -> None:
    ask(api, world, 3000)
    run_id = solved(api, world, database)
    english = run_of(api, world, run_id)["needs"][0]
    assert english["reason"]["sentence"].startswith("Short: all that is left for it")
    assert (
        "If the lot of gloves at W1 en had 100 pieces more"
        in (remedy(english, "more_supply")["sentence"])
    )
    for chinese in (
        run_of(api, world, run_id, **{"Accept-Language": "zh-CN,en;q=0.5"})["needs"][0],
        run_of(api, world, f"{run_id}?lang=zh", **{"Accept-Language": "en"})["needs"][0],
    ):
        assert chinese["reason"]["sentence"].startswith("短缺：")
        assert "W1 中" in remedy(chinese, "more_supply")["sentence"]
        assert chinese["reason"]["params"] == english["reason"]["params"]
    answer = api.get(f"/api/v1/runs/{run_id}?lang=fr", headers=world.bearer("auditor"))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "lang", answer.json()


@pytest.mark.parametrize(("language", "begin"), [("en", "Short: "), ("zh", "短缺：")])
def test_outcomes_are_a_table_with_reasons_and_remedies(
    api: TestClient,
    world: World,
    database: Database,
    shelves: dict[str, UUID],
    language: str,
    begin: str,
) -> None:
    need = ask(api, world, 3000)
    run_id = solved(api, world, database)
    url = f"/api/v1/runs/{run_id}/outcomes.csv?lang={language}"
    assert api.get(url, headers=world.bearer("hospital")).status_code == 403
    answer = api.get(url, headers=world.bearer("auditor"))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["need_id"], row["allocated"], row["requested"]) for row in rows] == [
        (need, "1500", "3000")
    ]
    assert rows[0]["reason"].startswith(begin)
    for each in run_of(api, world, f"{run_id}?lang={language}")["needs"][0]["remedies"]:
        assert each["sentence"] in rows[0]["remedies"]


def test_a_hospital_reads_what_the_approved_plan_says_to_its_need(
    api: TestClient, world: World, database: Database, shelves: dict[str, UUID]
) -> None:
    need, hospital = ask(api, world, 3000), world.bearer("hospital")
    url, page = f"/api/v1/needs/{need}/answer", f"/needs/{need}"
    run_id = solved(api, world, database)
    early = api.get(url, headers=hospital)
    assert (early.status_code, early.json()["type"].rpartition(":")[2]) == (404, "not-answered")
    assert "No approved plan has looked at this need yet" in (
        api.get(f"/en{page}", headers=hospital).text
    )
    approved = api.post(f"/api/v1/runs/{run_id}/approve", json={}, headers=world.bearer("approver"))
    assert approved.status_code == 200
    answer = api.get(url, headers=hospital).json()
    assert (answer["allocated"], answer["requested"], answer["run_id"]) == (1500, 3000, run_id)
    assert answer["next_run"] is None
    for language, heading in (("en", "What would change it"), ("zh", "怎样才能改变")):
        shown = html.unescape(api.get(f"/{language}{page}", headers=hospital).text)
        told = api.get(f"{url}?lang={language}", headers=hospital).json()
        assert heading in shown
        assert told["remedies"]
        for each in (told["reason"], *told["remedies"]):
            assert each["sentence"] in shown
    assert api.get(url, headers=world.bearer("hospital2")).status_code == 403
    assert api.get(url, headers=world.bearer("dispatcher")).status_code == 200
    nobody = f"/api/v1/needs/{UUID(int=1)}/answer"
    assert api.get(nobody, headers=hospital).status_code == 404


def test_an_answer_tells_the_effect_of_the_number_that_is_asked_about(
    api: TestClient, world: World, database: Database, shelves: dict[str, UUID]
) -> None:
    need = ask(api, world, 3000)
    run_id = solved(api, world, database)
    api.post(f"/api/v1/runs/{run_id}/approve", json={}, headers=world.bearer("approver"))
    url = f"/api/v1/needs/{need}/answer?pieces=750"
    answer = api.get(url, headers=world.bearer("hospital")).json()
    params = remedy(answer, "more_supply")["params"]
    assert (params["pieces"], params["new_rate_numerator"], params["new_rate_denominator"]) == (
        *(750, 3),
        4,
    )
    assert api.get(f"{url}0000000000000", headers=world.bearer("hospital")).status_code == 422


def test_a_hospital_is_told_of_a_newer_plan_to_come(
    api: TestClient, world: World, database: Database, shelves: dict[str, UUID]
) -> None:
    need, hospital = ask(api, world, 3000), world.bearer("hospital")
    run_id = solved(api, world, database)
    api.post(f"/api/v1/runs/{run_id}/approve", json={}, headers=world.bearer("approver"))
    start(api, world)
    answer = api.get(f"/api/v1/needs/{need}/answer", headers=hospital).json()
    assert (answer["next_run"], answer["next_run_day"]) == ("queued", "2020-02-03")
    shown = api.get(f"/en/needs/{need}", headers=hospital).text
    assert "A newer plan, for 3 Feb 2020, is being made now." in shown
    for _ in range(6):
        start(api, world)
    still = api.get(f"/api/v1/needs/{need}/answer", headers=hospital)
    assert still.status_code == 200
    assert (still.json()["run_id"], still.json()["next_run"]) == (run_id, "queued")


@pytest.mark.parametrize(
    ("language", "folded"), [("en", "What would change it"), ("zh", "怎样才能改变")]
)
def test_the_runs_page_folds_what_would_change_each_short_need(
    api: TestClient,
    world: World,
    database: Database,
    shelves: dict[str, UUID],
    language: str,
    folded: str,
) -> None:
    ask(api, world, 3000)
    ask(api, world, 100, item="surgical_mask")
    run_id = solved(api, world, database)
    page = api.get(f"/{language}/runs/{run_id}", headers=world.bearer("dispatcher"))
    shown = html.unescape(page.text)
    assert shown.count(folded) == 2
    run = run_of(api, world, f"{run_id}?lang={language}")
    for need in run["needs"]:
        for each in (need["reason"], *need["remedies"]):
            assert each["sentence"] in shown
    assert f"/outcomes.csv?lang={language}" in shown
