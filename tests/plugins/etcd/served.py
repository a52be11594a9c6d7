"""A plugin over a tree that tests fill by themselves, and answers as people read them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import dns.message
import dns.rcode

from resolver.chain.finish import finish
from resolver.chain.query import Query
from resolver.chain.reply import Reply, failure
from resolver.plugins.etcd.handler import Etcd
from resolver.plugins.etcd.metrics import Metrics
from resolver.plugins.etcd.mirror import Mirror
from resolver.plugins.etcd.service import read_service
from resolver.wire.constants import REFUSED
from tests.plugins.chains import World, nobody, question
from tests.plugins.etcd.registry import Scripted

ZONES = "skydns.test skydns_zone.test in-addr.arpa"


class Served:
    """``outside`` answers what the server is asked for because of aliases; by default it serves nothing else."""

    def __init__(self, options: str = "", zones: str = ZONES) -> None:
        self.world = World()
        self.outside: Callable[[Query], Reply] = lambda query: failure(query, "", REFUSED)
        self.asked: list[Query] = []
        self.world.host.ask = self._ask
        self.plugin: Etcd = self.world.part(f". {{\n etcd {zones} {{\n path skydns\n {options}\n }}\n}}")
        metrics = Metrics(self.world.host.registry, "/skydns")
        self.mirror = Mirror(
            b"/skydns/", Scripted(), metrics, self.world.host.log, self.plugin._changed, self.world.host.chance
        )
        self.mirror.synced = True
        self.mirror.revision = 42
        self.plugin.mirror = self.mirror

    def put(self, name: str, lease: int = 0, **fields: Any) -> None:
        """There is a service at the key of a name."""
        path = tuple(part.encode() for part in reversed(name.rstrip(".").split(".")))
        value = json.dumps(fields).encode()
        self.mirror.tree.put(path, read_service(path, value, lease), len(value))

    async def reply(self, name: str, qtype: str = "A") -> Reply:
        """What the plugin says."""
        return await self.plugin.resolve(question(name, qtype), nobody)

    async def ask(self, name: str, qtype: str = "A") -> Answer:
        """What a client gets."""
        query = question(name, qtype, transport="tcp")
        return Answer(finish(query, await self.plugin.resolve(query, nobody)))

    async def _ask(self, query: Query) -> Reply:
        self.asked.append(query)
        return self.outside(query)


class Answer:
    """An answer in presentation form, read by dnspython; the records of each section in their order as texts."""

    def __init__(self, octets: bytes) -> None:
        message = dns.message.from_wire(octets)
        self.rcode = dns.rcode.to_text(message.rcode())
        self.answer = _lines(message.answer)
        self.authority = _lines(message.authority)
        self.extra = _lines(message.additional)


def _lines(section: Any) -> list[str]:
    return sorted(line for rrset in section for line in rrset.to_text().splitlines())
