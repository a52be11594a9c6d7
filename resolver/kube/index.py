"""What is known of the cluster, by what questions ask for. Every look-up is a dictionary access.

Each answer that is made from it carries a tag of the index, and the index withdraws the tag when what is behind it
changes: a service (its endpoints included), a namespace, an address, the zone's serial number. A name that does not
exist has the tag of the service or namespace that would make it exist.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator, Mapping

from resolver.kube.objects import Namespace, Pod, Service, ServiceImport, Slice
from resolver.kube.places import Places

Followed = Callable[[bytes], None]
_NO_SLICES: Mapping[str, Slice] = {}


class ClusterIndex:
    """Services, slices, namespaces, imports and Pods of the exposed namespaces.

    Keys of services are those of ``service_key``, of namespaces their labels in lower case; addresses are packed.
    ``only`` are the namespaces to look at, empty for all. ``now`` gives seconds since 1970.
    """

    def __init__(
        self,
        withdraw: Callable[[Hashable], None],
        only: frozenset[bytes] = frozenset(),
        now: Callable[[], float] = time.time,
    ) -> None:
        self.services: dict[bytes, Service] = {}
        self.imports: dict[bytes, ServiceImport] = {}
        self.namespaces: dict[bytes, Namespace] = {}
        self.owners = Places()
        self.hosts = Places()
        self.externals = Places()
        self.serial = self.external_serial = self.import_serial = int(now())
        self._only = only
        self._now = now
        self._withdraw = withdraw
        self._slices: dict[bytes, dict[str, Slice]] = {}
        self._imported: dict[bytes, dict[str, Slice]] = {}
        self._pods: dict[bytes, tuple[Pod, ...]] = {}
        self._followers: list[Followed] = []
        self._token = object()

    # --- look-ups

    def exposed(self, namespace: bytes) -> bool:
        """Whether names of the namespace exist."""
        return namespace in self.namespaces

    def service(self, key: bytes) -> Service | None:
        """The service, if its namespace is exposed."""
        service = self.services.get(key)
        return service if service is not None and namespace_of(key) in self.namespaces else None

    def each_service(self) -> Iterator[Service]:
        """All services of exposed namespaces, in no order. The index must not change in between."""
        exposed = self.namespaces
        return (service for key, service in self.services.items() if namespace_of(key) in exposed)

    def slices(self, key: bytes) -> Mapping[str, Slice]:
        """The slices of a service by their names; endpoints that are not ready are not in them."""
        return self._slices.get(key, _NO_SLICES)

    def imported_slices(self, key: bytes) -> Mapping[str, Slice]:
        """The slices of a ServiceImport by their names."""
        return self._imported.get(key, _NO_SLICES)

    def pods(self, address: bytes) -> tuple[Pod, ...]:
        """The Pods that have the address; several where they live in their node's network."""
        return self._pods.get(address, ())

    def owner(self, address: bytes) -> Service | None:
        """The service that has the address as cluster IP."""
        return next(self._exposed(self.owners.keys(address)), None)

    def external_owners(self, address: bytes) -> list[Service]:
        """The services that have the address as external IP or as that of their load balancer."""
        return list(self._exposed(self.externals.keys(address)))

    def _exposed(self, keys: tuple[bytes, ...]) -> Iterator[Service]:
        return (service for key in keys if (service := self.service(key)) is not None)

    # --- tags

    def service_tag(self, key: bytes) -> Hashable:
        """What answers about a service carry, also those that say that it does not exist."""
        return (self._token, key)

    def import_tag(self, key: bytes) -> Hashable:
        """The same for a ServiceImport."""
        return (self._token, "import", key)

    def namespace_tag(self, namespace: bytes) -> Hashable:
        """What answers carry that depend on the namespace being there."""
        return (self._token, "namespace", namespace)

    def address_tag(self, address: bytes) -> Hashable:
        """What answers about an address carry (PTR, Pods)."""
        return (self._token, "address", address)

    @property
    def serial_tag(self) -> Hashable:
        """What answers carry that must show the newest serial number."""
        return (self._token, "serial")

    def follow(self, changed: Followed) -> Callable[[], None]:
        """Tell of changes: the key of a service or import, empty for a namespace, that is of many services."""
        self._followers.append(changed)
        return lambda: self._followers.remove(changed)

    # --- changes, in the shape in which a watch tells of them; what is not known yet may be taken away

    def service_changed(self, _: str, old: Service | None, new: Service | None) -> None:
        """A service is new, another or gone."""
        service = new or old
        if service is None or self._is_left_out(service.key):
            return
        key = service.key
        known = self.services.get(key)
        if known == new:
            return
        if new is None:
            del self.services[key]
        else:
            self.services[key] = new
        before, after = _cluster_ips(known), _cluster_ips(new)
        self.owners.move(key, before, after)
        external_before, external_after = _external_ips(known), _external_ips(new)
        self.externals.move(key, external_before, external_after)
        if external_before or external_after:
            self.external_serial = self._moved(self.external_serial)
            self._withdraw(self.serial_tag)
        self._changed(key, self.service_tag(key))
        for address in before ^ after | external_before ^ external_after:
            self._withdraw(self.address_tag(address))

    def import_changed(self, _: str, old: ServiceImport | None, new: ServiceImport | None) -> None:
        """A ServiceImport is new, another or gone."""
        found = new or old
        if found is None or self._is_left_out(found.key) or self.imports.get(found.key) == new:
            return
        if new is None:
            del self.imports[found.key]
        else:
            self.imports[found.key] = new
        self.import_serial = self._moved(self.import_serial)
        self._changed(found.key, self.import_tag(found.key))

    def slice_changed(self, _: str, old: Slice | None, new: Slice | None) -> None:
        """A slice is new, another, gone, or belongs to another service now."""
        for moved in (False, True):
            store = self._imported if moved else self._slices
            before = (old.imported if moved else old.key) if old is not None else b""
            after = (new.imported if moved else new.key) if new is not None else b""
            if old is not None and before and before != after:
                self._put_slice(store, before, old.name, None)
            if new is not None and after and not self._is_left_out(after):
                self._put_slice(store, after, new.name, new)
            elif old is not None and before and before == after:
                self._put_slice(store, before, old.name, None)

    def _put_slice(self, store: dict[bytes, dict[str, Slice]], key: bytes, name: str, new: Slice | None) -> None:
        slices = store.get(key, {})
        old = slices.get(name)
        if old is new or (old is not None and new is not None and _is_same(old, new)):
            if new is not None and old is not new:
                slices[name] = new
            return
        if new is None:
            del slices[name]
            if not slices:
                del store[key]
        else:
            slices[name] = new
            store[key] = slices
        if store is self._imported:
            self.import_serial = self._moved(self.import_serial)
            self._changed(key, self.import_tag(key))
            return
        self._move_hosts(key, old, new, slices)
        self._changed(key, self.service_tag(key))

    def _move_hosts(self, key: bytes, old: Slice | None, new: Slice | None, slices: Mapping[str, Slice]) -> None:
        before, after = set(old.endpoints if old else ()), set(new.endpoints if new else ())
        touched = {endpoint.address for endpoint in before ^ after}
        for address in touched:
            self._withdraw(self.address_tag(address))
        kept = {endpoint.address for endpoint in after}
        lost = touched - kept
        if lost:
            lost -= {one.address for other in slices.values() if other is not new for one in other.endpoints}
        self.hosts.move(key, lost, touched & kept)

    def namespace_changed(self, _: str, old: Namespace | None, new: Namespace | None) -> None:
        """A namespace is exposed or no longer."""
        namespace = new or old
        if namespace is None or (self._only and namespace.label not in self._only):
            return
        label = namespace.label
        if (label in self.namespaces) == (new is not None):
            return
        if new is None:
            del self.namespaces[label]
        else:
            self.namespaces[label] = new
        self._changed(b"", self.namespace_tag(label))

    def pod_changed(self, _: str, old: Pod | None, new: Pod | None) -> None:
        """A Pod is new, another or gone."""
        before = set(old.addresses if old is not None else ())
        after = set(new.addresses if new is not None else ())
        for address in before | after:
            others = tuple(pod for pod in self.pods(address) if pod != old and pod != new)
            pods = (*others, new) if new is not None and address in after else others
            if pods:
                self._pods[address] = pods
            else:
                self._pods.pop(address, None)
            if pods != others or address not in after:
                self._withdraw(self.address_tag(address))

    def _is_left_out(self, key: bytes) -> bool:
        return bool(self._only) and namespace_of(key) not in self._only

    def _changed(self, key: bytes, tag: Hashable) -> None:
        serial = self._moved(self.serial)
        if serial != self.serial:
            self.serial = serial
            self._withdraw(self.serial_tag)
        self._withdraw(tag)
        for follower in self._followers:
            follower(key)

    def _moved(self, serial: int) -> int:
        """The serial number of now, which never goes back."""
        return max(serial, int(self._now()))


def namespace_of(key: bytes) -> bytes:
    """The namespace's label in the key of a service."""
    return key[2 + key[0] :]


def _cluster_ips(service: Service | None) -> set[bytes]:
    return set(service.cluster_ips) if service is not None else set()


def _external_ips(service: Service | None) -> set[bytes]:
    return {*service.external_ips, *service.balancer_ips} if service is not None else set()


def _is_same(old: Slice, new: Slice) -> bool:
    return (old.endpoints, old.ports, old.cluster) == (new.endpoints, new.ports, new.cluster)
