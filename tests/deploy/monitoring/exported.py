"""The metrics that a real server exports, with their labels: also of those that have counted nothing yet."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from resolver.node.metrics import NodeMetrics
from resolver.plugins.catalog import built
from resolver.plugins.egress_set.metrics import Metrics as EgressMetrics
from resolver.telemetry.metrics import Family as Counted
from resolver.telemetry.metrics import Registry
from tests.deploy.monitoring.promql import Family, series
from tests.runtime.clients import HOST, figures, stub
from tests.runtime.serving import free_port, serving, until

ROOT = Path(__file__).resolve().parents[3]
PARITY = ROOT / "tests" / "parity"
OBJECTS = ROOT / "tests" / "plugins" / "kubernetes" / "shop.yaml"

# Python imports this module by itself; the server and its workers then write down every family that they make.
_NOTING = """
import json

from resolver.telemetry import metrics

_make = metrics.Family.__init__


def _noted(self, kind, name, text, labels, *rest, **more):
    _make(self, kind, name, text, labels, *rest, **more)
    if name == "coredns_dns_rejected_total":
        self.limit = 0  # already the first label set is one too many, and counted as such
    with open({path!r}, "a") as file:
        file.write(json.dumps([kind, name, list(labels)]) + "\\n")


metrics.Family.__init__ = _noted
"""


async def families(folder: Path) -> dict[str, Family]:
    """Every family of a server with all directives that there are, and of the set-up of a node, by name."""
    noted = folder / "families"
    noted.touch()
    (folder / "sitecustomize.py").write_text(_NOTING.format(path=str(noted)))
    async with _kubernetes(folder) as api:
        shown = await _shown(folder, api)
    found = _read(noted) | {family.name: _plain(family) for registry in _others() for family in registry.families()}
    strange = shown - set(series(found))
    assert not strange, f"exported, but never made: {strange}"
    return found


def _others() -> Iterator[Registry]:
    """What counts where no test server runs: on the network of a node, and with rights on its firewall."""
    yield NodeMetrics().registry
    EgressMetrics(registry := Registry(), "inet dns")
    yield registry


async def _shown(folder: Path, api: int) -> set[str]:
    """The names that a scrape of a server shows after some traffic, with two workers so that a supervisor is there."""
    port, http = free_port(), free_port()
    async with serving(
        folder, _corefile(port, http, api), "--workers", "2", port=port, http=http, modules=(folder,)
    ) as server:
        await until(server.ready)
        async with stub(port) as client:
            for name in ("one.hosts.test", "one.hosts.test", "api.example.com.default.svc.cluster.local"):
                await client.ask(name)
            client.send(b"\0\1\0\0\0\0")  # no message: it is turned away
        return {series.partition("{")[0] for series in await figures(server.http)}


def _corefile(port: int, http: int, api: int) -> str:
    """One block with every directive that counts something; what cannot stand together is in a block of its own."""
    optional = {
        "kubernetes": f"kubernetes cluster.local {{\n endpoint http://{HOST}:{api}\n fallthrough\n}}",
        "searchpath": "searchpath cluster.local",
        "gateway": f"gateway example.org {{\n endpoint http://{HOST}:{api}\n fallthrough\n}}",
        "acl": "acl {\n allow net 127.0.0.0/8\n}",
        "local": "local",
        "identity": f"identity {{\n endpoint http://{HOST}:{api}\n scope seen\n}}",
        "audit": "audit",
        "ratelimit": "ratelimit 1000",
        "rrl": "rrl {\n responses-per-second 1000\n}",
        "cookies": "cookies",
        "ecs": "ecs strip",
        "policy": "policy {\n default deny\n allow .\n learn names\n}",
    }
    lines = [text for name, text in optional.items() if name in built()]
    head = f"bind {HOST}\nprometheus {HOST}:{http}"
    main = [
        head,
        "errors",
        f"health {HOST}:{http}",
        f"ready {HOST}:{http}",
        "cache",
        "reload",
        "loop",
        "hosts {\n 192.0.2.1 one.hosts.test\n fallthrough\n}",
        f"forward . {HOST}:{free_port()}",
        *lines,
    ]
    verified = f"kubernetes cluster.test {{\n endpoint http://{HOST}:{api}\n pods verified\n}}"
    blocks = [(".", "\n".join(main))]
    if "autopath" in built():
        blocks.append(("cluster.test", f"{head}\nautopath @kubernetes\n{verified}"))
    plain = "".join(f"{zone}:{port} {{\n{body}\n}}\n" for zone, body in blocks)
    encrypted = f"tls {PARITY}/certs/server.pem {PARITY}/certs/server.key\nwhoami"
    return f"{plain}tls://.:{free_port()} {{\n{head}\n{encrypted}\n}}\n"


@asynccontextmanager
async def _kubernetes(folder: Path) -> AsyncIterator[int]:
    """The port of an API server with some Services."""
    port = free_port()
    command = [sys.executable, "fake_kube_api.py", "--port", str(port), str(OBJECTS)]
    with (folder / "api").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, cwd=PARITY, stdout=log, stderr=log)
        try:
            await until(lambda: _listening(port))
            yield port
        finally:
            process.kill()
            await process.wait()


async def _listening(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True


def _read(path: Path) -> dict[str, Family]:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return {name: Family(kind, frozenset(labels)) for kind, name, labels in rows}


def _plain(family: Counted) -> Family:
    return Family(family.kind, frozenset(family.labels))
