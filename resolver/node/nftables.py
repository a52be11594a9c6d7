"""The rules as an nftables table of our own, spoken to the kernel directly: no program, no lock, no rules of others.

A long-running process *owns* its table: the kernel removes it when the process ends, however it ends (Linux 5.12).
Several processes have a table each, so the last one to end takes the rules away. What is to outlive its process, or
runs on an older kernel, is one table under a fixed name.
"""

from __future__ import annotations

import errno
import secrets
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from resolver.node import tables
from resolver.node.rules import COMMENT, FirewallError, Match
from resolver.sockets import netlink

TABLE: Final = "resolver_node"
RAW_PRIORITY: Final = -310  # before connection tracking (-200), and before iptables' raw table (-300)
_SENT: Final = 1 << 20
_SO_SNDBUFFORCE: Final = 32
_TIMEOUT: Final = 5.0  # seconds; the kernel answers at once
_CHAINS: Final = (("skip_conntrack_in", tables.PREROUTING), ("skip_conntrack_out", tables.OUTPUT))


class Nftables:
    """The rules in one table. ``lasting`` has them outlive this process."""

    name = "nftables"

    def __init__(self, untracked: Sequence[Match], *, lasting: bool) -> None:
        self._untracked = tuple(untracked)
        self._owned = not lasting
        self._own_name = f"{TABLE}_{secrets.token_hex(4)}"
        self._channel: _Channel | None = None

    @property
    def shared(self) -> bool:
        """Whether several processes write down the same rules, so that only the last one may remove them."""
        return not self._owned

    @property
    def table(self) -> str:
        """The name of the table."""
        return self._own_name if self._owned else TABLE

    async def install(self) -> bool:
        """Have the table as it should be; whether it had to be written."""
        channel = self._open()
        if channel.rules_of(self.table) == len(self._rules()):
            return False
        try:
            self._write(channel)
        except NftablesError as error:
            if not self._owned or error.code not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise
            self._owned = False  # an older kernel
            self._write(channel)
        return True

    async def remove(self) -> bool:
        """Remove the table."""
        return self._open().delete(self.table)

    async def close(self) -> None:
        """Close the connection to the kernel, with which a table goes that this process owns."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _open(self) -> _Channel:
        if self._channel is None:
            self._channel = _Channel()
        return self._channel

    def _write(self, channel: _Channel) -> None:
        name = self.table
        head = tables.table(name, owned=self._owned)
        # Making the table first lets the removal succeed whether or not it was there.
        steps = [
            (tables.NEWTABLE, netlink.CREATE, head),
            (tables.DELTABLE, 0, tables.named(name)),
            (tables.NEWTABLE, netlink.CREATE, head),
        ]
        steps += [
            (tables.NEWCHAIN, netlink.CREATE, tables.chain(name, chain, hook, RAW_PRIORITY)) for chain, hook in _CHAINS
        ]
        steps += [(tables.NEWRULE, netlink.CREATE | netlink.APPEND, body) for body in self._rules()]
        channel.commit(steps, "write the table")

    def _rules(self) -> list[bytes]:
        return [
            tables.notrack_rule(self.table, chain, match, comment=COMMENT)
            for chain, _ in _CHAINS
            for match in self._untracked
        ]


class NftablesError(FirewallError):
    """What the kernel said no to; ``code`` is its errno."""

    def __init__(self, what: str, code: int) -> None:
        super().__init__(f"nftables: cannot {what}: {netlink.reason_of(code)}", "nftables")
        self.code = code


class _Channel:
    """A netlink socket."""

    def __init__(self) -> None:
        try:
            self._sock = netlink.opened()
        except OSError as error:
            raise NftablesError("speak to the kernel", error.errno or errno.EIO) from None
        self._sock.settimeout(_TIMEOUT)
        with suppress(OSError):  # the default takes some hundred rules
            self._sock.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, _SENT)

    def close(self) -> None:
        self._sock.close()

    def commit(self, steps: Sequence[netlink.Step], what: str) -> None:
        """Have all steps take effect, or none. Raises NftablesError."""
        self._send(netlink.batch(steps), what)
        while True:
            for kind, sequence, _, body in self._receive(what):
                if kind != netlink.ERROR:
                    continue
                code = netlink.code_of(body)
                if code:
                    self._forget_rest()
                    raise NftablesError(what, code)
                if sequence == len(steps):
                    return

    def delete(self, name: str) -> bool:
        """Remove a table; whether there was one. Raises NftablesError."""
        try:
            self.commit([(tables.DELTABLE, 0, tables.named(name))], f"remove the table {name}")
        except NftablesError as error:
            if error.code == errno.ENOENT:
                return False
            raise
        return True

    def rules_of(self, name: str) -> int:
        """How many rules a table has, 0 where there is none. Raises NftablesError."""
        try:
            return sum(1 for _ in self._dump(tables.GETRULE, tables.named(name), netlink.INET, "read the rules"))
        except NftablesError as error:
            if error.code == errno.ENOENT:
                return 0
            raise

    def chains(self) -> Iterator[dict[int, bytes]]:
        """The attributes of all chains. Raises NftablesError."""
        for body in self._dump(tables.GETCHAIN, b"", tables.ANY, "read the chains"):
            yield netlink.attributes(body[4:])

    def _dump(self, kind: int, body: bytes, family: int, what: str) -> Iterator[bytes]:
        flags = netlink.REQUEST | netlink.DUMP
        self._send(netlink.message(kind, flags, 1, body, family=family), what)
        while True:
            for answer, _, _, found in self._receive(what):
                if answer == netlink.DONE:
                    return
                if answer == netlink.ERROR:
                    raise NftablesError(what, netlink.code_of(found))
                yield found

    def _send(self, octets: bytes, what: str) -> None:
        try:
            self._sock.send(octets)
        except OSError as error:
            raise NftablesError(what, error.errno or errno.EIO) from None

    def _receive(self, what: str) -> list[tuple[int, int, int, bytes]]:
        try:
            return list(netlink.replies(self._sock.recv(netlink.RECEIVED)))
        except OSError as error:
            raise NftablesError(what, error.errno or errno.ETIMEDOUT) from None

    def _forget_rest(self) -> None:
        """Drop the answers that are left of a failed batch, so that they are not taken for others."""
        self._sock.setblocking(False)
        try:
            while self._sock.recv(netlink.RECEIVED):
                pass
        except OSError:
            pass
        self._sock.settimeout(_TIMEOUT)


def offered() -> bool:
    """Whether the kernel takes nftables rules from this process."""
    try:
        channel = _Channel()
    except FirewallError:
        return False
    name = f"{TABLE}_probe_{secrets.token_hex(4)}"
    try:
        channel.commit(
            [
                (tables.NEWTABLE, netlink.CREATE, tables.table(name, owned=False)),
                (tables.DELTABLE, 0, tables.named(name)),
            ],
            "try nftables",
        )
    except FirewallError:
        return False
    finally:
        channel.close()
    return True


def dropping_chains() -> list[str]:
    """The chains that keep out what they do not let in by name, as ``table chain``. Raises FirewallError.

    Our table cannot help against those: an accept counts only for the chain in which it stands.
    """
    channel = _Channel()
    try:
        return [shown for chain in channel.chains() if (shown := tables.dropping(chain))]
    finally:
        channel.close()


def remove_lasting() -> bool:
    """Remove the table under the fixed name; whether there was one. Raises FirewallError."""
    channel = _Channel()
    try:
        return channel.delete(TABLE)
    finally:
        channel.close()
