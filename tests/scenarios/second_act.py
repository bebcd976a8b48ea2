"""A second act short enough for the quick suite, and whether its checks notice what isn't so."""

from dataclasses import replace
from typing import Any

from fastapi.testclient import TestClient

from services.scenarios.client import ApiCaller
from services.scenarios.scenario import Scenario
from services.scenarios.second_act.play import SecondAct
from services.scenarios.second_act.script import Script

FIGURES_OF_THE_SLICE = {
    "daily reports": {"reports": 12, "hospitals": 3, "patient_days": 2769},
    "forecast": {"items": 3, "pieces": 1600},
    "lapsed need": {"needs": 1, "pieces": 400},
    "earmark released": {"lots": 2, "pieces": 4200},
    "return": {"pieces": 8000},
    "diverted lorry": {"pieces": 20_000},
    "community point": {
        "bookings": 12,
        "handed_out": 9,
        "given_up": 1,
        "missed": 2,
        "refused": 3,
        "pieces": 45,
    },
    "recall": {"opened": 70_000, "gathered": 69_955, "used": 45, "notices": 4},
}
ACTS_OF_THE_SECOND = set(FIGURES_OF_THE_SLICE)


def changed(script: Script, **acts: dict[str, Any]) -> Script:
    """The script with some fields of some acts changed."""
    return script.model_copy(
        update={name: getattr(script, name).model_copy(update=to) for name, to in acts.items()}
    )


def shorter(script: Script) -> Script:
    """Twelve households, and lots that came in before the first run."""
    lot = {"donation": "G06", "line": 1}
    few = {"households": 12, "second_tries": 3, "given_up": 1, "missed": 2, "supplied": 100}
    return changed(
        script, release={"donation": "G03"}, diversion=lot, recall=lot, community=lot | few
    )


def seen_of_another_script(client: TestClient, part: Scenario) -> set[str]:
    """Which acts' checks say that what the API tells isn't what another script comes to."""
    script = part.second_act
    other = changed(
        script,
        lapse={"quantity": script.lapse.quantity + 1},
        release={"donation": "G05"},
        giving_back={"quantity": script.giving_back.quantity + 1},
        diversion={"quantity": script.diversion.quantity + 1},
        community={"missed": script.community.missed + 1},
    )
    site = script.forecast.site
    fewer = tuple(
        row for row in part.daily_stock if (row.site, row.item) != (site, "n95_respirator")
    )
    with ApiCaller(client, "admin", "demo-admin-2020") as api:
        acts = SecondAct(replace(part, second_act=other, daily_stock=fewer), api)
        return {outcome.name for outcome in acts.outcomes() if outcome.differences}
