"""Names in the outside zone, answered from an index of the cluster that is filled by hand."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

import pytest

from resolver.chain.query import Query
from resolver.chain.reply import Reply, failure, from_records
from resolver.chain.setup import Block
from resolver.kube.index import ClusterIndex
from resolver.kube.objects import Endpoint
from resolver.kube.reading import parse_namespace, parse_service, slice_parser
from resolver.plugins.k8s_external.handler import External
from resolver.plugins.k8s_external.settings import Settings
from resolver.wire.constants import AA, NOERROR, NXDOMAIN, SERVFAIL, A, type_name
from resolver.wire.names import from_text, to_text
from resolver.wire.records import Record, record
from tests.plugins.chains import World, nobody, question

ZONES = (from_text("example.com"), from_text("in-addr.arpa"))
SERIAL = 1_700_000_000
WEB = {"name": "http", "port": 80}


class Cluster:
    """A part that knows the cluster; its TTL is another one than that of the outside zone."""

    name = "kubernetes"
    zones: Sequence[bytes] = (from_text("cluster.local"),)
    ttl = 7

    def __init__(self, world: World) -> None:
        self.index = ClusterIndex(world.host.withdraw, now=lambda: SERIAL)
        self.synced = True
        for name in ("shop", "empty"):
            self.index.namespace_changed(name, None, parse_namespace({"metadata": {"name": name}}))

    def endpoint_label(self, endpoint: Endpoint) -> bytes:
        return endpoint.hostname or str(ip_address(endpoint.address)).replace(".", "-").encode()

    def service(self, name: str, spec: dict[str, Any], ingress: Sequence[dict[str, str]] = ()) -> None:
        metadata = {"name": name, "namespace": "shop"}
        value = parse_service(
            {"metadata": metadata, "spec": spec, "status": {"loadBalancer": {"ingress": list(ingress)}}}
        )
        self.index.service_changed(name, self.index.services.get(value.key), value)

    def endpoints(self, service: str, *endpoints: dict[str, Any], ports: Sequence[dict[str, Any]] = (WEB,)) -> None:
        labels = {"kubernetes.io/service-name": service}
        metadata = {"name": f"{service}-1", "namespace": "shop", "labels": labels}
        value = slice_parser()({"metadata": metadata, "endpoints": list(endpoints), "ports": list(ports)})
        self.index.slice_changed(service, None, value)


class Scene:
    """The directive over a small cluster."""

    def __init__(self, **settings: Any) -> None:
        self.world = World()
        self.cluster = Cluster(self.world)
        self.block = Block((b"\0",), parts=[self.cluster])  # type: ignore[list-item]
        self.plugin = External(Settings(ZONES, **settings), self.world.host, self.block)
        self.cluster.service("web", {"externalIPs": ["192.0.2.1"], "ports": [WEB]}, [{"ip": "2001:db8::1"}])
        self.cluster.service("two", {"externalIPs": ["192.0.2.2"], "ports": [WEB, {"name": "s", "port": 443}]})
        self.cluster.service("bare", {"externalIPs": ["192.0.2.3"]})
        self.cluster.service("inside", {"clusterIP": "10.0.0.1", "ports": [WEB]})
        self.cluster.service("named", {"ports": [WEB, {"name": "s", "port": 443}]}, [{"hostname": "lb.example.net"}])
        self.cluster.service("db", {"clusterIP": "None", "ports": [WEB]})
        self.cluster.endpoints("db", {"addresses": ["10.1.0.1"], "hostname": "db-0"}, {"addresses": ["10.1.0.2"]})

    async def ask(self, name: str, qtype: str = "A", local: str = "127.0.0.1") -> Reply:
        return await self.plugin.resolve(question(name, qtype, local=(local, 53)), nobody)


def texts(records: Sequence[Record]) -> list[str]:
    return sorted(f"{to_text(one.owner)} {one.ttl} {type_name(one.type)} {_rdata(one)}" for one in records)


def _rdata(one: Record) -> str:
    kind = type_name(one.type)
    if kind in ("A", "AAAA"):
        return str(ip_address(one.rdata))
    if kind == "SRV":
        numbers = [int.from_bytes(one.rdata[at : at + 2], "big") for at in (0, 2, 4)]
        return " ".join([*map(str, numbers), to_text(one.rdata[6:])])
    if kind == "SOA":
        return to_text(one.rdata[: one.rdata.index(b"\0") + 1])
    return to_text(one.rdata)


FOUND = [
    ("web.shop.example.com", "A", ["web.shop.example.com. 5 A 192.0.2.1"]),
    ("web.shop.example.com", "AAAA", ["web.shop.example.com. 5 AAAA 2001:db8::1"]),
    ("WEB.shop.Example.com", "A", ["WEB.shop.Example.com. 5 A 192.0.2.1"]),
    ("two.shop.example.com", "A", ["two.shop.example.com. 5 A 192.0.2.2"]),
    ("bare.shop.example.com", "A", ["bare.shop.example.com. 5 A 192.0.2.3"]),
    ("any.web.shop.example.com", "A", ["any.web.shop.example.com. 5 A 192.0.2.1"]),
    (
        "two.shop.example.com",
        "SRV",
        [
            "two.shop.example.com. 7 SRV 0 50 443 two.shop.example.com.",
            "two.shop.example.com. 7 SRV 0 50 80 two.shop.example.com.",
        ],
    ),
    (
        "_s._tcp.two.shop.example.com",
        "SRV",
        ["_s._tcp.two.shop.example.com. 7 SRV 0 100 443 two.shop.example.com."],
    ),
    ("1.2.0.192.in-addr.arpa", "PTR", ["1.2.0.192.in-addr.arpa. 5 PTR web.shop.example.com."]),
    ("example.com", "NS", ["example.com. 5 NS ns1.dns.example.com."]),
    ("example.com", "SOA", ["example.com. 5 SOA ns1.dns.example.com."]),
]

NOT_FOUND = [
    ("nothing.shop.example.com", "A", NXDOMAIN),
    ("web.nowhere.example.com", "A", NXDOMAIN),
    ("inside.shop.example.com", "A", NXDOMAIN),
    ("db.shop.example.com", "A", NXDOMAIN),
    ("_no._tcp.two.shop.example.com", "SRV", NXDOMAIN),
    ("_s._udp.two.shop.example.com", "SRV", NXDOMAIN),
    ("a.b.c.two.shop.example.com", "A", NXDOMAIN),
    ("9.9.9.9.in-addr.arpa", "PTR", NXDOMAIN),
    ("nothing.shop.example.com", "PTR", NXDOMAIN),
    ("x.ns1.dns.example.com", "A", NXDOMAIN),
    ("ns2.dns.example.com", "A", NXDOMAIN),
    ("shop.example.com", "A", NOERROR),
    ("web.shop.example.com", "TXT", NOERROR),
    ("web.shop.example.com", "PTR", NOERROR),
    ("two.shop.example.com", "AAAA", NOERROR),
    ("bare.shop.example.com", "SRV", NOERROR),
    ("example.com", "A", NOERROR),
    ("dns.example.com", "A", NOERROR),
    ("ns1.dns.example.com", "MX", NOERROR),
]


@pytest.mark.parametrize(("name", "qtype", "expected"), FOUND)
async def test_a_name_that_exists(name: str, qtype: str, expected: list[str]) -> None:
    reply = await Scene().ask(name, qtype)
    assert (reply.rcode, reply.flags) == (NOERROR, AA)
    assert texts(reply.sections.answer) == expected
    assert reply.replay is not None
    assert reply.replay.live


@pytest.mark.parametrize(("name", "qtype", "rcode"), NOT_FOUND)
async def test_a_name_or_type_that_does_not_exist(name: str, qtype: str, rcode: int) -> None:
    reply = await Scene().ask(name, qtype)
    assert (reply.rcode, reply.flags, reply.sections.answer) == (rcode, AA, [])
    zone = "in-addr.arpa." if name.endswith("arpa") else "example.com."
    assert texts(reply.sections.authority) == [f"{zone} 5 SOA ns1.dns.{zone}"]
    assert reply.replay is not None
    assert reply.replay.live


async def test_names_outside_of_the_zones_are_passed_on() -> None:
    assert (await Scene().ask("web.shop.example.org")).source == "nobody"


async def test_srv_answers_bring_the_addresses_of_their_targets() -> None:
    reply = await Scene().ask("_http._tcp.web.shop.example.com", "SRV")
    assert texts(reply.sections.additional) == [
        "web.shop.example.com. 5 A 192.0.2.1",
        "web.shop.example.com. 5 AAAA 2001:db8::1",
    ]


async def test_the_serial_number_is_the_time_of_the_last_change() -> None:
    reply = await Scene().ask("example.com", "SOA")
    assert int.from_bytes(reply.sections.answer[0].rdata[-20:-16], "big") == SERIAL


async def test_another_apex_and_ttl() -> None:
    scene = Scene(apex=b"\4edge\4zone", ttl=60)
    assert texts((await scene.ask("example.com", "NS")).sections.answer) == [
        "example.com. 60 NS ns1.edge.zone.example.com."
    ]
    assert (await scene.ask("edge.zone.example.com")).rcode == NOERROR
    assert (await scene.ask("x.edge.zone.example.com")).rcode == NXDOMAIN
    assert texts((await scene.ask("web.shop.example.com")).sections.answer) == ["web.shop.example.com. 60 A 192.0.2.1"]


async def test_headless_services_on_request() -> None:
    scene = Scene(headless=True)
    assert texts((await scene.ask("db.shop.example.com")).sections.answer) == [
        "db.shop.example.com. 5 A 10.1.0.1",
        "db.shop.example.com. 5 A 10.1.0.2",
    ]
    assert texts((await scene.ask("db-0.db.shop.example.com")).sections.answer) == [
        "db-0.db.shop.example.com. 5 A 10.1.0.1"
    ]
    assert texts((await scene.ask("_http._tcp.db.shop.example.com", "SRV")).sections.answer) == [
        "_http._tcp.db.shop.example.com. 7 SRV 0 50 80 10-1-0-2.db.shop.example.com.",
        "_http._tcp.db.shop.example.com. 7 SRV 0 50 80 db-0.db.shop.example.com.",
    ]
    assert (await scene.ask("db-9.db.shop.example.com")).rcode == NXDOMAIN


async def test_a_load_balancer_known_by_name_is_an_alias_with_what_the_server_says_about_it() -> None:
    scene = Scene()
    asked: list[Query] = []

    async def ask(query: Query) -> Reply:
        asked.append(query)
        return from_records(query, "forward", [record(query.qname, A, 30, b"\xc0\0\2\x09")])

    scene.world.host.ask = ask
    reply = await scene.ask("named.shop.example.com")
    assert texts(reply.sections.answer) == [
        "lb.example.net. 30 A 192.0.2.9",
        "named.shop.example.com. 7 CNAME lb.example.net.",
    ]
    assert [query.depth for query in asked] == [1]
    assert reply.replay is not None  # live, so that it is not kept, and over, as the target's may not be replayed
    assert (reply.replay.live, reply.replay.until <= scene.world.host.clock()) == (True, True)


async def test_a_target_that_cannot_be_resolved_leaves_the_alias() -> None:
    reply = await Scene().ask("named.shop.example.com")
    assert (reply.rcode, texts(reply.sections.answer)) == (NOERROR, ["named.shop.example.com. 7 CNAME lb.example.net."])


async def test_srv_of_a_load_balancer_known_by_name_points_at_it() -> None:
    reply = await Scene().ask("named.shop.example.com", "SRV")
    assert texts(reply.sections.answer) == [
        "named.shop.example.com. 7 SRV 0 50 443 lb.example.net.",
        "named.shop.example.com. 7 SRV 0 50 80 lb.example.net.",
    ]


async def test_fallthrough_is_for_names_that_do_not_exist_and_only_in_its_zones() -> None:
    scene = Scene(fallthrough=(from_text("shop.example.com"),))
    assert (await scene.ask("nothing.shop.example.com")).source == "nobody"
    assert (await scene.ask("nothing.nowhere.example.com")).rcode == NXDOMAIN
    assert (await scene.ask("web.shop.example.com", "MX")).source == "k8s_external"
    assert (await scene.ask("example.com", "MX")).source == "k8s_external"


async def test_nothing_is_denied_before_the_cluster_is_known() -> None:
    scene = Scene()
    scene.cluster.synced = False
    assert (await scene.ask("nothing.shop.example.com")).rcode == SERVFAIL
    assert (await scene.ask("web.shop.example.com")).rcode == NOERROR


async def test_a_change_withdraws_the_answers_about_the_service_and_no_others() -> None:
    scene = Scene()
    first, other = await scene.ask("web.shop.example.com"), await scene.ask("two.shop.example.com")
    unknown = await scene.ask("new.shop.example.com")
    scene.world.withdrawn.clear()
    scene.cluster.service("web", {"externalIPs": ["192.0.2.77"], "ports": [WEB]})
    scene.cluster.service("new", {"externalIPs": ["192.0.2.78"], "ports": [WEB]})
    assert [bool(set(_tags(reply)) & set(scene.world.withdrawn)) for reply in (first, other, unknown)] == [
        True,
        False,
        True,
    ]
    assert texts((await scene.ask("new.shop.example.com")).sections.answer) == ["new.shop.example.com. 5 A 192.0.2.78"]


async def test_the_name_server_has_the_external_addresses_of_the_service_in_front_of_it() -> None:
    scene, name = Scene(), "ns1.dns.example.com"
    assert (await scene.ask(name)).sections.answer == []  # what is asked at a loopback address is no help to others
    assert texts((await scene.ask(name, local="10.2.0.1")).sections.answer) == ["ns1.dns.example.com. 5 A 10.2.0.1"]
    scene.cluster.service("dns", {"ports": [WEB]}, [{"ip": "192.0.2.53"}, {"ip": "2001:db8::53"}])
    scene.cluster.endpoints("dns", {"addresses": ["10.2.0.1"]})
    assert texts((await scene.ask(name, local="10.2.0.1")).sections.answer) == ["ns1.dns.example.com. 5 A 192.0.2.53"]
    reply = await scene.ask("example.com", "NS", local="10.2.0.1")
    assert texts(reply.sections.additional) == [
        "ns1.dns.example.com. 5 A 192.0.2.53",
        "ns1.dns.example.com. 5 AAAA 2001:db8::53",
    ]
    assert reply.replay is not None  # it depends on where it was asked
    assert reply.replay.until <= scene.world.host.clock()


async def test_a_headless_service_in_front_of_it_counts_with_its_endpoints_on_request() -> None:
    scene = Scene(headless=True)
    reply = await scene.ask("ns1.dns.example.com", local="10.1.0.1")
    assert texts(reply.sections.answer) == ["ns1.dns.example.com. 5 A 10.1.0.1", "ns1.dns.example.com. 5 A 10.1.0.2"]


def _tags(reply: Reply) -> tuple[Any, ...]:
    assert reply.replay is not None
    return reply.replay.tags


async def test_an_alias_whose_target_fails_is_no_failure() -> None:
    scene = Scene()

    async def ask(query: Query) -> Reply:
        return failure(query, "forward")

    scene.world.host.ask = ask
    assert (await scene.ask("named.shop.example.com")).rcode == NOERROR
