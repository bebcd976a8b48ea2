"""The driver's way to the API: one caller for every user, each with a token of its own."""

import threading
import time
from types import TracebackType
from typing import Any, Self

import httpx2

from services.errors import DomainError

API = "/api/v1"
_PATIENCE_S = 120.0
_AWAY = frozenset({502, 503, 504})


class DriveFailed(DomainError):
    """The API refused what the scenario does; ``problem`` is its answer."""

    code, status, title = "drive-failed", 500, "The scenario can't go on"


class Refused(DriveFailed):
    """The API's rules forbid it; ``problem_code`` is the word for why, such as ``quota-used``."""

    def __init__(self, detail: str, problem_code: str) -> None:
        super().__init__(detail)
        self.problem_code = problem_code


class NotThere(DriveFailed):
    """Nothing stands at that address."""


class ApiCaller:
    """Calls the API as any of the scenario's users.

    The administrator signs in with a password and has tokens issued for the others; leaving the
    context revokes them. Every write of the driver carries its own id, so that whatever meets a
    part of the system that is away is simply sent again.
    """

    def __init__(self, client: httpx2.Client, username: str, password: str) -> None:
        self._client = client
        self._admin = username
        self._password = password
        self._secrets: dict[str, str] = {}
        self._token_ids: list[str] = []
        self._issuing = threading.Lock()

    def __enter__(self) -> Self:
        body = {"username": self._admin, "password": self._password}
        self._keep(self._send("POST", "/sign-in", json=body))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:  # the server may be gone; tokens of a failed drive don't outlast it
            return
        for token_id in reversed(self._token_ids):
            self._send("DELETE", f"/tokens/{token_id}", username=self._admin)

    def get(self, username: str | None, path: str, **query: object) -> Any:
        # httpx takes a path's own query away where it is given another, even an empty one.
        more: dict[str, Any] = {"params": query} if query else {}
        return self._send("GET", path, username=username, **more)

    def find(self, username: str | None, path: str) -> Any:
        """What stands there, or None where nothing does."""
        try:
            return self.get(username, path)
        except NotThere:
            return None

    def post(self, username: str | None, path: str, body: dict[str, Any]) -> Any:
        return self._send("POST", path, username=username, json=body)

    def tell(self, username: str | None, path: str, body: dict[str, Any]) -> None:
        """Post what nobody reads the answer of: where the API can leave it out, it does."""
        self._send("POST", path, username=username, json=body, prefer="return=minimal")

    def attempt(self, username: str | None, path: str, body: dict[str, Any]) -> str | None:
        """Post what may well be refused (409): the code of the problem, or None if it was done."""
        try:
            self.post(username, path, body)
        except Refused as refusal:
            return refusal.problem_code
        return None

    def put(self, username: str | None, path: str, body: dict[str, Any]) -> Any:
        return self._send("PUT", path, username=username, json=body)

    def patch(self, username: str, path: str, body: dict[str, Any]) -> Any:
        return self._send("PATCH", path, username=username, json=body)

    def _send(
        self,
        method: str,
        path: str,
        *,
        username: str | None = None,
        prefer: str | None = None,
        **more: Any,
    ) -> Any:
        headers = {"Authorization": f"Bearer {self._secret(username)}"} if username else {}
        if prefer is not None:
            headers["Prefer"] = prefer
        give_up = time.monotonic() + _PATIENCE_S
        while True:
            try:
                answer = self._client.request(method, API + path, headers=headers, **more)
            except httpx2.TransportError as error:
                failure, wait = str(error), 1.0
            else:
                if answer.status_code not in _AWAY:
                    return _content(method, path, answer)
                failure, wait = answer.text, float(answer.headers.get("Retry-After", 1))
            if time.monotonic() + wait > give_up:
                raise DriveFailed(f"{method} {path}: away for {_PATIENCE_S:.0f} s: {failure}")
            time.sleep(wait)

    def _secret(self, username: str) -> str:
        if username == self._admin:
            return self._secrets[username]
        with self._issuing:
            if username not in self._secrets:
                body = {"username": username, "label": "scenario"}
                self._keep(self._send("POST", "/tokens", username=self._admin, json=body))
            return self._secrets[username]

    def _keep(self, token: dict[str, Any]) -> None:
        self._secrets[token["username"]] = token["secret"]
        self._token_ids.append(token["id"])


def _content(method: str, path: str, answer: httpx2.Response) -> Any:
    if answer.is_success:
        return answer.json() if answer.content else None
    told = f"{method} {path} was answered {answer.status_code}: {answer.text}"
    if answer.status_code == httpx2.codes.CONFLICT:
        raise Refused(told, str(answer.json()["type"]).rpartition(":")[2])
    if answer.status_code == httpx2.codes.NOT_FOUND:
        raise NotThere(told)
    raise DriveFailed(told)
