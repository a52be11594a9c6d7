"""Way 4 with real traffic: a client's namespace, and one of a node with the proxy, its resolver and the outside."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from resolver.cli.main import main
from tests.node.namespaces import Node, missing, node, resolver, until

CERTS = Path(__file__).parents[1] / "parity" / "certs"
# The certificate is for *.dns.test; the names of the clients are ours.
HOST, NAME = "api.dns.test", "external.example.com"
OUTSIDE_DNS = "192.0.2.99"
FIRST, SECOND = "198.51.100.1", "198.51.100.2"
PROXY = "10.244.0.1"  # the node's address on the wire to the Pod

needs_haproxy = pytest.mark.skipif(bool(missing("haproxy", "curl")), reason=missing("haproxy", "curl"))
needs_nft = pytest.mark.skipif(bool(missing("curl")), reason=missing("curl"))


class Outside:
    """The proxy of way 4 and an external system with two addresses, only one of which DNS names."""

    def __init__(self, here: Node) -> None:
        self.here = here
        self.hosts = here.folder / "hosts"
        self.folder = here.folder / "way"

    def write(self, *flags: str) -> None:
        assert main(["manifests", "loadbalancer", "--host", f"{NAME}={HOST}", *flags, "-o", str(self.folder)]) == 0

    def origins(self) -> None:
        """Start the external system on both addresses."""
        for address in (FIRST, SECOND):
            self.address(address)
            self.origin(address)

    def origin(self, address: str, where: str = "node") -> None:
        """Start the external system on one address."""
        words = [sys.executable, str(Path(__file__).with_name("origin.py")), address, "443"]
        self.here.start(*words, *self.certificate(), address, where=where).says("origin is there")

    def dns(self) -> None:
        """Start the DNS outside, and the resolver beside the proxy with the Corefile that was written."""
        self.address(OUTSIDE_DNS)
        self.moves(FIRST)
        outside = self.here.folder / "outside.Corefile"
        outside.write_text(f". {{\n bind {OUTSIDE_DNS}\n hosts {self.hosts} {{\n reload 1s\n ttl 1\n }}\n}}\n")
        self.here.start(*resolver("-conf", str(outside))).says("k8s-resolver")
        self.here.start(*resolver("-conf", str(self.folder / "Corefile"))).says("k8s-resolver")

    def proxy(self) -> None:
        """Start HAProxy with the file that was written; only its authority is ours, and its memory of names shorter."""
        path = self.folder / "haproxy.cfg"
        text = path.read_text()
        assert "ca-file @system-ca" in text
        path.write_text(text.replace("hold valid 10s", "hold valid 1s").replace("@system-ca", str(CERTS / "ca.pem")))
        self.here.start("haproxy", "-db", "-f", str(path))
        until(lambda: self.http(NAME).get("word") == FIRST, lambda: self.here.programs[-1].said)

    def moves(self, address: str) -> None:
        """DNS names this address from now on."""
        self.hosts.write_text(f"{address} {HOST}\n")

    def address(self, text: str) -> None:
        self.here.ok(["ip", "-n", self.here.names["node"], "addr", "add", f"{text}/32", "dev", "lo"])

    @staticmethod
    def certificate() -> list[str]:
        return [str(CERTS / "server.pem"), str(CERTS / "server.key")]

    def http(self, host: str) -> dict[str, str]:
        """What a Pod is told that speaks HTTP to the proxy; empty for no answer."""
        return said(self.curl("-H", f"Host: {host}", f"http://{PROXY}:8080/"))

    def https(self, name: str, port: int = 8443, *more: str) -> dict[str, str]:
        """What a Pod is told that speaks TLS through the proxy and checks the certificate; empty for no answer."""
        there = ["--resolve", f"{name}:{port}:{PROXY}", "--cacert", str(CERTS / "ca.pem")]
        return said(self.curl(*there, *more, f"https://{name}:{port}/"))

    def curl(self, *words: str) -> str:
        return self.here.run("curl", "-s", "--max-time", "5", *words, where="pod").stdout


def said(text: str) -> dict[str, str]:
    """The answer of the external system; anything else counts as none."""
    try:
        found: dict[str, str] = json.loads(text)
    except ValueError:
        return {}
    return found


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Outside]:
    with node(tmp_path) as here:
        yield Outside(here)


@needs_haproxy
def test_clients_reach_the_external_system_through_the_proxy(outside: Outside) -> None:
    outside.write("--upstream", OUTSIDE_DNS)
    outside.origins()
    outside.dns()
    outside.proxy()
    # The proxy speaks TLS for the client, with the external server's own name in both places.
    assert outside.http(NAME) == {"word": FIRST, "host": HOST, "server_name": HOST}
    assert outside.http(f"{NAME}:80") == {"word": FIRST, "host": HOST, "server_name": HOST}
    # TLS passes through untouched: the client checks the external server's certificate itself.
    assert outside.https(HOST) == {"word": FIRST, "host": f"{HOST}:8443", "server_name": HOST}
    # It is no proxy for anybody else.
    assert "no such host here" in outside.curl("-H", "Host: www.dns.test", f"http://{PROXY}:8080/")
    assert outside.https("www.dns.test") == {}
    # When the external system moves, so does the traffic, without a restart.
    outside.moves(SECOND)
    until(lambda: outside.http(NAME).get("word") == SECOND)
    assert outside.curl(f"http://{PROXY}:8404/health") == "OK"
    assert "haproxy_server_status" in outside.curl(f"http://{PROXY}:8404/metrics")


def beyond(here: Node) -> None:
    """A namespace behind the node, with FIRST as its address and no way back to the Pod."""
    name = here.names["beyond"] = f"k8sr-beyond-{here.token}"
    node_name = here.names["node"]
    here.ok(["ip", "netns", "add", name])
    here.ok(["ip", "-n", node_name, "link", "add", "out0", "type", "veth", "peer", "name", "eth0", "netns", name])
    for where, link, address in ((node_name, "out0", "198.51.100.254"), (name, "eth0", FIRST)):
        here.ok(["ip", "-n", where, "addr", "add", f"{address}/24", "dev", link])
        here.ok(["ip", "-n", where, "link", "set", link, "up"])
    here.ok(["ip", "netns", "exec", node_name, "sysctl", "-qw", "net.ipv4.ip_forward=1"])


@needs_nft
def test_the_packet_filter_alone_reaches_the_external_system(outside: Outside) -> None:
    outside.write("--nat", f"{HOST}={FIRST}")
    beyond(outside.here)
    outside.origin(FIRST, where="beyond")
    outside.here.ok(["ip", "netns", "exec", outside.here.names["node"], "nft", "-f", str(outside.folder / "nat.nft")])
    assert outside.https(HOST, 30080)["word"] == FIRST
    # Loading it again changes nothing, and removing the table ends it.
    for command in (["-f", str(outside.folder / "nat.nft")], ["delete", "table", "inet", "resolver_nat"]):
        outside.here.ok(["ip", "netns", "exec", outside.here.names["node"], "nft", *command])
    assert outside.https(HOST, 30080) == {}


@pytest.mark.skipif(bool(missing("haproxy")), reason=missing("haproxy"))
@pytest.mark.parametrize(
    "hosts",
    [
        ["a.example.com=b.example.com"],
        ["a.example.com=b.example.com:80", "c.example.com"],
        ["a.example.com=192.0.2.1", "d.example.com=[2001:db8::1]:443"],
        ["a.example.com=b.example.com", "db.example.com:5432", "cache.example.com=192.0.2.9:6379"],
    ],
)
def test_haproxy_takes_the_configuration(hosts: list[str], tmp_path: Path) -> None:
    words = [word for host in hosts for word in ("--host", host)]
    assert main(["manifests", "loadbalancer", *words, "-o", str(tmp_path)]) == 0
    with node(tmp_path) as here:
        checked = here.run("haproxy", "-c", "-f", str(tmp_path / "haproxy.cfg"))
    assert checked.returncode == 0, checked.stderr
    assert "warning" not in checked.stderr.lower()
