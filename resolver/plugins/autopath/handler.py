"""Trying one name after the other, as the client would."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any

from resolver.chain.capabilities import offering
from resolver.chain.joined import because_of, behind, joined
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Reply, failure
from resolver.chain.setup import Block, Host
from resolver.errors import UpstreamError, WireError
from resolver.kube.view import ClusterView, SearchPath
from resolver.plugins.autopath.settings import Settings
from resolver.telemetry.log import Log
from resolver.telemetry.metrics import Cell
from resolver.upstream.system import read_resolv_conf
from resolver.wire.constants import CNAME, FORMERR, MAX_NAME, NOTIMP, NXDOMAIN, REFUSED, SERVFAIL
from resolver.wire.names import ROOT, from_text, is_below
from resolver.wire.records import Record, record

MAX_ELEMENTS = 32  # of a search path, as many as Kubernetes lets a Pod have

# How long a walk goes on asking, in seconds: then the client asks anew or has given up.
LONGEST = 5.0

_FAILURES = frozenset((SERVFAIL, REFUSED, FORMERR, NOTIMP))


class Autopath(Plugin):
    """Completes names below the first element of the search path.

    With a file all clients get the same answers. Where each client has a path of its own, a denial holds for nobody
    else and is not replayed; everything but a denial is what any client gets for that very name.
    """

    name = "autopath"
    transparent = True

    def __init__(self, settings: Settings, block: Block, host: Host) -> None:
        self.settings = settings
        self.block = block
        self.host = host
        self.log: Log = host.log.named(self.name)
        self.search: tuple[bytes, ...] = ()
        self.provider: SearchPath | None = None
        self._personal: tuple[bytes, ...] = ()
        self._successes = host.registry.counter(
            "coredns_autopath_success_total", "Questions answered by walking the search path.", ("server",)
        )
        self._cells: dict[str, Cell] = {}

    def resolve(self, query: Query, next: Handler) -> Coroutine[Any, Any, Reply]:
        """Not a coroutine of its own: what is not completed only passes."""
        name = query.name
        if not _is_within(name, self.settings.zones):
            return next(query)
        if self.provider is None:
            search: Sequence[bytes] = self.search
        elif _is_within(name, self._personal):
            search = self.provider.search_path(query) or ()
            if not search:
                return _for_this_client(next(query))
        else:
            return next(query)
        if search and len(name) > len(search[0]) and is_below(name, search[0]):
            return self._walk(query, search, next)
        return next(query) if self.provider is None else _for_this_client(next(query))

    async def _walk(self, query: Query, search: Sequence[bytes], next: Handler) -> Reply:
        deadline = self.host.clock() + LONGEST
        first = await next(query)
        if not _goes_on(first):
            return self._first(query, first)
        consulted = [first]
        front = query.qname[: -len(search[0])]
        for name in _others(front, search):
            if self.host.clock() > deadline:
                return failure(query, self.name, error="the search path takes too long to walk")
            reply = await next(query.derive(qname=name, depth=query.depth + 1))
            if not _goes_on(reply):
                return self._found(query, reply, consulted)
            consulted.append(reply)
        return because_of(first, consulted[1:]) if self.provider is None else _withheld(first)

    def _first(self, query: Query, reply: Reply) -> Reply:
        """The name as it was asked for: what any client gets."""
        if _has_failed(reply):
            return reply
        success = self._success(query)
        success.value += 1
        return reply.counted(success.add)

    def _found(self, query: Query, reply: Reply, consulted: Sequence[Reply]) -> Reply:
        leave = joined(reply, consulted) if self.provider is None else None
        try:
            answer = reply.sections.answer
            found = behind(query, reply, _alias(query, answer[0]) if answer else None, leave)
        except WireError as error:
            return failure(query, self.name, error=f"the answer for the completed name cannot be read: {error}")
        if _has_failed(reply):
            return found
        success = self._success(query)
        success.value += 1
        return found.counted(success.add)

    def _success(self, query: Query) -> Cell:
        server = query.site.server
        cell = self._cells.get(server)
        if cell is None:
            cell = self._cells[server] = self._successes.cell(server)
        return cell

    # --- life

    async def start(self) -> None:
        """Find the search path, or who knows it. Raises ConfigError."""
        settings = self.settings
        if settings.file is not None:
            self.search = await asyncio.to_thread(self._read, settings.file)
            if not self.search:
                self.log.warning(f"{settings.file} names no search path, so no name is completed")
            return
        parts = [part for part in self.block.parts if part.name == settings.provider]
        self.provider = next(offering(parts, SearchPath), None)
        if self.provider is None:
            raise settings.word.error(f"{settings.provider} knows no search path of its clients", "write @kubernetes")
        if not settings.clients_known:
            self.log.warning("no name is completed: kubernetes knows which Pod asks with pods verified only")
        view = next(offering(parts, ClusterView), None)
        self._personal = (ROOT,) if view is None else tuple(view.zones)

    def _read(self, path: Path) -> tuple[bytes, ...]:
        word = self.settings.word
        try:
            search = tuple([from_text(domain).lower() for domain in read_resolv_conf(path).search])
        except (UpstreamError, WireError) as error:
            raise word.error(str(error)) from None
        if len(search) > MAX_ELEMENTS:
            raise word.error(f"the search path of {path} has more than {MAX_ELEMENTS} elements")
        return search


def _others(front: bytes, search: Sequence[bytes]) -> Iterator[bytes]:
    """The names behind the first, each once, those out that would be too long; last the one without any suffix."""
    for suffix in dict.fromkeys((*search[1:MAX_ELEMENTS], ROOT)):
        if suffix != search[0] and len(front) + len(suffix) <= MAX_NAME:
            yield front + suffix


def _goes_on(reply: Reply) -> bool:
    """Whether the next name is to be tried: this one was denied, or no directive had anything to say about it."""
    return reply.rcode == NXDOMAIN or (reply.rcode in _FAILURES and not reply.source and not reply.error)


def _has_failed(reply: Reply) -> bool:
    return not reply.source and reply.rcode in _FAILURES


def _alias(query: Query, first: Record) -> Record:
    return record(query.qname, CNAME, first.ttl, first.owner)


async def _for_this_client(answering: Coroutine[Any, Any, Reply]) -> Reply:
    reply = await answering
    return _withheld(reply) if reply.rcode == NXDOMAIN else reply


def _withheld(reply: Reply) -> Reply:
    return reply if reply.replay is None else reply.withheld()


def _is_within(name: bytes, zones: Sequence[bytes]) -> bool:
    return any(zone == ROOT or is_below(name, zone) for zone in zones)
