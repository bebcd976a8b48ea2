"""The dispatch desk's day on pages, without JavaScript; every code has its words."""

import re
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from services.database import Database
from services.dispatch.desk_models import RuleKind, ShortageLevel, ShortageRule, Verdict
from services.dispatch.models import Rest
from services.dispatch.orders import PolicyIn
from services.dispatch.promise import DueKind
from services.dispatch.solving import solve_run
from services.web.pages import environment
from tests.dispatch.test_runs import DAY, ask
from tests.test_pages_public import check_strict
from tests.world import World, stock


def page(api: TestClient, world: World, path: str, user: str = "dispatcher") -> str:
    answer = api.get(path, headers=world.bearer(user) | {"Accept": "text/html"})
    assert answer.status_code == 200, answer.text
    check_strict(answer.headers["content-security-policy"], answer.text)
    return answer.text


def send(api: TestClient, world: World, path: str, user: str = "dispatcher", **values: str) -> Any:
    return api.post(
        path,
        data={name.replace("__", "."): value for name, value in values.items()},
        headers=world.bearer(user) | {"Accept": "text/html"},
        follow_redirects=False,
    )


def form_id(text: str) -> str:
    found = re.search(r'name="id" value="([0-9a-f-]{36})"', text)
    assert found
    return found[1]


def test_a_desks_day_on_pages(api: TestClient, world: World, database: Database) -> None:
    with database.transaction() as session:
        lot = stock(session, "W1", "gloves", 500)
        stock(session, "W2", "gloves", 500)
    near, far = ask(api, world, 300), ask(api, world, 200, site="H2")
    text = page(api, world, "/en/policies")
    saved = send(
        api,
        world,
        "/en/policies",
        id=form_id(text),
        name="steady",
        why="to try",
        policy__whole_packs="true",
    )
    assert saved.headers["location"].startswith("/en/policies/steady")
    assert "steady" in page(api, world, "/zh/policies/steady")
    send(api, world, "/en/policies/steady/default", why="agreed")
    text = page(api, world, "/en/hand-rules")
    assert str(lot) in text
    assert near in text
    assert far in text
    made = send(
        api,
        world,
        "/en/hand-rules",
        id=form_id(text),
        kind="ban",
        goods=f"W1|{lot}",
        need_id=far,
        why="road closed",
    )
    assert made.status_code == 303, made.text
    assert "road closed" in page(api, world, "/zh/hand-rules")
    text = page(api, world, "/en/runs")
    started = send(
        api, world, "/en/runs", id=form_id(text), day=DAY, horizon_days="7", policy_name="steady"
    )
    run_id = re.findall(r"[0-9a-f-]{36}", started.headers["location"])[0]
    solve_run(database, UUID(run_id))
    text = page(api, world, f"/en/runs/{run_id}", "approver")
    assert "road closed" in text
    assert "steady" in text
    approved = send(
        api,
        world,
        f"/en/runs/{run_id}/approve",
        "approver",
        **{"only.destinations[1]": "H1", "rest": "rejected", "rest_reason": "wait a day"},
    )
    assert approved.status_code == 303, approved.text
    assert "wait a day" in page(api, world, f"/zh/runs/{run_id}")
    _again_and_alone(api, world, database, run_id)


def _again_and_alone(api: TestClient, world: World, database: Database, run_id: str) -> None:
    """Solve again from a plan, set both side by side, and approve the newer one alone."""
    again = page(api, world, f"/en/runs/{run_id}")
    started = send(api, world, f"/en/runs/{run_id}/again", id=form_id(again))
    second = re.findall(r"[0-9a-f-]{36}", started.headers["location"])[0]
    solve_run(database, UUID(second))
    assert "What would change" in page(api, world, f"/en/runs/{second}")
    beside = page(api, world, f"/en/plans?run={run_id}&run={second}")
    assert beside.count('class="tag') >= 2
    alone = send(api, world, f"/en/runs/{second}/emergency-approve", reason="tonight")
    assert alone.status_code == 303, alone.text
    assert "tonight" in page(api, world, "/en/emergency-approvals", "auditor")
    said = send(
        api,
        world,
        f"/en/runs/{second}/emergency-review",
        "auditor",
        verdict="confirmed",
        note="seen",
    )
    assert said.status_code == 303, said.text
    assert "seen" in page(api, world, "/zh/emergency-approvals", "auditor")


def test_what_is_refused_on_a_page_is_said_there(
    api: TestClient, world: World, database: Database
) -> None:
    with database.transaction() as session:
        stock(session)
    ask(api, world, 100)
    ask(api, world, 100, site="H2")
    run = api.post("/api/v1/runs", json={"day": DAY}, headers=world.bearer("dispatcher")).json()
    solve_run(database, UUID(run["id"]))
    url = f"/en/runs/{run['id']}/approve"
    for path, user, values in (
        (url, "approver", {"only.destinations[0]": "H1", "rest": "rejected"}),
        ("/en/policies", "dispatcher", {"name": "a b", "why": "x"}),
        ("/en/hand-rules", "dispatcher", {"kind": "ban", "why": "x", "goods": ""}),
        ("/en/shortages", "dispatcher", {"region": "420100", "item": "*", "why": ""}),
        (f"/en/runs/{run['id']}/emergency-approve", "dispatcher", {"reason": ""}),
    ):
        answer = send(api, world, path, user, **values)
        assert answer.status_code in {404, 422}, (path, answer.status_code)
        assert "internal" not in answer.text
    assert send(api, world, url, "donor", note="x").status_code == 403


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    "path",
    [
        "runs",
        "policies",
        "hand-rules",
        "plans",
        "shortages",
        "arrivals",
        "promise?days=3",
        "emergency-approvals",
    ],
)
def test_every_list_is_a_page_and_a_file(
    api: TestClient, world: World, database: Database, path: str, language: str
) -> None:
    with database.transaction() as session:
        stock(session)
    ask(api, world, 100)
    page(api, world, f"/{language}/{path}", "auditor")
    mark = "&" if "?" in path else "?"
    file = api.get(f"/{language}/{path}{mark}format=csv", headers=world.bearer("auditor"))
    assert file.status_code == 200, file.text
    assert file.headers["content-type"].startswith("text/csv")


def test_shortages_stand_by_item_the_worst_first_or_in_one_table(
    api: TestClient, world: World, database: Database
) -> None:
    ask(api, world, 100)
    text = page(api, world, "/en/shortages")
    assert (
        '<details open><summary><span class="tag bad">Critically short</span> gloves, in 3' in text
    )
    assert 'sort=-level">In one table' in text
    sorted_text = page(api, world, "/zh/shortages?sort=-level")
    assert "按物资" in sorted_text
    assert "3个地区" not in sorted_text
    assert "Nothing is short." in page(api, world, "/en/shortages?item=surgical_mask")


def test_a_region_draws_its_lines_on_the_page(
    api: TestClient, world: World, database: Database
) -> None:
    ask(api, world, 100)
    text = page(api, world, "/en/shortages")
    values = dict(re.findall(r'name="(\w+_(?:tenths|ppm))" type="text" value="(\d+)"', text))
    assert len(values) == 8
    assert (values["watch_days_tenths"], values["short_share_ppm"]) == ("14", "25")
    values |= {"region": "420100", "item": "gloves", "alert_from": "critical", "why": "far"}
    changed = {"short_days_tenths": "3.5", "short_share_ppm": "12.25"}
    for wrong in ({"short_days_tenths": "3.55"}, {"critical_share_ppm": "101"}):
        assert send(api, world, "/en/shortages", **values | wrong).status_code == 422
    drawn = send(api, world, "/en/shortages", **values | changed)
    assert drawn.status_code == 303, drawn.text
    with database.transaction() as session:
        rule = session.exec(select(ShortageRule)).one()
        assert (rule.short_days_tenths, rule.short_share_ppm) == (35, 122_500)
    assert "far" in page(api, world, "/zh/shortages")


def test_a_hospital_sees_its_own_arrivals_and_no_desks_pages(
    api: TestClient, world: World, database: Database
) -> None:
    assert "/en/policies" not in page(api, world, "/en/arrivals", "hospital")
    for path in ("policies", "hand-rules", "shortages", "promise", "plans", "emergency-approvals"):
        headers = world.bearer("hospital") | {"Accept": "text/html"}
        assert api.get(f"/en/{path}", headers=headers).status_code == 403, path


def test_what_no_page_of_ours_sends_is_a_slip(api: TestClient, world: World) -> None:
    headers = world.bearer("dispatcher")
    filtered = api.get("/en/shortages", params={"region": "湖北"}, headers=headers)
    assert filtered.status_code == 200
    again = api.post(f"/en/runs/{UUID(int=1)}/again", data={"id": "1"}, headers=headers)
    assert again.status_code == 422


def test_every_code_has_its_words() -> None:
    words: Any = environment("en").get_template("labels_dispatch.html").module
    for table, codes in (
        (words.REST, Rest),
        (words.RULE, RuleKind),
        (words.VERDICT, Verdict),
        (words.LEVEL, ShortageLevel),
        (words.DUE, DueKind),
        (words.FIELD, PolicyIn.model_fields),
    ):
        assert set(table) == {str(code) for code in codes}
