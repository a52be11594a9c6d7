"""Under which addresses others reach this server, for the name server of a zone outside of the cluster."""

from __future__ import annotations

from ipaddress import ip_address

from resolver.kube.reading import read_address
from resolver.kube.view import ClusterView


def own_addresses(view: ClusterView | None, local: str, *, headless: bool = False) -> list[bytes]:
    """The packed external addresses of the services in front of this server.

    They are found by the address at which a question came in (``local``), as that of the Pod which is an endpoint of
    them. Where there is no such service the address counts itself, unless it means nothing to others. With ``headless``
    a headless service counts with its endpoints.
    """
    address = read_address(local.partition("%")[0])
    if address is None:
        return []
    keys = view.index.hosts.keys(address) if view is not None else ()
    if view is None or not keys:
        return [address] if _is_public(address) else []
    found: dict[bytes, None] = {}
    for key in keys:
        service = view.index.service(key)
        if service is not None and headless and service.headless:
            slices = view.index.slices(key).values()
            found.update((endpoint.address, None) for one in slices for endpoint in one.endpoints)
        elif service is not None:
            found.update(dict.fromkeys((*service.external_ips, *service.balancer_ips)))
    return list(found)


def _is_public(packed: bytes) -> bool:
    address = ip_address(packed)
    return not (address.is_loopback or address.is_link_local or address.is_unspecified)
