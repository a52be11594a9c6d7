"""Records of the types that are made of services."""

from __future__ import annotations

from struct import Struct
from typing import Final

from resolver.wire.constants import AAAA, SOA, TXT, A
from resolver.wire.records import Record, record

SOA_TTL: Final = 30
_REFRESH, _RETRY, _EXPIRE = 7200, 1800, 86_400
_SOA = Struct("!5I")
_SRV = Struct("!3H")
_STRING = 255
MOST_TEXT: Final = 60_000  # octets


def address_record(owner: bytes, address: bytes, ttl: int) -> Record:
    """An A or AAAA record, by the length of the address."""
    return record(owner, A if len(address) == 4 else AAAA, ttl, address)


def srv_rdata(priority: int, weight: int, port: int, target: bytes) -> bytes:
    """Priority, weight and port in front of the target (RFC 2782)."""
    return _SRV.pack(priority, weight, port) + target


def mx_rdata(preference: int, exchange: bytes) -> bytes:
    """Preference in front of the exchange (RFC 1035 section 3.3.9)."""
    return preference.to_bytes(2, "big") + exchange


def txt_record(owner: bytes, text: str, ttl: int) -> Record:
    """The text in strings of 255 octets; what is longer than a message is cut."""
    octets = text.encode("utf-8", "replace")[:MOST_TEXT]
    strings = [octets[at : at + _STRING] for at in range(0, len(octets), _STRING)]
    return record(owner, TXT, ttl, b"".join(bytes((len(string),)) + string for string in strings))


def soa_record(zone: bytes, serial: int) -> Record:
    """The start of authority of a zone; ``serial`` is cut to 32 bits."""
    numbers = _SOA.pack(serial & 0xFFFFFFFF, _REFRESH, _RETRY, _EXPIRE, SOA_TTL)
    return record(zone, SOA, SOA_TTL, b"\2ns\3dns" + zone + b"\x0ahostmaster" + zone + numbers)
