"""Certificates in DER (X.690), as far as something has to be found in one (RFC 5280 section 4.1)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

from resolver.errors import WireError

SEQUENCE: Final = 0x30
VERSION: Final = 0xA0
SERIAL, SIGNATURE, ISSUER, VALIDITY, SUBJECT, KEY = range(6)
"""Places of the fields behind the version."""

_TIMES: Final = {0x17: "%y%m%d%H%M%SZ", 0x18: "%Y%m%d%H%M%SZ"}
_FIRST_CENTURY: Final = 2050  # two digits of a year stand for 1950 to 2049


class Element(NamedTuple):
    """A value in octets: its tag, where it starts, where its content does, and where it ends."""

    tag: int
    start: int
    content: int
    end: int


def certificate_fields(certificate: bytes) -> Iterator[Element]:
    """The fields of a certificate in their order, from the serial number on. Raises WireError for what is none."""
    outer = element(certificate, 0, len(certificate), SEQUENCE)
    body = element(certificate, outer.content, outer.end, SEQUENCE)
    at = body.content
    first = element(certificate, at, body.end)
    if first.tag == VERSION:
        at = first.end
    while at < body.end:
        found = element(certificate, at, body.end)
        yield found
        at = found.end


def certificate_field(certificate: bytes, place: int) -> Element:
    """One of the fields. Raises WireError."""
    for number, found in enumerate(certificate_fields(certificate)):
        if number == place:
            return found
    raise WireError("this is not a certificate")


def valid_until(certificate: bytes) -> float:
    """The last moment at which a certificate is valid, in seconds since 1970. Raises WireError."""
    validity = certificate_field(certificate, VALIDITY)
    begin = element(certificate, validity.content, validity.end)
    end = element(certificate, begin.end, validity.end)
    try:
        moment = datetime.strptime(certificate[end.content : end.end].decode("ascii"), _TIMES[end.tag])
    except (KeyError, ValueError):
        raise WireError("this is not a certificate") from None
    if end.tag == 0x17 and moment.year >= _FIRST_CENTURY:
        moment = moment.replace(year=moment.year - 100)
    return moment.replace(tzinfo=UTC).timestamp()


def element(octets: bytes, start: int, limit: int, tag: int | None = None) -> Element:
    """The element at ``start``, which must end within ``limit``. Raises WireError."""
    if start + 2 > limit or (tag is not None and octets[start] != tag):
        raise WireError("this is not a certificate")
    length, content = octets[start + 1], start + 2
    if length & 0x80:
        size = length & 0x7F
        if not 1 <= size <= 4 or content + size > limit:
            raise WireError("this is not a certificate")
        length = int.from_bytes(octets[content : content + size], "big")
        content += size
    if content + length > limit:
        raise WireError("this is not a certificate")
    return Element(octets[start], start, content, content + length)
