"""Response Policy Zones (draft-vixie-dnsop-dns-rpz): a zone whose names are triggers and whose records are actions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from resolver.policy.clients import Prefixes
from resolver.wire.constants import CNAME, DNAME, DNSKEY, NS, NSEC, NSEC3, RRSIG, SOA
from resolver.wire.names import ROOT, from_text, is_below, labels, to_text
from resolver.wire.records import Record

NXDOMAIN, NODATA, PASSTHRU, DROP, TCP_ONLY, DATA = "nxdomain", "nodata", "passthru", "drop", "tcp-only", "data"
SERVFAIL: Final = "servfail"
"""What no zone says, but whoever waits for one."""

_SPECIAL: Final = {
    ROOT: NXDOMAIN,
    from_text("*"): NODATA,
    from_text("rpz-passthru"): PASSTHRU,
    from_text("rpz-drop"): DROP,
    from_text("rpz-tcp-only"): TCP_ONLY,
}
_NO_DATA: Final = frozenset((SOA, NS, DNAME, DNSKEY, RRSIG, NSEC, NSEC3, 51))
_KINDS: Final = {b"rpz-ip", b"rpz-client-ip", b"rpz-nsdname", b"rpz-nsip"}
_STEP: Final = 200


@dataclass(slots=True)
class Trigger:
    """What to do: ``kind`` is one of the words above. ``name`` is the trigger's name within its zone.

    ``records`` are those of local data.
    """

    name: str
    kind: str = DATA
    records: list[Record] = field(default_factory=list)

    def answer(self, qname: bytes, qtype: int) -> tuple[list[Record], bytes]:
        """Local data for a question: its records, and the target where that is an alias (else empty).

        An alias to ``*.example.org`` leads to the asked name below ``example.org``.
        """
        alias = next((one for one in self.records if one.type == CNAME), None)
        if alias is not None:
            target = alias.rdata
            if target.startswith(b"\x01*"):
                target = qname[:-1] + target[2:]
                if len(target) > 255:
                    return [], b""
            return [Record(qname, CNAME, alias.rclass, alias.ttl, target)], target
        return [one._replace(owner=qname) for one in self.records if qtype in (one.type, 255)], b""


class ResponseZone:
    """The triggers of one zone; never changes once it is built.

    A zone that ``is_shared`` is never emptied. ``ignored`` counts what does not work, by kind: a forwarder does not see
    the name servers that ``nsdname`` and ``nsip`` ask for.
    """

    def __init__(self, origin: bytes) -> None:
        self.origin = origin
        self.serial = 0
        self.count = 0
        self.ignored: Counter[str] = Counter()
        self._names: dict[bytes, Trigger] = {}
        self._below: dict[bytes, Trigger] = {}
        self._clients: Prefixes[Trigger] = Prefixes()
        self._addresses: Prefixes[Trigger] = Prefixes()
        self.is_shared = False
        self.has_clients = False
        self.has_addresses = False

    @classmethod
    def of(cls, origin: bytes, records: Iterable[Record]) -> ResponseZone:
        """The zone of these records, made at once."""
        steps = cls.building(origin, records)
        while True:
            try:
                next(steps)
            except StopIteration as stop:
                zone: ResponseZone = stop.value
                return zone

    @classmethod
    def building(cls, origin: bytes, records: Iterable[Record]) -> Generator[None, None, ResponseZone]:
        """The zone of these records, made in steps."""
        zone = cls(origin)
        for number, record in enumerate(records, 1):
            zone._take(record)
            if number % _STEP == 0:
                yield
        return zone

    def for_name(self, name: bytes) -> Trigger | None:
        """The trigger for a lower-case wire name: its own, or else the longest wildcard."""
        trigger = self._names.get(name)
        if trigger is not None or not self._below:
            return trigger
        while length := name[0]:
            name = name[1 + length :]
            trigger = self._below.get(name)
            if trigger is not None:
                return trigger
        return None

    def for_client(self, version: int, number: int) -> Trigger | None:
        """The trigger of the smallest network that holds a client's address."""
        found = self._clients.smallest(version, number) if self.has_clients and version else None
        return None if found is None else found[1]

    def for_addresses(self, packed: Iterable[bytes]) -> Trigger | None:
        """The trigger of the smallest network that holds one of the addresses (4 or 16 octets) of an answer.

        Of equal ones it is that of the lowest address.
        """
        if not self.has_addresses:
            return None
        best: tuple[int, int, Trigger] | None = None
        for one in packed:
            number = int.from_bytes(one, "big")
            found = self._addresses.smallest(4 if len(one) == 4 else 6, number)
            if found is not None and (best is None or (found[0], number) < best[:2]):
                best = (found[0], number, found[1])
        return None if best is None else best[2]

    def emptying(self) -> Generator[None, None, None]:
        """Let go of all triggers in steps, where nobody will ask any more: to free many at once takes long."""
        for table in (self._names, self._below):
            while table:
                for _ in range(min(_STEP, len(table))):
                    table.popitem()
                yield

    # --- building

    def _take(self, record: Record) -> None:
        owner = record.owner.lower()
        if owner == self.origin or not is_below(owner, self.origin):
            if record.type == SOA and owner == self.origin and len(record.rdata) >= 22:
                self.serial = int.from_bytes(record.rdata[-20:-16], "big")
            return
        if record.type in _NO_DATA:
            return
        relative = owner[: -len(self.origin)] + ROOT
        parts = list(labels(relative))
        trigger = self._trigger(relative, parts)
        if trigger is None:
            return
        if record.type == CNAME:
            self._act(trigger, relative, record)
        else:
            trigger.records.append(record)

    def _act(self, trigger: Trigger, relative: bytes, record: Record) -> None:
        target = record.rdata.lower()
        kind = _SPECIAL.get(target)
        if kind is None and target == relative:
            kind = PASSTHRU  # as it was written before there was a name for it
        if kind is not None:
            trigger.kind = kind
        elif target.rstrip(b"\0").rpartition(b"rpz-")[1] and list(labels(target))[-1].startswith(b"rpz-"):
            self.ignored["action"] += 1
            trigger.kind = PASSTHRU
        else:
            trigger.records.append(record)

    def _trigger(self, relative: bytes, parts: list[bytes]) -> Trigger | None:
        """The trigger of an owner name, made where it is new; None for one that does not work here."""
        kind = parts[-1]
        if kind in _KINDS:
            return self._network_trigger(kind, parts[:-1])
        table = self._names
        if parts[0] == b"*":
            table, relative = self._below, relative[2:]
        found = table.get(relative)
        if found is None:
            found = table[relative] = Trigger(".".join(part.decode("ascii", "replace") for part in parts))
            self.count += 1
        return found

    def _network_trigger(self, kind: bytes, parts: list[bytes]) -> Trigger | None:
        if kind in (b"rpz-nsdname", b"rpz-nsip"):
            self.ignored[kind.decode().removeprefix("rpz-")] += 1
            return None
        network = _network(parts)
        if network is None:
            self.ignored["network"] += 1
            return None
        table = self._clients if kind == b"rpz-client-ip" else self._addresses
        new = Trigger(to_text(b"".join(bytes((len(part),)) + part for part in [*parts, kind]) + ROOT).removesuffix("."))
        found = table.setdefault(network, new)
        if found is new:
            self.count += 1
        self.has_clients = bool(self._clients)
        self.has_addresses = bool(self._addresses)
        return found


def _network(parts: list[bytes]) -> IPv4Network | IPv6Network | None:
    """The network of the labels in front of rpz-ip: length of prefix, then the address backwards; ``zz`` is ``::``."""
    try:
        texts = [part.decode("ascii") for part in parts]
        size, rest = int(texts[0]), texts[:0:-1]
        if len(rest) == 4 and "zz" not in rest:
            return ip_network(f"{ip_address('.'.join(rest))}/{size}")
        joined = ":".join("" if part == "zz" else part for part in rest)
        if rest and rest[0] == "zz":
            joined = ":" + joined
        if rest and rest[-1] == "zz":
            joined += ":"
        return ip_network(f"{joined}/{size}")
    except (ValueError, IndexError):
        return None
