"""Runs: freeze the input and queue the solving, ask what if, and stop what takes too long."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid5

from sqlmodel import Session

from optimizer.errors import ProblemError
from optimizer.problem import Problem
from services.dispatch.hand_rules import Wish, in_force, wishes_of, with_rules
from services.dispatch.models import UNSOLVED, Run, RunKind, RunState
from services.dispatch.moments import moment_of
from services.dispatch.orders import Orders, keep_bans, keep_pins, pairs_of, with_orders
from services.dispatch.policies import choose
from services.dispatch.schemas import AdoptIn, AgainIn, RunIn, WhatIfIn
from services.dispatch.snapshot import digest_text, snapshot_bytes, take_snapshot
from services.dispatch.store import (
    find_last_run,
    get_run,
    stored_orders,
    stored_plan,
    stored_problem,
    take_turns,
)
from services.dispatch.what_if import changed_problem, next_orders
from services.errors import Conflict, InvalidInput
from services.journal.clock import refuse_far_day
from services.journal.kinds import EntryKind
from services.journal.post import EntryIdReused, post
from services.journal.record import Draft
from services.parties.models import Role
from services.parties.service import Actor, require_role
from services.queue import enqueue

SOLVE = "solve"
SYSTEM = "system:allocator"


class NothingToAllocate(Conflict):
    code, title = "nothing-to-allocate", "No need is open on that day"


class NotBeingSolved(Conflict):
    code, title = "not-being-solved", "This run isn't being solved"


class NotWhatIf(Conflict):
    code, title = "not-a-what-if", "This can't be made a real run"


def start_run(session: Session, actor: Actor, body: RunIn) -> tuple[Run, bool]:
    """Freeze the input, log its digest and queue the solving, all in one transaction.

    Raises:
        Forbidden: not a dispatcher.
        NothingToAllocate: no need is outstanding.
        InvalidInput: the policy, a pin or a ban can't be; names it.
        EntryIdReused: the id belongs to another run.

    """
    require_role(actor, Role.DISPATCHER)
    orders = Orders(
        pins=keep_pins(body.pins, actor.user_id), bans=keep_bans(body.bans, actor.user_id)
    )
    return begin(session, Starter(actor.user_id, actor.reference), body, orders)


@dataclass(frozen=True, slots=True)
class Starter:
    """Who starts a run: a person, or, without an id, the system by its own rules."""

    user_id: UUID | None
    reference: str


def begin(
    session: Session,
    by: Starter,
    body: RunIn,
    orders: Orders,
    *,
    forgiving: bool = False,
    carried: Sequence[Wish] = (),
) -> tuple[Run, bool]:
    """Start a run for whom it is not asked here whether they may; see `start_run`.

    ``carried`` are pins and bans of an earlier run, to be taken over as far as they still fit.
    """
    kind, content = RunKind.ALLOCATION, _content_digest(body)
    existing = _find_same(session, body, kind, content)
    if existing is not None:
        return existing, False
    refuse_far_day(body.day)
    chosen = choose(session, body.policy, body.policy_name, body.policy_version)
    orders = orders.model_copy(update={"policy": chosen.policy})
    base = _base_run(session, body, orders)
    standing = [*carried, *(in_force(session) if body.hand_rules else ())]
    problem, orders = _snapshot(session, body, orders, base, standing, forgiving=forgiving)
    frame = _Frame(kind, base, body.day, body.horizon_days, content, chosen.name, chosen.version)
    return _freeze(session, by, body, problem, orders, frame), True


def start_what_if(
    session: Session, actor: Actor, base_id: UUID, body: WhatIfIn
) -> tuple[Run, bool]:
    """Change a solved run's frozen input, log it too, and queue its solving.

    Raises:
        NotProposed: the run that it starts from has no plan.
        InvalidInput: a change names what isn't in that run's input, or can't be.

    """
    require_role(actor, Role.DISPATCHER)
    kind, content = RunKind.WHAT_IF, _content_digest(body, base_id)
    existing = _find_same(session, body, kind, content)
    if existing is not None:
        return existing, False
    base = get_run(session, base_id)
    orders = next_orders(stored_orders(base), body, actor.user_id)
    with _as_input_errors():
        problem = changed_problem(session, stored_problem(base), stored_plan(base), orders, body.id)
    frame = _Frame(kind, base, base.day, base.horizon_days, content)
    by = Starter(actor.user_id, actor.reference)
    return _freeze(session, by, body, problem, orders, frame), True


def adopt(session: Session, actor: Actor, run_id: UUID, body: AdoptIn) -> tuple[Run, bool]:
    """Start a real run with a what-if's policy, pins and bans, on what is there now.

    A ban of what is gone is left out of its snapshot; a pin of it is refused.

    Raises:
        NotWhatIf: it is a real run already, or its supply is invented.

    """
    require_role(actor, Role.DISPATCHER)
    run = get_run(session, run_id)
    orders = stored_orders(run)
    if run.kind is not RunKind.WHAT_IF or orders.invented:
        why = "its supply is invented" if orders.invented else "it is one already"
        raise NotWhatIf(
            f"Run {run_id} can't be made a real run: {why}", field="run_id", value=run_id
        )
    wanted = RunIn(
        id=body.id,
        day=run.day,
        horizon_days=run.horizon_days,
        occurred_at=body.occurred_at,
        note=body.note,
        policy=orders.policy,
        pins=list(orders.pins),
        bans=list(orders.bans),
    )
    by = Starter(actor.user_id, actor.reference)
    return begin(session, by, wanted, orders, forgiving=True)


def solve_again(session: Session, actor: Actor, run_id: UUID, body: AgainIn) -> tuple[Run, bool]:
    """Solve a run's question on what is there now, its plan being the last one.

    Its policy stays, and what was set by hand for it, as far as that still fits.

    Raises:
        InvalidInput: the run has no plan.

    """
    require_role(actor, Role.DISPATCHER)
    run = get_run(session, run_id)
    kept = stored_orders(run)
    wanted = RunIn(
        id=body.id,
        day=body.day or run.day,
        horizon_days=run.horizon_days,
        occurred_at=body.occurred_at,
        note=body.note,
        policy=None if run.policy_name else kept.policy,
        policy_name=run.policy_name,
        policy_version=run.policy_version,
        pins=[],
        bans=[],
        base_run=run.id,
    )
    by = Starter(actor.user_id, actor.reference)
    return begin(session, by, wanted, Orders(), carried=wishes_of(kept))


def stop_run(session: Session, actor: Actor, run_id: UUID) -> Run:
    """Ask a run that is being solved for the best plan so far; one that waits is called off.

    What was asked already is asked once. Raises NotBeingSolved where there is nothing to stop.
    """
    require_role(actor, Role.DISPATCHER)
    run = get_run(session, run_id, for_update=True)
    if run.state not in UNSOLVED:
        if run.stop_asked_at is not None:
            return run
        raise NotBeingSolved(
            f"Run {run_id} is {run.state}", field="run_id", value=run_id, mend="leave it as it is"
        )
    run.stop_asked_by = run.stop_asked_by or actor.user_id
    run.stop_asked_at = run.stop_asked_at or datetime.now(UTC)
    if run.state is RunState.QUEUED:
        run.state, run.decided_by = RunState.CANCELLED, actor.user_id
        run.decided_at = run.stop_asked_at
    return run


@dataclass(frozen=True, slots=True)
class _Frame:
    """What a run is beside its input."""

    kind: RunKind
    base: Run | None
    day: date
    horizon_days: int
    content_digest: str
    policy_name: str | None = None
    policy_version: int | None = None


def _freeze(
    session: Session,
    by: Starter,
    body: RunIn | WhatIfIn,
    problem: Problem,
    orders: Orders,
    frame: _Frame,
) -> Run:
    """Store the input's bytes, log their digest, and queue the solving."""
    content = snapshot_bytes(problem)
    facts: dict[str, Any] = {
        "digest": digest_text(content),
        "day": frame.day.isoformat(),
        "horizon_days": frame.horizon_days,
        "needs": len(problem.needs),
        "sources": len(problem.sources),
    }
    if frame.kind is RunKind.WHAT_IF and frame.base is not None:
        # Who keeps the log sees what was tried before a plan was chosen.
        facts["what_if_of"] = str(frame.base.id)
    statement = post(
        session,
        Draft(
            id=uuid5(body.id, "snapshot"),
            kind=EntryKind.SNAPSHOT,
            occurred_at=moment_of(body.occurred_at),
            actor=by.reference,
            document=f"run:{body.id}",
            facts=facts,
        ),
    )
    run = Run(
        id=body.id,
        kind=frame.kind,
        state=RunState.QUEUED,
        base_run=frame.base.id if frame.base else None,
        orders=None if orders == Orders() else orders.model_dump(mode="json"),
        day=frame.day,
        horizon_days=frame.horizon_days,
        policy_name=frame.policy_name,
        policy_version=frame.policy_version,
        started_by=by.user_id,
        started_at=statement.entry.occurred_at,
        snapshot=content,
        snapshot_digest=digest_text(content),
        snapshot_entry=statement.entry.id,
        note=body.note,
        content_digest=frame.content_digest,
        pieces_needed=sum(need.quantity for need in problem.needs),
    )
    session.add(run)
    session.flush()
    enqueue(session, SOLVE, str(run.id))
    return run


def _base_run(session: Session, body: RunIn, orders: Orders) -> Run | None:
    """The run whose plan is the last one: as given, else the newest where that matters."""
    if body.base_run is None:
        return find_last_run(session) if orders.policy.stability_micro_per_piece else None
    base = get_run(session, body.base_run)
    if base.plan is None:
        raise InvalidInput(
            f"Run {base.id} is {base.state}: it has no plan to stay close to",
            field="base_run",
            value=base.id,
            mend="name a run with a plan",
        )
    return base


def _snapshot(
    session: Session,
    body: RunIn,
    orders: Orders,
    base: Run | None,
    standing: Sequence[Wish],
    *,
    forgiving: bool,
) -> tuple[Problem, Orders]:
    """The frozen input, and all that is set by hand in it: for this run, and for every one."""
    with _as_input_errors():
        problem = take_snapshot(session, body.day, body.horizon_days, orders.to_policy())
        if not problem.needs:
            raise NothingToAllocate(
                f"No need posted by {body.day} is outstanding",
                field="day",
                value=body.day.isoformat(),
                mend="wait for needs, or choose a later day",
            )
        if base is not None:
            problem = replace(problem, last=pairs_of(stored_plan(base), problem))
        orders = with_rules(problem, orders, standing)
        return with_orders(problem, orders, forgiving=forgiving), orders


@contextmanager
def _as_input_errors() -> Iterator[None]:
    """What the optimizer refuses of an input is the sender's to mend."""
    try:
        yield
    except ProblemError as error:
        raise InvalidInput(str(error), field=error.where, mend=error.message) from error


def _content_digest(body: RunIn | WhatIfIn, base_id: UUID | None = None) -> str:
    """What tells one order from another, whenever and under whatever id it is sent."""
    content = body.model_dump_json(exclude={"id", "occurred_at"})
    return digest_text(f"{base_id or ''}{content}".encode())


def _find_same(session: Session, body: RunIn | WhatIfIn, kind: RunKind, content: str) -> Run | None:
    """The run of this id, if the very same was asked before.

    Raises:
        EntryIdReused: another run has this id.

    """
    take_turns(session, f"run/{body.id}")
    run = session.get(Run, body.id)
    if run is None:
        return None
    # Runs of earlier versions have no digest of what was asked.
    known = run.content_digest or content
    if (run.kind, known) != (kind, content) or body.occurred_at not in {None, run.started_at}:
        raise EntryIdReused(
            f"Run {run.id} exists, for {run.day} and {run.horizon_days} days",
            field="id",
            value=body.id,
            mend="make a new UUID for a new run; send the very same body to repeat one",
        )
    return run
