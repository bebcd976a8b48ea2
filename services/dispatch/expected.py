"""What the newest approved plan expects, as far as its papers still promise it."""

from collections.abc import Collection

from sqlmodel import Session

from services.dispatch.promise import dues
from services.dispatch.schemas import ExpectedOut
from services.dispatch.store import expected_lines, find_last_approved
from services.requests import service as requests


def expectations(
    session: Session, *, sites: Collection[str] | None = None, paper: str | None = None
) -> list[ExpectedOut]:
    """What is expected for these sites, or of a paper: an order, say, with all its lines.

    Left out is what no longer holds: a paper that was cancelled, has brought its goods or brings
    them elsewhere, and a need that has all it asks for. By day, destination and paper.
    """
    run = find_last_approved(session)
    lines = [
        line
        for line in (expected_lines(run) if run else ())
        if (sites is None or line.destination in sites)
        and (paper is None or line.paper.partition("/")[0] == paper)
    ]
    if run is None or not lines:
        return []
    coming = dues(session, first=run.day, days=run.horizon_days + 1)
    kinds = {(due.site, due.subject): due.kind for due in coming}
    needs = requests.get_needs(session, {line.need_id for line in lines})
    missing = {
        state.need.id for state in requests.served(session, needs.values()) if state.outstanding
    }
    found = [
        ExpectedOut(
            run_id=run.id,
            plan_day=run.day,
            need_id=line.need_id,
            item=line.item,
            pieces=line.quantity_base,
            paper=line.paper,
            kind=kinds[line.origin, line.paper],
            origin=line.origin,
            ready_on=line.ready_on,
            destination=line.destination,
            due_on=line.due_on,
        )
        for line in lines
        if (line.origin, line.paper) in kinds and line.need_id in missing
    ]
    return sorted(found, key=lambda each: (each.due_on, each.destination, each.paper))
