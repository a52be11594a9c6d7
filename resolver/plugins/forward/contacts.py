"""Whom the lines ask, for those who open the way there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from resolver.chain.contacts import BOTH, TCP, UDP, Contact, unknown
from resolver.errors import UpstreamError
from resolver.plugins.forward.settings import Line
from resolver.upstream.address import Address
from resolver.upstream.targets import HostName, NameServerFile, name_servers
from resolver.wire.names import to_text

_OVER: Final[Mapping[str, tuple[str, ...]]] = {"dns": BOTH, "tls": TCP, "https": TCP, "quic": UDP, "https3": UDP}
_OF_THE_MACHINE: Final = Path("/etc/resolv.conf")


def contacts_of(lines: Sequence[Line]) -> Iterator[Contact]:
    """Upstreams, and who is asked for their addresses; checks of their health go the same way as queries."""
    for line in lines:
        why = "forward " + " ".join(map(to_text, line.zones))
        for target in line.targets:
            if not isinstance(target, NameServerFile):
                yield _upstream(target, line, why)
            elif servers := _servers(target):
                yield from (_upstream(server, line, f"{why}, from {target.path}") for server in servers)
            else:
                yield unknown(
                    f"forward: {target.path} is another file in the Pod than here; write addresses in its place"
                )
        if any(isinstance(target, HostName) for target in line.targets):
            for server in line.resolvers:
                yield _contact(server, _OVER[server.scheme], "forward: addresses of upstreams")


def _upstream(target: Address | HostName, line: Line, why: str) -> Contact:
    only_tcp = target.scheme == "dns" and line.force_tcp
    return _contact(target, TCP if only_tcp else _OVER[target.scheme], why, looked_up=not line.resolvers)


def _contact(target: Address | HostName, protocols: tuple[str, ...], why: str, *, looked_up: bool = True) -> Contact:
    host = target.name if isinstance(target, HostName) else target.host
    return Contact(host, target.port, protocols, why, looked_up)


def _servers(target: NameServerFile) -> list[Address]:
    """The servers of a file; none of the one that every machine has for itself, and of one that cannot be read."""
    if target.path == _OF_THE_MACHINE:
        return []
    try:
        return name_servers(target.path)
    except UpstreamError:
        return []
