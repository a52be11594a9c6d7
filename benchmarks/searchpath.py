"""``python -m benchmarks.searchpath``: what one name costs a Pod with ``ndots:5``, with and without our directives.

A scripted stub resolver walks the search path of a Pod as glibc does, A and AAAA at once for each name, against servers
with the cluster of the parity corpus behind them. The upstream answers after a delay, as one outside of a cluster does.
Each name is looked up once while nothing is cached and then again.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple, cast

from benchmarks.processes import StartError, free_ports, running, seconds_to_answer
from resolver.wire.constants import AAAA, NOERROR, NXDOMAIN, QR, RA, RD, SOA, A
from resolver.wire.message import Message, scan
from resolver.wire.names import from_text, is_below
from resolver.wire.records import encode, record

NODES: Final = "node.test"
SEARCH: Final = ("shop.svc.cluster.local", "svc.cluster.local", "cluster.local", NODES)
POD: Final = "127.0.0.5"  # the Pod of the corpus' cluster from which we ask, in the namespace shop
OUTSIDE: Final = from_text("example.net")

_ROOT: Final = Path(__file__).resolve().parents[1]
_CORPUS: Final = _ROOT / "tests" / "parity"
_TIMEOUT: Final = 5.0

Ask = Callable[[str, int], Awaitable[Message]]


class Lookup(NamedTuple):
    """How a look-up ended: whether there is an address, after how many questions and seconds."""

    found: bool
    queries: int
    seconds: float


async def look_up(ask: Ask, name: str, search: Sequence[str] = SEARCH, ndots: int = 5) -> Lookup:
    """Look up both address families of a name as glibc's getaddrinfo does.

    The next name of the search path is tried when neither family has an address, unless an answer has records of
    another kind in it: an alias ends the search.
    """
    searched = [f"{name}.{domain}" for domain in search]
    names = [name, *searched] if name.count(".") >= ndots else [*searched, name]
    began = time.monotonic()
    for turn, tried in enumerate(names, 1):
        answers = await asyncio.gather(ask(tried, A), ask(tried, AAAA))
        if any(answer.rcode == NOERROR and answer.counts[0] for answer in answers):
            kinds = {found.type for answer in answers for found in answer.sections().answer}
            return Lookup(bool(kinds & {A, AAAA}), 2 * turn, time.monotonic() - began)
    return Lookup(False, 2 * len(names), time.monotonic() - began)


class Stub(asyncio.DatagramProtocol):
    """A socket of the Pod: questions out, answers in, each waited for at most 5 seconds."""

    def __init__(self) -> None:
        self._ids = itertools.cycle(range(1, 1 << 16))
        self._waiting: dict[int, asyncio.Future[Message]] = {}
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        waiting = self._waiting.pop(int.from_bytes(data[:2], "big"), None)
        if waiting is not None and not waiting.done():
            waiting.set_result(scan(data))

    async def ask(self, name: str, qtype: int) -> Message:
        """Ask once. Raises TimeoutError."""
        if self._transport is None:
            raise RuntimeError("the socket is not open")
        number = next(self._ids)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        head = number.to_bytes(2, "big") + RD.to_bytes(2, "big") + b"\0\1\0\0\0\0\0\0"
        self._transport.sendto(head + from_text(name) + qtype.to_bytes(2, "big") + b"\0\1")
        return await asyncio.wait_for(answer, _TIMEOUT)


@dataclass
class Outside(asyncio.DatagramProtocol):
    """The upstream: names below example.net have an IPv4 address, others do not exist. ``delay`` is in seconds."""

    delay: float
    asked: int = 0
    transport: asyncio.DatagramTransport | None = field(default=None, repr=False)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.asked += 1
        asyncio.get_running_loop().call_later(self.delay, self._send, answer(scan(data)), addr)

    def _send(self, octets: bytes, addr: tuple[str, int]) -> None:
        if self.transport is not None:
            self.transport.sendto(octets, addr)


def answer(query: Message) -> bytes:
    """What the world outside says."""
    known = is_below(query.qname.lower(), OUTSIDE)
    numbers = bytes(19) + b"\x1e"
    if known and query.qtype == A:
        body = encode(query.qname, [record(query.qname, A, 300, bytes((192, 0, 2, 1)))])
    else:
        body = encode(query.qname, (), [record(OUTSIDE, SOA, 30, OUTSIDE + OUTSIDE + numbers)])
    flags = QR | RA | (query.flags & RD) | (NOERROR if known else NXDOMAIN)
    counts = (1, body.answers, body.authorities, body.additionals)
    head = b"".join(number.to_bytes(2, "big") for number in (query.id, flags, *counts))
    return head + query.question + body.data


# --- servers


class Variant(NamedTuple):
    """A server and the lines of its block beside ``kubernetes``, ``cache`` and ``forward``."""

    name: str
    command: tuple[str, ...]
    lines: tuple[str, ...] = ()
    pods: str = "insecure"


OURS: Final = (sys.executable, "-m", "resolver", "-conf")
AUTOPATH: Final = ("autopath @kubernetes",)


def variants() -> Iterator[Variant]:
    """Ours without, with ``autopath`` and with ``searchpath``; CoreDNS beside it where it knows ``kubernetes``."""
    yield Variant("ours", OURS)
    yield Variant("ours, autopath", OURS, AUTOPATH, "verified")
    yield Variant("ours, searchpath", OURS, (f"searchpath {{\n search {NODES}\n}}",))
    yield Variant("ours, searchpath external", OURS, (f"searchpath {{\n search {NODES}\n external net\n}}",))
    yield Variant(
        "ours, searchpath nxdomain", OURS, (f"searchpath {{\n mode nxdomain\n search {NODES}\n external net\n}}",)
    )
    coredns = shutil.which("coredns-kube")
    if coredns:
        yield Variant("coredns", (coredns, "-conf"))
        yield Variant("coredns, autopath", (coredns, "-conf"), AUTOPATH, "verified")


def corefile(variant: Variant, port: int, api: int, upstream: int) -> str:
    """The configuration of a variant."""
    return "\n".join((
        f".:{port} {{", "bind 127.0.0.1", *variant.lines, "kubernetes cluster.local {", f"endpoint http://127.0.0.1:{api}",
        f"pods {variant.pods}", "}", "cache 30", f"forward . 127.0.0.1:{upstream}", "}\n",
    ))  # fmt: skip


class Figures(NamedTuple):
    """Medians over many names: questions of the client and of the server, and milliseconds, new and repeated."""

    queries: float
    upstream: float
    cold: float
    warm: float


async def measure(port: int, upstream: Outside, names: Sequence[str]) -> Figures:
    """Look up each name while it is new, and three times more."""
    loop = asyncio.get_running_loop()
    transport, stub = await loop.create_datagram_endpoint(Stub, local_addr=(POD, 0), remote_addr=("127.0.0.1", port))
    try:
        before = upstream.asked
        cold = [await look_up(stub.ask, name) for name in names]
        asked = (upstream.asked - before) / len(names)
        warm = [await look_up(stub.ask, name) for _ in range(3) for name in names]
    finally:
        transport.close()
    if not all(one.found for one in (*cold, *warm)):
        raise StartError("a name that exists was not found")
    return Figures(
        statistics.mean(one.queries for one in (*cold, *warm)),
        asked,
        statistics.median(one.seconds for one in cold) * 1000,
        statistics.median(one.seconds for one in warm) * 1000,
    )


async def run(names: int, delay: float) -> None:
    """Measure all variants in turn and print a table."""
    loop = asyncio.get_running_loop()
    print(f"{names} names, the upstream answers after {delay * 1000:g} ms")
    print(f"{'':28}{'queries':>10}{'upstream':>10}{'new, ms':>10}{'again, ms':>11}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (api,) = free_ports(1)
        fixture = str(_CORPUS / "fixtures" / "cluster.yaml")
        command = [sys.executable, str(_CORPUS / "fake_kube_api.py"), "--port", str(api), fixture]
        stack.enter_context(running("api", command, _cores(), folder, {}))
        for number, variant in enumerate(variants()):
            outside = Outside(delay)
            transport, _ = await loop.create_datagram_endpoint(lambda: outside, local_addr=("127.0.0.1", 0))  # noqa: B023
            upstream_port: int = transport.get_extra_info("sockname")[1]
            with ExitStack() as one:
                (port,) = free_ports(1)
                place = folder / str(number)
                place.mkdir()
                conf = place / "Corefile"
                conf.write_text(corefile(variant, port, api, upstream_port))
                env = {"PYTHONPATH": str(_ROOT)}
                server = one.enter_context(running(variant.name, [*variant.command, str(conf)], _cores(), place, env))
                await asyncio.to_thread(seconds_to_answer, server, port, _FIRST)
                figures = await measure(port, outside, [f"w{n}.v{number}.example.net" for n in range(names)])
            transport.close()
            print(
                f"{variant.name:28}{figures.queries:10.1f}{figures.upstream:10.1f}{figures.cold:10.2f}{figures.warm:11.2f}",
                flush=True,
            )


_FIRST: Final = b"\0\7\1\0\0\1\0\0\0\0\0\0" + from_text("kubernetes.default.svc.cluster.local") + b"\0\1\0\1"


def _cores() -> set[int]:
    return os.sched_getaffinity(0)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.searchpath", description=__doc__)
    parser.add_argument("--names", type=int, default=200)
    parser.add_argument("--delay", type=float, default=10.0, help="of the upstream, in milliseconds")
    options = parser.parse_args()
    try:
        asyncio.run(run(options.names, options.delay / 1000))
    except (StartError, OSError) as error:
        print(f"searchpath: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
