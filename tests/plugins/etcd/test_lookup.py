"""Answers of each type from services, as users of SkyDNS know them."""

from __future__ import annotations

import pytest

from resolver.chain.query import Query
from resolver.chain.reply import Reply, failure, from_records
from resolver.plugins.etcd import lookup as module
from resolver.wire.constants import A
from resolver.wire.records import record
from tests.plugins.chains import nobody, question
from tests.plugins.etcd.served import Served

SOA = "skydns.test. 30 IN SOA ns.dns.skydns.test. hostmaster.skydns.test. 42 7200 1800 86400 30"


@pytest.fixture
def served() -> Served:
    made = Served()
    put = made.put
    put("a.server1.dev.region1.skydns.test", host="dev.server1", port=8080)
    put("a.server1.prod.region1.skydns.test", host="10.0.0.1", port=8080)
    put("b.server1.prod.region1.skydns.test", host="10.0.0.2", port=8080)
    put("b.server6.prod.region1.skydns.test", host="::1", port=8080)
    put("a.txt.server1.prod.region1.skydns.test", text="sometext")
    put("b.txt.server1.prod.region1.skydns.test", text="moretext")
    put("cname.prod.region1.skydns.test", host="unresolvable.skydns.test")
    put("priority.skydns.test", host="priority.server1", priority=333, port=8080)
    put("a.sub.region1.skydns.test", host="sub.server1")
    put("b.sub.region1.skydns.test", host="sub.server2", port=80)
    put("c.sub.region1.skydns.test", host="10.0.0.1", port=8080)
    put("a.targetstrip.skydns.test", host="10.0.0.1", targetstrip=1)
    put("b.cname.skydns.test", host="a.cname.skydns.test")
    put("a.cname.skydns.test", host="b.cname.skydns.test")
    put("1.0.0.10.in-addr.arpa", host="reverse.example.com")
    return made


async def test_addresses_of_a_name_and_of_all_below_it(served: Served) -> None:
    one = await served.ask("a.SERVER1.prod.region1.skydns.test")
    assert one.answer == ["a.SERVER1.prod.region1.skydns.test. 300 IN A 10.0.0.1"]
    both = await served.ask("server1.prod.region1.skydns.test")
    assert both.answer == [f"server1.prod.region1.skydns.test. 300 IN A 10.0.0.{last}" for last in (1, 2)]
    six = await served.ask("prod.region1.skydns.test", "AAAA")
    assert six.answer == ["prod.region1.skydns.test. 300 IN AAAA ::1"]


async def test_unknown_names_and_types(served: Served) -> None:
    missing = await served.ask("nope.skydns.test")
    assert (missing.rcode, missing.answer, missing.authority) == ("NXDOMAIN", [], [SOA])
    for qtype in ("TXT", "HINFO", "NS", "MX", "AAAA", "SOA"):
        nothing = await served.ask("a.server1.prod.region1.skydns.test", qtype)
        assert (nothing.rcode, nothing.answer, nothing.authority) == ("NOERROR", [], [SOA])
    assert (await served.ask("a.server1.nowhere.region1.skydns.test", "HINFO")).rcode == "NXDOMAIN"


async def test_names_outside_of_the_zones_are_passed_on(served: Served) -> None:
    assert (await served.plugin.resolve(question("www.example.org"), nobody)).source == "nobody"


async def test_srv_records_share_a_hundred(served: Served) -> None:
    found = await served.ask("sub.region1.skydns.test", "SRV")
    assert found.answer == [
        "sub.region1.skydns.test. 300 IN SRV 10 33 0 sub.server1.",
        "sub.region1.skydns.test. 300 IN SRV 10 33 80 sub.server2.",
        "sub.region1.skydns.test. 300 IN SRV 10 33 8080 c.sub.region1.skydns.test.",
    ]
    assert found.extra == ["c.sub.region1.skydns.test. 300 IN A 10.0.0.1"]


async def test_srv_weights_and_priorities(served: Served) -> None:
    served.put("a.w.skydns.test", host="h1.test", weight=30, priority=5)
    served.put("b.w.skydns.test", host="h2.test", weight=90, priority=5)
    served.put("c.w.skydns.test", host="h3.test", weight=1, priority=6)
    served.put("d.w.skydns.test", host="h4.test", weight=999, priority=6, port=-1)
    found = await served.ask("w.skydns.test", "SRV")
    assert found.answer == [
        "w.skydns.test. 300 IN SRV 5 25 0 h1.test.",
        "w.skydns.test. 300 IN SRV 5 75 0 h2.test.",
        "w.skydns.test. 300 IN SRV 6 1 0 h3.test.",
    ]


async def test_a_host_that_is_an_address_gets_the_name_of_its_key(served: Served) -> None:
    one = await served.ask("a.server1.prod.region1.skydns.test", "SRV")
    assert one.answer == [
        "a.server1.prod.region1.skydns.test. 300 IN SRV 10 100 8080 a.server1.prod.region1.skydns.test."
    ]
    stripped = await served.ask("targetstrip.skydns.test", "SRV")
    assert stripped.answer == ["targetstrip.skydns.test. 300 IN SRV 10 100 0 targetstrip.skydns.test."]
    assert stripped.extra == ["targetstrip.skydns.test. 300 IN A 10.0.0.1"]
    assert (await served.ask("priority.skydns.test", "SRV")).answer == [
        "priority.skydns.test. 300 IN SRV 333 100 8080 priority.server1."
    ]


@pytest.mark.parametrize("star", ["*", "any"])
async def test_wildcards_stand_for_one_label(served: Served, star: str) -> None:
    found = await served.ask(f"prod.{star}.skydns.test", "SRV")
    assert [line.split()[-4:] for line in found.answer] == [
        ["10", "25", "0", "unresolvable.skydns.test."],
        ["10", "25", "8080", "a.server1.prod.region1.skydns.test."],
        ["10", "25", "8080", "b.server1.prod.region1.skydns.test."],
        ["10", "25", "8080", "b.server6.prod.region1.skydns.test."],
    ]
    assert len(found.extra) == 3
    assert (await served.ask(f"nope.{star}.skydns.test", "SRV")).rcode == "NOERROR"


async def test_texts(served: Served) -> None:
    found = await served.ask("txt.server1.prod.region1.skydns.test", "TXT")
    assert found.answer == [
        'txt.server1.prod.region1.skydns.test. 300 IN TXT "moretext"',
        'txt.server1.prod.region1.skydns.test. 300 IN TXT "sometext"',
    ]


@pytest.mark.parametrize(("length", "strings"), [(254, 1), (255, 1), (256, 2), (400, 2), (600, 3), (2000, 8)])
async def test_long_texts_are_cut_into_strings(served: Served, length: int, strings: int) -> None:
    served.put("large.skydns.test", text="0" * length)
    (line,) = (await served.ask("large.skydns.test", "TXT")).answer
    assert line.count('"') == 2 * strings


async def test_aliases_are_followed_within_the_zone(served: Served) -> None:
    for number in range(1, 7):
        served.put(f"cname{number}.region2.skydns.test", host=f"cname{number + 1}.region2.skydns.test")
    served.put("cname7.region2.skydns.test", host="10.240.0.1")
    found = await served.ask("cname1.region2.skydns.test")
    assert len(found.answer) == 7
    assert "cname7.region2.skydns.test. 300 IN A 10.240.0.1" in found.answer
    srv = await served.ask("cname1.region2.skydns.test", "SRV")
    assert srv.answer == ["cname1.region2.skydns.test. 300 IN SRV 10 100 0 cname2.region2.skydns.test."]
    assert len(srv.extra) == 6


async def test_texts_behind_aliases(served: Served) -> None:
    served.put("c2.region3.skydns.test", host="c1.region3.skydns.test")
    served.put("c1.region3.skydns.test", text="SOME")
    assert (await served.ask("c2.region3.skydns.test", "TXT")).answer == [
        'c1.region3.skydns.test. 300 IN TXT "SOME"',
        "c2.region3.skydns.test. 300 IN CNAME c1.region3.skydns.test.",
    ]


@pytest.mark.parametrize("name", ["a.cname.skydns.test", "cname.skydns.test", "cname.prod.region1.skydns.test"])
async def test_aliases_that_lead_nowhere_are_no_answer(served: Served, name: str) -> None:
    found = await served.ask(name)
    assert (found.rcode, found.answer, found.authority) == ("NOERROR", [], [SOA])


async def test_aliases_to_other_names_are_asked_of_the_server(served: Served) -> None:
    served.outside = lambda query: from_records(query, "t", [record(query.qname, A, 7, b"\1\2\3\4")])
    found = await served.ask("a.server1.dev.region1.skydns.test")
    assert found.answer == [
        "a.server1.dev.region1.skydns.test. 300 IN CNAME dev.server1.",
        "dev.server1. 7 IN A 1.2.3.4",
    ]
    assert served.asked[0].depth == 1
    srv = await served.ask("a.server1.dev.region1.skydns.test", "SRV")
    assert srv.extra == ["dev.server1. 7 IN A 1.2.3.4"]


async def test_an_alias_stands_alone_where_nobody_knows_its_target(served: Served) -> None:
    found = await served.ask("a.server1.dev.region1.skydns.test")
    assert found.answer == ["a.server1.dev.region1.skydns.test. 300 IN CNAME dev.server1."]


async def test_the_alias_itself_can_be_asked_for(served: Served) -> None:
    served.put("region2.skydns.test", host="main.region2.skydns.test")
    served.put("x.region2.skydns.test", host="10.0.0.1")
    assert (await served.ask("region2.skydns.test", "CNAME")).answer == [
        "region2.skydns.test. 300 IN CNAME main.region2.skydns.test."
    ]
    assert (await served.ask("x.region2.skydns.test", "CNAME")).rcode == "NOERROR"
    assert (await served.ask("server1.prod.region1.skydns.test", "CNAME")).rcode == "NOERROR"
    assert (await served.ask("nope.skydns.test", "CNAME")).rcode == "NXDOMAIN"


async def test_mail_exchanges(served: Served) -> None:
    served.put("a.mail.skydns.test", host="mx.skydns.test", priority=50, mail=True)
    served.put("mx.skydns.test", host="ip.skydns.test")
    served.put("ip.skydns.test", host="172.16.1.1")
    served.put("b.mail.skydns.test", host="172.16.1.2", mail=True, targetstrip=1)
    served.put("c.mail.skydns.test", host="nomail.skydns.test")
    found = await served.ask("mail.skydns.test", "MX")
    assert found.answer == [
        "mail.skydns.test. 300 IN MX 10 mail.skydns.test.",
        "mail.skydns.test. 300 IN MX 50 mx.skydns.test.",
    ]
    assert found.extra == [
        "ip.skydns.test. 300 IN A 172.16.1.1",
        "mail.skydns.test. 300 IN A 172.16.1.2",
        "mx.skydns.test. 300 IN CNAME ip.skydns.test.",
    ]


async def test_pointers(served: Served) -> None:
    found = await served.ask("1.0.0.10.in-addr.arpa", "PTR")
    assert found.answer == ["1.0.0.10.in-addr.arpa. 300 IN PTR reverse.example.com."]
    assert (await served.ask("0.0.10.in-addr.arpa", "PTR")).rcode == "NOERROR"
    assert (await served.ask("2.0.0.10.in-addr.arpa", "PTR")).rcode == "NXDOMAIN"


async def test_the_zone_itself(served: Served) -> None:
    assert (await served.ask("skydns.test", "SOA")).answer == [SOA]
    assert (await served.ask("skydns.test", "NS")).authority == [SOA]
    served.put("a.ns.dns.skydns.test", host="10.0.0.2")
    served.put("ns1.c.ns.dns.skydns.test", host="10.0.0.4", targetstrip=1)
    served.put("ns2.c.ns.dns.skydns.test", host="10.0.0.5", targetstrip=1)
    found = await served.ask("skydns.test", "NS")
    assert found.answer == [f"skydns.test. 300 IN NS {one}.ns.dns.skydns.test." for one in "ac"]
    assert [line.split()[0] + line.split()[-1] for line in found.extra] == [
        "a.ns.dns.skydns.test.10.0.0.2",
        "c.ns.dns.skydns.test.10.0.0.4",
        "c.ns.dns.skydns.test.10.0.0.5",
    ]
    served.put("x.ns.dns.skydns.test", host="not.an.address")
    assert (await served.ask("skydns.test", "NS")).rcode == "SERVFAIL"


async def test_addresses_of_the_zone_have_a_place_of_their_own(served: Served) -> None:
    served.put("x.skydns_zone.test", host="10.0.0.2")
    served.put("y.skydns_zone.test", host="10.0.0.3")
    assert len((await served.ask("skydns_zone.test")).answer) == 2
    served.put("a1.apex.dns.skydns_zone.test", host="10.0.0.4")
    served.put("a2.apex.dns.skydns_zone.test", host="2001:db8::1")
    assert (await served.ask("skydns_zone.test")).answer == ["skydns_zone.test. 300 IN A 10.0.0.4"]
    assert (await served.ask("skydns_zone.test", "AAAA")).answer == ["skydns_zone.test. 300 IN AAAA 2001:db8::1"]
    empty = Served()
    assert (await empty.ask("skydns.test")).rcode == "NOERROR"


async def test_groups_are_not_mixed(served: Served) -> None:
    served.put("a.dom1.skydns.test", host="127.0.0.1", group="g1")
    served.put("b.sub.dom1.skydns.test", host="127.0.0.2", group="g2")
    assert (await served.ask("dom1.skydns.test")).answer == ["dom1.skydns.test. 300 IN A 127.0.0.1"]


async def test_the_same_address_stands_once(served: Served) -> None:
    served.put("http.multi.skydns.test", host="10.11.11.10", port=80, ttl=20)
    served.put("https.multi.skydns.test", host="10.11.11.10", port=443)
    assert (await served.ask("multi.skydns.test")).answer == ["multi.skydns.test. 20 IN A 10.11.11.10"]
    assert len((await served.ask("multi.skydns.test", "SRV")).answer) == 2


async def test_a_key_that_cannot_be_a_name_fails_and_is_said(served: Served) -> None:
    served.put("x" * 70 + ".skydns.test", host="10.0.0.1")
    reply = await served.reply("*.skydns.test", "SRV")
    assert (reply.rcode, reply.error) == (2, "the key is too long for a name")


async def test_one_question_does_not_lead_to_any_number_of_others(served: Served) -> None:
    for number in range(100):
        served.put(f"n{number}.many.skydns.test", host=f"h{number}.example.org")
    await served.ask("many.skydns.test", "SRV")
    assert len(served.asked) == module.MOST_ASKED
    for number in range(30):
        for other in range(30):
            served.put(f"x{other}.web{number}.skydns.test", host=f"web{other}.skydns.test")
    assert (await served.reply("web0.skydns.test")).error.startswith("more than 500 names")


async def test_failures_elsewhere_are_no_answer(served: Served) -> None:
    def fails(query: Query) -> Reply:
        return failure(query, "t", 2)

    served.outside = fails
    assert (await served.ask("a.server1.dev.region1.skydns.test")).rcode == "NOERROR"
