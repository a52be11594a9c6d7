"""The variables of a template Corefile, ``__PILLAR__LOCAL__DNS__`` and the like, and what stands in their place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from resolver.errors import ResolverError
from resolver.node.settings import Address, joined

UPSTREAM_SERVERS: Final = "__PILLAR__UPSTREAM__SERVERS__"
CLUSTER_DNS: Final = "__PILLAR__CLUSTER__DNS__"
LOCAL_DNS: Final = "__PILLAR__LOCAL__DNS__"
DNS_SERVER: Final = "__PILLAR__DNS__SERVER__"
DNS_DOMAIN: Final = "__PILLAR__DNS__DOMAIN__"
PROMETHEUS: Final = "__PROMETHEUS__ENDPOINT__"

_SYSTEM_SERVERS: Final = "/etc/resolv.conf"
_ANY_VARIABLE: Final = re.compile(r"__PILLAR__\w+?__(?!_*[A-Z])")
_ENDPOINT: Final = re.compile(re.escape(LOCAL_DNS) + r"(?=:\d)")
_TCP_ONLY: Final = re.compile(r"^[ \t]*force_tcp[ \t]*(#.*)?\n?", re.MULTILINE)
_FORWARD: Final = re.compile(
    r"^[ \t]*forward[ \t][^\n{]*" + re.escape(UPSTREAM_SERVERS) + r"[^\n{]*\{[^{}]*\}", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Values:
    """``upstream`` empty means the servers of /etc/resolv.conf; ``cluster_dns`` empty that nobody knows the address."""

    local: tuple[Address, ...]
    cluster_dns: str = ""
    cluster_domain: str = "cluster.local"
    upstream: Sequence[str] = ()
    prometheus: str = ":9253"


def fill(template: str, values: Values) -> str:
    """The template with all variables replaced. Raises ResolverError for one that is unknown or has no value.

    Where upstream servers are given, a ``forward`` to them asks over UDP first: ``force_tcp`` is left out. The local
    addresses include that of the cluster's DNS Service, so ``__PILLAR__DNS__SERVER__`` becomes nothing.
    """
    if CLUSTER_DNS in template and not values.cluster_dns:
        raise ResolverError(f"{CLUSTER_DNS} has no value: the environment does not name the upstream Service's address")
    text = template
    if values.upstream:
        text = _FORWARD.sub(lambda found: _TCP_ONLY.sub("", found[0]), text)
    text = text.replace(UPSTREAM_SERVERS, " ".join(values.upstream) or _SYSTEM_SERVERS)
    text = _ENDPOINT.sub(_bracketed(values.local[0]), text)
    for variable, value in (
        (CLUSTER_DNS, values.cluster_dns),
        (LOCAL_DNS, joined(values.local)),
        (DNS_SERVER, ""),
        (DNS_DOMAIN, values.cluster_domain),
        (PROMETHEUS, values.prometheus),
    ):
        text = text.replace(variable, value)
    unknown = sorted(set(_ANY_VARIABLE.findall(text)))
    if unknown:
        raise ResolverError(f"unknown variable {', '.join(unknown)}")
    return text


def cluster_dns(service: str, environ: dict[str, str]) -> str:
    """The address of the upstream Service: from the variable that Kubernetes sets for it, or given as such.

    Empty where the environment does not know the Service. Raises ResolverError where what it says is no address.
    """
    try:
        return str(ip_address(service))
    except ValueError:
        variable = service_variable(service)
    text = environ.get(variable, "")
    try:
        return str(ip_address(text)) if text else ""
    except ValueError:
        raise ResolverError(
            f"{variable} is {text!r}, which is not an address: is Service {service} headless?"
        ) from None


def service_variable(service: str) -> str:
    """The environment variable in which Kubernetes puts a Service's address."""
    return service.replace("-", "_").upper() + "_SERVICE_HOST"


def _bracketed(address: Address) -> str:
    return f"[{address}]" if address.version == 6 else str(address)
