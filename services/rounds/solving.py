"""From a frozen day to its rounds: called by the durable job, safe to call again."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlmodel import Session

from optimizer.errors import ProblemError
from optimizer.rounds import plan_rounds
from optimizer.rounds_check import check_rounds
from optimizer.rounds_documents import problem_from_json
from optimizer.rounds_parts import Round as PlannedRound
from optimizer.rounds_parts import Rounds, RoundsProblem
from services.database import Database
from services.rounds.freeze import site_and_carrier
from services.rounds.service import get_plan
from services.settings import get_settings
from services.transport.models import (
    UNPLANNED,
    Round,
    RoundLeftOut,
    RoundLoad,
    RoundsPlan,
    RoundsState,
    RoundStop,
)

# Small days end by these, the same every time; large ones by the seconds.
_ITERATIONS_A_SECOND = 200


def solve_rounds(database: Database, plan_id: UUID) -> RoundsState:
    """Search, check and write the rounds; a plan that is past that is left as it is."""
    with database.transaction() as session:
        plan = get_plan(session, plan_id, for_update=True)
        if plan.state not in UNPLANNED:
            return plan.state
        plan.state = RoundsState.SEARCHING
        problem_bytes, most_seconds = plan.problem, plan.most_seconds
    try:
        problem = problem_from_json(problem_bytes)
        rounds = plan_rounds(
            problem,
            most_iterations=_ITERATIONS_A_SECOND * most_seconds,
            most_seconds=float(most_seconds),
        )
    except ProblemError as error:
        return fail_rounds(database, plan_id, str(error))
    report = check_rounds(problem, rounds)
    if not report.ok:
        return fail_rounds(
            database, plan_id, f"The rounds don't pass their check: {report.violations[0]}"
        )
    with database.transaction() as session:
        plan = get_plan(session, plan_id, for_update=True)
        if plan.state is RoundsState.SEARCHING:
            _write(session, plan, problem, rounds)
        return plan.state


def fail_rounds(database: Database, plan_id: UUID, why: str) -> RoundsState:
    """Give a plan up, with the reason; one that was finished meanwhile is left as it is."""
    with database.transaction() as session:
        plan = get_plan(session, plan_id, for_update=True)
        if plan.state in UNPLANNED:
            plan.state, plan.failure = RoundsState.FAILED, why
            plan.finished_at = datetime.now(UTC)
        return plan.state


def _write(session: Session, plan: RoundsPlan, problem: RoundsProblem, rounds: Rounds) -> None:
    cold = {(each.depot, each.code): each.cold for each in problem.vehicles}
    rows: list[Round] = []
    stops: list[RoundStop] = []
    loads: list[RoundLoad] = []
    for number, each in enumerate(rounds.rounds, start=1):
        rows.append(_round(plan, number, each, cold=cold[each.depot, each.vehicle]))
        stops += _stops(plan, number, each)
        loads += _loads(plan, number, each)
    for batch in (rows, stops, loads, _left_out(plan, rounds)):
        session.add_all(batch)
        session.flush()
    plan.state, plan.status = RoundsState.PLANNED, rounds.status
    plan.iterations, plan.finished_at = rounds.iterations, datetime.now(UTC)


def _moment(plan: RoundsPlan, seconds: int) -> datetime:
    """So many seconds after the day's first, where the goods are."""
    zone = get_settings().zone
    midnight = datetime(plan.day.year, plan.day.month, plan.day.day, tzinfo=zone)
    return midnight.astimezone(UTC) + timedelta(seconds=seconds)


def _round(plan: RoundsPlan, number: int, each: PlannedRound, *, cold: bool) -> Round:
    depot, carrier = site_and_carrier(each.depot)
    return Round(
        plan_id=plan.id,
        number=number,
        depot=depot,
        carrier=carrier,
        vehicle=each.vehicle,
        unit=each.unit,
        trip=each.trip,
        cold=cold,
        loads_at=_moment(plan, each.loads_s),
        departs_at=_moment(plan, each.departs_s),
        returns_at=_moment(plan, each.returns_s),
        distance_m=each.distance_m,
        volume_ml=each.volume_ml,
        weight_g=each.weight_g,
    )


def _stops(plan: RoundsPlan, number: int, each: PlannedRound) -> list[RoundStop]:
    return [
        RoundStop(
            plan_id=plan.id,
            number=number,
            stop=at,
            site=stop.site,
            arrives_at=_moment(plan, stop.arrives_s),
            begins_at=_moment(plan, stop.begins_s),
            leaves_at=_moment(plan, stop.leaves_s),
            distance_m=stop.distance_m,
        )
        for at, stop in enumerate(each.stops, start=1)
    ]


def _loads(plan: RoundsPlan, number: int, each: PlannedRound) -> list[RoundLoad]:
    return [
        RoundLoad(
            plan_id=plan.id,
            number=number,
            stop=at,
            shipment_id=UUID(load.drop_id),
            line=int(load.goods),
            quantity_base=load.quantity,
        )
        for at, stop in enumerate(each.stops, start=1)
        for load in stop.loads
    ]


def _left_out(plan: RoundsPlan, rounds: Rounds) -> list[RoundLeftOut]:
    return [
        RoundLeftOut(
            plan_id=plan.id,
            shipment_id=UUID(each.drop_id),
            line=int(each.goods),
            reason=each.reason,
            quantity_base=each.quantity,
        )
        for each in rounds.left_out
    ]
