"""Signatures of webhooks, as receivers of Standard Webhooks 1.0.0 check them.

A webhook's secret is 32 bytes, shown in base 64 after ``whsec_``. It isn't stored: it follows by
HMAC-SHA256 (RFC 2104) from a key outside the database, so who reads the database can sign nothing.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from uuid import UUID

from standardwebhooks import Webhook as Signer

from ledger.keys import load_or_create_secret, parse_secret
from services.settings import get_settings


@lru_cache
def _key() -> bytes:
    settings = get_settings()
    if settings.webhook_key is not None:
        return parse_secret(settings.webhook_key.get_secret_value())
    return load_or_create_secret(settings.data_dir / "keys" / "webhook.key")


def secret_of(webhook_id: UUID, version: int) -> str:
    """The secret that a webhook's receiver holds; a new version is another secret."""
    made = derived("webhook", webhook_id, version)
    return f"whsec_{base64.b64encode(made).decode()}"


def derived(*parts: object) -> bytes:
    """32 bytes that only who has the key can make of these parts; none has a NUL in it."""
    text = "\x00".join(map(str, parts))
    return hmac.new(_key(), text.encode(), hashlib.sha256).digest()


def headers_of(
    secrets: Iterable[str], message_id: str, timestamp_s: int, body: bytes
) -> dict[str, str]:
    """The three headers that go with a body in UTF-8; who knows one of the secrets can check it.

    ``message_id`` has no full stop in it.
    """
    assert "." not in message_id
    at, text = datetime.fromtimestamp(timestamp_s, UTC), body.decode()
    signatures = (Signer(secret).sign(message_id, at, text) for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(signatures),
    }
