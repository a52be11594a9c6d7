"""The world of a soak run: what the upstreams do with which names, and the configurations that take turns."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from resolver.wire.constants import NOERROR, NXDOMAIN, SERVFAIL, TC
from resolver.wire.message import Message
from tests.runtime.clients import HOST, addresses
from tests.runtime.serving import block, free_port
from tests.support.upstreams import Asked, Hangup, Pause, Step, reply

WWW = "www.example.org"
HOSTED = "192.0.2.1"
TTL = 2  # seconds; short, so that answers are fetched again all the time
POPULAR = 50  # names that are asked for again and again


def address_of(name: str) -> str:
    """The address that belongs to a name: an answer for another one is seen."""
    number = zlib.crc32(name.lower().rstrip(".").encode())
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def script(asked: Asked) -> Iterable[Step]:
    """What an upstream does is told by the first letters of the name."""
    right = reply(asked, [address_of(asked.name)], ttl=TTL)
    behaviour = asked.name.partition("-")[0]
    if behaviour == "drop":
        return []
    if behaviour == "slow":
        return [Pause(0.2), right]
    if behaviour == "lie":
        return [reply(asked, ["203.0.113.66"], message_id=asked.id ^ 1), reply(asked, name="lie.example"), right]
    if behaviour == "garbage":
        return [asked.packet[:2] + b"\x80\0" + random.randbytes(40), b"\0", right]
    if behaviour == "nx":
        return [reply(asked, rcode=NXDOMAIN)]
    if behaviour == "fail":
        return [reply(asked, rcode=SERVFAIL)]
    if behaviour == "tc" and asked.transport == "udp":
        return [reply(asked, flags=TC)]
    if behaviour == "close":
        return [Hangup()] if asked.transport == "tcp" else []
    return [right]


# --- what clients ask for, and what they must get


@dataclass(frozen=True)
class Kind:
    """Questions of one kind: ``names`` makes the next one, ``right`` judges its answer. Times are in seconds.

    ``clients`` ask one after the other over ``transport``, each with a pause in between; ``drop`` says that the port is
    not always there.
    """

    label: str
    clients: int
    pause: float
    names: Callable[[random.Random], str]
    right: Callable[[str, Message], bool]
    transport: str = "udp"


def _fresh(prefix: str, zone: str = "example.com") -> Callable[[random.Random], str]:
    return lambda chance: f"{prefix}-{chance.getrandbits(48):x}.{zone}"


def _popular(chance: random.Random) -> str:
    return f"popular-{chance.randrange(POPULAR)}.example.com"


def _has_its_address(name: str, message: Message) -> bool:
    return message.rcode == NOERROR and addresses(message) == [address_of(name)]


def _is_hosted(name: str, message: Message) -> bool:
    return addresses(message) == [HOSTED]


def _has(rcode: int) -> Callable[[str, Message], bool]:
    return lambda name, message: message.rcode == rcode


def _is_cut(name: str, message: Message) -> bool:
    return bool(message.flags & TC)


KINDS = (
    Kind("popular", 8, 0.01, _popular, _has_its_address),
    Kind("hosts", 2, 0.01, lambda chance: WWW, _is_hosted),
    Kind("new", 6, 0.02, _fresh("new"), _has_its_address),
    Kind("uncached", 2, 0.02, _fresh("new", "nocache.test"), _has_its_address),
    Kind("nxdomain", 2, 0.02, _fresh("nx"), _has(NXDOMAIN)),
    Kind("servfail", 1, 0.05, _fresh("fail"), _has(SERVFAIL)),
    Kind("tcp", 3, 0.02, _popular, _has_its_address, "tcp"),
    Kind("tcp, new", 3, 0.05, _fresh("new"), _has_its_address, "tcp"),
    Kind("tcp, each its own", 3, 0.05, _popular, _has_its_address, "tcp-once"),
    Kind("cut short", 1, 0.05, _fresh("tc"), _is_cut),
    Kind("cut short, tcp", 1, 0.05, _fresh("tc"), _has_its_address, "tcp"),
    Kind("slow upstream", 4, 0.01, _fresh("slow"), _has_its_address),
    Kind("lying upstream", 2, 0.05, _fresh("lie"), _has_its_address),
    Kind("babbling upstream", 2, 0.05, _fresh("garbage"), _has_its_address),
    Kind("silent upstream", 6, 0.01, _fresh("drop", "quick.test"), _has(SERVFAIL)),
    Kind("hanging up upstream", 1, 0.1, _fresh("close", "quick.test"), _has(SERVFAIL), "tcp"),
    Kind("one of two is dead", 4, 0.02, _fresh("new", "flaky.test"), _has_its_address),
)


# --- configurations


@dataclass(frozen=True)
class Ports:
    """Where the server and the upstreams are: one that does what names say, and one that never answers."""

    dns: int
    extra: int
    http: int
    upstream: int
    dead: int

    @classmethod
    def find(cls, upstream: int, dead: int) -> Ports:
        """Free ports for the server, and where the upstreams are."""
        return cls(free_port(), free_port(), free_port(), upstream, dead)


def _directive(line: str, *options: str) -> str:
    """A directive with its options, as it stands in a server block."""
    return line + " {\n" + "".join(f"        {option}\n" for option in options) + "    }"


_CACHE = _directive("cache 30", "success 1024 30 1", "denial 1024 30 1", "prefetch 3 10s", "serve_stale 1m")
_ERRORS = _directive("errors", 'consolidate 5s ".*" warning')
_TIMEOUTS = _directive("timeouts", "idle 1s", "read 1s")


def configuration(ports: Ports, turn: int) -> str:
    """The configuration of a turn: every other one has another port, other options and other blocks."""
    good, dead, odd = f"{HOST}:{ports.upstream}", f"{HOST}:{ports.dead}", turn % 2
    usual = _directive(f"forward . {good}", "expire 1s")
    quick = _directive(f"forward . {good}", "expire 1s", f"read_timeout {300 + odd}ms", "max_connect_attempts 2")
    policy = "policy " + ("random", "round_robin")[odd]
    flaky = _directive(f"forward . {dead} {good}", "expire 1s", "read_timeout 300ms", policy)
    names = _directive("hosts", f"{HOSTED} {WWW}", f"192.0.2.{10 + turn % 100} turn.example.org", "fallthrough")
    metrics = _directive(f"prometheus {HOST}:{ports.http}", "runtime_metrics")
    main = [_TIMEOUTS, "loadbalance", names, _CACHE, usual]
    blocks = [
        _block(ports.dns, ".", *main, http=ports.http).replace(f"prometheus {HOST}:{ports.http}", metrics),
        _block(ports.dns, "nocache.test", _TIMEOUTS, usual),
        _block(ports.dns, "quick.test", _TIMEOUTS, quick),
        _block(ports.dns, "flaky.test", _TIMEOUTS, flaky),
    ]
    if odd:
        blocks.append(_block(ports.extra, "extra.test", _TIMEOUTS, "cache 5", "whoami"))
        blocks.append(_block(ports.dns, "other.test", usual))
    return "".join(blocks)


def _block(port: int, zone: str, *lines: str, http: int = 0) -> str:
    return block(port, *lines, zone=zone, http=http).replace("    errors\n", f"    {_ERRORS}\n", 1)
