"""Answers about the server itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Reply, from_records
from resolver.wire.constants import CH, TXT
from resolver.wire.names import from_text
from resolver.wire.records import Record

_LONGEST: Final = 255  # octets in a character string (RFC 1035 section 3.3)


class Chaos(Plugin):
    """Answers TXT in class CH for the five well-known names and passes everything else on."""

    name = "chaos"
    transparent = True
    other_classes = True

    def __init__(self, version: str, authors: Sequence[str], hostname: str) -> None:
        said = {
            "version.bind": [version],
            "version.server": [version],
            "authors.bind": authors,
            "hostname.bind": [hostname],
            "id.server": [hostname],
        }
        self._said = {from_text(name): [_string(line) for line in lines] for name, lines in said.items()}

    async def resolve(self, query: Query, next: Handler) -> Reply:
        if query.qclass != CH or query.qtype != TXT:
            return await next(query)
        said = self._said.get(query.name)
        if said is None:
            return await next(query)
        answer = [Record(query.qname, TXT, CH, 0, line) for line in said]
        return from_records(query, self.name, answer, authoritative=False)


def _string(text: str) -> bytes:
    octets = text.encode()[:_LONGEST]
    return bytes([len(octets)]) + octets
