"""What people who correct send, and how the books look before and after."""

from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from fastapi.testclient import TestClient
from httpx2 import Response

from services.database import Database
from services.journal.verify import check_journal
from tests.world import World

JSON = dict[str, Any]
WHY = "it was counted wrong"


def correct(api: TestClient, entry_id: object, user: str, **body: Any) -> Response:
    return api.post(
        f"/api/v1/entries/{entry_id}/correct",
        json={"id": str(uuid4()), "reason": WHY} | body,
        headers=World().bearer(user),
    )


def corrected(api: TestClient, entry_id: object, user: str) -> JSON:
    answer = correct(api, entry_id, user)
    assert answer.status_code == 201, answer.text
    found: JSON = answer.json()
    return found


def refused(answer: Response, status: int, code: str) -> JSON:
    assert answer.status_code == status, answer.text
    found: JSON = answer.json()
    assert found["type"] == f"urn:medrelay:problem:{code}"
    return found


def outlook(api: TestClient, entry_id: object, user: str) -> JSON:
    answer = api.get(f"/api/v1/entries/{entry_id}/correct", headers=World().bearer(user))
    assert answer.status_code == 200, answer.text
    found: JSON = answer.json()
    return found


def sent(api: TestClient, path: str, body: JSON, user: str) -> JSON:
    answer = api.post(f"/api/v1{path}", json=body, headers=World().bearer(user))
    assert answer.status_code in {200, 201}, answer.text
    found: JSON = answer.json()
    return found


def entries(database: Database, document: str) -> list[tuple[str, UUID]]:
    """A paper's entries by kind, oldest first; those that were taken back too."""
    with database.transaction() as session:
        rows = session.connection().execute(
            sa.text(
                "SELECT kind, id FROM entry WHERE document = :document ORDER BY recorded_at, id"
            ),
            {"document": document},
        )
        return [(row.kind, row.id) for row in rows]


def entry_of(database: Database, document: str, kind: str) -> UUID:
    """The last entry of a kind that a paper has."""
    return [entry_id for one, entry_id in entries(database, document) if one == kind][-1]


def all_is_well(database: Database) -> bool:
    with database.transaction() as session:
        return list(check_journal(session)) == []
