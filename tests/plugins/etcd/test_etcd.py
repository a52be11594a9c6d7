"""Readiness, fallthrough, replay and leases."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from resolver.chain.capabilities import Overlay, Ready
from resolver.chain.reply import Replay, Reply, from_records
from resolver.errors import ConfigErrors
from resolver.plugins.etcd.leases import Leases
from resolver.plugins.etcd.settings import Settings
from resolver.wire.constants import A
from resolver.wire.names import from_text
from resolver.wire.records import record
from tests.plugins.chains import World, answering, question
from tests.plugins.etcd.registry import Scripted
from tests.plugins.etcd.served import Served
from tests.support.upstreams import CERTIFICATES

NAME = "x.web.skydns.test"


async def test_before_everything_was_read_nobody_knows() -> None:
    served = Served("fallthrough")
    served.mirror.synced = False
    reply = await served.reply(NAME)
    assert (reply.rcode, reply.error) == (2, "what is in etcd is not known yet")
    assert not served.plugin.is_ready()
    assert isinstance(served.plugin, Ready)


async def test_names_that_are_not_there_fall_through() -> None:
    served = Served("fallthrough")
    served.put("other.skydns.test", host="10.0.0.1")

    def elsewhere(query: Any) -> Reply:
        reply = from_records(query, "elsewhere", [record(query.qname, A, 5, b"\1\2\3\4")])
        reply.replay = Replay(1e9)
        return reply

    reply = await served.plugin.resolve(question(NAME), answering(elsewhere))
    assert reply.source == "elsewhere"
    assert reply.replay is not None
    overlay: Overlay = served.plugin
    name = from_text(NAME)
    assert not overlay.claims(name)
    assert set(overlay.overlay_tags(name)) <= set(reply.replay.tags)
    served.put(NAME, host="10.0.0.1")
    assert overlay.claims(name)
    assert (await served.plugin.resolve(question(NAME), answering(elsewhere))).source == "etcd"
    assert not overlay.claims(from_text("www.example.org"))


async def test_fallthrough_of_some_zones() -> None:
    served = Served("fallthrough in-addr.arpa")
    assert (await served.reply("9.in-addr.arpa", "PTR")).source == "nobody"
    assert (await served.reply(NAME)).rcode == 3
    assert served.plugin.overlay_tags(from_text(NAME)) == ()


async def test_answers_are_replayed_until_something_changes_there() -> None:
    served = Served()
    served.put(NAME, host="10.0.0.1")
    leave = (await served.reply("web.skydns.test")).replay
    assert leave is not None
    assert leave.live
    for changed, ends in ((b"other", False), (b"web", True)):
        served.world.withdrawn.clear()
        served.plugin._changed({(b"test", b"skydns", changed, b"y")})
        assert bool(set(served.world.withdrawn) & set(leave.tags)) is ends
    served.world.withdrawn.clear()
    served.plugin._changed(None)
    assert set(served.world.withdrawn) & set(leave.tags)


async def test_denials_end_with_any_change_as_their_serial_does() -> None:
    served = Served()
    leave = (await served.reply(NAME)).replay
    assert leave is not None
    served.plugin._changed({(b"test", b"skydns", b"other")})
    assert set(served.world.withdrawn) & set(leave.tags)


async def test_a_change_ends_what_a_wildcard_found() -> None:
    served = Served()
    served.put(NAME, host="10.0.0.1")
    leave = (await served.reply("*.web.skydns.test")).replay
    assert leave is not None
    served.plugin._changed({(b"test", b"skydns", b"web", b"new")})
    assert set(served.world.withdrawn) & set(leave.tags)


async def test_an_answer_with_names_of_others_is_replayed_for_as_long_as_theirs() -> None:
    served = Served()
    served.put(NAME, host="www.example.org")
    assert (await served.reply(NAME)).replay is not None

    def kept(query: Any) -> Reply:
        reply = from_records(query, "t", [record(query.qname, A, 5, b"\1\2\3\4")])
        reply.replay = Replay(served.world.host.clock() + 3, tags=("theirs",))
        return reply

    served.outside = kept
    leave = (await served.reply(NAME)).replay
    assert leave is not None
    assert "theirs" in leave.tags
    assert leave.until <= served.world.host.clock() + 3


# --- leases


def leasing(served: Served, now: list[float]) -> Scripted:
    gateway = Scripted()
    served.plugin._leases = Leases(gateway, lambda: now[0])
    served.put("leased.skydns.test", lease=7, host="10.0.0.1")
    return gateway


async def ttl(served: Served) -> int:
    return int((await served.ask("leased.skydns.test")).answer[0].split()[1])


async def test_what_is_left_of_a_lease_is_the_ttl_within_bounds() -> None:
    served, now = Served("min-lease-ttl 40s\n max-lease-ttl 2m"), [1000.0]
    gateway = leasing(served, now)
    gateway.pages = [{"TTL": "100"}, {"TTL": "35"}, {"TTL": "500"}]
    assert await ttl(served) == 100
    now[0] += 4
    assert await ttl(served) == 96
    assert gateway.asked == [("/v3/lease/timetolive", {"ID": "7"})]
    now[0] += 2
    assert await ttl(served) == 40
    now[0] += 6
    assert await ttl(served) == 120


async def test_the_shorter_of_lease_and_service_counts() -> None:
    served, now = Served(), [1000.0]
    gateway = leasing(served, now)
    served.put("leased.skydns.test", lease=7, host="10.0.0.1", ttl=60)
    gateway.pages = [{"TTL": "100"}, {"TTL": "45"}]
    assert await ttl(served) == 60
    now[0] += 6
    assert await ttl(served) == 45


@pytest.mark.parametrize("answer", [{"TTL": "-1"}, {"TTL": "x"}, {}])
async def test_a_lease_that_nobody_knows_leaves_the_service_its_own(answer: dict[str, Any]) -> None:
    served, now = Served(), [1000.0]
    leasing(served, now).pages = [answer]
    assert await ttl(served) == 300
    leave = (await served.reply("leased.skydns.test")).replay
    assert leave is not None
    assert leave.until <= served.world.host.clock() + 5


async def test_a_lease_that_is_not_told_holds_nobody_up_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.plugins.etcd.leases.PATIENCE", 0.02)
    served = Served()

    class Silent:
        async def ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
            await asyncio.Event().wait()
            raise AssertionError

    served.plugin._leases = Leases(Silent(), served.world.host.clock)
    served.put("leased.skydns.test", lease=7, host="10.0.0.1")
    assert await ttl(served) == 300
    await served.plugin._leases.stop()


async def test_only_so_many_leases_are_asked_for_at_once() -> None:
    served, now = Served(), [1000.0]
    gateway = leasing(served, now)
    gateway.pages = [{"TTL": "100"}] * 200
    for number in range(100):
        served.put(f"n{number}.many.skydns.test", lease=100 + number, host=f"10.0.1.{number}")
    await served.ask("many.skydns.test")
    assert len(gateway.asked) == 32


# --- what may be written


def settings(options: str = "", root: Path = Path(), zones: str = "") -> Settings:
    made: Settings = World().part(f"skydns.local {{\n etcd {zones} {{\n {options}\n }}\n}}", root).settings
    return made


def test_defaults() -> None:
    found = settings()
    assert (found.zones, found.prefix) == ((from_text("skydns.local"),), b"/skydns/")
    assert (found.endpoints, found.credentials, found.tls) == (("http://localhost:2379",), None, None)
    assert (found.min_lease_ttl, found.max_lease_ttl, found.fallthrough) == (30, 86_400, ())


def test_options() -> None:
    found = settings(
        "path /a//b/\n endpoint https://[::1]:1 etcd:4001 http://h\n credentials u p\n min-lease-ttl 60\n"
        " max-lease-ttl 1h30m\n fallthrough",
        zones="a.test 10.0.0.0/24",
    )
    assert found.zones == (from_text("a.test"), from_text("0.0.10.in-addr.arpa"))
    assert found.prefix == b"/a/b/"
    assert found.endpoints == ("https://[::1]:1", "http://etcd:4001", "http://h:2379")
    assert (found.credentials, found.min_lease_ttl, found.max_lease_ttl) == (("u", "p"), 60, 5400)
    assert "p')" not in repr(found)


@pytest.mark.parametrize(("words", "files"), [("", 0), ("ca.pem", 1), ("server.pem server.key", 2)])
def test_tls_takes_up_to_three_files(words: str, files: int) -> None:
    found = settings(f"tls {words}", CERTIFICATES).tls
    assert found is not None
    assert [found.authority, found.certificate, found.key].count(None) == 3 - files
    every = settings("tls server.pem server.key ca.pem", CERTIFICATES).tls
    assert every is not None
    assert (every.certificate, every.authority) == (CERTIFICATES / "server.pem", CERTIFICATES / "ca.pem")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("path /", "path needs a name"),
        ("path", "needs 1 argument"),
        ("endpoint", "at least 1"),
        ("endpoint unix:///x", "not an address of etcd"),
        ("endpoint http://h:x", "not an address of etcd"),
        ("endpoint http://u:p@h", "not an address of etcd"),
        ("credentials u", "2 arguments"),
        ("tls a b c d", "takes"),
        ("tls /no/such", "cannot read"),
        ("min-lease-ttl x", "not a duration"),
        ("min-lease-ttl 2h\n max-lease-ttl 1h", "is more than"),
        ("nonsense", "no option nonsense"),
    ],
)
def test_mistakes_are_named(options: str, complaint: str) -> None:
    with pytest.raises(ConfigErrors, match=complaint):
        settings(options)


async def test_words_of_old_configurations_are_taken() -> None:
    world = World()
    plugin = world.part(". {\n etcd {\n stubzones\n debug\n upstream 1.1.1.1\n endpoint http://127.0.0.1:1\n }\n}")
    await plugin.start()
    await plugin.stop()
    assert sum("has no effect" in line for line in world.lines) == 3


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.plugins.etcd.find_spec", lambda name: None)
    with pytest.raises(ConfigErrors, match=r"k8s-resolver\[etcd\]"):
        settings()
