"""Figures for Prometheus: how long requests take, and how far the log has come."""

import time
from collections.abc import Awaitable, Callable

from fastapi import Request
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, Histogram, generate_latest
from starlette.responses import Response

REQUESTS = Histogram(
    "medrelay_request_seconds", "Time to answer a request", ["method", "door", "route", "status"]
)
LEAVES = Gauge("medrelay_log_leaves", "Entries written, sealed, and on the chain", ["stage"])


async def measure(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Middleware: time each request under its route's pattern, so that ids make no series."""
    begun = time.perf_counter()
    response = await call_next(request)
    route = getattr(request.scope.get("route"), "path", "unknown")
    # A route's pattern comes without the prefix under which it was included.
    door = "api" if request.url.path.startswith("/api/") else "page"
    REQUESTS.labels(request.method, door, route, response.status_code).observe(
        time.perf_counter() - begun
    )
    return response


def exposition(entries: int, sealed: int, anchored: int) -> Response:
    """Everything measured, with the log's figures of this moment."""
    for stage, count in (("written", entries), ("sealed", sealed), ("anchored", anchored)):
        LEAVES.labels(stage).set(count)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
