"""Every search form of the pages, sent as browsers do: with the fields that nobody filled in."""

import re
from urllib.parse import urlencode

import pytest
from fastapi.testclient import TestClient

from services.database import Database
from services.settings import PROJECT_ROOT
from tests.browser import Browser, PageForms
from tests.world import stock

_TEMPLATES = PROJECT_ROOT / "services" / "web" / "templates"
_SEARCH = re.compile(r'<form class="search" method="get" action="/\{\{ lang \}\}/([a-z/-]+)"')
PAGES = sorted(
    {page for file in _TEMPLATES.glob("*.html") for page in _SEARCH.findall(file.read_text())}
)


def test_the_searches_are_found() -> None:
    assert len(PAGES) > 25
    assert {"shipments", "stock", "needs", "people"} <= set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_a_search_with_nothing_filled_in_is_answered(
    page: str, api: TestClient, database: Database
) -> None:
    with database.transaction() as session:
        stock(session, "W1", "gloves", 100)
    path, sent = f"/en/{page}", 0
    for role in ("admin", "hospital", "maker", "carrier", "donor"):
        person = Browser(api, database, role)
        opened = person.client.get(path)
        assert opened.status_code in {200, 403}, f"{role}: {opened.status_code}"
        for form in PageForms(opened.text).forms:
            if form.action == path and form.method == "get":
                person.get(f"{path}?{urlencode(form.values)}")
                person.get(f"{path}?{urlencode(dict.fromkeys(form.values, ''))}")
                sent += 1
    assert sent, f"nobody is shown the search of {path}"
