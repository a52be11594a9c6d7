"""A Pod behind a node that is a router, and a world behind it: network namespaces with wires between them."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.node.namespaces import ROOT, Program

ECHO: Final = """
import select, socket
sockets = []
for address in ("192.0.2.1", "192.0.2.2", "2001:db8:2::1"):  # each answers as itself
    one = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    one.bind((address, 7))
    sockets.append(one)
print("echoing", flush=True)
while True:
    for one in select.select(sockets, [], [])[0]:
        data, peer = one.recvfrom(100)
        one.sendto(data, peer)
"""
PROBE: Final = """
import socket, sys
address, seconds, source = sys.argv[1], float(sys.argv[2]), sys.argv[3]
with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as one:
    if source:
        one.bind((source, 0))
    one.connect((address, 7))
    one.settimeout(seconds)
    one.send(b"anybody there?")
    one.recv(100)
"""


class Way:
    """Pod, node and world, one behind the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        token = secrets.token_hex(3)
        self.pod, self.node, self.world = (f"k8sr-{name}-{token}" for name in ("pod", "node", "world"))
        self.programs: list[Program] = []

    def run(self, where: str, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program in a namespace."""
        return subprocess.run(
            ["ip", "netns", "exec", where, *words], input=given, capture_output=True, text=True, timeout=20, check=False
        )

    def ok(self, where: str, *words: str, given: str = "") -> str:
        """Run a program that has to succeed; what it says."""
        done = self.run(where, *words, given=given)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def lay(self) -> None:
        """Make the namespaces, the wires and the firewall."""
        for name in (self.pod, self.node, self.world):
            subprocess.run(["ip", "netns", "add", name], check=True)
            self.ok(name, "ip", "link", "set", "lo", "up")
        self.ok(self.node, *_words("ip link add downlink type veth peer name eth0 netns"), self.pod)
        self.ok(self.node, *_words("ip link add uplink type veth peer name eth0 netns"), self.world)
        self._address(self.pod, "eth0", "10.0.1.2/24", "2001:db8:1::2/64")
        self._address(self.node, "downlink", "10.0.1.1/24", "2001:db8:1::1/64")
        self._address(self.node, "uplink", "192.0.2.254/24", "2001:db8:2::fe/64")
        self._address(self.world, "eth0", "192.0.2.1/24", "2001:db8:2::1/64")
        self.ok(self.world, *_words("ip addr add 192.0.2.2/24 dev eth0"))
        for where, ipv4, ipv6 in (
            (self.pod, "10.0.1.1", "2001:db8:1::1"),
            (self.world, "192.0.2.254", "2001:db8:2::fe"),
        ):
            self.ok(where, "ip", "route", "add", "default", "via", ipv4)
            self.ok(where, "ip", "-6", "route", "add", "default", "via", ipv6)
        for key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
            self.ok(self.node, "sysctl", "-qw", f"{key}=1")
        self.start(self.world, sys.executable, "-c", ECHO).says("echoing")

    def _address(self, where: str, link: str, ipv4: str, ipv6: str) -> None:
        self.ok(where, "ip", "addr", "add", ipv4, "dev", link)
        self.ok(where, "ip", "addr", "add", ipv6, "dev", link, "nodad")
        self.ok(where, "ip", "link", "set", link, "up")

    def start(self, where: str, *words: str) -> Program:
        """Start a program in a namespace."""
        log = self.folder / f"log-{len(self.programs)}"
        program = Program(["ip", "netns", "exec", where, *words], log, PYTHONPATH=str(ROOT))
        self.programs.append(program)
        return program

    def serve(self, corefile: str, ready: str = "k8s-resolver") -> Program:
        """Start the server on the node."""
        file = self.folder / "Corefile"
        file.write_text(corefile)
        server = self.start(self.node, sys.executable, "-m", "resolver", "-conf", str(file))
        server.says(ready)
        return server

    def dig(self, name: str, kind: str = "A", *words: str) -> str:
        """What the Pod is answered."""
        return self.ok(self.pod, "dig", "+short", "+tries=3", "+time=2", *words, "@10.0.1.1", name, kind).strip()

    def passes(self, address: str, seconds: float = 2.0, source: str = "") -> bool:
        """Whether a packet of the Pod gets to the world, and one back; ``source`` is which of its addresses it has."""
        return self.run(self.pod, sys.executable, "-c", PROBE, address, str(seconds), source).returncode == 0

    def elements(self, name: str) -> str:
        """What the kernel shows of a set."""
        return self.ok(self.node, "nft", "list", "set", "inet", "egress", name)

    def clear(self) -> None:
        """End what was started, remove what was made."""
        for program in self.programs:
            program.end()
        for name in (self.pod, self.node, self.world):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def _words(line: str) -> list[str]:
    return line.split()


@contextmanager
def laid(folder: Path) -> Iterator[Way]:
    """A way, until the end of the block."""
    made = Way(folder)
    try:
        made.lay()
        yield made
    finally:
        made.clear()
