"""Drives a scenario through the HTTP API, from the first need to the last proof.

Whatever was done already is done once: every write has an id made from the scenario's own, so a
drive that was killed, or is run again, goes on from what is there.
"""

import time
from collections.abc import Callable
from datetime import datetime

import httpx2

from services.parties.models import Role
from services.scenarios.acts import Acts
from services.scenarios.agenda import Agenda
from services.scenarios.client import ApiCaller, DriveFailed
from services.scenarios.dispatching import Dispatching
from services.scenarios.scenario import Scenario
from services.scenarios.second_act.play import SecondAct
from services.scenarios.summary import Summary, summarise, wait_until_anchored
from services.scenarios.today.play import Today

ACTS = "acting out the days"
TODAY = "setting up today"
# Told with a stage, how much of it is done, and of how much as far as is known.
Progress = Callable[[str, int, int], None]


def _say_nothing(stage: str, done: int, total: int) -> None:
    """The progress of who wants none."""


def drive(
    client: httpx2.Client,
    scenario: Scenario,
    progress: Progress = _say_nothing,
    today: datetime | None = None,
) -> Summary:
    """Act the scenario out against the API that ``client``'s base URL names.

    Its story is acted out once: when its last act is there, nothing of it is sent again, so that
    what people do afterwards stays as they did it. Then, where a moment is given, that ``today``.

    The scenario's reference data must be loaded. ``check_ok`` of the summary is left unset.

    Raises:
        DriveFailed: the API refused something, or was away for too long.

    """
    begun = time.monotonic()
    with ApiCaller(client, *_administrator(scenario)) as api:
        dispatching = Dispatching(scenario, api, progress)
        second_act = SecondAct(scenario, api)
        was_there = second_act.is_played()
        if not was_there:
            agenda = Agenda()
            Acts(scenario, api).schedule(agenda)
            dispatching.schedule(agenda)
            second_act.schedule(agenda)
            agenda.run(lambda done, total: progress(ACTS, done, total))
        if today is not None:
            progress(TODAY, 0, 1)
            Today(scenario, api, today).play()
            progress(TODAY, 1, 1)
        wait_until_anchored(api, progress)
        shipments = dispatching.all_shipments()
        summary = summarise(scenario, api, shipments, second_act.outcomes(), progress)
    summary.story_was_there = was_there
    summary.seconds = round(time.monotonic() - begun, 1)
    return summary


def _administrator(scenario: Scenario) -> tuple[str, str]:
    for user in scenario.users:
        if user.role is Role.ADMIN and user.password:
            return user.username, user.password
    raise DriveFailed("The scenario has no administrator with a password", mend="see users.csv")
