"""Opening the log before anything is written: records are bound to its contract."""

import time
from collections.abc import Callable
from contextlib import closing

from ledger.chain import ChainUnavailable
from services.database import Database
from services.jobs.log import LogWriter
from services.journal.log import find_log
from services.settings import Settings

PATIENCE_S = 60.0
_RETRY_S = 1.0


def open_log(
    settings: Settings,
    database: Database,
    say: Callable[[str], None],
    *,
    patience_s: float = PATIENCE_S,
) -> None:
    """Make the log's contract known to the database, where it isn't; wait for a node to come up.

    Raises:
        ChainUnavailable: the node didn't answer for ``patience_s`` seconds.

    """
    with database.transaction() as session:
        if find_log(session) is not None:
            return None
    deadline = time.monotonic() + patience_s
    told = ""
    with closing(LogWriter(settings, database)) as writer:
        while True:
            try:
                return writer.claim()
            except ChainUnavailable as error:
                if str(error) != told:
                    told = str(error)
                    say(f"Waiting for the chain: {told}")
                if time.monotonic() > deadline:
                    raise ChainUnavailable(
                        f"The log isn't opened, and without it no entry can be written: {error}. "
                        "Start the node at MEDRELAY_CHAIN_URL, then run `medrelay migrate` again"
                    ) from error
                time.sleep(_RETRY_S)
