"""Other people's validators on loopback: delv and unbound, with a key of a zone as their only trust anchor."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message

from resolver.dnssec.keys import Key

HOST: Final = "127.0.0.1"
PATH: Final = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def missing(program: str, package: str) -> str:
    """Why tests with a program have to be skipped; empty where it is installed."""
    return "" if shutil.which(program, path=PATH) else f"{program} ({package}) is not installed"


def delv(folder: Path, port: int, zone: str, key: Key, name: str, qtype: str) -> str:
    """What delv says about the answer of the server on that port."""
    flags, protocol, algorithm, material = _public(key)
    anchors = folder / "delv.keys"
    anchors.write_text(f'trust-anchors {{ "{zone}" static-key {flags} {protocol} {algorithm} "{material}"; }};\n')
    command = ["delv", f"@{HOST}", "-p", str(port), "-a", str(anchors), f"+root={zone}", name, qtype]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env={"PATH": PATH})
    return done.stdout + done.stderr


def _public(key: Key) -> tuple[int, int, int, str]:
    return key.flags, key.rdata[2], key.algorithm, base64.b64encode(key.rdata[4:]).decode()


class Unbound:
    """A running unbound that validates one zone."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def ask(self, name: str, qtype: str) -> dns.message.Message:
        """The answer, with AD set where it is proven, SERVFAIL where it is bogus."""
        query = dns.message.make_query(name, qtype, want_dnssec=True)
        query.flags |= dns.flags.AD
        return await dns.asyncquery.udp(query, HOST, port=self.port, timeout=10)


@asynccontextmanager
async def unbound(folder: Path, port: int, servers: dict[str, int], zone: str, key: Key) -> AsyncIterator[Unbound]:
    """An unbound that asks each zone's server on the port in ``servers``. Raises AssertionError if it cannot start."""
    flags, protocol, algorithm, material = _public(key)
    lines = [
        "server:",
        *(f"  {line}" for line in _SERVER),
        f"  port: {port}",
        f'  trust-anchor: "{zone} DNSKEY {flags} {protocol} {algorithm} {material}"',
    ]
    for name, server in servers.items():
        lines += [f"stub-zone:\n  name: {name}\n  stub-addr: {HOST}@{server}"]
    conf = folder / "unbound.conf"
    conf.write_text("\n".join(lines) + "\n")
    with (folder / "unbound.log").open("wb") as log:
        process = subprocess.Popen(["unbound", "-d", "-c", str(conf)], stdout=log, stderr=log, env={"PATH": PATH})
    try:
        running = Unbound(port)
        await _begun(running, process, folder / "unbound.log")
        yield running
    finally:
        process.terminate()
        process.wait(10)


_SERVER: Final = (
    "do-daemonize: no",
    'chroot: ""',
    'username: ""',
    'pidfile: ""',
    "use-syslog: no",
    f"interface: {HOST}",
    "do-not-query-localhost: no",
    "do-ip6: no",
    'module-config: "validator iterator"',
    "num-threads: 1",
    "aggressive-nsec: yes",
    "qname-minimisation: no",
)


async def _begun(running: Unbound, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 10
    while True:
        assert process.poll() is None, log.read_text()
        try:
            await dns.asyncquery.udp(dns.message.make_query("localhost", "A"), HOST, port=running.port, timeout=0.2)
            return
        except (dns.exception.Timeout, OSError):
            assert time.monotonic() < deadline, log.read_text()
            await asyncio.sleep(0.05)
