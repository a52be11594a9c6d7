"""A Pod behind a node whose firewall lets pass only what was resolved, and real packets."""

from __future__ import annotations

import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.node.namespaces import ROOT, Program, missing, until

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

FIREWALL = """table inet egress {
    set allowed4 { type ipv4_addr; flags timeout; size 1000; }
    set allowed6 { type ipv6_addr; flags timeout; size 1000; }
    chain forward {
        type filter hook forward priority 0; policy drop;
        iifname "uplink" accept
        meta l4proto ipv6-icmp accept
        ip daddr @allowed4 accept
        ip6 daddr @allowed6 accept
    }
}
"""
COREFILE = """.:53 {{
    errors
    egress_set {{
        table inet egress
        set4 allowed4
        set6 allowed6
        {options}
    }}
    hosts {{
        192.0.2.1 who.test
        192.0.2.2 other.test
        2001:db8:2::1 who.test
        ttl 1
    }}
}}
"""
ECHO = """
import select, socket
sockets = []
for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
    one = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    one.bind((address, 7))
    sockets.append(one)
print("echoing", flush=True)
while True:
    for one in select.select(sockets, [], [])[0]:
        data, peer = one.recvfrom(100)
        one.sendto(data, peer)
"""
PROBE = """
import socket, sys
address, seconds = sys.argv[1], float(sys.argv[2])
with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as one:
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

    def serve(self, *options: str, ready: str = "k8s-resolver") -> Program:
        """Start the server on the node."""
        file = self.folder / "Corefile"
        file.write_text(COREFILE.format(options="\n        ".join(options)))
        server = self.start(self.node, sys.executable, "-m", "resolver", "-conf", str(file))
        server.says(ready)
        return server

    def dig(self, name: str, kind: str = "A", *words: str) -> str:
        """What the Pod is answered."""
        return self.ok(self.pod, "dig", "+short", "+tries=3", "+time=2", *words, "@10.0.1.1", name, kind).strip()

    def passes(self, address: str, seconds: float = 2.0) -> bool:
        """Whether a packet of the Pod gets to the world, and one back."""
        return self.run(self.pod, sys.executable, "-c", PROBE, address, str(seconds)).returncode == 0

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


@pytest.fixture
def way(tmp_path: Path) -> Iterator[Way]:
    made = Way(tmp_path)
    try:
        made.lay()
        yield made
    finally:
        made.clear()


def test_an_address_can_be_reached_once_its_name_was_resolved_and_no_other(way: Way) -> None:
    way.ok(way.node, "nft", "-f", "-", given=FIREWALL)
    way.serve()
    assert not way.passes("192.0.2.1", 0.3)
    assert not way.passes("2001:db8:2::1", 0.3)
    assert way.dig("who.test") == "192.0.2.1"
    assert way.passes("192.0.2.1")
    assert not way.passes("192.0.2.2", 0.3)
    assert not way.passes("2001:db8:2::1", 0.3)
    assert way.dig("who.test", "AAAA") == "2001:db8:2::1"
    assert way.passes("2001:db8:2::1")


def test_the_way_is_closed_again_when_time_has_run_out_and_open_at_the_next_question(way: Way) -> None:
    way.ok(way.node, "nft", "-f", "-", given=FIREWALL)
    way.serve("grace 500ms", "min_timeout 1s")
    assert way.dig("who.test") == "192.0.2.1"
    assert way.passes("192.0.2.1")
    until(lambda: "192.0.2.1" not in way.elements("allowed4"))
    assert not way.passes("192.0.2.1", 0.3)
    assert way.dig("who.test") == "192.0.2.1"
    assert way.passes("192.0.2.1")


def test_a_name_that_is_asked_for_all_the_time_stays_reachable(way: Way) -> None:
    way.ok(way.node, "nft", "-f", "-", given=FIREWALL)
    way.serve("grace 500ms", "min_timeout 1s")
    end = time.monotonic() + 4
    while time.monotonic() < end:
        assert way.dig("who.test") == "192.0.2.1"
        assert way.passes("192.0.2.1")


def test_without_its_table_the_server_does_not_start(way: Way) -> None:
    server = way.serve(ready="there is no table inet egress; make it with its sets, or write create")
    assert server.wait() == 1


def test_a_set_of_the_wrong_kind_is_named(way: Way) -> None:
    way.ok(way.node, "nft", "-f", "-", given=FIREWALL.replace("ipv6_addr; flags timeout", "ipv6_addr; flags interval"))
    assert way.serve(ready="the set allowed6 of the table inet egress holds ranges").wait() == 1


def test_with_create_the_sets_are_made_and_rules_can_use_them(way: Way) -> None:
    way.serve("create 10")
    assert "type ipv6_addr" in way.elements("allowed6")
    chain = FIREWALL.split("size 1000; }\n")[2]
    way.ok(way.node, "nft", "-f", "-", given="table inet egress {\n" + chain)
    assert not way.passes("192.0.2.1", 0.3)
    assert way.dig("who.test") == "192.0.2.1"
    assert way.passes("192.0.2.1")


def test_a_full_set_fails_the_query_where_that_is_wanted(way: Way) -> None:
    way.ok(way.node, "nft", "-f", "-", given=FIREWALL.replace("size 1000", "size 1"))
    way.serve("on_error fail")
    assert way.dig("who.test") == "192.0.2.1"
    said = way.ok(way.pod, "dig", "+tries=1", "@10.0.1.1", "other.test")
    assert "status: SERVFAIL" in said
    assert "the firewall could not be told the addresses" in said
    assert way.passes("192.0.2.1")


def test_what_somebody_takes_out_of_the_set_is_in_again_with_the_next_answer(way: Way) -> None:
    way.ok(way.node, "nft", "-f", "-", given=FIREWALL)
    way.serve()
    for lost in (("flush", "set", "inet", "egress", "allowed4"), ("flush", "ruleset")):
        assert way.dig("who.test") == "192.0.2.1"
        assert way.passes("192.0.2.1")
        way.ok(way.node, "nft", *lost)
        if "ruleset" in lost:
            way.ok(way.node, "nft", "-f", "-", given=FIREWALL)
        assert not way.passes("192.0.2.1", 0.3)
    assert way.dig("who.test") == "192.0.2.1"
    assert way.passes("192.0.2.1")
