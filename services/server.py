"""Running the web service: in this thread, or beside a driver in the same process."""

import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from services.app import create_app
from services.database import Database
from services.jobs.runtime import Jobs
from services.settings import Settings


class ServerDidNotStart(Exception):
    """The port is taken, or the address isn't one of this machine's."""


def _config(settings: Settings, database: Database) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(database),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
    )


@contextmanager
def running_jobs(settings: Settings, database: Database) -> Iterator[Jobs]:
    """The durable jobs, for as long as the block lasts."""
    jobs = Jobs(settings, database)
    jobs.start()
    try:
        yield jobs
    finally:
        jobs.stop()


def serve(settings: Settings, database: Database) -> None:
    """Serve until interrupted."""
    uvicorn.Server(_config(settings, database)).run()


def work(settings: Settings, database: Database) -> None:
    """Run the durable jobs until interrupted or asked to stop."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with running_jobs(settings, database):
        stop.wait()


def refuse_taken_port(settings: Settings) -> None:
    """Learn before anything is set up whether the address can be served on.

    Raises:
        ServerDidNotStart: the port is taken, or the address isn't one of this machine's.

    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise ServerDidNotStart(
                f"Can't serve on {settings.host}:{settings.port} ({error.strerror}): stop what is "
                "there, or choose another port with MEDRELAY_PORT"
            ) from error


@contextmanager
def serving(settings: Settings, database: Database) -> Iterator[threading.Thread]:
    """Serve in a thread of its own, for as long as the block lasts; yields the thread."""
    server = uvicorn.Server(_config(settings, database))
    thread = threading.Thread(target=server.run, name="server", daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise ServerDidNotStart(f"Can't serve on {settings.host}:{settings.port}")
        time.sleep(0.02)
    try:
        yield thread
    finally:
        server.should_exit = True
        thread.join(timeout=10)
