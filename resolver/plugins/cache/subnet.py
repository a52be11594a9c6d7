"""Client subnets (RFC 7871): answers made for some clients only are kept for these alone."""

from __future__ import annotations

from typing import Final

from resolver.errors import WireError
from resolver.wire.constants import OPTION_ECS
from resolver.wire.edns import option, options
from resolver.wire.subnet import ClientSubnet, prefix, subnet_of

_MOST_NAMES: Final = 16_384  # questions that have answers by subnet
_MOST_SCOPES: Final = 16  # different lengths of prefixes for one of them


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


def subnet_alone(query_options: bytes) -> bytes:
    """The client subnet of a query without its other options."""
    return b"".join(option(code, payload) for code, payload in options(query_options) if code == OPTION_ECS)


class Scopes:
    """For which lengths of prefixes there are answers, by question; an answer's key is that of its question and more.

    What stands behind the key of the question: family, bits, scope, and so many bits of an address. Where the scope is
    longer than the bits the client had asked too roughly: its answer is for who asks just as roughly (section 7.3.1).
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[bytes, frozenset[tuple[int, int, int]]] = {}

    def find(self, question: bytes, query_options: bytes) -> bytes | None:
        """The key under which an answer for the query's subnet may be kept, the longest prefix first; None without."""
        known = self._known.get(question)
        mine = _subnet(query_options) if known else None
        if not known or mine is None:
            return None
        fitting = [one for one in known if one[0] == mine.family and _covers(one, mine)]
        return question + _suffix(max(fitting, key=_bits), mine) if fitting else None

    def note(self, question: bytes, query_options: bytes, reply_options: bytes) -> bytes | None:
        """The key for an answer that was made for some; None where it does not belong to the query."""
        mine, given = _subnet(query_options), _subnet(reply_options)
        if mine is None or given is None or given._replace(scope=0) != mine._replace(scope=0):
            return None
        scope = (mine.family, min(given.scope, mine.source), given.scope)
        known = self._known.get(question, frozenset())
        if scope not in known:
            if len(known) >= _MOST_SCOPES:
                return None
            if question not in self._known and len(self._known) >= _MOST_NAMES:
                del self._known[next(iter(self._known))]
            self._known[question] = known | {scope}
        return question + _suffix(scope, mine)


def scoped(reply_options: bytes, key: bytes, question: bytes, query_options: bytes) -> bytes:
    """The options of an answer from memory, with the scope that its key tells of."""
    mine = _subnet(query_options)
    if len(key) == len(question) or mine is None:
        return reply_options
    return reply_options + mine._replace(scope=key[len(question) + 2]).option()


def _bits(scope: tuple[int, int, int]) -> int:
    return scope[1]


def _covers(scope: tuple[int, int, int], mine: ClientSubnet) -> bool:
    _, bits, length = scope
    return mine.source == bits if length > bits else mine.source >= bits


def _suffix(scope: tuple[int, int, int], mine: ClientSubnet) -> bytes:
    return bytes(scope) + prefix(mine.address, scope[1])


def _subnet(edns_options: bytes) -> ClientSubnet | None:
    try:
        return subnet_of(edns_options)
    except WireError:
        return None
