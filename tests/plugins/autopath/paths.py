"""What stands behind and beside autopath in its tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from resolver.chain.plugin import Part
from resolver.chain.query import Query, Site
from resolver.chain.reply import Replay, Reply, from_records
from resolver.chain.setup import Block
from resolver.config.load import load_text
from resolver.plugins.autopath import Autopath
from resolver.plugins.autopath.settings import parse
from resolver.wire.constants import CNAME, NOERROR, NXDOMAIN, SOA, A
from resolver.wire.names import ROOT, from_text, to_text
from resolver.wire.records import record
from tests.plugins.chains import World

DENIAL = record(from_text("test"), SOA, 30, from_text("ns.test") + from_text("host.test") + bytes(19) + b"\x1e")
ADDRESS = bytes((192, 0, 2, 1))
POD = ("10.0.0.1", 40000)
STRANGER = ("10.0.0.9", 40000)
SITE = Site("dns://:53", ".")


class Below:
    """What answers behind autopath: addresses of the given names, and NXDOMAIN for all others."""

    def __init__(self, *names: str, leave: Replay | None = None) -> None:
        self.names = frozenset(names)
        self.leave = leave
        self.replies: dict[str, Reply] = {}
        self.asked: list[str] = []

    async def __call__(self, query: Query) -> Reply:
        name = to_text(query.name).removesuffix(".")
        self.asked.append(name)
        reply = self.replies.get(name) or self._reply(query, known=name in self.names)
        reply.replay = self.leave
        return reply

    def _reply(self, query: Query, *, known: bool) -> Reply:
        if known and query.qtype == A:
            return from_records(query, "below", [record(query.qname, A, 60, ADDRESS)])
        return from_records(query, "below", authority=[DENIAL], rcode=NOERROR if known else NXDOMAIN)


class Pods(Part):
    """A directive that knows the search path of one client."""

    name = "kubernetes"
    path = ("shop.svc.cluster.local", "svc.cluster.local", "cluster.local", "node.test")

    def search_path(self, query: Query) -> Sequence[bytes] | None:
        return [from_text(name) for name in self.path] if query.client == POD else None


class PodsOfZone(Pods):
    """The same, which also tells what its zones are."""

    zones = (from_text("cluster.local"),)
    ttl, index, synced = 5, None, True

    def endpoint_label(self, endpoint: object) -> bytes:
        return b""


class Nothing(Part):
    """A directive that knows nobody's search path."""

    name = "kubernetes"


async def with_file(root: Path, text: str = "search one.test two.test", zones: str = "") -> Autopath:
    (root / "search.conf").write_text(text + "\n")
    part: Autopath = World().part(f". {{\n autopath {zones} search.conf\n}}\n", root)
    await part.start()
    return part


async def with_pods(pods: Part, world: World | None = None, mode: str = "verified") -> Autopath:
    world = world or World()
    text = f". {{\n autopath @kubernetes\n kubernetes cluster.local {{\n  pods {mode}\n }}\n}}\n"
    source = load_text(text, environ={}).blocks[0]
    block = Block((ROOT,), directives=source.directives, parts=[pods])
    part = Autopath(parse(source.directives[0], block), block, world.host)
    await part.start()
    return part


def lines(reply: Reply) -> list[str]:
    return [
        f"{to_text(owner)} {ttl} " + (f"CNAME {to_text(rdata)}" if kind == CNAME else "A")
        for owner, kind, _, ttl, rdata in reply.sections.answer
    ]
