"""Whom a server speaks with of its own accord, by its configuration."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from resolver.chain.capabilities import Connecting, offering
from resolver.chain.contacts import API, BOTH, Contact
from resolver.runtime.plan import Plan

CLUSTER_DNS = "(the DNS of the cluster)"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Somebody the server speaks with: an address, a host name that has to be looked up, or API or
    CLUSTER_DNS where only the cluster knows who that is.

    Behind the name of a Service are Pods of ``namespace``, whatever the address of the Service.
    """

    host: str
    port: int
    protocols: tuple[str, ...]
    why: str
    namespace: str = ""

    @property
    def is_address(self) -> bool:
        """Whether ``host`` is an IP address."""
        return is_address(self.host)

    @property
    def is_name(self) -> bool:
        """Whether ``host`` is a name whose addresses are needed."""
        return not self.namespace and self.host not in (API, CLUSTER_DNS) and not self.is_address


def outgoing(plan: Plan, cluster_domain: str, own_namespace: str) -> tuple[list[Outgoing], list[str]]:
    """All of them, each once, and what the configuration does not tell.

    The two last are needed to know names of Services, which in ``own_namespace`` may have a single label.
    """
    found: dict[Outgoing, None] = {}
    left_out: dict[str, None] = {}
    looks_up = False
    services = _Services(cluster_domain, own_namespace)
    for part in offering(plan.parts, Connecting):
        for contact in part.contacts():
            if not contact.host:
                left_out[contact.why] = None
                continue
            one = _outgoing(contact, services)
            if not is_inside(one.host):
                found[one] = None
                looks_up |= contact.looked_up and contact.host != API and not one.is_address
    if looks_up:
        found[Outgoing(CLUSTER_DNS, 53, BOTH, "host names are looked up")] = None
    return list(found), list(left_out)


def is_address(host: str) -> bool:
    """Whether this is an IP address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_inside(host: str) -> bool:
    """Whether this is the Pod itself, where no policy counts."""
    return ipaddress.ip_address(host).is_loopback if is_address(host) else host == "localhost"


class _Services:
    """Tells the names of Services from others."""

    def __init__(self, cluster_domain: str, own_namespace: str) -> None:
        rest = rf"(\.svc(\.{re.escape(cluster_domain)})?)"
        self._service = re.compile(rf"[^.]+(\.(?P<namespace>[^.]+){rest})?")
        self._api = re.compile(rf"kubernetes\.default{rest}?")
        self._own = own_namespace

    def is_api(self, host: str) -> bool:
        """Whether this is the Service of the API server, behind which there are no Pods."""
        return bool(self._api.fullmatch(host))

    def namespace(self, host: str) -> str:
        """The namespace of a Service, empty for other names."""
        found = self._service.fullmatch(host)
        return (found["namespace"] or self._own) if found else ""


def _outgoing(contact: Contact, services: _Services) -> Outgoing:
    host = contact.host.partition("%")[0].lower().removesuffix(".")
    if contact.host == API or services.is_api(host):
        return Outgoing(API, contact.port, contact.protocols, contact.why)
    namespace = "" if is_address(host) or is_inside(host) else services.namespace(host)
    return Outgoing(host, contact.port, contact.protocols, contact.why, namespace)
