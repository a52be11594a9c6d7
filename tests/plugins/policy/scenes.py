"""What tests of policy share: one chain, questions to it, and what is behind it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from resolver.chain.build import build
from resolver.chain.capabilities import Identity
from resolver.chain.plugin import Part
from resolver.chain.query import Query, Site
from resolver.chain.reply import Replay, Reply, from_records
from resolver.chain.setup import Block, SetupFunction
from resolver.chain.trail import Trail
from resolver.config.load import load_text
from resolver.plugins.catalog import setup_function
from resolver.plugins.order import ORDER
from resolver.plugins.policy.handler import PolicyPlugin
from resolver.wire.constants import AAAA, CNAME, OPTION_EDE, A, type_name
from resolver.wire.edns import options
from resolver.wire.names import ROOT, from_text, to_text
from resolver.wire.records import Record, record
from tests.plugins.chains import World, answering, question

SITE = Site("dns://:5300", "example.")
Data = Mapping[str, list[tuple[str, int, str]]]

ALLOW_LIST = """policy {
    default deny
    allow .example.com as partners
    deny bad.example.com action nodata
}"""


def records(entries: list[tuple[str, int, str]]) -> list[Record]:
    """Records from (owner, type, address or name)."""
    return [
        record(from_text(owner), rtype, 60, from_text(value) if rtype == CNAME else ip_address(value).packed)
        for owner, rtype, value in entries
    ]


def behind(data: Data, source: str = "forward") -> Callable[[Query], Reply]:
    """A last plugin: answers of these records by name, from the outside unless it is another plugin's."""

    def answer(query: Query) -> Reply:
        found = list(data.get(to_text(query.name), []))
        reply = from_records(query, source, records(found), authoritative=False)
        reply.upstream = "192.0.2.53:53" if source == "forward" else ""
        reply.replay = Replay(math.inf)
        return reply

    return answer


@dataclass
class Scene:
    """A policy in a chain of its own."""

    lines: str
    data: Data = field(default_factory=dict)
    source: str = "forward"
    root: Path = field(default_factory=Path)
    world: World = field(default_factory=World)
    pods: dict[str, Identity] | None = None

    def __post_init__(self) -> None:
        head = "identity\n" if self.pods is not None else ""
        source = load_text(f"example:5300 . {{\n{head}{self.lines}\n}}\n", environ={}).blocks[0]
        block = Block((from_text("example"), ROOT), (SITE,), root=self.root)
        self.people = People(self.pods or {})
        build(source, block, self.world.host, ORDER, self._find)
        self.part: PolicyPlugin = next(part for part in block.parts if isinstance(part, PolicyPlugin))

    def _find(self, name: str) -> SetupFunction | None:
        return (lambda setup: self.people) if name == "identity" else setup_function(name)

    async def ask(
        self, name: str, qtype: str = "A", client: str = "192.0.2.1", *, was: str = "", trail: Trail | None = None,
        transport: str = "udp",
    ) -> Reply:  # fmt: skip
        """What the client gets."""
        query = question(name, qtype, do=False, client=(client, 4711), transport=transport)
        query.original = from_text(was) if was else None
        query.trail = trail
        query.site = SITE
        return await self.part.resolve(query, answering(behind(self.data, self.source)))


class People(Part):
    """Who is behind which address; those of ``late`` are known only after a wait, those of ``doubted`` not at all."""

    name = "identity"

    def __init__(self, pods: dict[str, Identity]) -> None:
        self.pods = pods
        self.late: set[str] = set()
        self.doubted: set[str] = set()
        self._told: list[Callable[[str], None]] = []

    def identify(self, client: str) -> Identity | None:
        return None if client in self.late else self.pods.get(client)

    def settled(self, client: str) -> bool:
        return client not in self.late

    def unknown(self, client: str) -> bool:
        return client in self.doubted

    async def meet(self, client: str) -> Identity | None:
        return self.pods.get(client)

    def subscribe(self, changed: Callable[[str], None]) -> None:
        self._told.append(changed)

    def move(self, client: str, identity: Identity | None) -> None:
        """Another Pod has the address now."""
        self.pods.pop(client, None)
        if identity is not None:
            self.pods[client] = identity
        self.tell(client)

    def tell(self, client: str) -> None:
        """Something else is known of an address."""
        for told in self._told:
            told(client)


def config_map(name: str, text: str, namespace: str = "shop", **more: Any) -> dict[str, Any]:
    """A ConfigMap with rules."""
    metadata = {"name": name, "namespace": namespace, "labels": {"resolver.k8s/policy": ""}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"rules": text}} | more


def why(reply: Reply) -> tuple[int, str]:
    """Code and text of the extended error, (-1, "") without one."""
    for code, payload in options(reply.options):
        if code == OPTION_EDE:
            return int.from_bytes(payload[:2], "big"), payload[2:].decode()
    return -1, ""


def shown(reply: Reply) -> list[str]:
    """The answer section as words."""
    return [f"{to_text(one.owner)} {type_name(one.type)} {_value(one)}" for one in reply.sections.answer]


def _value(one: Record) -> str:
    return str(ip_address(one.rdata)) if one.type in (A, AAAA) else to_text(one.rdata)
