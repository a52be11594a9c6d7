"""The text of one record, as templates make it, into the record."""

from __future__ import annotations

import re
from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_pton
from typing import Final

import dns.exception
import dns.name
import dns.rdata
import dns.tokenizer
import dns.ttl
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType

from resolver.errors import ResolverError, WireError
from resolver.wire.constants import AAAA, CLASS_NUMBERS, CNAME, IN, MAX_TTL, PTR, TXT, TYPE_NUMBERS, A
from resolver.wire.names import ROOT, from_text
from resolver.wire.records import Record

_SPF: Final = 99
USUAL_TTL: Final = 3600  # seconds, where the text has none

_MOST_KEPT: Final = 256  # records that take long to read; that of a zone's SOA is the same for all of its names
_PLAIN_TEXT = re.compile(r'"([^"\\\n]*)"|([^\s"\\();]+)')
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NAME_TYPES: Final = {"CNAME": CNAME, "PTR": PTR}
_ADDRESS_TYPES: Final = {"A": (A, AF_INET), "AAAA": (AAAA, AF_INET6)}
_NUMBERED: Final = re.compile(r"(TYPE|CLASS)([0-9]{1,5})")


class RecordError(ResolverError):
    """A text that is no resource record (RFC 1035 section 5)."""


def read_record(text: str) -> Record:
    """The first record in the text; names without a final dot are taken as whole. Raises RecordError."""
    words = text.split(None, 4)
    if len(words) == 5 and words[2] == "IN" and words[1].isdecimal() and _is_plain(text):
        rdata = _usual(words[3], words[4])
        if rdata is not None and len(words[1]) < 10:
            try:
                return Record(from_text(words[0]), rdata[0], IN, int(words[1]), rdata[1])
            except WireError as error:
                raise RecordError(str(error)) from None
    return _read_any(text)


def _is_plain(text: str) -> bool:
    """Whether the text begins with a name and holds no octets above ASCII."""
    return text[0] not in " \t\r\n@" and text.isascii()


def _usual(kind: str, text: str) -> tuple[int, bytes] | None:
    """Type and rdata of the types that templates mostly make, None where that takes a closer look."""
    text = text.rstrip(" ")
    try:
        if kind in _ADDRESS_TYPES:
            rtype, family = _ADDRESS_TYPES[kind]
            return rtype, inet_pton(family, text)
        if kind in _NAME_TYPES and text.isprintable() and not any(char in text for char in ' @;()"\\'):
            return _NAME_TYPES[kind], from_text(text)
    except (OSError, WireError):
        return None
    found = _PLAIN_TEXT.fullmatch(text) if kind == "TXT" else None
    octets = b"" if found is None else (found[1] if found[1] is not None else found[2]).encode()
    return None if found is None or len(octets) > 255 else (TXT, bytes((len(octets),)) + octets)


@lru_cache(_MOST_KEPT)
def _read_any(text: str) -> Record:
    try:
        return _read_slowly(_escaped(text))
    except dns.exception.DNSException as error:
        raise RecordError(f"{error} in {text[:200]!r}") from None
    except (ValueError, OverflowError) as error:
        raise RecordError(f"{error} in {text[:200]!r}") from None


def _read_slowly(text: str) -> Record:
    tokens = dns.tokenizer.Tokenizer(text)
    token = tokens.get(want_leading=True)
    while token.is_eol():
        token = tokens.get(want_leading=True)
    if token.is_whitespace():
        raise RecordError(f"the record must begin with its name: {text[:200]!r}")
    if token.is_eof():
        raise RecordError("the template made no record")
    owner = tokens.as_name(token, dns.name.root, False, None)
    ttl, rclass, rtype = _numbers(tokens)
    if rtype in (TXT, _SPF):
        return Record(owner.to_wire() or ROOT, rtype, rclass, ttl, _strings(tokens))
    rdata = dns.rdata.from_text(RdataClass.IN, RdataType.make(rtype), tokens, dns.name.root, relativize=False)
    return Record(owner.to_wire() or ROOT, rtype, rclass, ttl, rdata.to_wire() or b"")


def _numbers(tokens: dns.tokenizer.Tokenizer) -> tuple[int, int, int]:
    """TTL and class in any order, both of which may be missing, and the type."""
    ttl = rclass = -1
    while True:
        word = tokens.get_string()
        if ttl < 0 and word[:1].isdigit():
            ttl = dns.ttl.from_text(word)
            if ttl > MAX_TTL:
                raise RecordError(f"TTL {word} is out of range")
            continue
        number = _number(word.upper(), "CLASS", CLASS_NUMBERS)
        if rclass < 0 and number is not None:
            rclass = number
            continue
        rtype = _number(word.upper(), "TYPE", TYPE_NUMBERS)
        if rtype is None:
            raise RecordError(f"{word[:50]!r} is not a record type")
        return USUAL_TTL if ttl < 0 else ttl, IN if rclass < 0 else rclass, rtype


def _strings(tokens: dns.tokenizer.Tokenizer) -> bytes:
    """Character strings to the end of the line; a longer text than one can hold becomes several."""
    rdata = []
    while not (token := tokens.get()).is_eol_or_eof():
        octets = token.unescape_to_bytes().value
        for at in range(0, max(1, len(octets)), 255):
            part = octets[at : at + 255]
            rdata.append(bytes((len(part),)) + part)
    if not rdata:
        raise RecordError("TXT without any text")
    return b"".join(rdata)


def _number(word: str, prefix: str, known: dict[str, int]) -> int | None:
    found = _NUMBERED.fullmatch(word)
    if found is not None and found[1] == prefix and int(found[2]) <= 65535:
        return int(found[2])
    return known.get(word)


def _escaped(text: str) -> str:
    r"""Octets above ASCII, and ends of line within quotes, as \DDD, which names and texts of records understand."""
    if "\n" in text:
        text = _QUOTED.sub(lambda found: found[0].replace("\n", "\\010"), text)
    if text.isascii():
        return text
    return "".join(
        char if char.isascii() else "".join(f"\\{octet:03d}" for octet in char.encode(errors="replace"))
        for char in text
    )
