"""Scenarios in the manner of unbound's ``.rpl`` files, played in virtual time.

A line begins with one of these words; everything else on it is for that word::

    upstream www.example.org. 60 A 192.0.2.1, example.org. 60 SOA 30     it has these records and no others
    upstream servfail                   it answers with this code, or ``truncated``, ``other`` (to another question),
                                        ``crash`` (raises), ``mute`` (never answers), ``ok`` (has records again)
    upstream delay 0.3                  it takes so many seconds to answer
    upstream options 8 0001180a000001   it puts an EDNS option into its answers; without arguments none
    ask www.example.org A do ad cd nord edns tcp
                                        a client asks; ``option=CODE:HEX`` puts an option into the question
    expect NOERROR aa www.example.org. 60 A 192.0.2.1 ede=3
                                        what the last question was answered with: rcode, flags, all records, options
    begin / join                        ``ask`` without waiting for the answer; wait for the oldest of these
    asked 2                             questions that reached the upstream since the last ``asked``
    wait 2.5                            seconds go by
"""

from __future__ import annotations

import asyncio
import selectors
from collections import deque
from collections.abc import Mapping
from typing import Any

from resolver.chain.plugin import Handler
from resolver.chain.query import Query
from resolver.chain.reply import Reply, decode, failure
from resolver.errors import UpstreamError
from resolver.plugins.cache.handler import Cache
from resolver.wire.constants import (
    AA,
    AD,
    CD,
    NXDOMAIN,
    OPTION_EDE,
    RA,
    RCODE_NUMBERS,
    RCODES,
    RD,
    SOA,
    TC,
    TYPE_NUMBERS,
)
from resolver.wire.edns import Edns, option, options
from resolver.wire.names import from_text, is_below, to_text
from resolver.wire.records import Record, encode
from tests.plugins.chains import World

_FLAGS = {"aa": AA, "tc": TC, "ad": AD, "ra": RA}


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that jumps to the next timer instead of waiting for it."""

    def __init__(self) -> None:
        self.now = 1000.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        """Virtual seconds."""
        return self.now


class _Jumping(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._virtual = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("nothing will ever happen again")
        self._virtual.now += max(timeout, 0.0)
        return super().select(0)


class Upstream:
    """What stands below the cache."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.mode = "ok"
        self.delay = 0.0
        self.options = b""
        self.seen: list[Query] = []

    async def resolve(self, query: Query) -> Reply:
        """Answer as the scenario wants it."""
        self.seen.append(query)
        if self.delay:
            await asyncio.sleep(self.delay)
        if self.mode == "mute":
            await asyncio.sleep(3600)
        if self.mode == "crash":
            raise UpstreamError("the upstream is gone")
        if self.mode == "bug":
            raise ZeroDivisionError
        if self.mode.upper() in RCODE_NUMBERS:
            return failure(query, "upstream", RCODE_NUMBERS[self.mode.upper()])
        return self._answer(query)

    def _answer(self, query: Query) -> Reply:
        name, answer = query.name, []
        for _ in range(8):
            owned = [record for record in self.records if record.owner == name]
            answer += [record for record in owned if record.type in (query.qtype, 5)]
            alias = next((record for record in owned if record.type == 5 and query.qtype != 5), None)
            if alias is None:
                break
            name = alias.rdata
        soa = [record for record in self.records if record.type == SOA and is_below(name, record.owner)]
        exists = any(is_below(record.owner, name) for record in self.records)
        found = any(record.type == query.qtype for record in answer)
        body = encode(query.qname, answer, () if found else soa)
        flags = RA | (AD if query.flags & AD else 0) | (TC if self.mode == "truncated" else 0)
        question = query.question if self.mode != "other" else b"\x05other" + query.question
        return Reply(question, 0 if exists else NXDOMAIN, flags, self.options, "upstream", octets=body)


class Play:
    """A cache, an upstream below it, and a clock that moves only when the scenario says so."""

    def __init__(self, loop: VirtualLoop, corefile: str) -> None:
        self.loop = loop
        self.world = World(clock=loop.time)
        self.block = self.world.build(corefile)
        self.cache: Cache = next(part for part in self.block.parts if isinstance(part, Cache))
        self.upstream = Upstream()
        self.below: Handler = self.upstream.resolve
        self.reply: Reply | None = None
        self._query: Query | None = None
        self._begun: deque[tuple[Query, asyncio.Task[Reply]]] = deque()
        self._asked = 0
        self.metrics: dict[str, dict[tuple[str, ...], float]] = {}

    async def run(self, script: str) -> None:
        """Play the lines; an AssertionError names the line that does not hold."""
        for number, line in enumerate(script.splitlines(), 1):
            words = line.split("#")[0].split()
            if words:
                try:
                    await self._step(words[0], words[1:])
                except AssertionError as error:
                    raise AssertionError(f"line {number}, {line.strip()!r}: {error}") from None

    async def _step(self, word: str, rest: list[str]) -> None:
        if word == "wait":
            await asyncio.sleep(float(rest[0]))
        elif word == "upstream":
            self._set_upstream(rest)
        elif word == "ask":
            self._query = asked(rest, self)
            self.reply = await self.cache.resolve(self._query, self.below)
        elif word == "begin":
            query = asked(rest, self)
            self._begun.append((query, self.loop.create_task(self.cache.resolve(query, self.below))))
            await asyncio.sleep(0)
        elif word == "join":
            self._query, task = self._begun.popleft()
            self.reply = await task
        elif word == "expect":
            self._expect(rest)
        elif word == "asked":
            for _ in range(3):
                await asyncio.sleep(0)  # what was begun behind the client's back has its turn
            count = len(self.upstream.seen) - self._asked
            self._asked += count
            assert count == int(rest[0]), f"the upstream was asked {count} times"
        else:
            raise ValueError(word)

    def _set_upstream(self, rest: list[str]) -> None:
        upstream = self.upstream
        if rest[0] == "delay":
            upstream.delay = float(rest[1])
        elif rest[0] == "options":
            upstream.options = option(int(rest[1]), bytes.fromhex(rest[2])) if rest[1:] else b""
        elif len(rest) == 1:
            upstream.mode = rest[0]
        else:
            upstream.mode = "ok"
            upstream.records = [record(text.split()) for text in " ".join(rest).split(",")]

    def _expect(self, rest: list[str]) -> None:
        assert self.reply is not None
        assert self._query is not None
        given = shown(self._query, self.reply)
        assert given == " ".join(rest), f"it is {given!r}"


def asked(words: list[str], play: Play) -> Query:
    """The query that an ``ask`` line describes."""
    name, qtype, *extras = words
    flags = 0 if "nord" in extras else RD
    flags |= (AD if "ad" in extras else 0) | (CD if "cd" in extras else 0)
    sent = b"".join(_option(word) for word in extras if word.startswith("option="))
    edns = Edns(1232, "do" in extras, options=sent) if sent or {"edns", "do"} & set(extras) else None
    return Query(
        from_text(name),
        TYPE_NUMBERS[qtype],
        flags=flags,
        edns=edns,
        transport="tcp" if "tcp" in extras else "udp",
        site=play.block.sites[0],
        received=play.loop.time(),
    )


def _option(word: str) -> bytes:
    code, payload = word.removeprefix("option=").split(":")
    return option(int(code), bytes.fromhex(payload))


def record(words: list[str]) -> Record:
    """``www.example.org. 60 A 192.0.2.1``; of a SOA only the minimum field is written."""
    owner, ttl, rtype, *rdata = words
    return Record(from_text(owner), TYPE_NUMBERS[rtype], 1, int(ttl), _RDATA[rtype](rdata[0]))


_RDATA: Mapping[str, Any] = {
    "A": lambda text: bytes(int(octet) for octet in text.split(".")),
    "CNAME": from_text,
    "NS": from_text,
    "TXT": lambda text: bytes((len(text),)) + text.encode(),
    "SOA": lambda text: b"\2ns\0\4host\0" + bytes(16) + int(text).to_bytes(4, "big"),
}
_NAMES = {number: name for name, number in TYPE_NUMBERS.items()}


def shown(query: Query, reply: Reply) -> str:
    """A reply as an ``expect`` line: rcode, flags, records, extended errors and other options."""
    words = [RCODES[reply.rcode]]
    words += [name for name, bit in _FLAGS.items() if reply.flags & bit and name != "ra"]
    for section in decode(query.question, reply.body):
        for owner, rtype, _, ttl, rdata in section:
            words += [to_text(owner), str(ttl), _NAMES[rtype], _text(rtype, rdata)]
    for code, payload in options(reply.options):
        is_error = code == OPTION_EDE
        words.append(f"ede={int.from_bytes(payload[:2], 'big')}" if is_error else f"option={code}:{payload.hex()}")
    return " ".join(words)


def _text(rtype: int, rdata: bytes) -> str:
    if rtype == 1:
        return ".".join(str(octet) for octet in rdata)
    if rtype == SOA:
        return str(int.from_bytes(rdata[-4:], "big"))
    return to_text(rdata) if rtype in (2, 5) else rdata[1:].decode()


def play(options: str, script: str, *, zone: str = ".") -> Play:
    """Play a script against a cache with these options; what is left can be looked at."""

    async def run() -> Play:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        playing = Play(loop, f"{zone}:53 {{\n{options}\n}}\n")
        await playing.cache.start()
        try:
            await playing.run(script)
            for family in playing.world.host.registry.families():
                playing.metrics[family.name] = {labels: cell.value for labels, cell in family.cells.items()}
        finally:
            await playing.cache.stop()
        return playing

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(run())
