"""What the directive says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from resolver.chain.setup import Block
from resolver.config.cursor import args, choice, duration, flag, integer, no_block, one_arg, option_values, value
from resolver.config.model import Directive, Word
from resolver.config.zones import normalize_zones
from resolver.errors import KubeError, WireError
from resolver.kube.names_reverse import REVERSE_ZONES
from resolver.kube.objects import label_of
from resolver.kube.selectors import parse_selector
from resolver.kube.source import SOURCE_OPTIONS, Source
from resolver.wire.names import ROOT, is_below, to_text

DISABLED, INSECURE, VERIFIED = "disabled", "insecure", "verified"
LONGEST_TTL: Final = 3600

# What older versions of CoreDNS understood; it refuses them by now, without saying what to do.
_GONE: Final = {
    "resyncperiod": "remove the line: objects are watched",
    "upstream": "remove the line: targets of ExternalName services are always looked up through this server",
    "transfer": "the directive transfer says who may transfer zones",
    "federation": "remove the line: federations are no more",
    "autopath": "remove the line: autopath is a directive of its own",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Zones are lower-case wire names, ``primary`` the one that reverse names point into.

    ``ttl`` and ``startup_timeout`` are in seconds. ``namespaces`` are labels, all where empty; ``labels`` and
    ``namespace_labels`` selectors in text form. ``pod_labels`` says that somebody may want to see those of the Pod that
    asks. ``unused`` are remarks on options that change nothing.
    """

    directive: Directive
    source: Source
    zones: tuple[bytes, ...]
    primary: bytes
    multicluster: tuple[bytes, ...] = ()
    namespaces: frozenset[bytes] = frozenset()
    labels: str = ""
    namespace_labels: str = ""
    pods: str = DISABLED
    endpoint_pod_names: bool = False
    endpoints: bool = True
    ignore_empty: bool = False
    zonal: bool = False
    ttl: int = 5
    fallthrough: tuple[bytes, ...] = ()
    startup_timeout: float = 5.0
    pod_labels: bool = False
    unused: tuple[str, ...] = ()


def parse(directive: Directive, block: Block) -> Settings:
    """Settings from the directive. Raises ConfigError or ConfigErrors."""
    zones = tuple(dict.fromkeys(_zones(directive.args))) or block.zones
    primary = next((zone for zone in zones if not is_reverse(zone)), None)
    if primary is None:
        raise directive.error("kubernetes needs a zone that is not a reverse zone", "cluster.local is the usual one")
    values = option_values(directive, _READERS, lists=("namespaces", "fallthrough"))
    _check(directive, values, zones)
    unused = tuple(_unused(values))
    source = Source.taken_from(values, block.root)
    return Settings(
        directive,
        source,
        zones,
        primary,
        namespaces=frozenset(values.pop("namespaces", ())),
        endpoints=not values.pop("noendpoints", False),
        ignore_empty=values.pop("ignore", False),
        pod_labels=any(other.name.text == "metadata" for other in block.directives),
        unused=unused,
        **values,
    )


def is_within(name: bytes, zones: Iterable[bytes]) -> bool:
    """Whether a name in lower case is in one of the zones."""
    return any(zone == ROOT or is_below(name, zone) for zone in zones)


def is_reverse(name: bytes) -> bool:
    """Whether the name is a reverse zone or below one."""
    return is_within(name, REVERSE_ZONES)


def _check(directive: Directive, values: dict[str, Any], zones: tuple[bytes, ...]) -> None:
    """Options that do not go together. Raises ConfigError at the second of them."""
    if "namespaces" in values and "namespace_labels" in values:
        raise _line(directive, "namespace_labels").error("namespaces and namespace_labels exclude each other")
    if "zonal" in values and "noendpoints" in values:
        raise _line(directive, "zonal").error("zonal needs the endpoints that noendpoints turns off")
    for zone in values.get("multicluster", ()):
        if zone not in zones:
            name = to_text(zone)
            raise _line(directive, "multicluster").error(
                f"{name} is not among the zones", f"write kubernetes ... {name}"
            )


def _unused(values: dict[str, Any]) -> list[str]:
    """What the file says to no effect."""
    remarks = []
    endpoints = values.get("endpoint", ())
    if len(endpoints) > 1:
        remarks.append(f"only the first endpoint is used: {endpoints[0]}")
    if "kubeconfig" in values and ("endpoint" in values or "tls" in values):
        remarks.append("endpoint and tls are not used: kubeconfig says where the API is")
    elif "tls" in values and "endpoint" not in values:
        remarks.append("tls is not used without endpoint")
    if "noendpoints" in values and "ignore" in values:
        remarks.append("noendpoints with ignore empty_service hides every service that has a cluster IP")
    return remarks


def _line(directive: Directive, name: str) -> Directive:
    return next(option for option in directive.options if option.name.text == name)


# --- readers


def _zones(words: tuple[Word, ...]) -> tuple[bytes, ...]:
    return tuple(zone for word in words for zone in normalize_zones(word))


def _some_zones(option: Directive) -> tuple[bytes, ...]:
    no_block(option)
    return tuple(dict.fromkeys(_zones(args(option, 1))))


def _fallthrough(option: Directive) -> tuple[bytes, ...]:
    no_block(option)
    return _zones(option.args) or (ROOT,)


def _namespaces(option: Directive) -> tuple[bytes, ...]:
    no_block(option)
    found = []
    for word in args(option, 1):
        try:
            found.append(label_of(word.text))
        except WireError as error:
            raise word.error(str(error)) from None
    return tuple(found)


def _selector(option: Directive) -> str:
    no_block(option)
    expression = " ".join(word.text for word in args(option, 1))
    try:
        return str(parse_selector(expression))
    except KubeError as error:
        raise option.error(str(error)) from None


def _ignore(option: Directive) -> bool:
    no_block(option)
    return choice(one_arg(option), ("empty_service",)) == "empty_service"


def _gone(option: Directive) -> None:
    name = option.name.text
    raise option.error(f"kubernetes has no option {name} any more", _GONE[name])


_READERS: Final[dict[str, Callable[[Directive], Any]]] = {
    **SOURCE_OPTIONS,
    "namespaces": _namespaces,
    "labels": _selector,
    "namespace_labels": _selector,
    "pods": value(choice, (DISABLED, INSECURE, VERIFIED)),
    "endpoint_pod_names": flag,
    "ttl": value(integer, 0, LONGEST_TTL),
    "noendpoints": flag,
    "fallthrough": _fallthrough,
    "ignore": _ignore,
    "multicluster": _some_zones,
    "zonal": flag,
    "startup_timeout": value(duration),
    **dict.fromkeys(_GONE, _gone),
}
