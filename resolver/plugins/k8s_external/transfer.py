"""A zone outside of the cluster as records, for the directive transfer."""

from __future__ import annotations

from collections.abc import Iterator

from resolver.kube.objects import Service
from resolver.kube.view import ClusterView
from resolver.plugins.k8s_external import answers
from resolver.plugins.k8s_external.lookup import Match, find
from resolver.wire.constants import MAX_NAME
from resolver.wire.records import Record


def services(view: ClusterView, zone: bytes, ttl: int, *, headless: bool) -> Iterator[Record]:
    """The records of all services of a zone; each service is looked up when it is its turn."""
    for service in list(view.index.each_service()):
        matches = find(view, service.key, headless=headless).matches
        if matches and len(service.key) + len(zone) <= MAX_NAME:
            yield from _of_service(view, service, matches, zone, ttl, headless=headless)


def _of_service(
    view: ClusterView, service: Service, matches: list[Match], zone: bytes, ttl: int, *, headless: bool
) -> Iterator[Record]:
    name = service.key + zone
    addresses = [match.address for match in matches if match.address]
    if addresses:
        yield from answers.address_records(name, addresses, ttl)
        yield from answers.srv_records(name, zone, matches, view.ttl)
    else:  # nothing else may stand beside an alias, and there can be but one
        yield from answers.alias_records(name, matches, view.ttl)[:1]
    for labels in _ports(view, service):
        found = find(view, labels + service.key, headless=headless).matches
        if len(labels) + len(name) <= MAX_NAME:
            yield from answers.srv_records(labels + name, zone, found, view.ttl)
    endpoints = {(match.owner + zone, match.address): None for match in matches if match.owner != service.key}
    for owner, address in endpoints:
        if len(owner) <= MAX_NAME:
            yield from answers.address_records(owner, [address], ttl)


def _ports(view: ClusterView, service: Service) -> list[bytes]:
    """The labels in front of a service's name that stand for its named ports."""
    lists = [service.ports, *(one.ports for one in view.index.slices(service.key).values())]
    named = dict.fromkeys((port.name, port.protocol) for ports in lists for port in ports if port.name)
    return [b"".join(bytes((len(label) + 1,)) + b"_" + label for label in one) for one in named]
