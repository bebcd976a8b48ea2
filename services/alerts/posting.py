"""One POST to somebody else's server, which is never to reach our own network by it.

A name is resolved once, every address of it is looked at, and the connection goes to the address
that was looked at (no second look-up that could say otherwise). No redirect is followed, no proxy
asked, and of the answer nothing is read but its status line.
"""

import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from services.errors import InvalidInput

DEADLINE_S = 15.0
_MOST_READ = 4096
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: |\r?$)")
# Addresses in which another, of version 4, is hidden (RFC 6052, RFC 8215).
_TRANSLATED = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
# The only addresses of version 6 that IANA gives out for everybody to reach (RFC 4291).
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_Address = IPv4Address | IPv6Address


class NotPosted(Exception):
    """It didn't get there; the text says why."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Where posts may go: to private addresses, and without TLS to this very machine."""

    private: bool = False
    plain_loopback: bool = False


def check_url(url: str, allowed: Allowed) -> SplitResult:
    """The parts of an address that posts may go to, as far as can be told without looking it up.

    Raises:
        InvalidInput: it is no such address.

    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused(url, "isn't an address") from None
    if not url.isascii() or not url.isprintable() or set(url) & set(' "<>\\^`{|}'):
        raise _refused(url, "has characters that an address doesn't have")
    if parts.scheme not in {"https", "http"} or not parts.hostname or port == 0:
        raise _refused(url, "isn't an address of a server")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise _refused(url, "names a user or a place in a page")
    if parts.scheme == "http" and not allowed.plain_loopback:
        raise _refused(url, "isn't encrypted")
    try:
        literal = ip_address(parts.hostname)
    except ValueError:
        return parts
    if not _may_go_to(literal, parts.scheme, allowed):
        raise _refused(url, "lies inside a network that isn't public")
    return parts


def post(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    allowed: Allowed,
    context: ssl.SSLContext | None = None,
) -> int:
    """POST a JSON body; the answer's status.

    Raises:
        NotPosted: the address isn't allowed or found, or nothing answered within 15 seconds.

    """
    try:
        parts = check_url(url, allowed)
    except InvalidInput as error:
        raise NotPosted(error.detail) from error
    until = time.monotonic() + DEADLINE_S
    try:
        with _connected(parts, allowed, until) as plain:
            if parts.scheme == "http":
                return _exchange(plain, _request(parts, headers, body), until)
            tls = context or ssl.create_default_context()
            with tls.wrap_socket(plain, server_hostname=parts.hostname) as sealed:
                return _exchange(sealed, _request(parts, headers, body), until)
    except (OSError, UnicodeError) as error:
        raise NotPosted(str(error) or type(error).__name__) from error


def _connected(parts: SplitResult, allowed: Allowed, until: float) -> socket.socket:
    assert parts.hostname is not None
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    for *_, address in found:
        if not _may_go_to(ip_address(address[0]), parts.scheme, allowed):
            raise NotPosted(f"{parts.hostname} leads to {address[0]}, which isn't public")
    failed: OSError = OSError("it has no address")
    for family, kind, protocol, _, address in found:
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(_left(until))
            connection.connect(address)
        except OSError as error:
            connection.close()
            failed = error
        else:
            return connection
    raise failed


def _may_go_to(address: _Address, scheme: str, allowed: Allowed) -> bool:
    found = list(_meant_by(address))
    if scheme == "http":
        return allowed.plain_loopback and all(each.is_loopback for each in found)
    return all(_is_public(each) for each in found) or (
        allowed.private and not any(_is_nowhere(each) for each in found)
    )


def _is_public(address: _Address) -> bool:
    if isinstance(address, IPv6Address):
        reachable = any(address in network for network in (_GLOBAL_UNICAST, *_TRANSLATED))
        return reachable and address.is_global
    return address.is_global and not address.is_multicast


def _is_nowhere(address: _Address) -> bool:
    return address.is_multicast or address.is_unspecified or address.is_link_local


def _meant_by(address: _Address) -> Iterator[_Address]:
    """The address itself and those that are written into it."""
    yield address
    if isinstance(address, IPv6Address):
        yield from filter(None, (address.ipv4_mapped, address.sixtofour))
        yield from address.teredo or ()
        if any(address in network for network in _TRANSLATED):
            yield IPv4Address(int(address) & 0xFFFF_FFFF)


def _request(parts: SplitResult, headers: Mapping[str, str], body: bytes) -> bytes:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc
    lines = {
        "Host": host,
        "User-Agent": "Medrelay-Webhooks/1",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {target} HTTP/1.1\r\n{head}\r\n".encode("ascii") + body


def _exchange(connection: socket.socket, request: bytes, until: float) -> int:
    connection.settimeout(_left(until))
    connection.sendall(request)
    read = b""
    while b"\n" not in read and len(read) < _MOST_READ:
        connection.settimeout(_left(until))
        more = connection.recv(_MOST_READ)
        if not more:
            break
        read += more
    status = _STATUS.match(read.partition(b"\n")[0])
    if status is None:
        raise NotPosted("what answers doesn't speak HTTP/1.1")
    return int(status[1])


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("no answer in time")
    return left


def _refused(url: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"{url[:200]} {why}",
        field="url",
        value=url,
        mend="give a public https:// address without user name, such as https://example.org/hook",
    )
