"""What a node means by refusing: nodes agree on codes in part, and on words hardly."""

from __future__ import annotations

from web3.exceptions import Web3RPCError


def error_code(error: Web3RPCError) -> int | None:
    """The JSON-RPC code in a node's answer, where it gives one."""
    details = error.rpc_response.get("error") if error.rpc_response else None
    return details.get("code") if isinstance(details, dict) else None


def is_on_its_way(reason: str) -> bool:
    """Whether the node refuses a transaction for having it, or another of the same nonce."""
    words = ("already known", "already imported", "nonce too low", "underpriced")
    return any(word in reason.lower() for word in words)
