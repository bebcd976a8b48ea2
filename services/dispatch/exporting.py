"""A run as one file that anybody can check without us: the exact bytes and their digests."""

from typing import Any

from services.dispatch.models import Run
from services.dispatch.store import NotProposed

FORMAT = "medrelay-run/1"


def exported(run: Run) -> dict[str, Any]:
    """The run's file, as `medrelay check-plan` reads it.

    The texts are the very bytes whose digests were logged, in the entries that ``run`` names.

    Raises:
        NotProposed: it has no plan.

    """
    if run.plan is None:
        raise NotProposed(f"Run {run.id} is {run.state}: there is no plan to check")
    return {
        "format": FORMAT,
        "snapshot": run.snapshot.decode(),
        "plan": run.plan.decode(),
        "snapshot_digest": run.snapshot_digest,
        "plan_digest": run.plan_digest,
        "run": {
            "id": str(run.id),
            "kind": run.kind.value,
            "state": run.state.value,
            "day": run.day.isoformat(),
            "horizon_days": run.horizon_days,
            "started_at": run.started_at.isoformat(),
            "snapshot_entry": str(run.snapshot_entry),
            "plan_entry": str(run.plan_entry),
            "approval_entry": str(run.approval_entry) if run.approval_entry else None,
        },
    }
