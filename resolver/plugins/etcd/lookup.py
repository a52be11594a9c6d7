"""From a question to records: what the services of a name say for each type."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Final, NamedTuple, Protocol

from resolver.chain.alias import answer_records
from resolver.chain.reply import Reply
from resolver.errors import WireError, ZoneError
from resolver.plugins.etcd.records import address_record, mx_rdata, soa_record, srv_rdata, txt_record
from resolver.plugins.etcd.service import Path, Service, grouped
from resolver.wire.constants import AAAA, CNAME, MX, NS, PTR, SOA, SRV, TXT, A
from resolver.wire.names import is_below, labels
from resolver.wire.records import Record, record

DEFAULT_TTL: Final = 300
LONGEST_CHAIN: Final = 10  # aliases behind each other
MOST_RECORDS: Final = 4096
MOST_LOOKS: Final = 500  # names that one question may lead to
MOST_ASKED: Final = 32  # questions about names of others that one question may lead to
_SIZES: Final = {A: 4, AAAA: 16}
_NS_NAME, _APEX_NAME = b"\2ns\3dns", b"\4apex\3dns"

Tags = tuple[Hashable, ...]


class Data(Protocol):
    """What is known, and who knows the rest."""

    @property
    def revision(self) -> int:
        """Grows with every change."""

    async def services(self, path: Path, *, exact: bool) -> Sequence[Service] | None:
        """The services of a path, None where there is nothing."""

    def tag(self, path: Path) -> Hashable:
        """What is withdrawn when something changes at the path or below."""

    def lease_ttl(self, service: Service) -> int | None:
        """Seconds that a service's lease lasts, None without one."""


class Found(NamedTuple):
    """Records for the answer and beside it; ``exists`` is false where nothing is known of the name."""

    exists: bool
    answer: Sequence[Record] = ()
    extra: Sequence[Record] = ()


class Lookup:
    """One question. Afterwards ``tags`` name what was looked at, and ``replies`` are those that were asked for."""

    def __init__(
        self, data: Data, zone: bytes, qname: bytes, qtype: int, ask: Callable[[bytes, int], Awaitable[Reply]]
    ) -> None:
        self.tags: dict[Hashable, None] = {}
        self.replies: list[Reply] = []
        self._data = data
        self._zone = zone
        self._qname = qname
        self._qtype = qtype
        self._ask = ask
        self.leased = False
        self._looks = 0

    async def find(self) -> Found:
        """What there is. Raises ZoneError or WireError for services that no answer can be made of."""
        qname, qtype = self._qname, self._qtype
        name = qname.lower()
        if name == self._zone and qtype == SOA:
            return Found(True, [soa_record(self._zone, self._data.revision)])
        if name == self._zone and qtype == NS:
            return await self._name_servers()
        if qtype in (A, AAAA):
            return await self._addresses(qname, qtype)
        maker = _MAKERS.get(qtype)
        if maker is not None:
            return await maker(self, qname)
        return Found((await self._host_services(name, A)) is not None)

    # --- services

    async def _services(self, name: bytes, qtype: int, *, exact: bool = False) -> Sequence[Service] | None:
        self._looks += 1
        if self._looks > MOST_LOOKS:
            raise ZoneError(f"more than {MOST_LOOKS} names would have to be looked at")
        path = path_of(name)
        self.tags[self._data.tag(path)] = None
        found = await self._data.services(path, exact=exact)
        if found is None:
            return None
        self.leased = self.leased or any(one.lease for one in found)
        return grouped([one for one in found if one.has_host or (qtype == TXT and one.text)])

    async def _host_services(self, name: bytes, qtype: int) -> Sequence[Service] | None:
        """As ``_services``; the zone itself has a place of its own for its addresses."""
        if name == self._zone:
            found = await self._services(_APEX_NAME + name, qtype)
            if found is not None:
                return found
        return await self._services(name, qtype)

    def _ttl(self, service: Service) -> int:
        left = self._data.lease_ttl(service)
        if left is None:
            return service.ttl or DEFAULT_TTL
        return min(left, service.ttl) if service.ttl else left

    # --- addresses and texts, perhaps behind aliases

    async def _addresses(self, qname: bytes, qtype: int) -> Found:
        services = await self._host_services(qname.lower(), qtype)
        if services is None:
            return Found(False)
        return Found(True, await self._with_aliases(qname, qtype, services, ()))

    async def _texts(self, qname: bytes) -> Found:
        services = await self._services(qname.lower(), TXT)
        if services is None:
            return Found(False)
        return Found(True, await self._with_aliases(qname, TXT, services, ()))

    async def _with_aliases(
        self, owner: bytes, qtype: int, services: Sequence[Service], before: tuple[bytes, ...]
    ) -> list[Record]:
        """The records of a name; ``before`` are the lower-case targets of the aliases that lead to it."""
        records: dict[tuple[bytes, bytes], Record] = {}
        behind: list[Record] = []
        for service in services:
            if len(records) + len(behind) > MOST_RECORDS:
                break
            ttl = self._ttl(service)
            if service.target is not None and not service.text:
                behind += await self._alias(owner, qtype, service.target, ttl, before)
            elif service.text and service.address is None and qtype == TXT:
                made = txt_record(owner, service.text, ttl)
                records.setdefault((owner, made.rdata), made)
            elif service.address is not None and len(service.address) == _SIZES.get(qtype):
                records.setdefault((owner, service.address), address_record(owner, service.address, ttl))
        return [*records.values(), *behind]

    async def _alias(
        self, owner: bytes, qtype: int, target: bytes, ttl: int, before: tuple[bytes, ...]
    ) -> list[Record]:
        """The alias and what is behind it; nothing where it leads nowhere, back, or too far."""
        lowered = target.lower()
        if is_below(lowered, owner.lower()) or len(before) > LONGEST_CHAIN or lowered in before:
            return []
        alias = record(owner, CNAME, ttl, target)
        if not is_below(lowered, self._zone):
            return [alias, *await self._outside(target, (qtype,))]
        if qtype == TXT:
            services = await self._services(lowered, qtype)
        else:
            services = await self._host_services(lowered, qtype)
        behind = await self._with_aliases(target, qtype, services or (), (*before, lowered))
        return [alias, *behind] if behind else []

    async def _beside(self, target: bytes) -> list[Record]:
        """The addresses of a host that other records name."""
        if is_below(target.lower(), self._zone):
            found = [await self._addresses(target, qtype) for qtype in (A, AAAA)]
            return _without_doubles([one for each in found for one in each.answer])
        return _without_doubles(await self._outside(target, (A, AAAA)))

    async def _outside(self, target: bytes, qtypes: Sequence[int]) -> list[Record]:
        """What the server says about a name that is not in the zone; nothing after too many of them."""
        found: list[Record] = []
        for qtype in qtypes:
            if len(self.replies) < MOST_ASKED:
                reply = await self._ask(target, qtype)
                self.replies.append(reply)
                found += answer_records(reply)
        return found

    # --- other types

    async def _aliases(self, qname: bytes) -> Found:
        services = await self._services(qname.lower(), CNAME, exact=True)
        if services is None:
            # a name exists too where there is only something below
            return Found(await self._services(qname.lower(), A) is not None)
        first = next(iter(services), None)
        if first is None or first.target is None:
            return Found(True)
        return Found(True, [record(qname, CNAME, self._ttl(first), first.target)])

    async def _pointers(self, qname: bytes) -> Found:
        services = await self._services(qname.lower(), PTR, exact=True)
        if services is None:
            return Found(await self._services(qname.lower(), A) is not None)
        found = {one.target: self._ttl(one) for one in reversed(services) if one.target is not None}
        return Found(True, [record(qname, PTR, ttl, target) for target, ttl in found.items()])

    async def _located(self, qname: bytes) -> Found:
        services = await self._services(qname.lower(), SRV)
        if services is None:
            return Found(False)
        totals: dict[int, int] = {}
        for one in services:
            totals[one.priority] = totals.get(one.priority, 0) + (one.weight or 100)
        rdata = {
            one: srv_rdata(one.priority, _share(one, totals[one.priority]), one.port, self._stands_for(one))
            for one in services
            if one.port != -1
        }
        return await self._named(qname, SRV, rdata)

    async def _exchanges(self, qname: bytes) -> Found:
        services = await self._services(qname.lower(), MX)
        if services is None:
            return Found(False)
        rdata = {one: mx_rdata(one.priority, self._stands_for(one)) for one in services if one.mail}
        return await self._named(qname, MX, rdata)

    async def _named(self, qname: bytes, rtype: int, rdata: dict[Service, bytes]) -> Found:
        """Records that name hosts, and the addresses of those."""
        answer = [record(qname, rtype, self._ttl(one), octets) for one, octets in rdata.items()]
        extra: list[Record] = []
        asked: set[bytes] = set()
        for one in rdata:
            host = self._stands_for(one)
            if one.address is not None:
                extra.append(address_record(host, one.address, self._ttl(one)))
            elif host.lower() not in asked and len(extra) < MOST_RECORDS:
                asked.add(host.lower())
                extra += await self._beside(host)
        return Found(True, _without_doubles(answer), _without_doubles(extra))

    async def _name_servers(self) -> Found:
        services = await self._services(_NS_NAME + self._zone, NS)
        answer, extra = [], []
        for one in services or ():
            if one.address is None:
                raise ZoneError("a name server of the zone has a name where its address should be")
            host, ttl = self._stands_for(one), self._ttl(one)
            answer.append(record(self._qname, NS, ttl, host))
            extra.append(address_record(host, one.address, ttl))
        return Found(True, _without_doubles(answer), _without_doubles(extra))

    @staticmethod
    def _stands_for(service: Service) -> bytes:
        """The host that a service is: its target, else the name of its key; less the labels that it says."""
        return service.stripped(service.target if service.target is not None else service.own_name)


_MAKERS: Final = {
    TXT: Lookup._texts,
    CNAME: Lookup._aliases,
    PTR: Lookup._pointers,
    SRV: Lookup._located,
    MX: Lookup._exchanges,
}


def path_of(name: bytes) -> Path:
    """The parts of the key for a lower-case wire name."""
    return tuple(reversed(tuple(labels(name))))


def _share(service: Service, total: int) -> int:
    """The weight: what hundred are of the weights of the same priority, at least 1."""
    return max(int(100.0 / total * (service.weight or 100)), 1)


def _without_doubles(records: Sequence[Record]) -> list[Record]:
    """The records as they stand, each once whatever its TTL."""
    found: dict[tuple[bytes, int, bytes], Record] = {}
    for one in records:
        found.setdefault((one.owner.lower(), one.type, one.rdata), one)
    return list(found.values())


Problem = (ZoneError, WireError)
