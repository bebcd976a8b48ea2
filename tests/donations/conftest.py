"""The desk as whom the tests of gifts and money ask."""

import pytest
from fastapi.testclient import TestClient

from tests.donations.acts import Desk
from tests.world import World


@pytest.fixture
def desk(api: TestClient, world: World) -> Desk:
    return Desk(api, world)
