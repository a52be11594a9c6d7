"""Answers of the directive over names that are put in by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from resolver.chain.finish import finish
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, from_records
from resolver.chain.trail import Trail
from resolver.plugins.gateway.claims import Items, Origin
from resolver.plugins.gateway.hosts import Refused
from resolver.plugins.gateway.offers import Offer
from resolver.plugins.gateway.table import Item
from resolver.wire.constants import AA, AAAA, CNAME, MX, NOERROR, NXDOMAIN, REFUSED, SERVFAIL, SOA, TXT, A
from resolver.wire.message import scan
from resolver.wire.names import from_text, to_text
from resolver.wire.records import Record, record
from tests.plugins.chains import World, nobody, question

ONE, TWO, SIX = Item(A, -1, b"\xc0\0\2\1"), Item(A, 60, b"\xc0\0\2\2"), Item(AAAA, -1, bytes(15) + b"\1")
ALIAS = Item(CNAME, -1, from_text("lb.example.net"))


class Scene:
    """The directive as a Corefile has it, with a cluster that is known."""

    def __init__(self, line: str = "gateway example.com", *options: str, known: bool = True) -> None:
        self.world = World()
        lines = "\n".join(("endpoint http://127.0.0.1:1", *options))
        self.plugin = self.world.part(f". {{\n {line} {{\n {lines}\n }}\n}}\n")
        self.plugin._known = known

    def offer(self, wanted: dict[str, Items], kind: str = "ingress", namespace: str = "shop", age: float = 1.0) -> None:
        """One object of that kind and namespace; the next one takes its place."""
        origin = Origin(age, namespace, "web", kind)
        names = {from_text(name): items for name, items in wanted.items()}
        self.plugin.names.take(kind, f"{namespace}/web", Offer(origin, names))

    def gone(self, kind: str = "ingress", namespace: str = "shop") -> None:
        self.plugin.names.take(kind, f"{namespace}/web", None)

    async def ask(self, name: str, qtype: str = "A", **more: Any) -> Reply:
        reply: Reply = await self.plugin.resolve(question(name, qtype, **more), nobody)
        assert reply.source in ("nobody", "gateway")
        return reply

    async def addresses(self, name: str, qtype: str = "A") -> list[tuple[int, str]]:
        return [(one.ttl, one.rdata.hex(".")) for one in (await self.ask(name, qtype)).sections.answer]


def soa_owner(reply: Reply) -> str:
    (soa,) = reply.sections.authority
    assert soa.type == SOA
    return to_text(soa.owner)


async def test_a_host_is_answered_with_its_records_and_no_others() -> None:
    scene = Scene()
    scene.offer({"a.example.com": (ONE, TWO, SIX)})
    assert await scene.addresses("A.Example.com") == [(5, "c0.00.02.01"), (5, "c0.00.02.02")]
    assert len(await scene.addresses("a.example.com", "AAAA")) == 1
    reply = await scene.ask("a.example.com", "TXT")
    assert (reply.rcode, reply.flags, reply.sections.answer, soa_owner(reply)) == (NOERROR, AA, [], "example.com.")
    assert len((await scene.ask("a.example.com", "ANY")).sections.answer) == 3


async def test_answers_are_put_together_once_for_all_who_ask() -> None:
    scene = Scene()
    scene.offer({"a.example.com": (ONE,), "*.b.example.com": (ONE,)})
    assert (await scene.ask("a.example.com")).body is (await scene.ask("A.example.com")).body
    assert (await scene.ask("x.b.example.com")).body is (await scene.ask("longer.b.example.com")).body


async def test_a_name_that_does_not_exist_is_denied_and_one_in_between_is_empty() -> None:
    scene = Scene()
    scene.offer({"a.b.example.com": (ONE,)})
    denied, between = await scene.ask("x.example.com"), await scene.ask("b.example.com")
    assert (denied.rcode, soa_owner(denied)) == (NXDOMAIN, "example.com.")
    assert (between.rcode, between.sections.answer, soa_owner(between)) == (NOERROR, [], "example.com.")
    assert (await scene.ask("x.a.b.example.com")).rcode == NXDOMAIN
    assert (await scene.ask("x.example.org")).source == "nobody"


@pytest.mark.parametrize("name", ["x.example.com", "deep.down.x.example.com", "a.example.com"])
async def test_every_answer_is_a_message_that_can_be_read(name: str) -> None:
    scene = Scene()
    scene.offer({"a.example.com": (ONE, Item(MX, -1, b"\0\1" + from_text("mx.example.com")), Item(TXT, -1, b"\1x"))})
    for qtype in ("A", "AAAA", "MX", "TXT", "ANY", "SRV"):
        query = question(name, qtype)
        sections = scan(finish(query, await scene.plugin.resolve(query, nobody))).sections()
        assert [to_text(one.owner) for one in sections.authority] in ([], ["example.com."])
        assert {to_text(one.owner) for one in sections.answer} <= {name + "."}


async def test_wildcards_answer_for_the_name_that_was_asked() -> None:
    scene = Scene()
    mail = Item(MX, -1, b"\0\1" + from_text("mx.example.com"))
    scene.offer({"*.apps.example.com": (ONE, mail), "own.apps.example.com": (TWO,)})
    assert await scene.addresses("x.y.apps.example.com") == [(5, "c0.00.02.01")]
    assert await scene.addresses("own.apps.example.com") == [(60, "c0.00.02.02")]
    for name in ("x.apps.example.com", "longer.apps.example.com"):
        (answer,) = (await scene.ask(name, "MX")).sections.answer
        assert (to_text(answer.owner), to_text(answer.rdata[2:])) == (f"{name}.", "mx.example.com.")


async def test_it_is_noted_that_an_answer_was_made_from_a_wildcard() -> None:
    scene = Scene()
    scene.offer({"*.apps.example.com": (ONE,), "own.apps.example.com": (TWO,)})
    for name, wildcard in (("x.y.apps.example.com", "*.apps.example.com"), ("own.apps.example.com", "")):
        query = question(name)
        query.trail = Trail()
        await scene.plugin.resolve(query, nobody)
        assert query.trail.made_from == (from_text(wildcard) if wildcard else b"")


async def test_the_zone_has_records_of_its_own() -> None:
    scene = Scene(
        "gateway example.com", "apex edge", "hostmaster admin", "nameservers 192.0.2.53 2001:db8::53", "ttl 30"
    )
    (soa,) = (await scene.ask("example.com", "SOA")).sections.answer
    assert soa.ttl == 30
    assert soa.rdata.startswith(from_text("ns1.edge.example.com") + from_text("admin.edge.example.com"))
    reply = await scene.ask("example.com", "NS")
    assert [to_text(one.rdata) for one in reply.sections.answer] == ["ns1.edge.example.com."]
    glue = [(to_text(one.owner), one.type) for one in reply.sections.additional]
    assert glue == [("ns1.edge.example.com.", A), ("ns1.edge.example.com.", AAAA)]
    assert await scene.addresses("ns1.edge.example.com") == [(30, "c0.00.02.35")]
    assert (await scene.ask("edge.example.com")).rcode == NOERROR
    assert (await scene.ask("x.edge.example.com")).rcode == NXDOMAIN


async def test_without_configured_addresses_the_name_server_has_that_at_which_it_was_asked() -> None:
    scene = Scene()
    reply = await scene.ask("ns1.dns.example.com", local=("192.0.2.99", 53))
    assert [one.rdata for one in reply.sections.answer] == [b"\xc0\0\2\x63"]
    assert reply.replay is not None
    assert reply.replay.until <= scene.world.host.clock()


async def test_a_host_may_be_the_zone_itself() -> None:
    scene = Scene("gateway www.example.com")
    scene.offer({"www.example.com": (ONE,)})
    assert await scene.addresses("www.example.com") == [(5, "c0.00.02.01")]
    assert len((await scene.ask("www.example.com", "SOA")).sections.answer) == 1
    assert soa_owner(await scene.ask("www.example.com", "MX")) == "www.example.com."


async def test_names_of_the_zone_itself_cannot_be_claimed_nor_taken_by_a_wildcard() -> None:
    scene = Scene()
    scene.offer({"ns1.dns.example.com": (ONE,), "dns.example.com": (ONE,), "*.example.com": (ONE,)})
    assert await scene.addresses("ns1.dns.example.com") == []
    assert (await scene.ask("x.dns.example.com")).rcode == NXDOMAIN
    assert await scene.addresses("x.example.com") == [(5, "c0.00.02.01")]
    assert sum("is the zone's own" in line for line in scene.world.lines) == 2


# --- laid over other zones


async def test_a_zone_whose_names_fall_through_has_only_its_hosts() -> None:
    scene = Scene("gateway example.com", "fallthrough")
    scene.offer({"a.b.example.com": (ONE,), "dns.example.com": (TWO,)})
    for name, qtype in (("example.com", "SOA"), ("example.com", "A"), ("b.example.com", "A"), ("x.example.com", "A")):
        assert (await scene.ask(name, qtype)).source == "nobody"
    assert await scene.addresses("a.b.example.com") == [(5, "c0.00.02.01")]
    assert await scene.addresses("dns.example.com") == [(60, "c0.00.02.02")]
    assert soa_owner(await scene.ask("a.b.example.com", "AAAA")) == "example.com."


async def test_names_may_fall_through_in_a_part_of_the_zone() -> None:
    scene = Scene("gateway example.com", "fallthrough sub.example.com")
    assert (await scene.ask("x.sub.example.com")).source == "nobody"
    assert (await scene.ask("x.example.com")).rcode == NXDOMAIN
    assert (await scene.ask("example.com", "SOA")).source == "gateway"


async def test_of_the_root_only_the_hosts_are_served() -> None:
    scene = Scene("gateway")
    scene.offer({"a.example.com": (ONE,), "*.apps.example.org": (ONE,)})
    assert await scene.addresses("a.example.com") == [(5, "c0.00.02.01")]
    assert await scene.addresses("x.apps.example.org") == [(5, "c0.00.02.01")]
    for name in (".", "com", "example.com", "x.a.example.com", "apps.example.org"):
        assert (await scene.ask(name)).source == "nobody"
    assert soa_owner(await scene.ask("a.example.com", "MX")) == "a.example.com."
    assert soa_owner(await scene.ask("x.apps.example.org", "MX")) == "x.apps.example.org."


async def test_names_of_the_cluster_cannot_be_claimed() -> None:
    world = World()
    lines = "kubernetes cluster.local {\n endpoint http://127.0.0.1:1\n }\n gateway"
    plugin = world.part(f". {{\n {lines}\n}}\n")
    names = {from_text(name): (ONE,) for name in ("web.shop.svc.cluster.local", "*.cluster.local", "a.example.com")}
    plugin.names.take("ingress", "shop/web", Offer(Origin(1.0, "shop", "web", "ingress"), names))
    assert list(plugin.names.table.entries) == [from_text("a.example.com")]
    assert sum("is a name of the cluster" in line for line in world.lines) == 2


@pytest.mark.parametrize("qtype", ["AXFR", "IXFR"])
async def test_zones_are_not_transferred(qtype: str) -> None:
    assert (await Scene().ask("example.com", qtype)).rcode == REFUSED
    assert (await Scene("gateway example.com", "fallthrough").ask("example.com", qtype)).source == "nobody"


async def test_nothing_is_denied_before_the_cluster_is_known() -> None:
    scene = Scene("gateway example.com", "fallthrough", known=False)
    scene.plugin.cluster._untold = 1
    scene.offer({"a.example.com": (ONE,)})
    assert (await scene.ask("a.example.com")).rcode == NOERROR
    assert (await scene.ask("x.example.com")).rcode == SERVFAIL
    assert not scene.plugin.is_ready()
    root = Scene("gateway", known=False)
    root.plugin.cluster._untold = 1
    assert (await root.ask("x.example.com")).source == "nobody"


# --- host names as addresses


def answering(
    scene: Scene, records: Sequence[Record] = (), rcode: int = NOERROR, replay: Replay | None = None
) -> list[Query]:
    asked: list[Query] = []

    async def ask(query: Query) -> Reply:
        asked.append(query)
        reply = from_records(query, "forward", records, rcode=rcode)
        reply.replay = replay
        return reply

    scene.world.host.ask = ask
    return asked


async def test_an_alias_brings_what_the_server_says_about_its_target() -> None:
    scene = Scene()
    scene.offer({"a.example.com": (ALIAS,)})
    asked = answering(scene, [record(from_text("lb.example.net"), A, 30, b"\xc0\0\2\x09")])
    reply = await scene.ask("a.example.com")
    chain = [(to_text(one.owner), one.type, one.ttl) for one in reply.sections.answer]
    assert chain == [("a.example.com.", CNAME, 5), ("lb.example.net.", A, 30)]
    assert [(to_text(query.name), query.depth) for query in asked] == [("lb.example.net.", 1)]
    assert len((await scene.ask("a.example.com", "CNAME")).sections.answer) == 1
    assert len((await scene.ask("a.example.com", flags=0)).sections.answer) == 1  # does not want us to look further
    assert len(asked) == 1


async def test_what_is_behind_an_alias_may_be_replayed_for_as_long_as_both_allow() -> None:
    scene = Scene()
    scene.offer({"a.example.com": (ALIAS,)})
    now = scene.world.host.clock()
    target = [record(from_text("lb.example.net"), A, 30, b"\xc0\0\2\x09")]
    for replay, low, high in ((Replay(now + 3, now), 2.9, 3), (Replay(now + 30, now), 4.9, 6), (None, 0, 1)):
        answering(scene, target, replay=replay)
        leave = (await scene.ask("a.example.com")).replay
        assert leave is not None
        assert leave.live
        assert low <= leave.until - now <= high


async def test_a_target_that_does_not_exist_or_cannot_be_told() -> None:
    scene = Scene()
    scene.offer({"a.example.com": (ALIAS,), "self.example.com": (Item(CNAME, -1, from_text("self.example.com")),)})
    assert [one.type for one in (await scene.ask("a.example.com")).sections.answer] == [CNAME]  # nobody serves it
    answering(scene, rcode=NXDOMAIN)
    assert (await scene.ask("a.example.com")).rcode == NXDOMAIN
    answering(scene, rcode=SERVFAIL)
    assert (await scene.ask("a.example.com")).rcode == SERVFAIL
    assert (await scene.ask("self.example.com")).rcode == SERVFAIL


async def test_at_the_zone_itself_the_addresses_of_the_target_stand_in_for_the_alias() -> None:
    scene = Scene("gateway www.example.com")
    scene.offer({"www.example.com": (ALIAS,)})
    target = from_text("lb.example.net")
    other = from_text("x.example.net")
    answering(scene, [record(target, CNAME, 300, other), record(other, A, 300, b"\xc0\0\2\x09")])
    reply = await scene.ask("www.example.com")
    assert [(to_text(one.owner), one.type, one.ttl) for one in reply.sections.answer] == [("www.example.com.", A, 5)]
    assert (await scene.ask("www.example.com", "MX")).sections.answer == []
    answering(scene)
    assert soa_owner(await scene.ask("www.example.com")) == "www.example.com."
    answering(scene, rcode=SERVFAIL)
    assert (await scene.ask("www.example.com")).rcode == SERVFAIL
    overlay = Scene("gateway www.example.com", "fallthrough")
    overlay.offer({"www.example.com": (ALIAS,)})
    assert [one.type for one in (await overlay.ask("www.example.com", "CNAME")).sections.answer] == [CNAME]


# --- changes


async def test_a_change_withdraws_the_answers_that_it_makes_untrue() -> None:
    scene = Scene()
    scene.offer({"a.example.com": (ONE,), "b.example.com": (ONE,), "*.w.example.com": (ONE,)})
    names = ("a.example.com", "b.example.com", "new.example.com", "new.w.example.com")
    replies = [await scene.ask(name) for name in names]
    scene.world.withdrawn.clear()
    scene.offer(
        {"a.example.com": (TWO,), "b.example.com": (ONE,), "*.w.example.com": (ONE,), "new.example.com": (ONE,)}
    )
    assert [_is_withdrawn(scene, reply) for reply in replies] == [True, False, True, True]
    assert await scene.addresses("a.example.com") == [(60, "c0.00.02.02")]
    assert await scene.addresses("new.example.com") == [(5, "c0.00.02.01")]
    scene.gone()
    assert (await scene.ask("a.example.com")).rcode == NXDOMAIN


async def test_what_changes_nothing_withdraws_nothing() -> None:
    scene = Scene()
    scene.offer({"a.example.com": (ONE,)})
    scene.world.withdrawn.clear()
    scene.offer({"a.example.com": (ONE,)}, age=2.0)
    assert scene.world.withdrawn == []


async def test_all_answers_are_live() -> None:
    scene = Scene()
    scene.offer({"a.example.com": (ONE,)})
    for name, qtype in (
        ("a.example.com", "A"),
        ("a.example.com", "MX"),
        ("x.example.com", "A"),
        ("example.com", "SOA"),
        ("example.com", "NS"),
    ):
        leave = (await scene.ask(name, qtype)).replay
        assert leave is not None
        assert leave.live
        assert leave.tags or leave.until <= scene.world.host.clock()


def _is_withdrawn(scene: Scene, reply: Reply) -> bool:
    assert reply.replay is not None
    return not set(reply.replay.tags).isdisjoint(scene.world.withdrawn)


# --- disputes and delegation


async def test_a_dispute_is_one_line_and_the_next_in_line_gets_the_name() -> None:
    scene = Scene()
    scene.offer({"a.example.com": (ONE,)}, age=1.0)
    for _ in range(3):
        scene.offer({"a.example.com": (TWO,)}, kind="service", namespace="other", age=2.0)
        scene.offer({"a.example.com": (TWO,), "c.example.com": (TWO,)}, kind="service", namespace="other", age=2.0)
    assert await scene.addresses("a.example.com") == [(5, "c0.00.02.01")]
    (line,) = [line for line in scene.world.lines if "a.example.com" in line]
    assert "ingress shop/web, which has it" in line
    assert "service other/web" in line
    assert len(scene.plugin.names.disputes) == 1
    scene.gone()
    assert await scene.addresses("a.example.com") == [(60, "c0.00.02.02")]
    assert scene.plugin.names.disputes == {}


async def test_names_may_be_left_to_namespaces() -> None:
    scene = Scene("gateway example.com", "delegate example.com platform", "delegate shop.example.com shop web")
    scene.offer({"a.shop.example.com": (ONE,), "*.shop.example.com": (ONE,), "b.example.com": (ONE,)}, namespace="shop")
    scene.offer({"c.example.com": (ONE,), "c.shop.example.com": (TWO,)}, namespace="platform")
    assert await scene.addresses("a.shop.example.com") == [(5, "c0.00.02.01")]
    assert await scene.addresses("c.shop.example.com") == [(5, "c0.00.02.01")]  # by the wildcard
    assert (await scene.ask("b.example.com")).rcode == NXDOMAIN
    assert await scene.addresses("c.example.com") == [(5, "c0.00.02.01")]
    assert sum("may not be claimed from namespace" in line for line in scene.world.lines) == 2


def test_what_is_left_out_is_said_once() -> None:
    scene = Scene()
    refused = Refused("label", "host 'x' has a label of more than 63 characters")
    for age in (1.0, 2.0, 3.0):
        origin = Origin(age, "shop", "web", "ingress")
        scene.plugin.names.take(
            "ingress", "shop/web", Offer(origin, {from_text("www.elsewhere.org"): (ONE,)}, (refused,))
        )
    said = [line for line in scene.world.lines if "63 characters" in line]
    assert said == scene.world.lines  # hosts of other zones are worth no word
    assert len(said) == 1
