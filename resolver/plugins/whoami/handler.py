"""The answer that describes its client."""

from __future__ import annotations

import ipaddress
from struct import Struct

from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import DATAGRAMS, Query
from resolver.chain.reply import Reply, from_records
from resolver.wire.constants import AAAA, MAX_NAME, SRV, A
from resolver.wire.names import ROOT
from resolver.wire.records import Record

_SRV = Struct("!HHH")


class Whoami(Plugin):
    """Answers every query with the client's address and port; no answer is replayed for another client."""

    name = "whoami"

    async def resolve(self, query: Query, next: Handler) -> Reply:
        return from_records(query, self.name, additional=_describe(query))


def _describe(query: Query) -> list[Record]:
    records = []
    host, port = query.client[0], query.client[1]
    address = _address(host)
    if address is not None:
        rtype = A if address.version == 4 else AAAA
        records.append(Record(query.qname, rtype, query.qclass, 0, address.packed))
    owner = (b"\4_udp" if query.transport in DATAGRAMS else b"\4_tcp") + query.qname
    if len(owner) <= MAX_NAME:
        records.append(Record(owner, SRV, query.qclass, 0, _SRV.pack(0, 0, port) + ROOT))
    return records


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The client's address; IPv4 clients of an IPv6 socket are shown as what they are."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
