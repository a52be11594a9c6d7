"""The outside zone as the directive transfer hands it on."""

from __future__ import annotations

import pytest

from resolver.chain.capabilities import Transferring
from resolver.wire.constants import AXFR, CNAME, REFUSED, TYPES, A
from resolver.wire.names import from_text, to_text
from resolver.wire.records import Record
from tests.plugins.chains import nobody, question
from tests.plugins.k8s_external.test_names import WEB, Scene


def records(scene: Scene) -> list[Record]:
    found = scene.plugin.transferable(question("example.com", "AXFR", local=("192.0.2.53", 53)))
    assert found is not None
    return [found.soa, *found.others()]


def shown(record: Record) -> tuple[str, str]:
    return to_text(record.owner), TYPES[record.type]


@pytest.mark.parametrize("headless", [False, True])
async def test_what_is_transferred_is_what_queries_are_answered_with(headless: bool) -> None:
    scene = Scene(headless=headless)
    scene.cluster.service("many", {"clusterIP": "None", "ports": [WEB]})
    scene.cluster.endpoints("many", {"addresses": ["10.1.0.1"]}, {"addresses": ["10.1.0.2"], "hostname": "two"})
    found = records(scene)
    assert len(found) == len(set(found))
    for owner, qtype in {shown(record) for record in found}:
        asked = "A" if qtype == "CNAME" else qtype  # the alias is only told to those who want addresses
        reply = await scene.plugin.resolve(question(owner, asked, local=("192.0.2.53", 53)), nobody)
        mine = {record for record in found if shown(record) == (owner, qtype)}
        assert {record for record in reply.sections.answer if TYPES[record.type] == qtype} == mine
    assert (("two.many.shop.example.com.", "A") in set(map(shown, found))) == headless


def test_an_alias_stands_alone() -> None:
    scene = Scene()
    scene.cluster.service("named", {"ports": [WEB]}, [{"hostname": "a.example.net"}, {"hostname": "b.example.net"}])
    found = [record for record in records(scene) if record.owner == from_text("named.shop.example.com")]
    assert [record.type for record in found] == [CNAME]


def test_services_without_ports_have_addresses() -> None:
    found = [record for record in records(Scene()) if record.owner == from_text("bare.shop.example.com")]
    assert [record.type for record in found] == [A]


def test_only_zones_that_are_known_are_offered() -> None:
    scene = Scene()
    assert isinstance(scene.plugin, Transferring)
    for name in ("shop.example.com", "com", "in-addr.arpa"):
        assert scene.plugin.transferable(question(name, "AXFR")) is None
    scene.cluster.synced = False
    assert scene.plugin.transferable(question("example.com", "AXFR")) is None


async def test_without_the_directive_transfer_nothing_is_handed_on() -> None:
    reply = await Scene().plugin.resolve(question("example.com", TYPES[AXFR]), nobody)
    assert reply.rcode == REFUSED
