"""When a run was started and decided: not in the future, and one after the other."""

from datetime import UTC, datetime

from services.dispatch.models import Run
from services.errors import InvalidInput
from services.journal.clock import refuse_future


def moment_of(given: datetime | None) -> datetime:
    """When it happened: as given, and not in the future; now where nothing is given."""
    if given is not None:
        refuse_future(given)
    return given or datetime.now(UTC)


def after_start(run: Run, moment: datetime | None) -> datetime:
    """When it was decided: not in the future, and not before the run was started."""
    decided_at = moment_of(moment)
    if decided_at < run.started_at:
        raise InvalidInput(
            f"The run was started at {run.started_at.isoformat()}, after that",
            field="occurred_at",
            value=decided_at.isoformat(),
            mend="give the time of the decision",
        )
    return decided_at
