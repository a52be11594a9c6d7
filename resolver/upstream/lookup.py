"""The addresses of host names, asked from given resolvers or from those of the system."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from socket import AF_INET, AF_INET6, inet_ntop
from typing import Final, NamedTuple

from resolver.errors import UpstreamError, WireError
from resolver.upstream.address import Address, Limits
from resolver.upstream.exchange import Request
from resolver.upstream.own import is_own
from resolver.upstream.system import candidates, hosts_addresses, read_resolv_conf
from resolver.upstream.upstream import Checks, Counts, Upstream
from resolver.wire.constants import AAAA, TC, A, rcode_name
from resolver.wire.message import Message
from resolver.wire.names import from_text

BUDGET: Final = 10.0  # seconds for one name
TIMEOUT: Final = 2.0
FILE_TTL: Final = 30.0  # seconds until a name from the hosts file is looked up again


class Addresses(NamedTuple):
    """What a name means at the moment, and for how many seconds that may be believed."""

    found: tuple[str, ...]
    ttl: float


@dataclass(frozen=True, slots=True)
class SystemFiles:
    """Where the system keeps its resolvers and its own names."""

    resolv_conf: Path = Path("/etc/resolv.conf")
    hosts: Path = Path("/etc/hosts")


class Lookup:
    """Looks names up without blocking and without the cache of anybody."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        clock: Callable[[], float],
        resolvers: Sequence[Address] = (),
        files: SystemFiles = SystemFiles(),
        is_own: Callable[[Address], bool] = is_own,
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._resolvers = resolvers
        self._files = files
        self._is_own = is_own

    async def addresses(self, name: str) -> Addresses:
        """IPv4 addresses first. Raises UpstreamError where there are none or nobody could be asked."""
        servers, names = self._resolvers, [name]
        if not servers:
            written = hosts_addresses(self._files.hosts, name)
            if written:
                return Addresses(tuple(written), FILE_TTL)
            conf = read_resolv_conf(self._files.resolv_conf)
            servers, names = [Address(server, 53) for server in conf.servers], candidates(name, conf)
        if not servers:
            raise UpstreamError(f"{self._files.resolv_conf} has no nameserver line")
        if not self._resolvers:
            servers = self._others(servers, name)
        deadline = self._clock() + BUDGET
        reason = ""
        for full_name in names:
            for server in servers:
                try:
                    found = await self._ask(server, full_name, deadline)
                except UpstreamError as error:
                    reason = str(error)
                    continue
                if found.found:
                    return found
                reason = f"{server} knows no address"
                break
        raise UpstreamError(f"no addresses found for {name}: {reason}")

    def _others(self, servers: Sequence[Address], name: str) -> Sequence[Address]:
        """Those of the servers that are not this very one, which cannot know the name yet. Raises UpstreamError."""
        others = [server for server in servers if not self._is_own(server)]
        if not others:
            listed = f"{' and '.join(map(str, servers))} of {self._files.resolv_conf}"
            raise UpstreamError(f"{name} cannot be looked up at {listed}: that is this very server; name a resolver")
        return others

    async def _ask(self, server: Address, name: str, deadline: float) -> Addresses:
        timeout = min(TIMEOUT, deadline - self._clock())
        if timeout <= 0:
            raise UpstreamError("i/o timeout")
        limits = Limits(read_timeout=timeout)
        upstream = Upstream(self._loop, self._clock, server, limits, Checks(max_fails=0), Counts())
        try:
            both = [upstream.ask(_request(name, kind), False, timeout) for kind in (A, AAAA)]
            outcomes = [await future for future in both]
            for position, kind in enumerate((A, AAAA)):
                outcome = outcomes[position]
                if isinstance(outcome, Message) and outcome.flags & TC:
                    outcomes[position] = await upstream.ask(_request(name, kind), True, timeout)
        finally:
            upstream.close()
        errors = [outcome for outcome in outcomes if isinstance(outcome, UpstreamError)]
        answers = [outcome for outcome in outcomes if isinstance(outcome, Message)]
        found = _merge(answers)
        if errors and not found.found:
            raise errors[0]
        return found


def _request(name: str, kind: int) -> Request:
    try:
        question = from_text(name) + kind.to_bytes(2, "big") + b"\0\1"
    except WireError as error:
        raise UpstreamError(str(error)) from None
    return Request(b"\x01\0\0\1\0\0\0\0\0\0" + question, question)


def _merge(answers: Sequence[Message]) -> Addresses:
    """The addresses in the answer sections; aliases need no following, as their targets' records stand beside them."""
    found: dict[str, float] = {}
    for answer in answers:
        if answer.rcode not in (0, 3):
            raise UpstreamError(f"answered {rcode_name(answer.rcode)}")
        try:
            records = answer.sections().answer
        except WireError as error:
            raise UpstreamError(str(error)) from None
        for record in records:
            size, family = {A: (4, AF_INET), AAAA: (16, AF_INET6)}.get(record.type, (-1, AF_INET))
            if len(record.rdata) == size:
                found[inet_ntop(family, record.rdata)] = record.ttl
    return Addresses(tuple(found), min(found.values(), default=0.0))
