"""Client subnets (RFC 7871): answers made for some clients only are not kept for others."""

from __future__ import annotations

from resolver.errors import WireError
from resolver.wire.constants import OPTION_ECS
from resolver.wire.edns import options


def asks_for_subnet(query_options: bytes) -> bool:
    """Whether a query's EDNS options ask for an answer made for a subnet.

    A source prefix of 0 asks for none (section 7.1.2). What cannot be read is taken for the worse.
    """
    return any(payload[2:3] != b"\0" for code, payload in options(query_options) if code == OPTION_ECS)


def answer_is_for_all(reply_options: bytes) -> bool:
    """Whether an answer is good for every client: its scope is 0, or it names no scope (section 7.3)."""
    try:
        return all(payload[3:4] == b"\0" for code, payload in options(reply_options) if code == OPTION_ECS)
    except WireError:
        return False
