"""A day at the desk of donations, through the API: from a campaign to a released earmark."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from services.alerts.models import Alert, AlertKind
from services.database import Database
from services.donations import service as donations
from services.donations.watch import WAITS_TOO_LONG, watch
from services.jobs.desk_check import check_desks
from services.journal.kinds import AccountRef, EntryKind, need_purpose, site_account
from services.journal.models import Entry, EntrySecret
from services.journal.post import post
from services.journal.record import Draft, NewLot, NewMove
from tests.donations.acts import JSON, Desk, ordering, problem
from tests.gifts import another_desk, buying, earmark, entries, give, goods, money, standing
from tests.world import World

CAME = "2020-02-03T10:00:00Z"
LET_GO = {"released_at": "2020-02-20T10:00:00Z", "reason": "they have enough"}
CAMPAIGN = {
    "name_en": "Masks",
    "name_zh": "口罩",
    "starts_on": "2020-01-26",
    "goals": [
        {"commodity": "gloves", "quantity_base": 1000},
        {"commodity": "CNY", "quantity_base": 5000},
    ],
}


def send_on(database: Database, lot: UUID, quantity: int, site: str = "H1") -> None:
    """Reserve, send and hand over so much of a lot."""
    need = need_purpose(uuid4())
    shelf, kept = site_account("W1", "available"), site_account("W1", "reserved", need)
    way = AccountRef(f"shipment:{uuid4()}", "in_transit", need)
    steps = [
        (EntryKind.RESERVE, shelf, kept),
        (EntryKind.DISPATCH, kept, way),
        (EntryKind.DISBURSE_GOODS, way, site_account(site, "received", need)),
    ]
    at = datetime(2020, 2, 5, tzinfo=UTC)
    with database.transaction() as session:
        for kind, source, target in steps:
            moves = [NewMove(lot, source, target, quantity)]
            post(session, Draft(uuid4(), kind, at, "organisation:RELIEF", moves=moves))


def test_the_desks_day(desk: Desk, world: World, database: Database) -> None:
    desk.put("/campaigns/masks", CAMPAIGN, status=201)
    line = {"item": "gloves", "quantity": 100}
    body = goods(
        [line, line], campaign="masks", expected_on="2020-02-08", earmark=earmark("site", "H1")
    )
    gift = desk.post("/donations", body, "donor")
    assert (gift["state"], gift["campaign_code"]) == ("expected", "masks")
    path = f"/donations/{gift['id']}"
    late = {"expected_on": "2020-02-09", "reason": "the flight"}
    assert desk.post(f"{path}/expect", late, "donor", 200)["expected_on"] == "2020-02-09"
    assert [row["id"] for row in desk.get("/donations?expected_until=2020-02-09")] == [gift["id"]]
    rule = {"three_signatures": True, "reason": "as headquarters asks"}
    assert desk.post("/receiving/W1", rule, status=200)["three_signatures"]
    counts = {
        "occurred_at": CAME,
        "lines": [
            {"line": 1, "accepted": 90, "refused": 10, "reason": "damaged"},
            {"line": 2, "accepted": 0, "refused": 100, "reason": "expired"},
        ],
    }
    refused = desk.post(f"{path}/receive", counts, status=409)
    assert problem(refused)[0] == "three-signatures-needed"
    paper = desk.post(f"{path}/paper", counts, status=200)
    assert desk.get(path)["state"] == "checking"
    for part, user in (("kind", "dispatcher"), ("quality", "approver"), ("quantity", "auditor")):
        assert entries(database) == 0
        paper = desk.post(f"{path}/paper/sign", {"part": part, "version": 1}, user, 200)
    assert paper["posted_at"]
    told = desk.get(path, "donor")
    assert (told["status"], told["state"]) == ("received", "received")
    assert told["rolled"] == {"received": "partly", "placed": "none", "used": "none"}
    assert [(it["received_base"], it["refused_base"], it["state"]) for it in told["lines"]] == [
        (90, 10, "received"),
        (0, 100, "refused"),
    ]
    trace = desk.get(f"/audit/donations/{gift['id']}/trace", None)
    assert [(it["quantity"], it["reason"]) for it in trace["refused"]] == [
        (10, "damaged"),
        (100, "expired"),
    ]
    lot = UUID(told["lines"][0]["lot_id"])
    send_on(database, lot, 50)
    assert desk.get(path)["state"] == "partly_used"
    honour = desk.get("/earmarks?waiting=true", "donor")[0]
    assert (honour["served_base"], honour["waits_base"], honour["waits_since"]) == (50, 40, CAME)
    campaign = desk.get("/campaigns/masks", None)
    goal = {row["commodity"]: row for row in campaign["goals"]}["gloves"]
    assert (goal["received_base"], goal["used_base"], goal["percent"]) == (90, 50, 9)
    let_go = desk.post(f"{path}/release-earmark", LET_GO, "donor", 200)
    assert let_go["earmark_released_at"] == LET_GO["released_at"]
    with database.transaction() as session:
        assert donations.earmarks_of(session, [lot]) == {}
        assert list(check_desks(session)) == []
    send_on(database, lot, 40, "H2")
    assert desk.get(path)["state"] == "used_up"
    assert desk.get("/earmarks")[0]["elsewhere_base"] == 40


def test_three_people_sign_and_their_names_are_in_the_log_for_nobody(
    desk: Desk, world: World, database: Database
) -> None:
    desk.post("/receiving/W1", {"three_signatures": True, "reason": "x"}, status=200)
    gift = desk.post("/donations", goods(), "donor")
    path = f"/donations/{gift['id']}/paper"
    missing = desk.post(f"{path}/sign", {"part": "kind", "version": 1}, status=404)
    assert problem(missing)[1] == "donation_id"
    desk.post(path, {"occurred_at": CAME}, status=200)
    desk.post(f"{path}/sign", {"part": "kind", "version": 1}, status=200)
    again = {"part": "kind", "version": 1}
    assert desk.post(f"{path}/sign", again, status=200)["slots"][0]["signed_by"] == "dispatcher"
    for part, user in (("quality", "dispatcher"), ("kind", "approver")):
        taken = desk.post(f"{path}/sign", {"part": part, "version": 1}, user, 409)
        assert problem(taken) == ("slot-taken", "part")
    changed = {"occurred_at": CAME, "lines": [{"line": 1, "accepted": 5999}]}
    assert desk.post(path, changed, "approver", 200)["version"] == 2
    stale = desk.post(f"{path}/sign", {"part": "kind", "version": 1}, status=409)
    assert problem(stale) == ("paper-changed", "version")
    for user in ("donor", "hospital"):
        desk.post(f"{path}/sign", {"part": "kind", "version": 2}, user, 403)
    foreign = another_desk(database)
    sign = {"part": "kind", "version": 2}
    answer = desk.api.post(f"/api/v1{path}/sign", json=sign, headers=foreign)
    assert answer.status_code == 403
    for part, user in (("kind", "auditor"), ("quality", "approver"), ("quantity", "admin")):
        desk.post(f"{path}/sign", {"part": part, "version": 2}, user, 200)
    told = desk.get(f"/donations/{gift['id']}")
    with database.transaction() as session:
        entry = session.get_one(Entry, UUID(told["entry_id"]))
        assert b'"checked":["kind","quality","quantity"]' in entry.body
        assert b"auditor" not in entry.body
        secret = session.get_one(EntrySecret, entry.id)
        assert secret.fields["signed_kind"] == "auditor"
    over = desk.post(path, changed | {"occurred_at": "2020-02-03T11:00:00Z"}, status=409)
    assert problem(over)[0] == "donation-received"


def test_a_refused_gift_is_no_stock_and_everybody_is_told(
    desk: Desk, world: World, database: Database
) -> None:
    for body, act, said in (
        (goods(), "refuse", {"reason": "no_papers", "note": "for the donor only"}),
        (money(), "refuse", {"reason": "source"}),
        (
            goods(),
            "receive",
            {
                "occurred_at": CAME,
                "lines": [{"line": 1, "accepted": 0, "refused": 6000, "reason": "no_papers"}],
            },
        ),
    ):
        gift = desk.post("/donations", body, "donor")
        path = f"/donations/{gift['id']}"
        for _ in range(2):
            told = desk.post(f"{path}/{act}", said, status=200)
        assert (told["status"], told["state"]) == ("refused", "refused")
        trace = desk.get(f"/audit/donations/{gift['id']}/trace", None)
        assert (trace["status"], trace["lots"]) == ("refused", [])
        assert trace["refusal"] == told["refusal"]
        assert trace["refused_at"]
        assert "for the donor only" not in str(trace)
        with database.transaction() as session:
            entry = session.get_one(Entry, UUID(trace["refusal_entry_id"]))
            assert entry.kind is EntryKind.GIFT_REFUSED
            assert f'"reason":"{told["refusal"]}"'.encode() in entry.body
            assert b"for the donor only" not in entry.body
            assert (b'"quantity":"6000"' in entry.body) is (act == "receive")
        late = desk.post(f"{path}/receive", {"occurred_at": CAME}, status=409)
        assert problem(late)[0] == "donation-refused"
        gone = desk.post(f"{path}/cancel", {"reason": "x"}, "donor", 409)
        assert problem(gone)[0] == "donation-refused"
        page = desk.api.get(f"/en/donations/{gift['id']}").text
        assert f'href="/en/entries/{trace["refusal_entry_id"]}"' in page
    assert entries(database) == 3
    assert len(desk.get("/donations?status=refused")) == 3


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ({"accepted": 1, "refused": 1}, "lines[0]"),
        ({"accepted": 1, "reason": "damaged"}, "lines[0]"),
        ({"accepted": 6000, "refused": 1, "reason": "damaged"}, "lines[0].accepted"),
        ({"accepted": 1, "refused": -1, "reason": "damaged"}, "lines[0].refused"),
        ({"accepted": 1, "refused": 1, "reason": "ugly"}, "lines[0].reason"),
    ],
)
def test_a_bad_refusal_names_its_field(
    desk: Desk, world: World, database: Database, line: JSON, field: str
) -> None:
    gift = desk.post("/donations", goods(), "donor")
    body = {"occurred_at": CAME, "lines": [{"line": 1} | line]}
    refused = desk.post(f"/donations/{gift['id']}/receive", body, status=422)
    assert problem(refused)[1] == field
    assert entries(database) == 0


def test_only_the_donor_releases_an_earmark_or_the_desk_after_the_day_they_set(
    desk: Desk, world: World, database: Database
) -> None:
    forever = goods(earmark=earmark("site", "H1"))
    until = goods(earmark=earmark("site", "H1"), earmark_release_on="2020-02-19")
    for body in (forever, until):
        give(desk.api, world, body)
    path = f"/donations/{forever['id']}/release-earmark"
    assert desk.post(path, LET_GO, "dispatcher", 403)["status"] == 403
    desk.post(path, LET_GO, "donor2", 403)
    early = LET_GO | {"released_at": "2020-02-19T10:00:00Z"}
    desk.post(f"/donations/{until['id']}/release-earmark", early, "dispatcher", 403)
    before = entries(database)
    for _ in range(2):
        desk.post(f"/donations/{until['id']}/release-earmark", LET_GO, "dispatcher", 200)
    assert entries(database) == before + 1
    too_early = LET_GO | {"released_at": "2020-02-03T09:00:00Z"}
    assert problem(desk.post(path, too_early, "donor", 422)) == ("invalid-input", "released_at")
    plain = desk.post("/donations", goods(), "donor")
    nothing = desk.post(f"/donations/{plain['id']}/release-earmark", LET_GO, "donor", 409)
    assert problem(nothing)[0] == "nothing-earmarked"
    wrong = goods(earmark_release_on="2020-02-19")
    assert problem(desk.post("/donations", wrong, "donor", 422))[1] == "earmark_release_on"


def test_what_earmarked_money_bought_is_released_with_its_last_donor(
    desk: Desk, world: World, database: Database
) -> None:
    mark = earmark("site", "H1")
    first, second = money(300, earmark=mark), money(300, earmark=mark)
    give(desk.api, world, first)
    give(desk.api, world, second)
    lot = UUID(desk.post("/purchases", buying(600, earmark=mark))["lot_id"])
    desk.post(f"/donations/{first['id']}/release-earmark", LET_GO, "donor", 200)
    with database.transaction() as session:
        assert donations.earmarks_of(session, [lot]), "the other donor's money paid for it too"
    desk.post(f"/donations/{second['id']}/release-earmark", LET_GO, "donor", 200)
    with database.transaction() as session:
        assert donations.earmarks_of(session, [lot]) == {}
        assert list(check_desks(session)) == []


def test_repacked_goods_are_for_whom_they_were(
    desk: Desk, world: World, database: Database
) -> None:
    lot = give(desk.api, world, goods(earmark=earmark("site", "H1")))
    new = uuid4()
    shelf, press = site_account("W1", "available"), site_account("W1", "converted")
    with database.transaction() as session:
        post(
            session,
            Draft(
                uuid4(),
                EntryKind.REPACK,
                datetime(2020, 2, 5, tzinfo=UTC),
                "organisation:RELIEF",
                lots=[NewLot(new, "gloves", "repack:1", batch="L-1")],
                moves=[NewMove(lot, shelf, press, 10), NewMove(new, press, shelf, 10)],
            ),
        )
    with database.transaction() as session:
        assert donations.earmarks_of(session, [new])[new].target == "H1"


def test_an_earmark_that_waits_too_long_alerts_donor_and_desk(
    desk: Desk, world: World, database: Database
) -> None:
    body = goods(earmark=earmark("site", "H1"))
    lot = give(desk.api, world, body)
    now = datetime.now(UTC)
    late = now + WAITS_TOO_LONG + timedelta(hours=1)

    def opened(at: datetime) -> list[Alert]:
        with database.transaction() as session:
            watch(session, at)
            watch(session, at)
        with database.transaction() as session:
            found = sa.select(Alert).where(
                Alert.kind == AlertKind.EARMARK_UNHONOURED,  # type: ignore[arg-type]
                Alert.closed_at.is_(None),  # type: ignore[union-attr]
            )
            return list(session.execute(found).scalars())

    assert opened(now) == [], "a past that is replayed today isn't late"
    alert = opened(late)[0]
    assert (alert.organisation, alert.site, alert.item) == ("DONOR1", "H1", "gloves")
    assert (alert.facts["quantity"], alert.facts["target"]) == (6000, "H1")
    send_on(database, lot, 6000)
    assert opened(late) == []
    assert standing(database, lot)


def test_a_campaign_counts_what_named_it_before_it_was_there(desk: Desk, world: World) -> None:
    free = money(700, campaign="masks")
    give(desk.api, world, free)
    assert desk.get(f"/donations/{free['id']}")["campaign_code"] is None
    desk.put("/campaigns/masks", CAMPAIGN, status=201)
    told = desk.get("/campaigns/masks", None)
    goal = {row["commodity"]: row for row in told["goals"]}["CNY"]
    assert (told["gifts"], goal["received_base"], goal["percent"]) == (1, 700, 14)
    desk.put("/campaigns/masks", CAMPAIGN | {"closed": True, "reason": "done"})
    assert not desk.get("/campaigns/masks", None)["is_open"]
    late = desk.post("/donations", money(5, campaign="masks"), "donor", 422)
    assert problem(late) == ("invalid-input", "campaign")
    desk.put("/campaigns/masks", CAMPAIGN, "donor", 403)
    twice = CAMPAIGN | {"goals": CAMPAIGN["goals"][:1] * 2}  # type: ignore[index]
    assert problem(desk.put("/campaigns/m2", twice, status=422))[1] == "goals[1].commodity"
    nothing = CAMPAIGN | {"goals": [{"commodity": "hope", "quantity_base": 1}]}
    assert problem(desk.put("/campaigns/m2", nothing, status=404))[1] == "goals[0].commodity"
    backward = CAMPAIGN | {"ends_on": "2020-01-01"}
    assert problem(desk.put("/campaigns/m2", backward, status=422))[1] == "ends_on"


def test_lists_are_filtered_sorted_paged_and_whole_as_csv(desk: Desk, world: World) -> None:
    for amount in (5, 7, 9):
        desk.post("/donations", money(amount), "donor")
    desk.post("/donations", goods(), "donor2")
    desk.post("/purchase-orders", ordering())
    headers = world.bearer("dispatcher")
    page = desk.api.get("/api/v1/donations?kind=money&limit=2&sort=-recorded", headers=headers)
    assert [row["amount_minor"] for row in page.json()] == [9, 7]
    assert (page.headers["x-total-count"], "next" in page.headers["link"]) == ("3", True)
    for path in ("donations", "earmarks", "funds", "fts", "campaigns", "money-acts", "purchases"):
        table = desk.api.get(f"/api/v1/{path}?format=csv", headers=headers)
        assert table.headers["content-type"].startswith("text/csv"), path
    table = desk.api.get("/api/v1/purchase-orders?format=csv", headers=headers)
    assert "SUPP1" in table.text
    wrong = desk.get("/donations?sort=colour", status=422)
    assert problem(wrong) == ("invalid-input", "sort")
    desk.get("/donations?status=eaten", status=422)
    assert len(desk.get("/donations?donor=DONOR2", "donor")) == 3, "a donor sees their own alone"
