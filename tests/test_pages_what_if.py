"""The dispatcher sets a policy, pins and bans on pages, asks what if, and stops what takes long."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from optimizer.plan import Plan
from services.database import Database
from services.dispatch import store
from services.dispatch.models import Run, RunState
from services.dispatch.solving import solve_run
from tests.browser import Browser, PageForms, went_to
from tests.dispatch.test_orders import lots, shown
from tests.dispatch.test_runs import ask
from tests.test_pages_public import check_strict
from tests.world import World

__all__ = ["lots"]
Open = Callable[[str | None], Browser]


@pytest.fixture
def browser(api: TestClient, database: Database) -> Open:
    return lambda username: Browser(api, database, username)


@pytest.fixture
def proposed(
    api: TestClient, world: World, database: Database, lots: dict[str, UUID], browser: Open
) -> str:
    """The page of a proposed run: 1,500 gloves for two needs of 1,000."""
    ask(api, world, 1000)
    ask(api, world, 1000, site="H2")
    page = went_to(browser("dispatcher").fill("/en/runs", {"day": "2020-02-03"}))
    assert solve_run(database, UUID(page.rpartition("/")[2])) is RunState.PROPOSED
    return page


def id_of(page: str) -> str:
    return page.rpartition("/")[2]


def links(html: str, word: str) -> list[str]:
    """Where the links of this word lead."""
    pieces = [piece.partition("</a>")[0] for piece in html.split("<a ")[1:]]
    return [
        piece.partition('href="')[2].partition('"')[0].replace("&amp;", "&")
        for piece in pieces
        if piece.endswith(f">{word}")
    ]


def test_a_run_is_started_with_a_policy_that_its_page_tells_in_words(
    api: TestClient, world: World, lots: dict[str, UUID], browser: Open
) -> None:
    ask(api, world, 1000)
    desk = browser("dispatcher")
    wrong = desk.fill("/en/runs", {"day": "2020-02-03", "policy.least_drop_pieces": "-5"})
    assert wrong.status_code == 422
    assert 'id="policy-least_drop_pieces-slip"' in wrong.text
    assert '<details class="policy" open>' in wrong.text
    policy = {
        "policy.fairness": "most_pieces",
        "policy.lateness_micro_per_piece_day": "250,000",
        "policy.whole_packs": "true",
    }
    page = went_to(desk.fill("/en/runs", {"day": "2020-02-03"} | policy))
    run = shown(api, world, id_of(page))
    assert run["policy"]["whole_packs"] is True
    assert run["policy"]["fairness"] == "most_pieces"
    html = desk.get(page)
    assert "Call it off" in html
    assert went_to(desk.fill(page, {}, f"{page}/stop")) == page
    assert "Called off" in desk.get(page)
    assert "已叫停" in desk.get(page.replace("/en/", "/zh/"))


def test_the_policy_is_told_in_both_languages(browser: Open, proposed: str) -> None:
    html = browser("auditor").get(proposed)
    check_strict("default-src 'none'", html)
    assert "A piece that is a day late counts as much as 500 km." in html
    assert "The last plan plays no part." in html
    assert "每件晚到一天，相当于 500 公里。" in browser("auditor").get(
        proposed.replace("/en/", "/zh/")
    )
    assert "/what-if" not in html
    assert f"/api/v1/runs/{id_of(proposed)}/export" in html


def test_a_line_is_pinned_with_a_reason_and_the_difference_is_shown(
    api: TestClient, world: World, database: Database, browser: Open, proposed: str
) -> None:
    desk = browser("dispatcher")
    pin = links(desk.get(proposed), "Pin")[0]
    assert desk.get(pin.replace("/en/", "/zh/"))
    form = desk.form(pin, f"{proposed}/what-if")
    assert form.values["pins[0].keep"] == "true"
    no_reason = desk.send(form, **{"pins[0].quantity": "900"})
    assert no_reason.status_code == 422
    assert 'id="pins-0-why-slip"' in no_reason.text
    changes = {"pins[0].quantity": "1,000", "pins[0].why": "promised <b>"}
    for _ in range(2):
        page = went_to(desk.send(form, **changes))
    assert solve_run(database, UUID(id_of(page))) is RunState.ANSWERED
    html = desk.get(page)
    check_strict("default-src 'none'", html)
    assert "nothing of it can be approved" in html
    assert "promised &lt;b&gt;" in html
    assert "What would change" in html
    assert f"/api/v1/runs/{id_of(page)}/difference.csv?direction=losses" in html
    assert "会有哪些变化" in desk.get(page.replace("/en/", "/zh/"))
    assert f"{page}/approve" not in html
    assert f"{page}/adopt" not in browser("auditor").get(page)
    real = went_to(desk.fill(page, {}, f"{page}/adopt"))
    assert shown(api, world, id_of(real))["kind"] == "allocation"
    assert shown(api, world, id_of(real))["pins"][0]["why"] == "promised <b>"
    assert "What if" in desk.get("/en/runs")


def test_pins_and_bans_are_taken_out_by_their_box(
    api: TestClient, world: World, database: Database, browser: Open, proposed: str
) -> None:
    desk = browser("dispatcher")
    ban = links(desk.get(proposed), "Ban")[0]
    answer = desk.fill(ban, {"bans[0].why": "bridge down"}, f"{proposed}/what-if")
    page = went_to(answer)
    assert solve_run(database, UUID(id_of(page))) is RunState.ANSWERED
    assert "bridge down" in desk.get(page)
    form = desk.form(f"{page}/what-if")
    assert form.values["bans[0].why"] == "bridge down"
    del form.values["bans[0].keep"]
    next_page = went_to(desk.send(form))
    assert shown(api, world, id_of(next_page))["bans"] == []


def test_supply_is_invented_and_such_a_run_can_not_become_real(
    api: TestClient, world: World, database: Database, browser: Open, proposed: str
) -> None:
    desk = browser("dispatcher")
    more = links(desk.get(proposed), "More or less")[0]
    new = {
        "supply[0].change_pieces": "-100",
        "new_lots[0].site": "W2",
        "new_lots[0].item": "gloves",
        "new_lots[0].quantity": "300",
    }
    too_much = desk.fill(more, new | {"supply[0].change_pieces": "-99999"}, f"{proposed}/what-if")
    assert too_much.status_code == 422
    assert 'id="supply-0-change_pieces-slip"' in too_much.text
    page = went_to(desk.fill(more, new, f"{proposed}/what-if"))
    assert solve_run(database, UUID(id_of(page))) is RunState.ANSWERED
    html = desk.get(page)
    assert "Some of its supply is invented." in html
    assert f"{page}/adopt" not in [form.action for form in PageForms(html).forms]
    assert shown(api, world, id_of(page))["pieces_allocated"] == 1700
    refused = desk.post(f"{page}/adopt", {})
    assert refused.status_code == 409


def test_only_dispatchers_ask(browser: Open, proposed: str) -> None:
    for user in ("auditor", "approver", "hospital"):
        browser(user).get(f"{proposed}/what-if", 403)
        answer: Any = browser(user).post(f"{proposed}/what-if", {})
        assert answer.status_code == 403
        assert browser(user).post(f"{proposed}/stop", {}).status_code == 403


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("bounded", "how far from the best it can be in pieces and cost"),
        ("stopped", "the best plan that was found by then"),
    ],
)
def test_a_plan_that_is_not_proven_over_all_says_so(
    proposed: str, browser: Open, monkeypatch: pytest.MonkeyPatch, status: str, words: str
) -> None:
    real = store.stored_plan

    def claiming(run: Run) -> Plan:
        plan = real(run)
        return replace(plan, solver=replace(plan.solver, status=status))

    assert words not in browser("dispatcher").get(proposed)
    monkeypatch.setattr(store, "stored_plan", claiming)
    assert words in browser("dispatcher").get(proposed)
