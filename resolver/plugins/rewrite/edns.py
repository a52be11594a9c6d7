"""``edns0`` rules: options that are put into queries and taken out of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, TypeAlias

from resolver.chain.query import DATAGRAMS
from resolver.errors import WireError
from resolver.plugins.rewrite.names import shown
from resolver.plugins.rewrite.rules import State
from resolver.wire.constants import MAX_MESSAGE, OPTION_ECS
from resolver.wire.edns import Edns, option, options

SET, APPEND, REPLACE, UNSET = ACTIONS = ("set", "append", "replace", "unset")

NEW_SIZE: Final = 4096  # octets, what is said for clients that say nothing
_EMPTY: Final = Edns(NEW_SIZE)
_KNOWN_CLIENTS: Final = 4096

Source: TypeAlias = Callable[[State], bytes | None]
"""What an option holds for a query; None where there is nothing to say."""


class EdnsRule:
    """One option to set, append, replace or unset.

    ``personal`` tells that ``source`` looks at more than the question, ``repeats`` that append adds an option of which
    there is one already.
    """

    key: Final = None

    def __init__(
        self, action: str, code: int, source: Source, *, stops: bool, reverts: bool, personal: bool, repeats: bool
    ) -> None:
        self.action = action
        self.code = code
        self.stops = stops
        self._source = source
        self._reverts = reverts
        self._personal = personal
        self._repeats = repeats

    def apply(self, state: State) -> bool:
        edns = state.edns
        found = list(options(edns.options)) if edns is not None and edns.options else []
        at = next((at for at, (code, _) in enumerate(found) if code == self.code), -1)
        if self.action == UNSET:
            if at >= 0:
                _put(state, [one for one in found if one[0] != self.code])
            return True
        if at < 0 and self.action == REPLACE:
            return False
        state.personal = state.personal or self._personal
        payload = self._source(state)
        if payload is None or (at >= 0 and self.action == APPEND and not self._repeats):
            return False
        if at >= 0 and self.action != APPEND:
            before = found[at][1]
            found[at] = (self.code, payload)
        else:
            before = None
            found.append((self.code, payload))
        if self._reverts:
            state.reverts.append((self.code, before))
        _put(state, found)
        return True


def _put(state: State, found: list[tuple[int, bytes]]) -> None:
    octets = b"".join([option(code, payload) for code, payload in found])
    if len(octets) > MAX_MESSAGE:
        raise WireError("EDNS options are longer than a message")
    state.edns = (state.edns or _EMPTY)._replace(options=octets)


def reverted(state: State, codes: frozenset[int]) -> bytes:
    """Which of the query's options of the given codes the client is shown, as octets."""
    if state.edns is None:
        return b""
    found = list(options(state.edns.options))
    for code, before in reversed(state.reverts):
        places = [at for at, one in enumerate(found) if one[0] == code]
        if not places:
            continue
        if before is None:
            del found[places[-1]]  # options are added at the end
        else:
            found[places[0]] = (code, before)
    return b"".join([option(code, payload) for code, payload in found if code in codes])


# --- what options hold


def constant(payload: bytes) -> Source:
    """The same for every query."""
    return lambda state: payload


def subnet(bits4: int, bits6: int) -> Source:
    """The client's network (RFC 7871 section 6), of so many bits of its address."""

    def payload(state: State) -> bytes | None:
        address = _address(state.query.client[0])
        if address is None:
            return None
        family, bits = (1, bits4) if address.version == 4 else (2, bits6)
        size = address.max_prefixlen
        masked = int(address) >> (size - bits) << (size - bits)
        octets = masked.to_bytes(size // 8, "big")[: (bits + 7) // 8]
        return bytes((0, family, bits, 0)) + octets

    return payload


def metadata(label: str) -> Source:
    """What is known of the query under a label; nothing where there is no such knowledge."""

    def payload(state: State) -> bytes | None:
        text = (state.query.metadata or {}).get(label, "")
        octets = text.encode(errors="replace")
        return octets if 0 < len(octets) <= MAX_MESSAGE else None

    return payload


def _name(state: State) -> bytes:
    name, query = state.subject.name, state.query
    return shown(query.qname if name == query.name else name).encode()


def _packed(host: str) -> bytes | None:
    address = _address(host)
    return None if address is None else address.packed


@lru_cache(_KNOWN_CLIENTS)
def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _protocol(state: State) -> bytes:
    return b"udp" if state.query.transport in DATAGRAMS else b"tcp"


# By name: the source, and whether it looks at more than the question.
VARIABLES: Final[dict[str, tuple[Source, bool]]] = {
    "qname": (_name, False),
    "qtype": (lambda state: state.qtype.to_bytes(2, "big"), False),
    "client_ip": (lambda state: _packed(state.query.client[0]), True),
    "client_port": (lambda state: state.query.client[1].to_bytes(2, "big"), True),
    "protocol": (_protocol, True),
    "server_ip": (lambda state: _packed(state.query.local[0]), True),
    "server_port": (lambda state: state.query.local[1].to_bytes(2, "big"), True),
}

SUBNET_CODE: Final = OPTION_ECS
