"""Every kind of alert has its name and its sentence in both languages, from the facts given."""

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlmodel import Session

from services.alerts.models import Alert, AlertKind, Severity
from services.alerts.seeing import AlertState
from services.alerts.telling_models import Means, MessageKind, MessageState
from services.alerts.words import UNKNOWN, Teller, teller
from services.web.pages import environment

# What the desks tell of each kind, as they raise it.
FACTS: dict[AlertKind, list[dict[str, Any]]] = defaultdict(
    lambda: [{}],
    {
        AlertKind.SHORTAGE: [
            {"item": "gloves", "region": "420100", "level": level, "uncovered": 1200}
            for level in ("watch", "tight", "short", "critical")
        ],
        AlertKind.NEED_LAPSING: [
            {"site": "H1", "needs": 2, "first_at": "2020-02-05T08:00:00+00:00"}
        ],
        AlertKind.NEED_LAPSED: [{"site": "H1", "needs": 2, "reserved": 300}],
        AlertKind.NEED_TO_APPROVE: [{"needs": 2, "since": "2020-02-05T08:00:00+00:00"}],
        AlertKind.SUPPLY_STOPPED: [
            {"site": "H1", "item": "gloves", "reserved": 0},
            {"site": "H1", "item": "", "reserved": 0},
        ],
        AlertKind.LOT_EXPIRING: [{"quantity": 5000, "expires_on": "2020-03-01", "batch": ""}],
        AlertKind.LOT_EXPIRED: [{"quantity": 5000, "expires_on": "2020-03-01", "batch": "B"}],
        AlertKind.RECALL: [
            {"item": "gloves", "batch": "", "gathered": 0, "under_way": 3},
            {"item": "gloves", "batch": "B", "gathered": 0, "under_way": 3},
            {"site": "H1", "pieces": 5},
        ],
        AlertKind.COUNT_DIFFERENCE: [
            {"site": "H1", "item": "gloves", "lot": "x", "difference": -7},
            {"site": "H1", "item": "gloves", "lot": "x"},
        ],
        AlertKind.SHIPMENT_LATE: [
            {"site": "H1", "origin": "W1", "carrier": "CARR1", "due_on": "2020-03-01"}
        ],
        AlertKind.SHIPMENT_LOST: [{"site": "H1", "carrier": "CARR1", "pieces": 70}],
        AlertKind.RECEIPT_DISPUTED: [{"site": "H1", "pieces": 70}],
        AlertKind.COLD_BREACH: [{"site": "H1", "minutes": 70}],
        AlertKind.MAKER_SILENT: [
            {"site": "F1", "reports": 2, "first": "2020-03-01", "last": "2020-03-02"}
        ],
        AlertKind.MAKER_TO_APPROVE: [{"maker": "MAKER", "hours": 30, "target": 24}],
        AlertKind.EARMARK_UNHONOURED: [
            {
                "quantity": 50,
                "unit": "piece",
                "commodity": "gloves",
                "kind": "site",
                "target": "H1",
                "since": "2020-02-05T08:00:00+00:00",
            },
            {"unit": "minor", "target": "420100", "since": "2020-02-05T08:00:00+00:00"},
        ],
        AlertKind.EMERGENCY_APPROVED: [{"pieces": 9000, "by": "approver", "day": "2020-03-01"}],
        AlertKind.CHAIN_BACKLOG: [{"entries": 6000}],
        AlertKind.REPORT_MISSING: [{"site": "H1", "last_day": "2020-03-01"}],
        AlertKind.SUPPLY_LOW: [
            {"site": "H1", "item": "gloves", "days_left": "1.5", "on_hand": 20, "coming": 0}
        ],
        AlertKind.WEBHOOK_DISABLED: [{"host": "example.org", "since": "2020-02-05T08:00:00+00:00"}],
        AlertKind.WATCH_STOPPED: [{"watch": "transport", "error": "ZeroDivisionError"}],
    },
)


def alert_of(kind: AlertKind, facts: dict[str, Any], site: str | None = "H1") -> Alert:
    now = datetime.now(UTC)
    return Alert(
        id=uuid4(),
        kind=kind,
        subject="x",
        severity=Severity.NOTICE,
        roles=[],
        site=site,
        region="420100",
        item="gloves" if site else None,
        facts=facts,
        path="/",
        raised_at=now,
        renewed_at=now,
    )


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("kind", AlertKind)
def test_every_kind_is_told_in_one_sentence(
    session: Session, kind: AlertKind, language: str
) -> None:
    for facts in FACTS[kind]:
        alert = alert_of(kind, facts)
        told = teller(session, [alert], language).says(alert)
        assert UNKNOWN not in told
        assert told.endswith("。" if language == "zh" else ".")
        assert "\n" not in told


@pytest.mark.parametrize("kind", AlertKind)
def test_a_fact_that_is_missing_is_a_dash_and_no_error(session: Session, kind: AlertKind) -> None:
    alert = alert_of(kind, {}, site=None)
    assert teller(session, [alert], "en").says(alert)


def test_a_fact_is_text_and_no_markup() -> None:
    alert = alert_of(AlertKind.RECALL, {"batch": "<b>&amp;", "gathered": 1, "under_way": 0})
    assert "batch <b>&amp; is" in Teller("en", {}, {}).says(alert)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("table", "codes"),
    [
        ("KIND", AlertKind),
        ("SEVERITY", Severity),
        ("ALERT_STATE", AlertState),
        ("MEANS", Means),
        ("MESSAGE_STATE", MessageState),
        ("MESSAGE_KIND", MessageKind),
    ],
)
def test_every_code_has_its_words(table: str, codes: Any, language: str) -> None:
    module = environment(language).get_template("labels_alerts.html").module
    assert [code for code in codes if not getattr(module, table).get(str(code))] == []
