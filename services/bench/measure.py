"""Run one task in a process of its own, and say how long it took and how much memory it held.

A fresh process each: nothing is warm from the one before, peaks don't mix, and libraries that can't
be loaded together never meet. What runs is `services.bench.child`.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Measured", "run_apart"]

SAMPLE_S = 0.1
MEGABYTE = 10**6
PAGE = os.sysconf("SC_PAGE_SIZE")
SESSION_FIELD = 3  # in /proc/…/stat, counted after the name, which may hold spaces


@dataclass(frozen=True, slots=True)
class Measured:
    """What a task returned, or why it returned nothing; `peak_mb` is in megabytes (10⁶ bytes).

    The peak is of all its processes together: what each holds alone and its part of what they share
    (proportional set size), sampled ten times a second; or, where that is more, the largest
    resident size of its first process as the kernel saw it.
    """

    result: dict[str, Any] = field(default_factory=dict)
    peak_mb: float = 0.0
    why: str | None = None


def run_apart(
    task: str,
    arguments: dict[str, Any],
    *,
    timeout_s: float | None = None,
    memory_mb: float | None = None,
    tick: Callable[[], None] = lambda: None,
) -> Measured:
    """Run a task of `services.bench.child` with JSON arguments; returns its JSON result.

    It is ended, with all that it started, after `timeout_s` seconds, or when it holds more than
    `memory_mb` megabytes; `tick` is called at every sample.
    """
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as complaints:
        command = [sys.executable, "-m", "services.bench.child", task, json.dumps(arguments)]
        process = subprocess.Popen(  # noqa: S603 -- our own module, by this very interpreter
            command, stdout=answer, stderr=complaints, start_new_session=True
        )
        try:
            peak, why = _watch(process, timeout_s, memory_mb, tick)
        finally:
            _end(process)
        answer.seek(0)
        complaints.seek(0)
        if why is None and process.returncode:
            why = _last_line(complaints.read()) or f"ended with {process.returncode}"
        if why is not None:
            return Measured(peak_mb=round(peak / MEGABYTE, 1), why=why)
        result = json.loads(answer.read())
    peak = max(peak, result.pop("peak_bytes"))
    return Measured(result, round(peak / MEGABYTE, 1), result.pop("why", None))


def _watch(
    process: subprocess.Popen[bytes],
    timeout_s: float | None,
    memory_mb: float | None,
    tick: Callable[[], None],
) -> tuple[int, str | None]:
    """Sample until it ends, or has to be ended; returns the peak in bytes, and why it has to."""
    peak, begun = 0, time.monotonic()
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(SAMPLE_S)
            return peak, None
        peak = max(peak, _held(process.pid, peak))
        tick()
        if timeout_s is not None and time.monotonic() - begun > timeout_s:
            return peak, f"did not end within {timeout_s:g} s"
        if memory_mb is not None and peak > memory_mb * MEGABYTE:
            return peak, f"needs more than {memory_mb:g} MB"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it and whatever it has started, which is in its session and group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _held(session: int, peak: int) -> int:
    """Return the bytes that a session's processes hold together, 0 where the kernel doesn't say.

    The proportional size is dear to ask for, so only where the resident sizes exceed the peak.
    """
    members = _members(session)
    if sum(_resident(each) for each in members) <= peak:
        return 0
    return sum(_proportional(each) for each in members)


def _members(session: int) -> list[Path]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            stat = (folder / "stat").read_text()
            if int(stat.rpartition(")")[2].split()[SESSION_FIELD]) == session:
                found.append(folder)
    return found


def _resident(folder: Path) -> int:
    with suppress(OSError):
        return int((folder / "statm").read_text().split()[1]) * PAGE
    return 0


def _proportional(folder: Path) -> int:
    with suppress(OSError):
        for line in (folder / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def _last_line(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else ""
