"""Why each need gets what it gets, and what would change it, in the reader's language."""

import csv
import io
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import sqlalchemy as sa
from babel.dates import format_date
from babel.numbers import format_decimal, format_percent
from babel.units import format_unit
from sqlalchemy import ColumnElement
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from optimizer.explain import sentence
from optimizer.plan import Plan, Reason
from optimizer.problem import Problem
from optimizer.remedies import Remedy, remedies
from services.catalog import service as catalog
from services.dispatch import store
from services.dispatch.expected import expectations
from services.dispatch.models import UNSOLVED, Run, RunKind, RunState
from services.dispatch.schemas import (
    NeedAnswer,
    OutcomeOut,
    ReasonOut,
    RemedyOut,
)
from services.parties.models import Region
from services.parties.pages import sites_by_code
from services.requests.models import Need
from services.web.i18n import LOCALES, translations


@dataclass(frozen=True, slots=True)
class Words:
    """A language for the optimizer's sentences, with the names that people know things by."""

    language: str
    day0: date
    names: dict[str, dict[str, str]]

    @property
    def locale(self) -> str:
        return LOCALES[self.language]

    def gettext(self, message: str) -> str:
        return translations(self.language).gettext(message)

    def ngettext(self, one: str, many: str, number: int) -> str:
        return translations(self.language).ngettext(one, many, number)

    def number(self, value: int) -> str:
        return format_decimal(value, locale=self.locale)

    def percent(self, value: Decimal) -> str:
        digits = max(0, -int(value.as_tuple().exponent))
        pattern = f"#,##0.{'0' * digits}%"
        return format_percent(value.scaleb(-2), pattern, locale=self.locale)

    def distance(self, metres: int) -> str:
        return format_unit(metres // 1000, "length-kilometer", length="short", locale=self.locale)

    def day(self, day: int) -> str:
        return format_date(self.day0 + timedelta(days=day), "medium", locale=self.locale)

    def name(self, kind: str, identifier: str) -> str:
        if kind == "earmark":
            kind, _, identifier = identifier.partition(":")
        # A zone is a region; a lot that somebody imagined may lie where nobody knows a name.
        return self.names.get(kind, {}).get(identifier, identifier)


def words(session: Session, language: str, day0: date) -> Words:
    """The words for sentences about a run of that day."""
    attribute = f"name_{language}"
    regions = {row.code: getattr(row, attribute) for row in session.exec(select(Region))}
    return Words(
        language,
        day0,
        {
            "site": {code: getattr(row, attribute) for code, row in sites_by_code(session).items()},
            "item": {row.code: getattr(row, attribute) for row in catalog.items(session)},
            "region": regions,
            "zone": regions,
        },
    )


def reason_out(reason: Reason, told_in: Words) -> ReasonOut:
    return ReasonOut(
        code=reason.code, params=dict(reason.params), sentence=sentence(reason, told_in)
    )


def remedies_out(
    problem: Problem,
    plan: Plan,
    told_in: Words,
    need_ids: Collection[str] | None = None,
    pieces: int | None = None,
) -> dict[str, list[RemedyOut]]:
    """What would change the result of these needs, or of all, by need."""
    said: dict[int, RemedyOut] = {}

    def say(remedy: Remedy) -> RemedyOut:
        # Needs of one pool share their remedies, and those are put in words once.
        if id(remedy) not in said:
            said[id(remedy)] = RemedyOut(
                code=remedy.code, params=dict(remedy.params), sentence=sentence(remedy, told_in)
            )
        return said[id(remedy)]

    found = remedies(problem, plan, need_ids, pieces)
    return {need: [say(each) for each in told] for need, told in found.items()}


COLUMNS = (
    *("need_id", "site", "item", "tier", "requested", "allocated", "substituted", "late"),
    *("fill_ppm", "reason_code", "reason", "remedies", "expected"),
)


def outcomes_csv(outcomes: Iterable[OutcomeOut]) -> str:
    """The outcomes as a sheet, a row for each need, with its reason and remedies in words."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for each in outcomes:
        figures = each.model_dump(mode="json", exclude={"reason", "remedies"})
        told = {
            "reason_code": each.reason.code,
            "reason": each.reason.sentence,
            "remedies": " ".join(remedy.sentence for remedy in each.remedies),
        }
        writer.writerow(figures | told)
    return text.getvalue()


def find_answer(
    session: Session, need: Need, language: str, pieces: int | None = None
) -> NeedAnswer | None:
    """What the newest approved plan says to a need; None where no plan that holds looked at it.

    ``next_run`` is the state of a newer run that looks at it too, where there is one.
    """
    run = _newest_that_looks_at(
        session, need, {RunState.APPROVED}, col(Run.started_at) >= need.posted_at
    )
    if run is None:
        return None
    undecided = {RunState.PROPOSED, *UNSOLVED}
    newer = _newest_that_looks_at(session, need, undecided, col(Run.started_at) > run.started_at)
    problem, plan = store.stored_problem(run), store.stored_plan(run)
    name, told_in = str(need.id), words(session, language, run.day)
    outcome = next(each for each in plan.outcomes if each.need_id == name)
    return NeedAnswer(
        need_id=need.id,
        run_id=run.id,
        day=run.day,
        requested=outcome.requested,
        allocated=store.approved_pieces(run, name, outcome.allocated),
        planned=outcome.allocated,
        rest=run.rest,
        rest_reason=run.rest_reason,
        reason=reason_out(outcome.reason, told_in),
        remedies=remedies_out(problem, plan, told_in, [name], pieces)[name],
        next_run=newer.state if newer else None,
        next_run_day=newer.day if newer else None,
        expected=[
            each for each in expectations(session, sites=[need.site]) if each.need_id == need.id
        ],
    )


def _newest_that_looks_at(
    session: Session, need: Need, states: Collection[RunState], started: ColumnElement[bool]
) -> Run | None:
    """The newest run in such a state in whose frozen input the need stands, without its plan."""
    stands = sa.func.position(sa.literal(str(need.id).encode()).op("IN")(Run.snapshot)) > 0
    statement = (
        select(Run)
        .options(defer(Run.plan))  # type: ignore[arg-type]
        .where(col(Run.state).in_(states), col(Run.kind) == RunKind.ALLOCATION, stands)
        .where(started)
        .order_by(col(Run.started_at).desc(), col(Run.id))
    )
    return session.exec(statement.limit(1)).first()
