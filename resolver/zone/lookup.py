"""The look-up in a zone: RFC 1034 section 4.3.2 with wildcards (RFC 4592), DNAME (RFC 6672) and DNSSEC (RFC 4035)."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from resolver.wire.constants import AAAA, ANY, CNAME, DNAME, DS, HTTPS, IN, MAX_NAME, MX, NS, RRSIG, SRV, SVCB, A
from resolver.wire.names import is_below, parent, plain_name
from resolver.wire.records import Record
from resolver.zone.data import Node, RRset, Zone, get
from resolver.zone.denial import Proofs

_MOST_ALIASES: Final = 16
_TARGET_AT: Final = {NS: 0, MX: 2, SRV: 6, SVCB: 2, HTTPS: 2}


class Outcome(IntEnum):
    """What a look-up ends with. ALIAS leads out of the zone; LOOP is a chain of aliases without an end."""

    ANSWER, NO_DATA, NO_NAME, REFERRAL, ALIAS, LOOP, TOO_LONG = range(7)


class Found:
    """What a zone says to a question; ``target`` is where an alias leads that leaves the zone, in its own spelling."""

    __slots__ = ("additional", "answer", "authority", "outcome", "target", "wildcard")

    def __init__(self) -> None:
        self.outcome = Outcome.ANSWER
        self.answer: list[Record] = []
        self.authority: list[Record] = []
        self.additional: list[Record] = []
        self.target = b""
        self.wildcard = b""

    @property
    def is_denial(self) -> bool:
        """Whether it says that there is no such name or no such records."""
        return self.outcome in (Outcome.NO_DATA, Outcome.NO_NAME)


def lookup(zone: Zone, name: bytes, qtype: int, *, do: bool = False) -> Found:
    """What the zone says; ``name`` is in lower case and within the zone, ``do`` asks for signatures and proofs."""
    return _Search(zone, qtype, do and zone.is_signed).run(name)


class _Search:
    """One question on its way through a zone, from alias to alias."""

    __slots__ = ("do", "found", "proofs", "qtype", "zone")

    def __init__(self, zone: Zone, qtype: int, do: bool) -> None:
        self.zone = zone
        self.qtype = qtype
        self.do = do
        self.found = Found()
        self.proofs = Proofs(zone) if do else None

    def run(self, name: bytes) -> Found:
        found = self.found
        seen = {name}
        while True:
            following = self._step(name)
            if following is None:
                break
            name = following.lower()
            if not is_below(name, self.zone.origin):
                found.outcome, found.target = Outcome.ALIAS, following
                break
            if name in seen or len(seen) > _MOST_ALIASES:
                found.outcome = Outcome.LOOP
                break
            seen.add(name)
        if self.proofs is not None:
            found.authority += self.proofs.records()
        return found

    def _step(self, name: bytes) -> bytes | None:
        """Look up one name; the target where it is an alias."""
        zone = self.zone
        if zone.cuts or zone.redirections:
            above = self._above(name)
            if above is not None:
                if above in zone.redirections:
                    return self._redirect(name, above)
                self._refer(above)
                return None
        node = zone.nodes.get(name)
        if node is not None:
            return self._at(name, node)
        return self._below_encloser(name)

    def _above(self, name: bytes) -> bytes | None:
        """The topmost cut at or above the name, or DNAME above it; a DS record belongs to the parent's side."""
        zone, topmost = self.zone, None
        size = len(zone.origin)
        current = name
        while len(current) >= size:
            is_cut = current in zone.cuts and not (current == name and self.qtype == DS)
            if is_cut or (current in zone.redirections and current != name):
                topmost = current
            if len(current) == size:
                break
            current = parent(current)
        return topmost

    # --- names that are there

    def _at(self, name: bytes, node: Node, source: bytes = b"") -> bytes | None:
        """The records of a node, as those of ``name``; ``source`` is the wildcard that they were made from."""
        rrset = get(node, self.qtype)
        if rrset is not None:
            self._answer(name, rrset)
        elif not (self.qtype in (ANY, RRSIG) and self._answer_all(name, node)):
            alias = get(node, CNAME)
            if alias is not None:
                self.found.answer += alias.records(name, signed=self.do)
                return plain_name(alias.rdatas[0], 0)[0]
            self._deny(Outcome.NO_DATA)
            if self.proofs is not None and source:
                self.proofs.no_data_of_wildcard(source)
            elif self.proofs is not None:
                self.proofs.no_data(name)
        return None

    def _answer(self, name: bytes, rrset: RRset) -> None:
        self.found.answer += rrset.records(name, signed=self.do)
        self._add_addresses(rrset)
        self._add_servers(name)

    def _answer_all(self, name: bytes, node: Node) -> bool:
        """The answer to a question for all records, or for all signatures; whether there is any."""
        found = self.found
        before = len(found.answer)
        for rrset in node:
            if self.qtype == ANY:
                found.answer += rrset.records(name, signed=self.do)
            else:
                found.answer += [Record(name, RRSIG, IN, rrset.ttl, rdata) for rdata in rrset.signatures]
        if len(found.answer) == before:
            return False
        self._add_servers(name)
        return True

    def _add_servers(self, name: bytes) -> None:
        """The zone's name servers go with every positive answer but their own."""
        zone = self.zone
        servers = get(zone.apex, NS)
        if servers is not None and not (self.qtype == NS and name == zone.origin):
            self.found.authority += servers.records(zone.origin, signed=self.do)

    def _add_addresses(self, rrset: RRset, *, is_glue: bool = False) -> None:
        """Addresses of the hosts that records name, as far as they are in the zone."""
        at = _TARGET_AT.get(rrset.rtype)
        if at is None:
            return
        additional = self.found.additional
        for host in dict.fromkeys([plain_name(rdata, at)[0].lower() for rdata in rrset.rdatas]):
            node = self.zone.nodes.get(host)
            if node is None and not is_glue:
                node = self._from_wildcard(host)
            for address in node or ():
                if address.rtype in (A, AAAA):
                    additional += address.records(host, signed=self.do and not is_glue)

    def _from_wildcard(self, host: bytes) -> Node | None:
        """What a host that is not there has from a wildcard."""
        zone = self.zone
        if not zone.has_wildcards or not is_below(host, zone.origin) or self._above(host) is not None:
            return None
        return zone.nodes.get(b"\1*" + self._encloser(host))

    # --- names that are not there

    def _below_encloser(self, name: bytes) -> bytes | None:
        nodes = self.zone.nodes
        encloser = self._encloser(name)
        wildcard = b"\1*" + encloser
        node = nodes.get(wildcard) if self.zone.has_wildcards else None
        if self.proofs is not None:
            self.proofs.no_name(name, encloser, wildcard if node is None else b"")
        if node is not None:
            self.found.wildcard = wildcard
            return self._at(name, node, wildcard)
        self._deny(Outcome.NO_NAME)
        return None

    def _encloser(self, name: bytes) -> bytes:
        """The nearest name above that is there."""
        nodes = self.zone.nodes
        while name not in nodes:
            name = parent(name)
        return name

    def _deny(self, outcome: Outcome) -> None:
        self.found.outcome = outcome
        self.found.authority += self.zone.soa.records(self.zone.origin, signed=self.do)

    # --- names that are elsewhere

    def _refer(self, cut: bytes) -> None:
        """To the servers of a zone below; the addresses there are not ours to sign."""
        found, node = self.found, self.zone.nodes[cut]
        found.outcome = Outcome.REFERRAL
        for servers in node:
            if servers.rtype == NS:
                found.authority += servers.records(cut)
                self._add_addresses(servers, is_glue=True)
        if self.do and self.proofs is not None:
            signers = get(node, DS)
            if signers is not None:
                found.authority += signers.records(cut, signed=True)
            else:
                self.proofs.no_data(cut)

    def _redirect(self, name: bytes, owner: bytes) -> bytes | None:
        """Below a DNAME: it and the alias that it makes (RFC 6672 section 3.1)."""
        found, rrset = self.found, get(self.zone.nodes[owner], DNAME)
        if rrset is None:
            return None
        found.answer += rrset.records(owner, signed=self.do)
        target = name[: len(name) - len(owner)] + rrset.rdatas[0]
        if len(target) > MAX_NAME:
            found.outcome = Outcome.TOO_LONG
            return None
        found.answer.append(Record(name, CNAME, IN, rrset.ttl, target))
        if self.qtype in (CNAME, ANY):
            self._add_servers(name)
            return None
        if is_below(rrset.rdatas[0].lower(), owner):  # each further step would only make the name longer
            found.outcome = Outcome.LOOP
            return None
        return target
