"""A Pod with ``ndots:5`` in front of the real server, with a cluster behind it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from benchmarks.searchpath import NODES, POD, Outside, Stub, look_up
from resolver.wire.constants import AAAA, CNAME, NOERROR, NXDOMAIN, REFUSED, SOA, SRV, TXT, A
from resolver.wire.message import Message
from resolver.wire.names import to_text
from resolver.wire.records import Record
from tests.runtime.serving import ROOT, Server, block, free_port, serving, until

CORPUS = ROOT / "tests" / "parity"
CLUSTER = "kubernetes cluster.local in-addr.arpa {{\n endpoint http://127.0.0.1:{api}\n pods {pods}\n}}"
SERVICE = """
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{clusterIP: 10.96.7.7, ports: [{{port: 80}}]}}
"""
SEARCHPATH = f"searchpath {{\n search {NODES}\n}}"


@dataclass
class Place:
    """A Pod's socket, the server that it asks, the API and the world behind that."""

    stub: Stub
    server: Server
    outside: Outside
    api: int

    async def ask(self, name: str, qtype: int = A) -> Message:
        return await self.stub.ask(name, qtype)

    async def outcome(self, name: str, qtype: int = A) -> tuple[int, list[str]]:
        """The response code and the owners of the answer."""
        message = await self.ask(name, qtype)
        return message.rcode, [to_text(found.owner) for found in message.sections().answer]

    async def apply(self, objects: str) -> None:
        async with httpx.AsyncClient() as client:
            await client.post(f"http://127.0.0.1:{self.api}/control/apply", content=objects)


@asynccontextmanager
async def cluster() -> AsyncIterator[int]:
    """The port of an API with the cluster of the parity corpus."""
    port = free_port()
    command = [str(CORPUS / "fake_kube_api.py"), "--port", str(port), str(CORPUS / "fixtures" / "cluster.yaml")]
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        assert process.stdout is not None
        assert b"serving" in await asyncio.to_thread(process.stdout.readline)
        yield port
    finally:
        process.kill()
        process.communicate()


@asynccontextmanager
async def pod(
    folder: Path, *lines: str, pods: str = "insecure", blocks: Callable[[int, int], str] | None = None
) -> AsyncIterator[Place]:
    """A Pod of the namespace shop; ``lines`` stand in a block with the cluster, a cache and the world outside."""
    loop = asyncio.get_running_loop()
    port, http, outside = free_port(), free_port(), Outside(0.0)
    upstream, _ = await loop.create_datagram_endpoint(lambda: outside, local_addr=("127.0.0.1", 0))
    beyond = f"forward . 127.0.0.1:{upstream.get_extra_info('sockname')[1]}"
    async with cluster() as api:
        text = block(port, *lines, CLUSTER.format(api=api, pods=pods), "cache 30", beyond, http=http)
        async with serving(folder, text, port=port, http=http) as server:
            await until(server.ready)
            transport, stub = await loop.create_datagram_endpoint(
                Stub, local_addr=(POD, 0), remote_addr=("127.0.0.1", port)
            )
            yield Place(stub, server, outside, api)
            transport.close()
    upstream.close()


@pytest.mark.parametrize(
    ("lines", "pods", "queries", "upstream"),
    [((), "insecure", 10, 4), ((SEARCHPATH,), "insecure", 2, 3), (("autopath @kubernetes",), "verified", 2, 2)],
    ids=["without", "searchpath", "autopath"],
)
async def test_questions_of_a_pod_for_an_external_name(
    lines: tuple[str, ...], pods: str, queries: int, upstream: int, tmp_path: Path
) -> None:
    async with pod(tmp_path, *lines, pods=pods) as place:
        for name in ("www.example.net", "api.example.net", "www.example.net"):
            found = await look_up(place.ask, name)
            assert (found.found, found.queries) == (True, queries)
        assert place.outside.asked >= 2 * 2
        assert place.outside.asked <= 2 * upstream + 1  # the system's own search path may have a domain more


NAMES = (
    *("web.shop.svc", "plain.shop.svc", "db.shop.svc", "db-0.db.shop.svc", "10-244-2-3.db.shop.svc", "dual.shop.svc"),
    *(
        "lonely.shop.svc",
        "idle.shop.svc",
        "outside.shop.svc",
        "inside.shop.svc",
        "front.shop.svc",
        "d0.dualdb.shop.svc",
    ),
    *("_http._tcp.web.shop.svc", "_pg._tcp.db.shop.svc", "10-244-1-11.shop.pod", "shop.svc", "svc", "pod", "ns.dns"),
    *("missing.shop.svc", "db-9.db.shop.svc", "x.y.web.shop.svc", "web.nowhere.svc", "a.b.c.nowhere.svc", "a.b.c.pod"),
    *(
        "_no._tcp.web.shop.svc",
        "_no._tcp.nothing.here.shop.svc",
        "1-2-3-4.nowhere.pod",
        "shop",
        "a.b.shop",
        "dns-version",
    ),
)


def seen(message: Message) -> tuple[int, list[Record], list[Record]]:
    """Flags and records in any order, the serial of the SOA left out: it grows with time."""
    sections = message.sections()
    authority = [one._replace(rdata=b"") if one.type == SOA else one for one in sections.authority]
    return message.flags, sorted(sections.answer), sorted(authority + sections.additional)


async def test_names_of_the_cluster_are_answered_as_without_it(tmp_path: Path) -> None:
    answers: list[dict[tuple[str, int], tuple[int, list[Record], list[Record]]]] = []
    for number, lines in enumerate(((), (SEARCHPATH,))):
        (tmp_path / str(number)).mkdir()
        async with pod(tmp_path / str(number), *lines) as place:
            found = {}
            for name in (
                *(f"{name}.cluster.local" for name in NAMES),
                "cluster.local",
                "www.example.net",
                "11.1.244.10.in-addr.arpa",
            ):
                for qtype in (A, AAAA, SRV, TXT, CNAME):
                    message = await place.ask(name, qtype)
                    found[name, qtype] = seen(message)
            answers.append(found)
            assert await place.server.figure("coredns_searchpath_stopped_total") == 0
            assert place.outside.asked <= 5 * 3 + 5  # www.example.net, and what ExternalName Services point to
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("db-0.db.shop", "db-0.db.shop.svc.cluster.local."),
        ("kubernetes.default", "kubernetes.default.svc.cluster.local."),
        ("kubernetes.default.svc", "kubernetes.default.svc.cluster.local."),
        ("10-244-1-11.shop.pod", "10-244-1-11.shop.pod.cluster.local."),
        ("web.shop.svc.cluster.local", "web.shop.svc.cluster.local."),
    ],
)
async def test_short_names_of_the_cluster_are_found_with_one_question(name: str, found: str, tmp_path: Path) -> None:
    async with pod(tmp_path, SEARCHPATH) as place:
        asked = f"{name}.shop.svc.cluster.local"
        for _ in range(3):  # worked out, and replayed
            assert await place.outcome(asked) == (NOERROR, [f"{asked}.", found])
            assert await place.outcome(asked, AAAA) == (NOERROR, [f"{asked}."])
        assert place.outside.asked == 0


async def test_a_replayed_answer_goes_when_the_cluster_changes(tmp_path: Path) -> None:
    async with pod(tmp_path, SEARCHPATH) as place:

        async def answered(name: str, *owners: str) -> None:
            """The same answer, worked out and replayed, as soon as the change has come."""
            expected = (NOERROR if owners else NXDOMAIN, list(owners))

            async def is_so() -> bool:
                return await place.outcome(name) == expected

            await until(is_so, within=5.0)
            assert [await place.outcome(name) for _ in range(5)] == [expected] * 5

        late = "late.default.shop.svc.cluster.local"
        await answered(late)
        await place.apply(SERVICE.format(name="late", namespace="default"))
        await answered(late, f"{late}.", "late.default.svc.cluster.local.")

        outside = "www.example.net.shop.svc.cluster.local"
        await answered(outside, f"{outside}.", "www.example.net.")
        await place.apply(SERVICE.format(name="net", namespace="shop"))  # now this looks like one of its endpoints
        await answered(outside)

        elsewhere = "www.example.net.new.svc.cluster.local"
        await answered(elsewhere)
        await place.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: new}\n")
        await answered(elsewhere, f"{elsewhere}.", "www.example.net.")


@pytest.mark.parametrize(
    ("line", "pods"), [(SEARCHPATH, "insecure"), ("autopath @kubernetes", "verified")], ids=["searchpath", "autopath"]
)
async def test_policy_is_asked_for_every_name_on_the_way(line: str, pods: str, tmp_path: Path) -> None:
    policy = f"acl example.net {{\n block net {POD}\n}}"
    async with pod(tmp_path, line, policy, pods=pods) as place:
        assert await place.outcome("www.example.net.shop.svc.cluster.local") == (REFUSED, [])
        assert await place.outcome("www.example.net.shop.svc.cluster.local", AAAA) == (REFUSED, [])
        assert (await place.outcome("web.default.shop.svc.cluster.local"))[0] == NXDOMAIN


async def test_what_pods_waste_is_counted_replays_included(tmp_path: Path) -> None:
    async with pod(tmp_path, SEARCHPATH) as place:
        for _ in range(10):
            assert (await look_up(place.ask, "www.example.net")).queries == 2
        stopped = 'mode="answer"', 'result="external"'
        assert await place.server.figure("coredns_searchpath_stopped_total", *stopped) == 20
        assert await place.server.figure("coredns_searchpath_saved_queries_total") == 20 * 4
        assert await place.server.figure("coredns_searchpath_namespace_queries_total", 'namespace="shop"') == 20


async def test_a_node_cache_keeps_all_steps_but_the_last(tmp_path: Path) -> None:
    option = f"searchpath cluster.local {{\n mode nxdomain\n search {NODES}\n external net\n}}"
    async with pod(tmp_path, option) as place:
        found = await look_up(place.ask, "www.example.net")
        assert (found.found, found.queries, place.outside.asked) == (True, 10, 2)
        assert await place.server.figure("coredns_searchpath_stopped_total", 'mode="nxdomain"') == 8


async def test_a_name_of_another_server_block_is_asked_for_there(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    port, outside = free_port(), Outside(0.0)
    upstream, _ = await loop.create_datagram_endpoint(lambda: outside, local_addr=("127.0.0.1", 0))
    beyond = f"forward . 127.0.0.1:{upstream.get_extra_info('sockname')[1]}"
    async with cluster() as api:
        text = block(port, SEARCHPATH, CLUSTER.format(api=api, pods="insecure"), zone="cluster.local")
        text += block(port, "cache 30", beyond)
        async with serving(tmp_path, text, port=port):
            transport, stub = await loop.create_datagram_endpoint(
                Stub, local_addr=(POD, 0), remote_addr=("127.0.0.1", port)
            )
            found = await look_up(stub.ask, "www.example.net")
            assert (found.found, found.queries) == (True, 2)
            transport.close()
    upstream.close()
