"""What the tests of dnssec share: a plugin with keys, answers below it, and what a client sees, as dnspython has it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import dns.dnssec
import dns.name
import dns.node
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset

from resolver.chain.query import Query, Site
from resolver.chain.reply import Replay, Reply, from_records
from resolver.dnssec.keys import ECDSAP256, read_key
from resolver.plugins.dnssec.handler import Dnssec
from resolver.plugins.dnssec.settings import Settings
from resolver.wire.constants import NXDOMAIN, RRSIG, TYPE_NUMBERS
from resolver.wire.names import from_text, to_text
from resolver.wire.records import Record
from tests.plugins.chains import World, answering, question
from tests.support.keys import ENTRY_POINT, write_key

SITE = Site("dns://:53", "example.org.")
SOA = "example.org. 60 SOA ns.example.org. host.example.org. 7 2 3 4 30"
WWW = "www.example.org. 60 A 192.0.2.1"


def record(text: str) -> Record:
    """A record in presentation form: owner, TTL, type, rdata."""
    owner, ttl, rtype, rdata = text.split(" ", 3)
    wire = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(rtype), rdata).to_wire()
    assert wire is not None
    return Record(from_text(owner), TYPE_NUMBERS[rtype], 1, int(ttl), wire)


def says(
    answer: Sequence[str] = (), authority: Sequence[str] = (), additional: Sequence[str] = (), *, rcode: int = 0
) -> Callable[[Query], Reply]:
    """Answers with these records."""

    def reply(query: Query) -> Reply:
        made = from_records(
            query, "below", *[[record(one) for one in part] for part in (answer, authority, additional)]
        )
        made.rcode = rcode
        made.replay = Replay(1e9, tags=("data",))
        return made

    return reply


NO_NAME = says((), [SOA], rcode=NXDOMAIN)
NO_DATA = says((), [SOA])


@dataclass
class Stage:
    """A plugin in front of answers. ``now`` is the time of day; keys are (algorithm, flags)."""

    folder: Path
    keys: Sequence[tuple[int, int]] = ((ECDSAP256, ENTRY_POINT),)
    zones: Sequence[str] = ("example.org.",)
    capacity: int = 100
    now: float = 1_800_000_000.0
    monotonic: float = 50.0
    world: World = field(init=False)
    plugin: Dnssec = field(init=False)

    def __post_init__(self) -> None:
        self.world = World(clock=lambda: self.monotonic)
        pairs = [write_key(self.folder, "example.org.", *key, number=n) for n, key in enumerate(self.keys)]
        settings = Settings(
            tuple(map(from_text, self.zones)), tuple(read_key(pair) for pair in pairs), capacity=self.capacity
        )
        self.plugin = Dnssec(settings, self.world.host, wall=lambda: self.now)

    @property
    def tags(self) -> list[int]:
        """The tags of the keys."""
        return [key.tag for key in self.plugin.settings.keys]

    async def ask(self, name: str, qtype: str, below: Callable[[Query], Reply], *, do: bool | None = True) -> Reply:
        """The answer of a chain in which ``below`` comes behind the plugin; what is signed in it is checked."""
        query = question(name, qtype, do=do, site=SITE)
        reply = await self.plugin.resolve(query, answering(below))
        for section in reply.sections:
            self.check(section)
        return reply

    def check(self, section: Sequence[Record]) -> None:
        """Every signature in the section is valid."""
        keys: dict[dns.name.Name, dns.node.Node | dns.rdataset.Rdataset] = {}
        for zone in self.zones:
            records = [Record(b"\0", 48, 1, 60, key.rdata) for key in self.plugin.settings.keys]
            keys[dns.name.from_text(zone)] = _rrset(zone, records)
        for one in section:
            if one.type == RRSIG:
                covered = int.from_bytes(one.rdata[:2], "big")
                same = [r for r in section if r.type == covered and r.owner.lower() == one.owner.lower()]
                name = to_text(one.owner)
                dns.dnssec.validate(_rrset(name, same), _rrset(name, [one]), keys, now=self.now)


def _rrset(name: str, records: Sequence[Record]) -> dns.rrset.RRset:
    rdatas = [_rdata(one) for one in records]
    return dns.rrset.from_rdata_list(name, records[0].ttl, rdatas)


def _rdata(one: Record) -> dns.rdata.Rdata:
    return dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.RdataType.make(one.type), one.rdata, 0, len(one.rdata))


def shown(section: Sequence[Record]) -> list[str]:
    """The records of a section; of a signature only what it covers and who signs."""
    lines = []
    for one in section:
        words = _rdata(one).to_text().split(" ")
        if one.type == RRSIG:
            words = [words[0], words[7]]
        lines.append(" ".join([to_text(one.owner), str(one.ttl), dns.rdatatype.to_text(one.type), *words]))  # type: ignore[arg-type]
    return lines
