"""Whom a server speaks with of its own accord, by its configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import groupby
from pathlib import Path
from urllib.parse import urlsplit

from resolver.chain.setup import Block
from resolver.config.model import Directive
from resolver.errors import UpstreamError
from resolver.kube.source import Source
from resolver.plugins.forward.settings import Line
from resolver.runtime.plan import Plan
from resolver.upstream.address import Address, is_ip
from resolver.upstream.targets import HostName, NameServerFile, name_servers

TCP, UDP = ("TCP",), ("UDP",)
BOTH = ("UDP", "TCP")
_OVER = {"dns": BOTH, "tls": TCP, "https": TCP, "quic": UDP, "https3": UDP}
_PORTS = {"http": 80, "https": 443, "tcp": 4317, "tls": 443}

API, CLUSTER_DNS = "api", "cluster-dns"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Somebody the server speaks with: an address, a host name that has to be looked up, or the word API or
    CLUSTER_DNS where only the cluster knows who that is."""

    host: str
    port: int
    protocols: tuple[str, ...]
    why: str

    @property
    def is_address(self) -> bool:
        """Whether ``host`` is an IP address."""
        return is_ip(self.host)


def outgoing(plan: Plan) -> tuple[list[Outgoing], list[str]]:
    """All of them, each once, and what could not be found out."""
    found: list[Outgoing] = []
    unknown: list[str] = []
    for block in plan.blocks:
        for name, group in groupby(sorted(block.directives, key=_name), key=_name):
            directives = list(group)
            if name in _READERS:
                found.extend(_READERS[name](directives, block))
            elif name in _UNREAD:
                unknown.append(f"{name}: {_UNREAD[name]}")
            for directive in directives if name == "forward" else ():
                unknown += _files(directive, block)
    return list(dict.fromkeys(found)), list(dict.fromkeys(unknown))


_LOOKS_UP = Outgoing(CLUSTER_DNS, 53, BOTH, "host names are looked up")
_OF_THE_MACHINE = Path("/etc/resolv.conf")

# Directives that may speak with somebody whom this module cannot name.
_UNREAD = {
    "audit": "where its lines go to is not looked at; open what its sinks need",
}


def _name(directive: Directive) -> str:
    return directive.name.text


def _settings(plugin: str) -> Callable[..., object]:
    parse: Callable[..., object] = import_module(f"resolver.plugins.{plugin}.settings").parse
    return parse


def _forward(directives: list[Directive], block: Block) -> Iterator[Outgoing]:
    from resolver.plugins.forward.settings import parse

    for line in parse(directives, block.root):
        why = "forward " + " ".join(map(_zone, line.zones))
        for target in line.targets:
            if isinstance(target, NameServerFile):
                for address in _servers(target):
                    yield from _target(address, line, f"{why}, from {target.path}")
            else:
                yield from _target(target, line, why)
        if any(isinstance(target, HostName) for target in line.targets):
            for address in line.resolvers:
                yield Outgoing(address.host, address.port, _OVER[address.scheme], "addresses of upstreams")
            if not line.resolvers:
                yield _LOOKS_UP


def _target(target: Address | HostName, line: Line, why: str) -> Iterator[Outgoing]:
    host = target.name if isinstance(target, HostName) else target.host
    protocols = TCP if target.scheme == "dns" and line.force_tcp else _OVER[target.scheme]
    yield Outgoing(host.partition("%")[0], target.port, protocols, why)


def _files(directive: Directive, block: Block) -> Iterator[str]:
    """What is not known of the files that name upstreams."""
    from resolver.plugins.forward.settings import parse

    for line in parse([directive], block.root):
        for target in line.targets:
            if isinstance(target, NameServerFile) and not _servers(target):
                yield f"forward: {target.path} is another file in the Pod than here; write addresses in its place"


def _servers(target: NameServerFile) -> list[Address]:
    """The servers of a file; none of the one that every machine has for itself, and of one that cannot be read."""
    if target.path == _OF_THE_MACHINE:
        return []
    try:
        return name_servers(target.path)
    except UpstreamError:
        return []


def _zone(wire: bytes) -> str:
    from resolver.wire.names import to_text

    return to_text(wire)


def _api(plugin: str) -> Callable[[list[Directive], Block], Iterator[Outgoing]]:
    def read(directives: list[Directive], block: Block) -> Iterator[Outgoing]:
        for directive in directives:
            source = getattr(_settings(plugin)(directive, block), "source", Source())
            yield from _api_server(source, plugin)

    return read


def _api_server(source: Source, plugin: str) -> Iterator[Outgoing]:
    why = f"{plugin}: the Kubernetes API"
    if not source.endpoint:
        yield Outgoing(API, 443, TCP, why)
        return
    yield from _url(source.endpoint, why)


def _url(url: str, why: str) -> Iterator[Outgoing]:
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.hostname and parts.hostname != "localhost":
        target = Outgoing(parts.hostname, parts.port or _PORTS.get(parts.scheme, 443), TCP, why)
        yield target
        if not target.is_address:
            yield _LOOKS_UP


def _external(directives: list[Directive], block: Block) -> Iterator[Outgoing]:
    yield Outgoing(API, 443, TCP, "k8s_external: the Kubernetes API")


def _secondary(directives: list[Directive], block: Block) -> Iterator[Outgoing]:
    from resolver.plugins.secondary.settings import parse

    for directive in directives:
        for host, port in parse(directive, block).primaries:
            yield Outgoing(host, port, BOTH, "secondary: transfers")


def _transfer(directives: list[Directive], block: Block) -> Iterator[Outgoing]:
    from resolver.plugins.transfer.settings import parse

    for directive in directives:
        for host, port in parse(directive, block).told:
            yield Outgoing(host, port, BOTH, "transfer: NOTIFY")


def _policy(directives: list[Directive], block: Block) -> Iterator[Outgoing]:
    from resolver.plugins.policy.settings import parse

    for directive in directives:
        for feed in parse(directive, block).feeds:
            for host, port in feed.primaries:
                yield Outgoing(host, port, BOTH, "policy: transfers of response policy zones")


def _dnstap(directives: list[Directive], block: Block) -> Iterator[Outgoing]:
    from resolver.plugins.dnstap.settings import parse

    for directive in directives:
        settings = parse(directive, block.root)
        if settings.endpoint.host and not settings.listen:
            yield Outgoing(settings.endpoint.host, settings.endpoint.port, TCP, "dnstap: the collector")


def _trace(directives: list[Directive], block: Block) -> Iterator[Outgoing]:
    from resolver.plugins.trace.settings import parse

    for directive in directives:
        yield from _url(parse(directive).url, "trace: the collector")


def _etcd(directives: list[Directive], block: Block) -> Iterator[Outgoing]:
    from resolver.plugins.etcd.settings import parse

    for directive in directives:
        for endpoint in parse(directive, block).endpoints:
            yield from _url(endpoint, "etcd")


_READERS: dict[str, Callable[[list[Directive], Block], Iterator[Outgoing]]] = {
    "forward": _forward,
    "kubernetes": _api("kubernetes"),
    "gateway": _api("gateway"),
    "identity": _api("identity"),
    "k8s_external": _external,
    "secondary": _secondary,
    "transfer": _transfer,
    "policy": _policy,
    "dnstap": _dnstap,
    "trace": _trace,
    "etcd": _etcd,
}
