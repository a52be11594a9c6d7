"""The C library's own resolver in front of the server, in a network and a file system of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.searchpath import NODES, SEARCH
from tests.runtime.serving import environment

COREFILE = f"""
.:53 {{
  bind 127.0.0.1
  searchpath cluster.local {{
    search {NODES}
  }}
  cache 30
  prometheus 127.0.0.1:9153
  hosts {{
    10.96.0.1 web.shop.svc.cluster.local
    10.96.0.2 prod.svc.cluster.local
    10.96.0.3 shop.svc.cluster.local
    fallthrough
  }}
  forward . 127.0.0.1:5399
}}
"""

# Starts the server and the world outside, and asks through the system's resolver.
PROGRAM = """
import asyncio, json, socket, subprocess, sys, time, urllib.request
from benchmarks.searchpath import Outside

def questions():
    text = urllib.request.urlopen("http://127.0.0.1:9153/metrics", timeout=5).read().decode()
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith("coredns_dns_requests_total{"))

def look_up(name, family):
    before = questions()
    try:
        found = sorted({entry[4][0] for entry in socket.getaddrinfo(name, 80, family, socket.SOCK_STREAM)})
    except socket.gaierror:
        found = []
    return found, questions() - before

async def main():
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: Outside(0.0), local_addr=("127.0.0.1", 5399))
    server = subprocess.Popen([sys.executable, "-m", "resolver", "-conf", "conf"], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            try:
                questions()
                break
            except OSError:
                await asyncio.sleep(0.05)
        asked = [("www.example.net", 0), ("www.example.net", socket.AF_INET6), ("web.shop", 0), ("www.example.org", 0)]
        print(json.dumps([await asyncio.to_thread(look_up, *one) for one in asked]))
    finally:
        server.terminate()
        server.wait(10)

asyncio.run(main())
"""

SCRIPT = """
set -e
ip link set lo up
mount --bind "$1/resolv.conf" /etc/resolv.conf
mount --bind "$1/nsswitch.conf" /etc/nsswitch.conf
cd "$1"
exec "$2" program.py
"""


def _can_unshare() -> bool:
    if not shutil.which("unshare") or not shutil.which("ip"):
        return False
    command = ["unshare", "-rmn", "sh", "-c", "ip link set lo up && mount --bind /etc/hosts /etc/hosts"]
    return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0


@pytest.mark.skipif(not _can_unshare(), reason="needs unshare, ip, and the right to make namespaces")
def test_the_resolver_of_the_c_library_stops_searching(tmp_path: Path) -> None:
    (tmp_path / "resolv.conf").write_text(f"nameserver 127.0.0.1\nsearch {' '.join(SEARCH)}\noptions ndots:5\n")
    (tmp_path / "nsswitch.conf").write_text("hosts: dns\n")
    (tmp_path / "conf").write_text(COREFILE)
    (tmp_path / "program.py").write_text(PROGRAM)
    command = ["unshare", "-rmn", "sh", "-c", SCRIPT, "sh", str(tmp_path), sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment(), check=False)
    assert done.returncode == 0, done.stderr
    both, six, inside, missing = json.loads(done.stdout)
    assert both == [["192.0.2.1"], 2]
    assert six == [[], 1]  # no address of the family, and no further question because of that
    assert inside == [["10.96.0.1"], 2]
    assert missing == [[], 10]
