"""The container set-up names only what exists: images, order of start, settings, commands."""

import re
from typing import Any

import pytest
from typer.main import get_command

from services.cli import app
from services.settings import PROJECT_ROOT, Settings
from tests.e2e.compose import Compose, read_compose

OURS = ("migrate", "api", "worker")


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = read_compose()["services"]
    return found


def test_it_has_database_chain_migration_api_and_workers(services: dict[str, Any]) -> None:
    assert set(services) == {"database", "chain", *OURS}
    assert services["database"]["image"] == "postgres:18"
    assert [services[name]["command"] for name in OURS] == [["migrate"], ["serve"], ["work"]]


def test_each_starts_when_what_it_leans_on_is_up(services: dict[str, Any]) -> None:
    order = {
        name: {other: how["condition"] for other, how in service.get("depends_on", {}).items()}
        for name, service in services.items()
    }
    migrated = {"migrate": "service_completed_successfully"}
    assert order == {
        "database": {},
        "chain": {},
        "migrate": {"database": "service_healthy", "chain": "service_healthy"},
        "api": migrated,
        "worker": migrated | {"chain": "service_healthy"},
    }
    for name in ("database", "chain", "api"):
        assert services[name]["healthcheck"]["test"][0] == "CMD"


def test_workers_can_be_as_many_as_wanted(services: dict[str, Any]) -> None:
    assert "container_name" not in services["worker"]
    assert "ports" not in services["worker"]


def test_state_is_kept_in_volumes_that_are_declared(services: dict[str, Any]) -> None:
    mounted = {
        volume.partition(":")[0]
        for service in services.values()
        for volume in service.get("volumes", ())
    }
    assert mounted == set(read_compose()["volumes"]) == {"database", "chain", "keys"}
    assert "--state=/data/state.json" in services["chain"]["command"]


def test_every_setting_that_is_given_exists_and_can_be_read(
    services: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in OURS:
        environment = services[name]["environment"]
        known = {f"MEDRELAY_{field.upper()}" for field in Settings.model_fields}
        assert set(environment) <= known
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        settings = Settings()
        assert settings.jobs_in_server is False
        assert settings.chain_url == "${MEDRELAY_CHAIN_URL:-http://chain:8545}"
    named = set(re.findall(r"\bMEDRELAY_[A-Z_]+", (PROJECT_ROOT / "Dockerfile").read_text()))
    assert named <= known


def test_every_command_that_is_given_exists(services: dict[str, Any]) -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    assert {services[name]["command"][0] for name in OURS} <= set(commands)


def test_the_database_is_not_open_to_the_outside(services: dict[str, Any]) -> None:
    assert "ports" not in services["database"]
    assert "ports" not in services["chain"]
    password = services["database"]["environment"]["POSTGRES_PASSWORD"]
    assert password.startswith("${POSTGRES_PASSWORD:?"), "no password stands in the file"
    assert all(port.startswith("127.0.0.1:") for port in services["api"]["ports"])


def test_the_image_runs_as_a_plain_user_from_the_lock() -> None:
    lines = (PROJECT_ROOT / "Dockerfile").read_text().splitlines()
    assert "RUN pip install --require-hashes -r requirements.lock" in lines
    users = [line for line in lines if line.startswith("USER ")]
    assert users == ["USER medrelay", "USER node"]


def test_the_node_is_the_same_version_everywhere() -> None:
    dockerfile = (PROJECT_ROOT / "Dockerfile").read_text()
    makefile = (PROJECT_ROOT / "Makefile").read_text()
    in_image = re.search(r"ARG ANVIL_VERSION=(\S+)", dockerfile)
    on_machine = re.search(r"ANVIL_VERSION := (\S+)", makefile)
    assert in_image is not None
    assert on_machine is not None
    assert in_image[1] == on_machine[1]


def test_everything_that_the_image_copies_is_in_its_context() -> None:
    copied: set[str] = set()
    for line in (PROJECT_ROOT / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY "):
            copied.update(line.split()[1:-1])
    ignored = (PROJECT_ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert copied == let_in
    assert all((PROJECT_ROOT / name).exists() for name in copied)


def test_a_rehearsal_has_the_same_environment_with_local_addresses() -> None:
    here = {
        "@database:5432": "@127.0.0.1:1",
        "${MEDRELAY_CHAIN_URL:-http://chain:8545}": "http://127.0.0.1:2",
    }
    local = Compose(here)
    ours = read_compose()["services"]["worker"]["environment"]
    assert set(local.environment("worker")) == set(ours)
    assert "@127.0.0.1:1/" in local.environment("worker")["MEDRELAY_DATABASE_URL"]
    assert local.environment("worker")["MEDRELAY_CHAIN_URL"] == "http://127.0.0.1:2"
