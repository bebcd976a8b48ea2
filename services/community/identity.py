"""Who a household is, as a keyed hash; and codes that say nothing about it.

The identity that a resident gives is never stored. HMAC-SHA256 (RFC 2104) under a key that lies
outside the database lets us see that the same household comes again, and nobody else find out who
it is by trying all numbers.
"""

import hashlib
import hmac
from functools import lru_cache
from unicodedata import normalize
from uuid import UUID

from ledger.keys import load_or_create_secret, parse_secret
from services.settings import get_settings

# Crockford's base 32: no letter that is taken for a digit when it is read out.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE_LENGTH = 8
_LOOK_ALIKES = str.maketrans("OIL", "011")


@lru_cache
def secret() -> bytes:
    """The 32 bytes of the key: from the environment, or its file, made when absent."""
    settings = get_settings()
    if settings.community_key is not None:
        return parse_secret(settings.community_key.get_secret_value())
    return load_or_create_secret(settings.data_dir / "keys" / "community.key")


def household_hash(identity: str) -> str:
    """64 hex digits for an identity number, however it was typed: spaces, case and width aside."""
    return _keyed("household", bare(identity))


def nobody(booking_id: UUID) -> str:
    """What stands in a household's place once it is forgotten: no other booking has it."""
    return _keyed("forgotten", str(booking_id))


def bare(identity: str) -> str:
    """Letters and digits of an identity, in one way of writing them."""
    folded = normalize("NFKC", identity).upper()
    return "".join(letter for letter in folded if letter.isalnum())


def code_of(booking_id: UUID) -> str:
    """The code that a resident shows, as ``7K3M-9QXT``: the same one for the same booking."""
    number = int(_keyed("code", str(booking_id))[:16], 16)
    letters = [_ALPHABET[(number >> 5 * place) & 31] for place in range(_CODE_LENGTH)]
    return "".join(letters[:4]) + "-" + "".join(letters[4:])


def code_hash(code: str) -> str:
    """What is kept of a code, however it was typed."""
    return _keyed("shown", bare(code).translate(_LOOK_ALIKES))


def _keyed(use: str, text: str) -> str:
    return hmac.new(secret(), f"{use}\x00{text}".encode(), hashlib.sha256).hexdigest()


def body_digest(text: str) -> str:
    """What tells a repeated body from another: keyed too, since the body names the household."""
    return _keyed("body", text)
