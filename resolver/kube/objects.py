"""What is kept of the cluster's objects: small values, ready for wire form.

Names are text as the API has them; what is compared with questions is in wire form and lower case. Addresses are packed
(4 or 16 octets, IPv4 in IPv6 clothing as IPv4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from resolver.errors import WireError
from resolver.wire.constants import MAX_LABEL

CLUSTER_IP: Final = "ClusterIP"
NODE_PORT: Final = "NodePort"
LOAD_BALANCER: Final = "LoadBalancer"
EXTERNAL_NAME: Final = "ExternalName"
SERVICE_TYPES: Final = (CLUSTER_IP, NODE_PORT, LOAD_BALANCER, EXTERNAL_NAME)

# Annotations of Services that directives read; all others are left where they are.
KEPT_ANNOTATIONS: Final = (
    "external-dns.alpha.kubernetes.io/hostname",
    "external-dns.alpha.kubernetes.io/target",
    "external-dns.alpha.kubernetes.io/ttl",
    "resolver.k8s/hostname",
    "resolver.k8s/target",
    "resolver.k8s/ttl",
    "coredns.io/hostname",
)


class Port(NamedTuple):
    """A port: name (empty for none) and protocol as octets in lower case, numbers (0 for none)."""

    name: bytes
    number: int
    protocol: bytes
    node_port: int = 0


class Endpoint(NamedTuple):
    """A ready endpoint of a slice: its address, and what names it.

    ``hostname`` is its label or empty; ``pod`` the name of the Pod behind it, where that is asked for and can be a
    label; ``zone`` its topology zone in lower case, where that is asked for.
    """

    address: bytes
    hostname: bytes = b""
    pod: bytes = b""
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """A Service.

    ``key`` is the wire form of ``name.namespace`` without the root (``service_key``). ``headless`` ones have no
    ``cluster_ips``. ``external_name`` is a wire name, empty for other types. ``external_ips`` are those of the spec,
    ``balancer_ips`` and ``balancer_hosts`` (wire names) those that the load balancer has. ``annotations`` are those
    of ``KEPT_ANNOTATIONS``. ``created`` is in seconds since 1970, 0 where unknown. ``problem`` says what of the object
    had to be left out.
    """

    key: bytes
    namespace: str
    name: str
    type: str = CLUSTER_IP
    headless: bool = False
    cluster_ips: tuple[bytes, ...] = ()
    external_name: bytes = b""
    ports: tuple[Port, ...] = ()
    external_ips: tuple[bytes, ...] = ()
    balancer_ips: tuple[bytes, ...] = ()
    balancer_hosts: tuple[bytes, ...] = ()
    balancer_class: str = ""
    annotations: tuple[tuple[str, str], ...] = ()
    created: float = 0.0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Slice:
    """An EndpointSlice: its ready endpoints, all with the same ports.

    ``key`` is that of its Service, ``imported`` that of its ServiceImport, each empty where it belongs to none;
    ``cluster`` is the label of the cluster that exports it. ``triggered`` is when the change behind it happened, in
    seconds since 1970, 0 where unknown.
    """

    namespace: str
    name: str
    key: bytes
    endpoints: tuple[Endpoint, ...]
    ports: tuple[Port, ...] = ()
    imported: bytes = b""
    cluster: bytes = b""
    triggered: float = 0.0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ServiceImport:
    """A ServiceImport of the Multi-Cluster Services API; the same words as for ``Service``."""

    key: bytes
    namespace: str
    name: str
    headless: bool = False
    cluster_ips: tuple[bytes, ...] = ()
    ports: tuple[Port, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace; ``label`` is its name in lower case."""

    name: str
    label: bytes


@dataclass(frozen=True, slots=True)
class Pod:
    """A Pod that runs, with all of its addresses; ``labels`` are there where they are asked for."""

    namespace: str
    name: str
    addresses: tuple[bytes, ...]
    labels: tuple[tuple[str, str], ...] = ()


def label_of(text: str) -> bytes:
    """A name as one label in lower case, without its length. Raises WireError where it cannot be one."""
    octets = text.lower().encode("ascii", "replace")
    if not octets or len(octets) > MAX_LABEL or not text.isascii():
        raise WireError(f"{text[:80]!r} cannot be a label of 1 to {MAX_LABEL} octets")
    return octets


def service_key(namespace: str, name: str) -> bytes:
    """The wire form of ``name.namespace`` in lower case, without the root. Raises WireError."""
    first, second = label_of(name), label_of(namespace)
    return bytes((len(first),)) + first + bytes((len(second),)) + second
