"""Keys and signatures as a donor or a consignee makes them on a machine of their own."""

from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi.testclient import TestClient

from ledger.checkpoint import VerifierKey
from ledger.statement import sign_statement
from tests.gifts import JSON
from tests.world import World


class Signer:
    """Somebody of an organisation with a key; the same number gives the same key."""

    def __init__(self, organisation: str, number: int = 1) -> None:
        secret = sha256(f"{organisation} {number}".encode()).digest()
        self.private = Ed25519PrivateKey.from_private_bytes(secret)
        self.vkey = VerifierKey(organisation, self.private.public_key()).encode()
        self.organisation = organisation

    @property
    def key_id(self) -> str:
        return self.vkey.split("+")[1]

    def sign(self, said: JSON) -> JSON:
        return {"key": self.vkey, "sig": sign_statement(said, self.private)}

    def registration(self, api: TestClient) -> JSON:
        """The body that registers the key, signed by itself."""
        said = {
            "type": "medrelay-key/1",
            "log": log_of(api),
            "organisation": self.organisation,
            "key": self.vkey,
        }
        return {"vkey": self.vkey, "sig": self.sign(said)["sig"]}

    def register(self, api: TestClient, world: World, user: str, **changes: object) -> Any:
        return api.post(
            f"/api/v1/organisations/{self.organisation}/keys",
            json=self.registration(api) | changes,
            headers=world.bearer(user),
        )

    def revoke(self, api: TestClient, world: World, user: str) -> Any:
        return api.post(
            f"/api/v1/organisations/{self.organisation}/keys/{self.key_id}/revoke",
            headers=world.bearer(user),
        )


def log_of(api: TestClient) -> JSON:
    """The log as a stranger learns it, for what is signed."""
    log = api.get("/api/v1/audit/log").json()
    return {
        "origin": log["origin"],
        "chain_id": str(log["chain_id"]),
        "contract": log["contract"],
    }
