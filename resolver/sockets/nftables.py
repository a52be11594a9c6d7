"""Sets of nftables written through netlink (linux/netfilter/nf_tables.h): no program is started for it.

All calls block until the kernel has answered, which takes some ten microseconds unless somebody else is loading rules.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from math import inf
from typing import Final, NamedTuple

from resolver.errors import ResolverError
from resolver.sockets import netlink
from resolver.sockets.netlink import Step, attribute, attributes, code_of, listed, nested, number, text

FAMILIES: Final[Mapping[str, int]] = {"inet": 1, "ip": 2, "netdev": 5, "bridge": 7, "ip6": 10}
AT_ONCE: Final = 64  # elements in one call, so that the answers fit into the socket's buffer

_NEWTABLE, _GETTABLE, _DELTABLE, _NEWSET, _GETSET, _DELSET, _NEWELEM, _GETELEM, _DELELEM, _GETGEN = (
    0x0A00 + number for number in (0, 1, 2, 9, 10, 11, 12, 13, 14, 16)
)
_CHANGES: Final = 1 << 6  # the group NFNLGRP_NFTABLES as a bit
_SOL_NETLINK, _CAP_ACK = 270, 10
_WITHIN: Final = 5.0  # seconds
_ATTEMPTS: Final = 8
_READ_AT_ONCE: Final = 256  # messages; who changes more in one go has changed everything
_SET_FLAG_INTERVAL, _SET_FLAG_MAP, _SET_FLAG_TIMEOUT, _SET_FLAG_CONCAT = 0x4, 0x8, 0x10, 0x80
_IPV4_TYPE, _IPV6_TYPE = 7, 8  # how nft calls the types of keys


class NftablesError(ResolverError):
    """What the kernel said no to; ``code`` is its errno."""

    def __init__(self, what: str, code: int) -> None:
        super().__init__(f"cannot {what}: {netlink.reason_of(code)}")
        self.code = code

    @property
    def full(self) -> bool:
        """Whether a set has no room for more elements."""
        return self.code in (errno.ENFILE, errno.ENOSPC)


class Shape(NamedTuple):
    """What a set is for: the length of its keys in octets, whether its elements end, and ranges or values in it."""

    length: int
    timeout: bool
    interval: bool
    map: bool
    concatenated: bool


class Wanted(NamedTuple):
    """An address (4 or 16 octets) in a set: for at least ``needed`` seconds, put in for ``timeout`` where it is not."""

    set: str
    key: bytes
    needed: float
    timeout: float


class Put(NamedTuple):
    """What became of the addresses: how many were new, how many got longer, and for how many seconds each is in now."""

    added: int
    refreshed: int
    left: list[float]


class Table:
    """One table of nftables. Raises NftablesError, as all calls do."""

    def __init__(self, family: str, name: str) -> None:
        self._family = FAMILIES[family]
        self._name = name
        self._shown = f"{family} {name}"
        self._sequence = 0
        self._sock = _socket(0)
        self._sock.settimeout(_WITHIN)
        with suppress(OSError):
            self._sock.setsockopt(_SOL_NETLINK, _CAP_ACK, 1)  # errors do not repeat what was sent

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()

    @property
    def port(self) -> int:
        """What the kernel calls this socket when it tells others of a change."""
        return int(self._sock.getsockname()[0])

    def exists(self) -> bool:
        """Whether there is the table."""
        what = f"look at the table {self._shown}"
        (answer,) = self._ask([(_GETTABLE, 0, text(1, self._name))], what)
        return _found(answer, what)

    def shape(self, name: str) -> Shape | None:
        """What a set is for, None where there is none of that name."""
        what = f"look at the set {name} of the table {self._shown}"
        (answer,) = self._ask([(_GETSET, 0, text(1, self._name) + text(2, name))], what)
        if not _found(answer, what):
            return None
        found = attributes(answer[1][4:])
        flags = _unsigned(found.get(3, b""))
        return Shape(
            _unsigned(found.get(5, b"")),
            bool(flags & _SET_FLAG_TIMEOUT),
            bool(flags & _SET_FLAG_INTERVAL),
            bool(flags & _SET_FLAG_MAP),
            bool(flags & _SET_FLAG_CONCAT),
        )

    def create(self, sets: Mapping[str, int], size: int) -> None:
        """Make the table and sets (name to length of keys) with room for ``size`` elements; what is there stays."""
        steps = [(_NEWTABLE, netlink.CREATE, text(1, self._name))]
        for at, (name, length) in enumerate(sets.items(), 1):
            body = text(1, self._name) + text(2, name) + number(3, _SET_FLAG_TIMEOUT)
            body += number(4, _IPV4_TYPE if length == 4 else _IPV6_TYPE) + number(5, length)
            body += nested(9, number(1, size)) + number(10, at)
            steps.append((_NEWSET, netlink.CREATE, body))
        self._commit(steps, f"make the sets of the table {self._shown}")

    def put(self, wanted: Sequence[Wanted]) -> Put:
        """Have up to AT_ONCE different addresses in their sets for as long as needed; nothing ever gets shorter.

        All of them take effect together or none does. The kernel refuses what was worked out from a state that has
        changed since, so that two who write the same element never undo each other.
        """
        for _ in range(_ATTEMPTS):
            generation, left = self._left(wanted)
            short = [at for at, one in enumerate(wanted) if left[at] < one.needed]
            if not short:
                return Put(0, 0, left)
            gone = [wanted[at] for at in short if left[at] > 0]
            # Kernels before 6.12 keep the time of an element that is there, so it is taken out in the same step.
            steps = [
                (_DELELEM, 0, self._elements(name, ((one.key, 0.0) for one in some))) for name, some in _by_set(gone)
            ]
            fresh = [wanted[at] for at in short]
            steps += [
                (_NEWELEM, netlink.CREATE, self._elements(name, ((one.key, one.timeout) for one in some)))
                for name, some in _by_set(fresh)
            ]
            try:
                self._commit(steps, f"write to the table {self._shown}", generation)
            except NftablesError as error:
                if error.code == errno.ERESTART or (error.code == errno.ENOENT and gone):
                    continue  # somebody else has changed something, or an element has just ended
                raise
            for at in short:
                left[at] = wanted[at].timeout
            return Put(len(short) - len(gone), len(gone), left)
        raise NftablesError(f"write to the table {self._shown}", errno.EBUSY)

    def _left(self, wanted: Sequence[Wanted]) -> tuple[int, list[float]]:
        """The number of the state of all rules, and for how many seconds each address is in its set as of then."""
        what = f"read the table {self._shown}"
        asked = [(_GETGEN, 0, b"")]
        asked += [(_GETELEM, 0, self._elements(one.set, [(one.key, 0.0)])) for one in wanted]
        first, *others = self._ask(asked, what)
        if not _found(first, what):
            raise NftablesError(what, errno.ENOENT)
        left = [_seconds_left(answer[1]) if _found(answer, what) else 0.0 for answer in others]
        return _unsigned(attributes(first[1][4:]).get(1, b"")), left

    def _elements(self, name: str, elements: Iterable[tuple[bytes, float]]) -> bytes:
        listed = b"".join(
            nested(
                1,
                nested(1, attribute(1, key))
                + (attribute(4, struct.pack(">Q", max(1, round(seconds * 1000)))) if seconds else b""),
            )
            for key, seconds in elements
        )
        return text(1, self._name) + text(2, name) + nested(3, listed)

    def _ask(self, messages: Sequence[Step], what: str) -> list[tuple[int, bytes]]:
        """The one answer to each message: kind and body."""
        begin = self._next(len(messages))
        octets = [
            netlink.message(kind, flags | netlink.REQUEST, begin + at, body, family=self._family)
            for at, (kind, flags, body) in enumerate(messages)
        ]
        answers: dict[int, tuple[int, bytes]] = {}
        self._send(b"".join(octets), what)
        while len(answers) < len(messages):
            for kind, sequence, body in self._receive(what):
                if 0 <= sequence - begin < len(messages):
                    answers.setdefault(sequence - begin, (kind, body))
        return [answers[at] for at in range(len(messages))]

    def _commit(self, steps: Sequence[Step], what: str, generation: int = 0) -> None:
        """Have all steps take effect, or none; only while the state of all rules is of this number, if not 0."""
        begin = self._next(len(steps) + 2)
        end = begin + len(steps)
        state = number(1, generation) if generation else b""
        octets = netlink.batch(steps, before=begin, family=self._family, state=state)
        self._send(octets, what)
        while True:
            for kind, sequence, body in self._receive(what):
                if kind != netlink.ERROR or not begin <= sequence <= end + 1:
                    continue
                code = code_of(body)
                if code:
                    raise NftablesError(what, code)
                if sequence == end:
                    return

    def _next(self, count: int) -> int:
        """The first of so many sequence numbers; what comes late for older ones is told apart by them."""
        begin = self._sequence + 1 if self._sequence + count < 1 << 31 else 1
        self._sequence = begin + count
        return begin

    def _send(self, octets: bytes, what: str) -> None:
        try:
            self._sock.send(octets)
        except OSError as error:
            raise NftablesError(what, error.errno or errno.EIO) from None

    def _receive(self, what: str) -> list[tuple[int, int, bytes]]:
        try:
            data = self._sock.recv(netlink.RECEIVED)
        except OSError as error:
            raise NftablesError(what, error.errno or errno.ETIMEDOUT) from None
        return [(kind, sequence, body) for kind, sequence, _, body in netlink.replies(data)]


class Changes:
    """Tells what others take out of the sets of a table. Raises NftablesError.

    Elements that have reached their end are not among it. ``sock`` is readable when there is something to tell.
    """

    def __init__(self, family: str, name: str, own: int) -> None:
        self.sock = _socket(_CHANGES)
        self.sock.setblocking(False)
        self._family = FAMILIES[family]
        self._name = name
        self._own = own

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()

    def gone(self) -> set[tuple[str, bytes]] | None:
        """The elements (set and key) that somebody has taken out and not put in again; None where it could be any."""
        found: set[tuple[str, bytes]] = set()
        for _ in range(_READ_AT_ONCE):
            try:
                data = self.sock.recv(netlink.RECEIVED)
            except BlockingIOError:
                return found
            except OSError:  # more has changed than there was room for
                return None
            for kind, _, port, body in netlink.replies(data):
                if port == self._own or body[0] != self._family:
                    continue
                fields = attributes(body[4:])
                if fields.get(1, b"").rstrip(b"\0").decode(errors="replace") != self._name:
                    continue
                if kind in (_DELTABLE, _DELSET):
                    return None
                if kind in (_DELELEM, _NEWELEM):
                    name = fields.get(2, b"").rstrip(b"\0").decode(errors="replace")
                    keys = {(name, key) for key in _keys(fields.get(3, b""))}
                    found = found | keys if kind == _DELELEM else found - keys
        return None


def _socket(groups: int) -> socket.socket:
    try:
        return netlink.opened(groups)
    except OSError as error:
        raise NftablesError("speak to nftables", error.errno or errno.EIO) from None


def _keys(elements: bytes) -> Iterator[bytes]:
    """The keys in a list of elements."""
    for _, element in listed(elements):
        yield attributes(attributes(element).get(1, b"")).get(1, b"")


def _by_set(wanted: Iterable[Wanted]) -> Iterable[tuple[str, list[Wanted]]]:
    sets: dict[str, list[Wanted]] = {}
    for one in wanted:
        sets.setdefault(one.set, []).append(one)
    return sets.items()


def _found(answer: tuple[int, bytes], what: str) -> bool:
    """Whether what was asked for is there. Raises NftablesError."""
    kind, body = answer
    if kind != netlink.ERROR:
        return True
    if code_of(body) == errno.ENOENT:
        return False
    raise NftablesError(what, code_of(body))


def _seconds_left(body: bytes) -> float:
    """For how long the one element of a message stays, infinite where it has no end."""
    element = attributes(attributes(attributes(body[4:]).get(3, b"")).get(1, b""))
    return _unsigned(element[5]) / 1000 if 5 in element else inf


def _unsigned(value: bytes) -> int:
    return int.from_bytes(value, "big")
