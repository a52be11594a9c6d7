"""A cluster and a world outside of it, as what stands behind ``searchpath`` would answer for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from resolver.chain.query import Query, Site
from resolver.chain.reply import Replay, Reply, failure, from_records
from resolver.chain.setup import Block
from resolver.config.load import load_text
from resolver.plugins.searchpath import Stopper
from resolver.plugins.searchpath.settings import parse
from resolver.wire.constants import AAAA, CNAME, NOERROR, NXDOMAIN, SERVFAIL, SOA, TYPE_NUMBERS, A
from resolver.wire.names import from_text, suffixes, to_text
from resolver.wire.records import Record, record
from tests.plugins.chains import World

ZONE = "cluster.local"
SITE = Site("dns://:53", ".")
SERVICES = (
    "web.prod.svc",
    "db.prod.svc",
    "db-0.db.prod.svc",
    "cart.shop.svc",
    "10-0-0-1.shop.pod",
    "kubernetes.default.svc",
)
ADDRESSES = {A: bytes((192, 0, 2, 1)), AAAA: bytes(15) + b"\1"}


def soa(zone: str, ttl: int) -> Record:
    numbers = bytes(16) + ttl.to_bytes(4, "big")
    return record(from_text(zone), SOA, ttl, from_text("ns." + zone) + from_text("host." + zone) + numbers)


@dataclass
class Network:
    """``names`` outside have both addresses, those in ``only`` the ones of that type; ``broken`` ones fail.

    What the cluster denies holds for 5 seconds, what is denied outside for 30; addresses of the cluster hold for 5 and
    those outside for 300. Names of the cluster are live and tagged with their name, the others come from a cache as of
    the moment 90.0.
    """

    names: tuple[str, ...] = ("api.example.com", "example.com")
    services: tuple[str, ...] = SERVICES
    only: dict[str, str] = field(default_factory=dict)
    broken: tuple[str, ...] = ()
    denied_types: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)
    queries: list[Query] = field(default_factory=list)
    replayed: bool = True

    async def __call__(self, query: Query) -> Reply:
        name = to_text(query.name).removesuffix(".")
        self.asked.append((name, query.qtype))
        self.queries.append(query)
        if name in self.broken:
            return failure(query, "", SERVFAIL, ede=22, text="no upstream", error="no upstream")
        inside = name == ZONE or name.endswith("." + ZONE)
        reply = self._of_the_cluster(query, name) if inside else self._outside(query, name)
        if self.replayed:
            reply.replay = Replay(1000.0, None, tags=(name,), live=True) if inside else Replay(200.0, 90.0)
        return reply

    @property
    def asked_names(self) -> list[str]:
        return [name for name, _ in self.asked]

    def _of_the_cluster(self, query: Query, name: str) -> Reply:
        known = [f"{service}.{ZONE}" for service in self.services]
        denial = soa(ZONE, 5)
        if name in known:
            return self._addresses(query, 5, denial)
        above = {to_text(part).removesuffix(".") for one in known for part in suffixes(from_text(one))}
        return from_records(query, "kubernetes", authority=[denial], rcode=NOERROR if name in above else NXDOMAIN)

    def _outside(self, query: Query, name: str) -> Reply:
        denial = soa("test", 30)
        kind = {TYPE_NUMBERS[kind] for kind in [self.denied_types.get(name)] if kind}
        if (name not in self.names and name not in self.only) or query.qtype in kind:
            return from_records(query, "forward", authority=[denial], rcode=NXDOMAIN)
        wanted = self.only.get(name)
        if wanted and TYPE_NUMBERS[wanted] != query.qtype:
            return from_records(query, "forward", authority=[denial])
        return self._addresses(query, 300, denial)

    def _addresses(self, query: Query, ttl: int, denial: Record) -> Reply:
        address = ADDRESSES.get(query.qtype)
        if address is None:
            return from_records(query, query.site.zone, authority=[denial])
        return from_records(query, "forward", [record(query.qname, query.qtype, ttl, address)])


async def stopper(options: str = "", args: str = ZONE, world: World | None = None, resolv_conf: str = "") -> Stopper:
    """The directive with these words and options, in service in a block for all names."""
    world = world or World(clock=lambda: 100.0)
    text = f". {{\n searchpath {args} {{\n{options}\n}}\n}}\n"
    source = load_text(text, environ={}).blocks[0]
    block = Block((b"\0",), (SITE,), directives=source.directives)
    part = Stopper(parse(source.directives[0], block), block, world.host, Path(resolv_conf or "/dev/null"))
    await part.start()
    return part


def lines(reply: Reply) -> list[str]:
    """The answer section: owner, TTL, and the target of an alias or the type."""
    return [
        f"{to_text(owner)} {ttl} " + (f"CNAME {to_text(rdata)}" if kind == CNAME else {A: "A", AAAA: "AAAA"}[kind])
        for owner, kind, _, ttl, rdata in reply.sections.answer
    ]
