"""What the directive says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from resolver.chain.setup import Block
from resolver.config.cursor import (
    args,
    choice,
    duration,
    flag,
    integer,
    ip,
    no_block,
    one_arg,
    option_values,
    text,
    value,
)
from resolver.config.model import Directive, Word
from resolver.config.zones import normalize_zones
from resolver.errors import KubeError, WireError
from resolver.kube.reading import read_address
from resolver.kube.selectors import parse_selector
from resolver.kube.source import SOURCE_OPTIONS, Source
from resolver.plugins.gateway.claims import Items
from resolver.plugins.gateway.hosts import Refused, read_target
from resolver.plugins.gateway.offers import HOSTNAMES, Reading
from resolver.plugins.gateway.values import alias_item, packed_item
from resolver.wire.names import ROOT, from_text, is_below, to_text

RESOURCES: Final = ("ingress", "service", "nodeport", "httproute", "grpcroute", "tlsroute", "dnsendpoint")
DEFAULT_RESOURCES: Final = ("ingress", "service", "httproute", "grpcroute", "tlsroute")
NODE_TYPES: Final = {"external": "ExternalIP", "internal": "InternalIP"}
MAX_TTL: Final = 86_400
MAX_NAMESPACES: Final = 100


@dataclass(frozen=True, slots=True)
class Settings:
    """Zones are lower-case wire names; ``apex`` and ``hostmaster`` are relative to a zone, without the root.

    ``fallthrough`` are the zones in which names that do not exist go on to the next plugin; ``delegated`` pairs of a
    zone and the namespaces that may claim names in it. ``labels`` is a selector in text form, ``namespaces`` are all
    where empty. ``nameservers`` are packed addresses. ``ttl`` and ``startup_timeout`` are in seconds. ``cluster_zones``
    are those of the kubernetes directive beside this one.
    """

    directive: Directive
    source: Source
    zones: tuple[bytes, ...]
    reading: Reading = field(default_factory=Reading)
    resources: tuple[str, ...] = DEFAULT_RESOURCES
    apex: bytes = b"\3dns"
    hostmaster: bytes = b"\x0ahostmaster"
    nameservers: tuple[bytes, ...] = ()
    ttl: int = 5
    fallthrough: tuple[bytes, ...] = ()
    delegated: tuple[tuple[bytes, frozenset[str]], ...] = ()
    labels: str = ""
    namespaces: tuple[str, ...] = ()
    startup_timeout: float = 5.0
    cluster_zones: tuple[bytes, ...] = ()

    @property
    def owned_zones(self) -> tuple[bytes, ...]:
        """The zones that are served whole, with records of their own: all but those whose names fall through."""
        return tuple(
            zone
            for zone in self.zones
            if zone != ROOT and not any(other == ROOT or is_below(zone, other) for other in self.fallthrough)
        )

    @property
    def annotations(self) -> tuple[str, ...]:
        """The annotations that are looked at beyond those that always are."""
        return tuple(name for name in self.reading.annotations if name not in HOSTNAMES)


def parse(directive: Directive, block: Block) -> Settings:
    """Settings from the directive. Raises ConfigError or ConfigErrors."""
    zones = _zones(directive.args) or block.zones
    values = option_values(directive, _READERS, lists=("delegate", "ingress_class", "gateway_class", "namespaces"))
    source = _source(values, block)
    addresses, override = values.pop("addresses", ((), False))
    service_names = values.pop("service_names", False)
    reading = Reading(
        values.pop("annotation", HOSTNAMES),
        frozenset(values.pop("ingress_class", ())),
        frozenset(values.pop("gateway_class", ())),
        addresses,
        override,
        tuple(zone for zone in zones if zone != ROOT) if service_names else (),
        values.pop("node_addresses", Reading().node_types),
    )
    delegated = values.pop("delegate", ())
    others = tuple(zone for line in _kubernetes(block) for zone in _zones(line.args) or block.zones)
    settings = Settings(directive, source, zones, reading, delegated=delegated, cluster_zones=others, **values)
    _check(settings, service_names=service_names)
    return settings


def _source(values: dict[str, Any], block: Block) -> Source:
    """Where the API is: as the directive says, else as the kubernetes directive of the same block does."""
    if not any(option in values for option in SOURCE_OPTIONS):
        return Source.beside(block, "kubernetes")
    return Source.taken_from(values, block.root)


def _kubernetes(block: Block) -> list[Directive]:
    return [line for line in block.directives if line.name.text == "kubernetes"]


def _check(settings: Settings, *, service_names: bool) -> None:
    """Options that make no sense together. Raises ConfigError at the line."""
    lines = {line.name.text: line for line in settings.directive.options}
    if service_names and not settings.reading.service_zones:
        raise lines["service_names"].error("service_names needs a zone", "write the zone behind gateway")
    if service_names and "service" not in settings.resources:
        raise lines["service_names"].error("service_names needs the resource service")
    if "node_addresses" in lines and "nodeport" not in settings.resources:
        raise lines["node_addresses"].error(
            "node_addresses needs the resource nodeport", "write resources ... nodeport"
        )
    for zone, _ in settings.delegated:
        if not any(other == ROOT or is_below(zone, other) for other in settings.zones):
            raise lines["delegate"].error(f"{to_text(zone)} is in none of the zones")


# --- readers


def _zones(words: tuple[Word, ...]) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys(zone for word in words for zone in normalize_zones(word)))


def _fallthrough(option: Directive) -> tuple[bytes, ...]:
    no_block(option)
    return _zones(option.args) or (ROOT,)


def _relative(option: Directive) -> bytes:
    """A name relative to the zone, as octets without the root."""
    no_block(option)
    word = one_arg(option)
    try:
        name = from_text(word.text).lower()
    except WireError as error:
        raise word.error(str(error)) from None
    if name == ROOT:
        raise word.error(f"{option.name.text} is a label such as dns")
    return name[:-1]


def _texts(option: Directive) -> tuple[str, ...]:
    no_block(option)
    return tuple(text(word) for word in args(option, 1))


def _namespaces(option: Directive) -> tuple[str, ...]:
    no_block(option)
    return tuple(text(word) for word in args(option, 1, MAX_NAMESPACES))


def _resources(option: Directive) -> tuple[str, ...]:
    no_block(option)
    return tuple(dict.fromkeys(choice(word, RESOURCES) for word in args(option, 1)))


def _addresses(option: Directive) -> tuple[Items, bool]:
    no_block(option)
    words = args(option, 1)
    override = words[0].text == "override"
    if override:
        words = args(option, 2)[1:]
    return tuple(dict.fromkeys(_target(word) for word in words)), override


def _target(word: Word) -> Any:
    packed = read_address(word.text)
    if packed is not None:
        return packed_item(packed)
    try:
        return alias_item(read_target(word.text))
    except Refused as refused:
        raise word.error(f"{word.text[:80]!r} is neither an address nor a host name", str(refused)) from None


def _nameservers(option: Directive) -> tuple[bytes, ...]:
    no_block(option)
    return tuple(dict.fromkeys(ip(word).packed for word in args(option, 1)))


def _node_addresses(option: Directive) -> tuple[str, ...]:
    no_block(option)
    return tuple(dict.fromkeys(NODE_TYPES[choice(word, tuple(NODE_TYPES))] for word in args(option, 1)))


def _delegate(option: Directive) -> tuple[tuple[bytes, frozenset[str]], ...]:
    no_block(option)
    words = args(option, 2)
    namespaces = frozenset(text(word) for word in words[1:])
    return tuple((zone, namespaces) for zone in normalize_zones(words[0]))


def _selector(option: Directive) -> str:
    no_block(option)
    try:
        return str(parse_selector(" ".join(word.text for word in args(option, 1))))
    except KubeError as error:
        raise option.error(str(error)) from None


_READERS: Final[dict[str, Callable[[Directive], Any]]] = {
    **SOURCE_OPTIONS,
    "resources": _resources,
    "ingress_class": _texts,
    "gateway_class": _texts,
    "labels": _selector,
    "namespaces": _namespaces,
    "annotation": _texts,
    "addresses": _addresses,
    "node_addresses": _node_addresses,
    "service_names": flag,
    "delegate": _delegate,
    "apex": _relative,
    "hostmaster": _relative,
    "nameservers": _nameservers,
    "ttl": value(integer, 0, MAX_TTL),
    "fallthrough": _fallthrough,
    "startup_timeout": value(duration),
}
