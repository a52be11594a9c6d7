"""From the API's JSON to slim values.

Objects come from whoever may write to the cluster, so every piece may be missing or of another type. A bad piece is
left out and named in ``problem``; ``Malformed`` is raised only where nothing usable is left.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache, lru_cache, partial
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any, Final

from resolver.errors import Malformed, WireError
from resolver.kube.objects import (
    CLUSTER_IP,
    EXTERNAL_NAME,
    KEPT_ANNOTATIONS,
    SERVICE_TYPES,
    Endpoint,
    Namespace,
    Pod,
    Port,
    Service,
    ServiceImport,
    Slice,
    label_of,
    service_key,
)
from resolver.wire.constants import MAX_LABEL
from resolver.wire.names import from_text

Json = dict[str, Any]

# What an answer could still hold, and more than the API lets anybody write.
MAX_PORTS: Final = 1000
MAX_ADDRESSES: Final = 2000
_LONGEST_PORT_NAME: Final = MAX_LABEL - 1  # behind an underscore

_SERVICE_NAME: Final = "kubernetes.io/service-name"
_IMPORT_NAME: Final = "multicluster.kubernetes.io/service-name"
_SOURCE_CLUSTER: Final = "multicluster.kubernetes.io/source-cluster"
_TRIGGER_TIME: Final = "endpoints.kubernetes.io/last-change-trigger-time"
_MAPPED: Final = bytes(10) + b"\xff\xff"
_ENDED: Final = frozenset({"Succeeded", "Failed", "Unknown"})


def parse_service(item: Json) -> Service:
    """A Service. Raises Malformed where it has no usable name, or is nothing but an external name that is none."""
    namespace, name, key = _identity(item)
    spec, problems = _mapping(item.get("spec")), _Problems()
    kind = spec.get("type")
    kind = kind if kind in SERVICE_TYPES else CLUSTER_IP
    external = _external_name(spec) if kind == EXTERNAL_NAME else b""
    texts = [] if external else _cluster_ips(spec)
    headless = bool(texts) and texts[0] == "None"
    balancer = _sequence(_mapping(_mapping(item.get("status")).get("loadBalancer")).get("ingress"))
    ingress = [_mapping(one) for one in balancer[:MAX_ADDRESSES]]
    return Service(
        key,
        namespace,
        name,
        kind,
        headless,
        () if headless else problems.addresses(texts, "clusterIPs"),
        external,
        problems.ports(spec.get("ports"), "port"),
        problems.addresses(_sequence(spec.get("externalIPs")), "externalIPs"),
        problems.addresses([one["ip"] for one in ingress if one.get("ip")], "loadBalancer"),
        problems.hosts([one["hostname"] for one in ingress if one.get("hostname") and not one.get("ip")]),
        sys.intern(_text(spec.get("loadBalancerClass"))),
        _kept(_mapping(_mapping(item.get("metadata")).get("annotations"))),
        _moment(_mapping(item.get("metadata")).get("creationTimestamp")),
        str(problems),
    )


@cache
def slice_parser(*, pods: bool = False, zones: bool = False) -> Callable[[Json], Slice | None]:
    """The reader of EndpointSlices, which keeps names of Pods and topology zones where asked; the same at each call."""
    return partial(_parse_slice, pods=pods, zones=zones)


def _parse_slice(item: Json, *, pods: bool, zones: bool) -> Slice | None:
    """A slice of a Service or ServiceImport, None for others. Raises Malformed."""
    metadata = _mapping(item.get("metadata"))
    labels, annotations = _mapping(metadata.get("labels")), _mapping(metadata.get("annotations"))
    if item.get("addressType") == "FQDN":
        return None  # names were never given a meaning there
    namespace, name = _text(metadata.get("namespace")), _text(metadata.get("name"))
    key, imported = _owner(namespace, labels, _SERVICE_NAME), _owner(namespace, labels, _IMPORT_NAME)
    if not (key or imported):
        return None
    problems = _Problems()
    return Slice(
        sys.intern(namespace),
        name,
        key,
        tuple(_endpoints(_sequence(item.get("endpoints")), problems, pods=pods, zones=zones)),
        problems.ports(item.get("ports"), "port"),
        imported,
        problems.label(labels.get(_SOURCE_CLUSTER)) if imported else b"",
        _moment(annotations.get(_TRIGGER_TIME)) if annotations else 0.0,
        str(problems),
    )


def parse_service_import(item: Json) -> ServiceImport:
    """A ServiceImport. Raises Malformed where it has no usable name."""
    namespace, name, key = _identity(item)
    spec, problems = _mapping(item.get("spec")), _Problems()
    headless = spec.get("type") == "Headless"
    return ServiceImport(
        key,
        namespace,
        name,
        headless,
        () if headless else problems.addresses(_sequence(spec.get("ips")), "ips"),
        problems.ports(spec.get("ports"), "port"),
        str(problems),
    )


def parse_namespace(item: Json) -> Namespace:
    """A namespace. Raises Malformed where its name cannot be a label."""
    name = _text(_mapping(item.get("metadata")).get("name"))
    return Namespace(name, _label(name))


@cache
def pod_parser(*, labels: bool = False) -> Callable[[Json], Pod | None]:
    """The reader of Pods, which keeps their labels where asked; the same at each call."""
    return partial(_parse_pod, labels=labels)


def _parse_pod(item: Json, *, labels: bool) -> Pod | None:
    """A Pod; None for one that has no address, has ended or is about to. Raises Malformed."""
    metadata, status = _mapping(item.get("metadata")), _mapping(item.get("status"))
    if metadata.get("deletionTimestamp") or _text(status.get("phase")) in _ENDED:
        return None
    texts = [_mapping(one).get("ip") for one in _sequence(status.get("podIPs"))]
    found = [read_address(text) for text in (status.get("podIP"), *texts) if text]
    addresses = tuple(dict.fromkeys([address for address in found if address is not None]))
    if not addresses:
        if found:
            raise Malformed("status.podIP is not an address")
        return None
    kept = _texts(metadata.get("labels")) if labels else ()
    return Pod(sys.intern(_text(metadata.get("namespace"))), _text(metadata.get("name")), addresses, kept)


def read_address(text: object) -> bytes | None:
    """The octets of an address, IPv4 if it is one in IPv6 clothing; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        packed = inet_pton(AF_INET6 if ":" in text else AF_INET, text)
    except (OSError, ValueError):
        return None
    return packed[12:] if packed.startswith(_MAPPED) and len(packed) == 16 else packed


# --- pieces


class _Problems:
    """Reads lists of pieces and remembers the first bad one, and how many there were."""

    __slots__ = ("count", "first")

    def __init__(self) -> None:
        self.first = ""
        self.count = 0

    def note(self, reason: str) -> None:
        self.first = self.first or reason
        self.count += 1

    def addresses(self, texts: list[Any], where: str) -> tuple[bytes, ...]:
        found: dict[bytes, None] = {}
        for text in texts[:MAX_ADDRESSES]:
            address = read_address(text)
            if address is not None:
                found[address] = None
            elif text != "":
                self.note(f"{where} has {_shown(text)}, which is not an address")
        return tuple(found)

    def hosts(self, texts: list[Any]) -> tuple[bytes, ...]:
        found: dict[bytes, None] = {}
        for text in texts:
            try:
                found[from_text(_text(text)).lower()] = None
            except WireError as error:
                self.note(f"loadBalancer: {error}")
        return tuple(found)

    def ports(self, items: object, where: str) -> tuple[Port, ...]:
        return tuple([port for item in _sequence(items)[:MAX_PORTS] if (port := self._port(_mapping(item), where))])

    def _port(self, item: Json, where: str) -> Port | None:
        name, number, node_port = _text(item.get("name")), item.get("port"), item.get("nodePort")
        if number is not None and not _is_port(number):
            self.note(f"{where} {_shown(number)} is not a port number")
            return None
        if len(name) > _LONGEST_PORT_NAME or not name.isascii():
            self.note(f"{where} name {_shown(name)} cannot be a label")
            name = ""
        protocol = _text(item.get("protocol")) or "TCP"
        return _shared_port(name, number or 0, protocol[:MAX_LABEL], node_port if _is_port(node_port) else 0)

    def label(self, text: object) -> bytes:
        try:
            return label_of(text) if isinstance(text, str) and text else b""
        except WireError as error:
            self.note(str(error))
            return b""

    def __str__(self) -> str:
        more = f" (and {self.count - 1} more)" if self.count > 1 else ""
        return self.first + more


def _endpoints(items: list[Any], problems: _Problems, *, pods: bool, zones: bool) -> Iterator[Endpoint]:
    for item in items:
        endpoint = _mapping(item)
        if _mapping(endpoint.get("conditions")).get("ready") is False:
            continue
        hostname = problems.label(endpoint.get("hostname"))
        if b"." in hostname:
            problems.note(f"hostname {hostname.decode()!r} is not one label")
            hostname = b""
        pod = _pod_label(endpoint.get("targetRef")) if pods else b""
        zone = sys.intern(_text(endpoint.get("zone")).lower()) if zones else ""
        for address in problems.addresses(_sequence(endpoint.get("addresses")), "addresses"):
            yield Endpoint(address, hostname, pod, zone)


def _pod_label(target: object) -> bytes:
    name = _text(_mapping(target).get("name"))
    if not name or len(name) > MAX_LABEL or "." in name or not name.isascii():
        return b""
    return name.lower().encode()


def _owner(namespace: str, labels: Json, label: str) -> bytes:
    """The key of the service that a label of a slice names, empty without one. Raises Malformed."""
    name = labels.get(label)
    if not name:
        return b""
    try:
        return service_key(namespace, _text(name))
    except WireError as error:
        raise Malformed(f"label {label}: {error}") from None


def _identity(item: Json) -> tuple[str, str, bytes]:
    metadata = _mapping(item.get("metadata"))
    namespace, name = _text(metadata.get("namespace")), _text(metadata.get("name"))
    try:
        return sys.intern(namespace), name, service_key(namespace, name)
    except WireError as error:
        raise Malformed(str(error)) from None


def _label(text: str) -> bytes:
    try:
        return label_of(text)
    except WireError as error:
        raise Malformed(str(error)) from None


def _cluster_ips(spec: Json) -> list[Any]:
    several = _sequence(spec.get("clusterIPs"))
    return several or ([spec["clusterIP"]] if spec.get("clusterIP") else [])


def _external_name(spec: Json) -> bytes:
    text = _text(spec.get("externalName"))
    if read_address(text) is not None:
        raise Malformed(
            f"externalName {text} is an address; a Service without selector and an EndpointSlice can have one"
        )
    try:
        if not text:
            raise Malformed("externalName is empty")
        return from_text(text)
    except WireError as error:
        raise Malformed(f"externalName: {error}") from None


def _kept(annotations: Json) -> tuple[tuple[str, str], ...]:
    if not annotations:
        return ()
    return tuple([(key, text) for key in KEPT_ANNOTATIONS if isinstance(text := annotations.get(key), str)])


def _texts(items: object) -> tuple[tuple[str, str], ...]:
    return tuple([(sys.intern(key), sys.intern(text)) for key, text in _mapping(items).items() if _is_text(text)])


def _is_text(value: object) -> bool:
    return isinstance(value, str)


@lru_cache(maxsize=4096)
def _shared_port(name: str, number: int, protocol: str, node_port: int) -> Port:
    """Thousands of slices have the same few ports."""
    return Port(name.lower().encode(), number, protocol.lower().encode("ascii", "replace"), node_port)


def _moment(text: object) -> float:
    if not isinstance(text, str):
        return 0.0
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _is_port(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 0 < number <= 65535


def _mapping(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _sequence(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:80] + "..."
