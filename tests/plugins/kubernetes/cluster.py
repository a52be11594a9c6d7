"""A cluster without an API: objects written as YAML, a server block over them, answers as dnspython reads them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import dns.message
import dns.rcode
import pytest
import yaml

from resolver.chain.finish import finish
from resolver.chain.plugin import Handler
from resolver.chain.query import Query
from resolver.chain.reply import Reply
from resolver.errors import Malformed
from resolver.kube import kinds
from resolver.kube.kinds import Kind
from resolver.kube.watch import Watch
from resolver.plugins.kubernetes import Kubernetes
from tests.plugins.chains import World, nobody, question

ZONES = "cluster.local in-addr.arpa ip6.arpa"
KINDS = {
    "Service": kinds.SERVICES,
    "EndpointSlice": kinds.ENDPOINT_SLICES,
    "Namespace": kinds.NAMESPACES,
    "Pod": kinds.PODS,
    "ServiceImport": kinds.SERVICE_IMPORTS,
}
Json = dict[str, Any]


class Wanted(NamedTuple):
    """A watch as it was asked for."""

    kind: Kind
    labels: str
    fields: str
    namespace: str = ""

    def has(self, kind: Kind, item: Json) -> bool:
        """Whether the object is among those that are watched."""
        metadata = item["metadata"]
        named = f"metadata.name={metadata['name']}"
        return (
            kind == self.kind
            and self.namespace in ("", metadata.get("namespace"))
            and (not self.fields.startswith("metadata.name=") or self.fields == named)
        )


class Pool:
    """Watches that a test fills."""

    def __init__(self) -> None:
        self.items: dict[Kind, dict[str, Json]] = {kind: {} for kind in KINDS.values()}
        self.unlisted: set[Kind] = set()
        self.given: list[tuple[Wanted, Watch[Any], Callable[[Json], Any]]] = []
        self.released: list[Watch[Any]] = []

    def watch(
        self,
        access: object,
        kind: Kind,
        parse: Callable[[Json], Any],
        *,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
    ) -> Watch[Any]:
        watch: Watch[Any] = Watch()
        self.given.append((Wanted(kind, labels, fields, namespace), watch, parse))
        if kind not in self.unlisted:
            self.list(kind)
        return watch

    async def release(self, watch: Watch[Any]) -> None:
        self.released.append(watch)

    def list(self, kind: Kind) -> None:
        """The first list of a kind arrives."""
        self.unlisted.discard(kind)
        for key, item in self.items[kind].items():
            self._tell(kind, key, item)
        for wanted, watch, _ in self.given:
            if wanted.kind == kind:
                watch.complete()

    def put(self, kind: Kind, key: str, item: Json | None) -> None:
        if item is None:
            del self.items[kind][key]
        else:
            self.items[kind][key] = item
        if kind not in self.unlisted:
            self._tell(kind, key, item)

    def _tell(self, kind: Kind, key: str, item: Json | None) -> None:
        for wanted, watch, parse in self.given:
            if wanted.kind != kind or (item is not None and not wanted.has(kind, item)):
                continue
            try:
                watch.put(key, parse(item) if item is not None else None)
            except Malformed:
                watch.put(key, None)


class Answer(NamedTuple):
    """What a client got: response code and records in presentation form."""

    rcode: str
    answer: list[str]
    authority: list[str]
    additional: list[str]


@dataclass
class Cluster:
    """A running plugin and the objects that it sees."""

    world: World
    pool: Pool
    part: Kubernetes
    asked: list[Query] = field(default_factory=list)

    def apply(self, text: str) -> None:
        """Add or replace objects."""
        for item in yaml.safe_load_all(text):
            kind = KINDS[item["kind"]]
            metadata = item["metadata"]
            key = f"{metadata['namespace']}/{metadata['name']}" if kind.namespaced else metadata["name"]
            self.pool.put(kind, key, item)

    def delete(self, kind: str, key: str) -> None:
        self.pool.put(KINDS[kind], key, None)

    async def reply(self, name: str, qtype: str = "A", next: Handler = nobody, **more: Any) -> Reply:
        return await self.part.resolve(question(name, qtype, **more), next)

    async def ask(self, name: str, qtype: str = "A", **more: Any) -> Answer:
        query = question(name, qtype, **more)
        reply = await self.part.resolve(query, nobody)
        return read(finish(query, reply))

    async def addresses(self, name: str, qtype: str = "A") -> list[str]:
        """The addresses under a name, which must exist."""
        found = await self.ask(name, qtype)
        assert found.rcode == "NOERROR", found
        return [line.split()[-1] for line in found.answer]

    async def rcode(self, name: str, qtype: str = "A") -> str:
        return (await self.ask(name, qtype)).rcode

    def withdrawn(self) -> set[Hashable]:
        """The tags that were withdrawn since the last time."""
        tags = set(self.world.withdrawn)
        self.world.withdrawn.clear()
        return tags


def read(octets: bytes) -> Answer:
    """A message as an independent reader sees it."""
    message = dns.message.from_wire(octets)
    sections = [
        [line for rrset in section for line in rrset.to_text().splitlines()]
        for section in (message.answer, message.authority, message.additional)
    ]
    return Answer(dns.rcode.to_text(message.rcode()), *sections)


async def running(
    monkeypatch: pytest.MonkeyPatch,
    objects: str,
    options: str = "",
    *,
    zones: str = ZONES,
    unlisted: Sequence[Kind] = (),
    world: World | None = None,
    more: str = "",
) -> Cluster:
    """A started plugin over these objects; ``unlisted`` kinds have not arrived yet."""
    world, pool = world or World(), Pool()
    pool.unlisted.update(unlisted)
    monkeypatch.setattr("resolver.plugins.kubernetes.sources.pool_of", lambda host: pool)
    lines = f"endpoint http://127.0.0.1:1\nstartup_timeout 0\n{options}"
    block = world.build(f". {{\n{more}\nkubernetes {zones} {{\n{lines}\n}}\n}}")
    part = next(part for part in block.parts if isinstance(part, Kubernetes))
    cluster = Cluster(world, pool, part)
    cluster.apply(objects)
    await part.start()
    world.withdrawn.clear()
    return cluster


def soa(zone: str = "cluster.local.", ttl: int = 5, serial: int = 0) -> str:
    return f"{zone} {ttl} IN SOA ns.dns.{zone} hostmaster.{zone} {serial} 7200 1800 86400 {ttl}"
