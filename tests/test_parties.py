"""Signing in, tokens, and who may let whom in."""

from fastapi.testclient import TestClient

from tests.world import World

PASSWORD = "correct horse battery"


def new_user(api: TestClient, world: World, username: str = "ward") -> None:
    body = {
        "username": username,
        "display_name": "A ward",
        "role": "hospital",
        "organisation": "HOSP1",
        "password": PASSWORD,
    }
    answer = api.post("/api/v1/users", json=body, headers=world.bearer("admin"))
    assert answer.status_code == 201, answer.text


def sign_in(api: TestClient, password: str = PASSWORD, username: str = "ward") -> dict[str, str]:
    answer = api.post("/api/v1/sign-in", json={"username": username, "password": password})
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['secret']}"}


def test_only_an_administrator_registers_people(api: TestClient, world: World) -> None:
    body = {"username": "x", "display_name": "x", "role": "hospital", "organisation": "HOSP1"}
    for user in ("hospital", "dispatcher", "approver", "auditor"):
        answer = api.post("/api/v1/users", json=body, headers=world.bearer(user))
        assert answer.status_code == 403
    unknown = body | {"organisation": "NOBODY"}
    answer = api.post("/api/v1/users", json=unknown, headers=world.bearer("admin"))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (404, "organisation")
    new_user(api, world)
    again = {**body, "username": "ward"}
    assert api.post("/api/v1/users", json=again, headers=world.bearer("admin")).status_code == 409


def test_only_an_administrator_registers_places(api: TestClient, world: World) -> None:
    body = {
        "code": "P9",
        "organisation": "HOSP1",
        "kind": "relief_point",
        "name_en": "The corner",
        "name_zh": "街角",
        "region": "420000",
        "latitude": 30.6,
        "longitude": 114.3,
    }

    def register(user: str, **changes: object) -> tuple[int, str]:
        answer = api.post("/api/v1/sites", json=body | changes, headers=world.bearer(user))
        told = answer.json().get("errors", [{"field": ""}])
        return answer.status_code, told[0]["field"]

    for user in ("hospital", "dispatcher", "auditor"):
        assert register(user)[0] == 403
    assert register("admin", region="nowhere") == (404, "region")
    assert register("admin", organisation="NOBODY") == (404, "organisation")
    assert register("admin", latitude=91) == (422, "latitude")
    assert register("admin", code="P 9") == (422, "code")
    assert register("admin") == (201, "")
    assert register("admin") == (409, "code")
    assert body in api.get("/api/v1/sites", params={"kind": "relief_point"}).json()


def test_a_role_is_held_in_the_right_kind_of_organisation(api: TestClient, world: World) -> None:
    for role, organisation in (("approver", "CARR1"), ("carrier", "HOSP1"), ("admin", "DONOR1")):
        body = {"username": "x", "display_name": "x", "role": role, "organisation": organisation}
        answer = api.post("/api/v1/users", json=body, headers=world.bearer("admin"))
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "role")


def test_a_refused_password_is_not_shown_again(api: TestClient, world: World) -> None:
    body = {
        "username": "x",
        "display_name": "x",
        "role": "hospital",
        "organisation": "HOSP1",
        "password": "hunter2",
    }
    answer = api.post("/api/v1/users", json=body, headers=world.bearer("admin"))
    assert answer.status_code == 422
    assert "hunter2" not in answer.text


def test_a_user_who_is_let_out_is_out_at_once(api: TestClient, world: World) -> None:
    new_user(api, world)
    headers = sign_in(api)
    assert api.get("/api/v1/me", headers=headers).json()["username"] == "ward"
    out = api.patch("/api/v1/users/ward", json={"active": False}, headers=world.bearer("admin"))
    assert out.status_code == 200
    assert api.get("/api/v1/me", headers=headers).status_code == 401
    body = {"username": "ward", "password": PASSWORD}
    assert api.post("/api/v1/sign-in", json=body).status_code == 401
    refused = api.patch("/api/v1/users/ward", json={"active": True}, headers=world.bearer("donor"))
    assert refused.status_code == 403


def test_a_password_is_changed_by_who_knows_the_old_one(api: TestClient, world: World) -> None:
    new_user(api, world, "ward2")
    headers = sign_in(api, username="ward2")
    wrong = {"old": "something else!", "new": PASSWORD + "!"}
    assert api.put("/api/v1/me/password", json=wrong, headers=headers).status_code == 401
    short = {"old": PASSWORD, "new": "short"}
    assert api.put("/api/v1/me/password", json=short, headers=headers).status_code == 422
    right = {"old": PASSWORD, "new": PASSWORD + "!"}
    assert api.put("/api/v1/me/password", json=right, headers=headers).status_code == 204
    sign_in(api, PASSWORD + "!", "ward2")


def test_a_token_is_listed_until_it_is_revoked(api: TestClient, world: World) -> None:
    new_user(api, world, "ward3")
    headers = sign_in(api, username="ward3")
    made = api.post("/api/v1/tokens", json={"label": "sheet"}, headers=headers).json()
    own = {"Authorization": f"Bearer {made['secret']}"}
    assert made["id"] in {each["id"] for each in api.get("/api/v1/tokens", headers=own).json()}
    foreign = api.delete(f"/api/v1/tokens/{made['id']}", headers=world.bearer("hospital"))
    assert foreign.status_code == 404
    assert api.delete(f"/api/v1/tokens/{made['id']}", headers=headers).status_code == 204
    assert api.get("/api/v1/tokens", headers=own).status_code == 401
    assert made["id"] not in {
        each["id"] for each in api.get("/api/v1/tokens", headers=headers).json()
    }
    for moment in (
        "2001-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-14:00",
        "2027-01-01T00:00:00",
    ):
        body = {"label": "x", "expires_at": moment}
        assert api.post("/api/v1/tokens", json=body, headers=headers).status_code == 422


def test_guessing_is_slowed_down_and_told(api: TestClient, world: World) -> None:
    new_user(api, world, "guessed")
    wrong = {"username": "guessed", "password": "not this one"}
    codes = [api.post("/api/v1/sign-in", json=wrong).status_code for _ in range(21)]
    assert codes == [401] * 20 + [429]
    right = api.post("/api/v1/sign-in", json={"username": "guessed", "password": PASSWORD})
    assert right.status_code == 429
    assert int(right.headers["Retry-After"]) > 0


def test_a_body_beyond_a_megabyte_is_refused_however_it_comes(
    api: TestClient, world: World
) -> None:
    large = b'{"label": "' + b"x" * 2**20 + b'"}'
    headers = world.bearer("admin") | {"Content-Type": "application/json"}
    declared = api.post("/api/v1/tokens", content=large, headers=headers)
    pieces = (large[start : start + 2**16] for start in range(0, len(large), 2**16))
    streamed = api.post("/api/v1/tokens", content=pieces, headers=headers)
    for answer in (declared, streamed):
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"


def test_an_administrator_lists_users_narrowed_sorted_and_as_a_file(
    api: TestClient, world: World
) -> None:
    admin, path = world.bearer("admin"), "/api/v1/users"
    every = api.get(path, headers=admin)
    names = [each["username"] for each in every.json()]
    assert names == sorted(names)
    assert int(every.headers["x-total-count"]) == len(names)
    assert not any("password" in name for name in every.json()[0])
    hospitals = api.get(f"{path}?role=hospital&organisation=&active=true", headers=admin).json()
    assert {each["role"] for each in hospitals} == {"hospital"}
    one = api.get(f"{path}?organisation=HOSP1&sort=-username&limit=1", headers=admin)
    assert [each["organisation"] for each in one.json()] == ["HOSP1"]
    heading, *rows = api.get(f"{path}?format=csv", headers=admin).text.splitlines()
    assert heading.endswith(",email_confirmed_at")
    assert len(rows) == len(names)
    assert api.get(f"{path}?role=nobody", headers=admin).status_code == 422
    assert api.get(path, headers=world.bearer("dispatcher")).status_code == 403
