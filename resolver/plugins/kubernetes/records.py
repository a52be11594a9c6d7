"""Answers as octets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from struct import Struct
from typing import Final, NamedTuple

from resolver.kube.objects import Port
from resolver.wire.constants import AAAA, IN, MAX_MESSAGE, MAX_NAME, PTR, SRV, TXT, A
from resolver.wire.records import Body, Record, encode

_FIXED = Struct("!HHHIH")
_SRV = Struct("!HHH")
_OWNER: Final = 0xC00C  # a pointer to the question's name
_TTL_OFFSET: Final = 6
_WEIGHT: Final = 100  # what the weights of all records of a name add up to

# More than fits into a message would only be built to be cut off.
_MOST_SRV: Final = 1500
_MOST_PTR: Final = 1500

VERSION: Final = b"\x051.1.0"
VERSION_TTL: Final = 28800


class Found(NamedTuple):
    """An address under a name: ``labels`` stand before the service's own, ``ports`` are those that were asked for."""

    address: bytes
    labels: bytes
    ports: tuple[Port, ...]


def address_body(found: Iterable[bytes], rtype: int, ttl: int) -> Body | None:
    """The A or AAAA records among packed addresses, each once, owned by the question's name; None without any."""
    size = 4 if rtype == A else 16
    addresses = dict.fromkeys([address for address in found if len(address) == size])
    if not addresses:
        return None
    head = _FIXED.pack(_OWNER, rtype, IN, ttl, size)
    step = len(head) + size
    data = b"".join([head + address for address in addresses])[: MAX_MESSAGE // step * step]
    return Body(len(data) // step, 0, 0, data, _ttl_offsets(len(data), step))


def srv_body(qname: bytes, found: Sequence[Found], suffix: bytes, ttl: int, *, by_port: bool) -> Body | None:
    """The SRV records of addresses and ports, with the addresses of their targets; None without any port.

    ``suffix`` is the service's wire name. Of one address with several ports, or one port with several addresses, the
    same target makes one record. ``by_port`` puts ports before addresses in the order of records.
    """
    if by_port and found:
        combined = [(one, port) for port in found[0].ports or (_NO_PORT,) for one in found]
    else:
        combined = [(one, port) for one in found for port in one.ports or (_NO_PORT,)]
    weight = max(_WEIGHT // len(combined), 1) if combined else 0
    answers: dict[bytes, Record] = {}
    additionals: dict[tuple[bytes, bytes], Record] = {}
    for one, port in combined[:_MOST_SRV]:
        target = one.labels + suffix
        if not port.number or len(target) > MAX_NAME:
            continue
        rdata = _SRV.pack(0, weight, port.number) + target
        answers[rdata] = Record(qname, SRV, IN, ttl, rdata)
        rtype = A if len(one.address) == 4 else AAAA
        additionals[target, one.address] = Record(target, rtype, IN, ttl, one.address)
    return encode(qname, list(answers.values()), (), list(additionals.values())) if answers else None


def pointer_body(qname: bytes, names: Iterable[bytes], ttl: int) -> Body | None:
    """PTR records to names, each once; None without any."""
    records = [Record(qname, PTR, IN, ttl, name) for name in dict.fromkeys(names) if len(name) <= MAX_NAME]
    return encode(qname, records[:_MOST_PTR]) if records else None


def version_body(qname: bytes) -> Body:
    """The version of the Kubernetes DNS specification that is followed (section 2.2)."""
    return encode(qname, [Record(qname, TXT, IN, VERSION_TTL, VERSION)])


_NO_PORT: Final = Port(b"", 0, b"")


@lru_cache(maxsize=4096)
def _ttl_offsets(length: int, step: int) -> tuple[int, ...]:
    return tuple(range(_TTL_OFFSET, length, step))
