"""A browser without scripts, for tests: it signs in, opens pages, fills forms in and sends them."""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from urllib.parse import urlencode

from fastapi.testclient import TestClient
from httpx2 import Response

from services.database import Database
from services.parties.models import SignIn
from tests.world import user_id

ORIGIN = {"Origin": "http://testserver"}


@dataclass
class PageForm:
    """A form as a page shows it: where it goes, and what it would send untouched."""

    action: str = ""
    method: str = "get"
    values: dict[str, str] = field(default_factory=dict)
    labels: set[str] = field(default_factory=set)
    shown: dict[str, str] = field(default_factory=dict)


class PageForms(HTMLParser):
    """Reads the forms of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[PageForm] = []
        self._select: str | None = None
        self._textarea: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        here = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(PageForm(here.get("action", ""), here.get("method", "get")))
        elif self.forms and tag == "label":
            self.forms[-1].labels.add(here.get("for", ""))
        elif self.forms and tag == "option" and self._select:
            value = here.get("value", "")
            if "selected" in here or self._select not in self.forms[-1].values:
                self.forms[-1].values[self._select] = value
        elif self.forms and "name" in here:
            self._field(tag, here["name"], here)

    def _field(self, tag: str, name: str, here: dict[str, str]) -> None:
        form = self.forms[-1]
        if tag in {"input", "select", "textarea"} and here.get("type") != "hidden":
            form.shown[name] = here.get("id", "")
        if tag == "input" and (here.get("type") != "checkbox" or "checked" in here):
            form.values[name] = here.get("value", "")
        elif tag == "select":
            self._select = name
        elif tag == "textarea":
            self._textarea = name
            form.values[name] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = None
        elif tag == "textarea":
            self._textarea = None

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.forms[-1].values[self._textarea] += data


class Browser:
    """One person's browser; ``username`` None for the public."""

    def __init__(self, api: TestClient, database: Database, username: str | None = None) -> None:
        self.client = TestClient(api.app, raise_server_exceptions=False, follow_redirects=False)
        if username is not None:
            secret = f"session-of-{username}"
            now = datetime.now(UTC)
            with database.transaction() as session:
                session.merge(
                    SignIn(
                        token_hash=hashlib.sha256(secret.encode()).hexdigest(),
                        user_id=user_id(username),
                        created_at=now,
                        expires_at=now + timedelta(hours=1),
                    )
                )
            self.client.cookies.set("medrelay", secret)

    def get(self, path: str, status: int = 200) -> str:
        answer = self.client.get(path)
        assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text[:2000]}"
        return answer.text

    def form(self, path: str, action: str | None = None) -> PageForm:
        """The page's form that is sent to ``action`` (to the page itself where left out)."""
        wanted = action or path
        found = [form for form in PageForms(self.get(path)).forms if form.action == wanted]
        assert found, f"{path} has no form to {wanted}"
        return found[0]

    def send(self, form: PageForm, **changes: str) -> Response:
        return self.post(form.action, form.values | changes)

    def fill(self, path: str, changes: dict[str, str], action: str | None = None) -> Response:
        """Open a page, change some fields of its form and send it."""
        form = self.form(path, action)
        unknown = changes.keys() - form.shown.keys()
        assert not unknown, f"{path} has no fields {unknown}"
        return self.post(form.action, form.values | changes)

    def post(self, path: str, values: dict[str, str]) -> Response:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.client.post(path, content=urlencode(values), headers=ORIGIN | form)


def went_to(answer: Response) -> str:
    """Where a form's answer leads, without the message that it carries."""
    said = re.findall(r"(?s)<div class=\"slips\".*?</div>", answer.text)
    assert answer.status_code == 303, f"{answer.status_code} {said or answer.text[:500]}"
    return str(answer.headers["location"]).partition("?")[0]
