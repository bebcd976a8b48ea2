"""The second act as a whole: every act on the agenda, and what each came to."""

from collections.abc import Callable

from services.scenarios.agenda import Agenda
from services.scenarios.client import ApiCaller
from services.scenarios.scenario import Scenario
from services.scenarios.second_act.community import CommunityPoint
from services.scenarios.second_act.diverted import DivertedLorry
from services.scenarios.second_act.forecast import ForecastRequest
from services.scenarios.second_act.giving_back import GivingBack
from services.scenarios.second_act.lapse import LapsedNeed
from services.scenarios.second_act.recall import RecalledBatch
from services.scenarios.second_act.release import ReleasedEarmark
from services.scenarios.second_act.reports import DailyReports
from services.scenarios.second_act.stage import Act, Outcome, Stage

_ACTS: tuple[Callable[[Stage], Act], ...] = (
    DailyReports,
    ForecastRequest,
    LapsedNeed,
    ReleasedEarmark,
    GivingBack,
    DivertedLorry,
    CommunityPoint,
    RecalledBatch,
)


class SecondAct:
    """What happens after the scenario's week, each act sent as its own party."""

    def __init__(self, scenario: Scenario, api: ApiCaller) -> None:
        stage = Stage(scenario, api)
        self._acts = [act(stage) for act in _ACTS]
        self._last = RecalledBatch(stage)

    def is_played(self) -> bool:
        """Whether the whole story was acted out before, its last act too."""
        return self._last.is_played()

    def schedule(self, agenda: Agenda) -> None:
        for act in self._acts:
            act.schedule(agenda)

    def outcomes(self) -> list[Outcome]:
        """Each act's figures, read from the API, beside what the script comes to by itself."""
        return [act.outcome() for act in self._acts]
