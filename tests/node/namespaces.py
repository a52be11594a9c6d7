"""A node and a Pod as network namespaces with a wire between them, and programs that run in either."""

from __future__ import annotations

import functools
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCAL, LOCAL6, CLUSTER = "169.254.20.10", "fd00::10", "10.96.0.10"
KUBE_DNS = "192.0.2.53"
HERE, THERE = "192.0.2.1", "203.0.113.1"  # what this node's server, and the cluster's, say for who.test
_PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
_WITHIN = 20.0

TEMPLATE = """.:53 {
    errors
    bind __PILLAR__LOCAL__DNS__ __PILLAR__DNS__SERVER__
    hosts {
        192.0.2.1 who.test
        2001:db8::1 who.test
    }
    health __PILLAR__LOCAL__DNS__:8080 {
        lameduck 0s
    }
    ready __PILLAR__LOCAL__DNS__:8181
    prometheus __PROMETHEUS__ENDPOINT__
}
"""
# What kube-proxy does with the address of the cluster's DNS Service.
KUBE_PROXY = f"""table ip kube-proxy {{
    chain services {{
        type nat hook prerouting priority -100; policy accept;
        ip daddr {CLUSTER} udp dport 53 dnat to {KUBE_DNS}
        ip daddr {CLUSTER} tcp dport 53 dnat to {KUBE_DNS}
    }}
    chain services_out {{
        type nat hook output priority -100; policy accept;
        ip daddr {CLUSTER} udp dport 53 dnat to {KUBE_DNS}
    }}
}}
"""


@functools.cache
def missing(*programs: str) -> str:
    """Why there can be no network namespaces here, or which program is not there; empty where all is well."""
    for program in ("ip", "nft", "dig", *programs):
        if shutil.which(program, path=_PATH) is None:
            return f"{program} is not installed"
    try:
        import pyroute2  # noqa: F401
    except ImportError:
        return "pyroute2 is not installed"
    name = f"k8sr-try-{secrets.token_hex(3)}"
    tried = _run(["ip", "netns", "add", name])
    if tried.returncode:
        return f"no network namespaces here: {tried.stderr.strip()}"
    try:
        wired = _run(["ip", "-n", name, "link", "add", "try0", "type", "veth", "peer", "name", "try1"])
        tabled = _run(["ip", "netns", "exec", name, "nft", "add", "table", "inet", "try"])
        return next((f"not here: {one.stderr.strip()}" for one in (wired, tabled) if one.returncode), "")
    finally:
        _run(["ip", "netns", "del", name])


class Program:
    """A program in a namespace, with what it said."""

    def __init__(self, words: Sequence[str], log: Path, **environ: str) -> None:
        self.log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT, env=environment(**environ)
            )

    @property
    def said(self) -> str:
        """Everything so far."""
        return self.log.read_text()

    def says(self, text: str, times: int = 1) -> None:
        """Wait until it says this so often. Raises AssertionError."""
        until(lambda: self.said.count(text) >= times or self.process.poll() is not None, lambda: self.said)
        assert self.said.count(text) >= times, self.said

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end; the exit code."""
        code = self.process.wait(_WITHIN)
        if self.process.stdin is not None:
            self.process.stdin.close()
        return code


class Node:
    """A node with kube-proxy and the cluster's DNS, and a Pod on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.token = secrets.token_hex(3)
        self.names = {"node": f"k8sr-node-{self.token}", "pod": f"k8sr-pod-{self.token}"}
        self.programs: list[Program] = []

    def lay(self) -> None:
        """Make the namespaces and the wire."""
        for name in self.names.values():
            self.ok(["ip", "netns", "add", name])
            self.ok(["ip", "-n", name, "link", "set", "lo", "up"])
        node, pod = self.names["node"], self.names["pod"]
        self.ok(["ip", "-n", node, "link", "add", "pod0", "type", "veth", "peer", "name", "eth0", "netns", pod])
        for name, link, last in ((node, "pod0", 1), (pod, "eth0", 2)):
            self.ok(["ip", "-n", name, "addr", "add", f"10.244.0.{last}/24", "dev", link])
            self.ok(["ip", "-n", name, "addr", "add", f"fd00:244::{last}/64", "dev", link, "nodad"])
            self.ok(["ip", "-n", name, "link", "set", link, "up"])
        self.ok(["ip", "-n", pod, "route", "add", "default", "via", "10.244.0.1"])
        self.ok(["ip", "-n", pod, "-6", "route", "add", "default", "via", "fd00:244::1"])
        self.ok(["ip", "-n", node, "addr", "add", f"{KUBE_DNS}/32", "dev", "lo"])
        self.ok(["ip", "netns", "exec", node, "nft", "-f", "-"], KUBE_PROXY)

    def clear(self) -> None:
        """End everything."""
        for program in self.programs:
            if program.process.poll() is None:
                program.end(signal.SIGKILL)
            elif program.process.stdin is not None:
                program.process.stdin.close()
        for name in self.names.values():
            _run(["ip", "netns", "del", name])

    def start(self, *words: str, where: str = "node", **environ: str) -> Program:
        """Start a program in a namespace."""
        log = self.folder / f"log-{len(self.programs)}"
        program = Program(["ip", "netns", "exec", self.names[where], *words], log, **environ)
        self.programs.append(program)
        return program

    def run(self, *words: str, where: str = "node", text: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program in a namespace to its end."""
        return _run(["ip", "netns", "exec", self.names[where], *words], text)

    def ok(self, words: Sequence[str], text: str = "") -> str:
        """Run a program that has to succeed; what it prints."""
        done = _run(words, text)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
        return done.stdout

    def cluster_dns(self) -> None:
        """Start the cluster's own DNS server."""
        conf = self.folder / "kube-dns.Corefile"
        conf.write_text(f".:53 {{\n bind {KUBE_DNS}\n hosts {{\n {THERE} who.test\n }}\n}}\n")
        self.start(*resolver("-conf", str(conf))).says("k8s-resolver")

    def serve(self, *flags: str, template: str = TEMPLATE, local: str = f"{LOCAL},{CLUSTER},{LOCAL6}") -> Program:
        """Start ``resolver node``."""
        return self.start(*resolver("node", *self.flags(*flags, template=template, local=local)))

    def flags(self, *flags: str, template: str = TEMPLATE, local: str = f"{LOCAL},{CLUSTER},{LOCAL6}") -> list[str]:
        """The flags for a template and addresses."""
        base = self.folder / "Corefile.base"
        base.write_text(template)
        conf = self.folder / f"Corefile-{len(self.programs)}"
        return ["-localip", local, "-basecorefile", str(base), "-conf", str(conf), "-syncinterval=1s", *flags]

    def dig(self, server: str, *words: str, where: str = "pod", kind: str = "A") -> str:
        """What the server says for who.test; empty for no answer."""
        asked = [*words, f"@{server}", "who.test", kind]
        done = self.run("dig", "+short", "+tries=1", "+time=1", *asked, where=where)
        return "" if done.returncode else done.stdout.strip()

    def becomes(self, server: str, answer: str, *words: str) -> None:
        """Wait until the Pod is told this."""
        until(lambda: self.dig(server, *words) == answer, lambda: f"{server} does not say {answer}")

    def tables(self) -> list[str]:
        """Our nftables tables."""
        lines = self.run("nft", "list", "tables").stdout.splitlines()
        return [line.split()[-1] for line in lines if "resolver_node" in line]

    def jumps(self, variant: str = "") -> int:
        """How many jumps to our iptables chains there are in all tables of both families."""
        programs = [f"{family}{variant}" for family in ("iptables", "ip6tables")]
        listings = [self.run(one, "-t", table, "-S").stdout for one in programs for table in ("raw", "filter")]
        return sum(listing.count(" -j RESOLVER-NODE") for listing in listings)

    def installed(self, firewall: str) -> bool:
        """Whether the rules are in place."""
        return bool(self.tables()) if firewall == "nftables" else self.jumps() == 8

    def tracked(self) -> set[str]:
        """The flows to port 53 that connection tracking knows, by addresses and ports."""
        lines = self.run("cat", "/proc/net/nf_conntrack").stdout.splitlines()
        return {" ".join(re.findall(r"(?:src|dst|sport|dport)=\S+", line)) for line in lines if "dport=53 " in line}

    def addresses(self, link: str = "nodelocaldns") -> set[str]:
        """The addresses of a link, without those that it gives itself; empty where it is not there."""
        shown = json.loads(self.run("ip", "-j", "addr", "show", link).stdout or "[]")
        found = {str(address["local"]) for one in shown for address in one.get("addr_info", ())}
        return {address for address in found if not address.startswith("fe80:")}

    def kind(self, link: str = "nodelocaldns") -> str:
        """What kind of link it is."""
        shown = json.loads(self.run("ip", "-j", "-d", "link", "show", link).stdout or "[{}]")
        return str(shown[0].get("linkinfo", {}).get("info_kind", ""))


@contextmanager
def node(folder: Path) -> Iterator[Node]:
    """A node until the block ends."""
    made = Node(folder)
    try:
        made.lay()
        yield made
    finally:
        made.clear()


def resolver(*arguments: str) -> list[str]:
    """How to start the server."""
    return [sys.executable, "-m", "resolver", *arguments]


def environment(**more: str) -> dict[str, str]:
    """What programs need to be found, and what Kubernetes says about the upstream Service."""
    return os.environ | {"PYTHONPATH": str(ROOT), "PATH": _PATH, "KUBE_DNS_SERVICE_HOST": KUBE_DNS} | more


def until(condition: Callable[[], bool], said: Callable[[], str] = str) -> None:
    """Wait for something to become true. Raises AssertionError when it takes too long."""
    deadline = time.monotonic() + _WITHIN
    while not condition():
        assert time.monotonic() < deadline, f"it did not come true: {said()}"
        time.sleep(0.05)


def _run(words: Sequence[str], text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, input=text, capture_output=True, text=True, timeout=_WITHIN, check=False, env=environment()
    )
