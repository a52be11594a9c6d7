"""A Pod behind a node whose firewall lets pass only what was resolved, and real packets."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.node.namespaces import Program, missing, until
from tests.plugins.egress_set.ways import Way, laid

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

FIREWALL = """table inet egress {
    set allowed4 { type ipv4_addr; flags timeout; size 1000; }
    set allowed6 { type ipv6_addr; flags timeout; size 1000; }
    chain forward {
        type filter hook forward priority 0; policy drop;
        iifname "uplink" accept
        meta l4proto ipv6-icmp accept
        ip daddr @allowed4 accept
        ip6 daddr @allowed6 accept
    }
}
"""
COREFILE = """.:53 {{
    errors
    egress_set {{
        table inet egress
        set4 allowed4
        set6 allowed6
        {options}
    }}
    hosts {{
        192.0.2.1 who.test
        192.0.2.2 other.test
        2001:db8:2::1 who.test
        ttl 1
    }}
}}
"""


def serve(way: Way, *options: str, ready: str = "k8s-resolver") -> Program:
    """Start the server on the node."""
    return way.serve(COREFILE.format(options="\n        ".join(options)), ready)


@pytest.fixture
def way(tmp_path: Path) -> Iterator[Way]:
    with laid(tmp_path) as made:
        yield made


def test_an_address_can_be_reached_once_its_name_was_resolved_and_no_other(way: Way) -> None:
    way.ok(way.node, "nft", "-f", "-", given=FIREWALL)
    serve(way)
    assert not way.passes("192.0.2.1", 0.3)
    assert not way.passes("2001:db8:2::1", 0.3)
    assert way.dig("who.test") == "192.0.2.1"
    assert way.passes("192.0.2.1")
    assert not way.passes("192.0.2.2", 0.3)
    assert not way.passes("2001:db8:2::1", 0.3)
    assert way.dig("who.test", "AAAA") == "2001:db8:2::1"
    assert way.passes("2001:db8:2::1")


def test_the_way_is_closed_again_when_time_has_run_out_and_open_at_the_next_question(way: Way) -> None:
    way.ok(way.node, "nft", "-f", "-", given=FIREWALL)
    serve(way, "grace 500ms", "min_timeout 1s")
    assert way.dig("who.test") == "192.0.2.1"
    assert way.passes("192.0.2.1")
    until(lambda: "192.0.2.1" not in way.elements("allowed4"))
    assert not way.passes("192.0.2.1", 0.3)
    assert way.dig("who.test") == "192.0.2.1"
    assert way.passes("192.0.2.1")


def test_a_name_that_is_asked_for_all_the_time_stays_reachable(way: Way) -> None:
    way.ok(way.node, "nft", "-f", "-", given=FIREWALL)
    serve(way, "grace 500ms", "min_timeout 1s")
    end = time.monotonic() + 4
    while time.monotonic() < end:
        assert way.dig("who.test") == "192.0.2.1"
        assert way.passes("192.0.2.1")


def test_without_its_table_the_server_does_not_start(way: Way) -> None:
    server = serve(way, ready="there is no table inet egress; make it with its sets, or write create")
    assert server.wait() == 1


def test_a_set_of_the_wrong_kind_is_named(way: Way) -> None:
    way.ok(way.node, "nft", "-f", "-", given=FIREWALL.replace("ipv6_addr; flags timeout", "ipv6_addr; flags interval"))
    assert serve(way, ready="the set allowed6 of the table inet egress holds ranges").wait() == 1


def test_with_create_the_sets_are_made_and_rules_can_use_them(way: Way) -> None:
    serve(way, "create 10")
    assert "type ipv6_addr" in way.elements("allowed6")
    chain = FIREWALL.split("size 1000; }\n")[2]
    way.ok(way.node, "nft", "-f", "-", given="table inet egress {\n" + chain)
    assert not way.passes("192.0.2.1", 0.3)
    assert way.dig("who.test") == "192.0.2.1"
    assert way.passes("192.0.2.1")


def test_a_full_set_fails_the_query_where_that_is_wanted(way: Way) -> None:
    way.ok(way.node, "nft", "-f", "-", given=FIREWALL.replace("size 1000", "size 1"))
    serve(way, "on_error fail")
    assert way.dig("who.test") == "192.0.2.1"
    said = way.ok(way.pod, "dig", "+tries=1", "@10.0.1.1", "other.test")
    assert "status: SERVFAIL" in said
    assert "the firewall could not be told the addresses" in said
    assert way.passes("192.0.2.1")


def test_what_somebody_takes_out_of_the_set_is_in_again_with_the_next_answer(way: Way) -> None:
    way.ok(way.node, "nft", "-f", "-", given=FIREWALL)
    serve(way)
    for lost in (("flush", "set", "inet", "egress", "allowed4"), ("flush", "ruleset")):
        assert way.dig("who.test") == "192.0.2.1"
        assert way.passes("192.0.2.1")
        way.ok(way.node, "nft", *lost)
        if "ruleset" in lost:
            way.ok(way.node, "nft", "-f", "-", given=FIREWALL)
        assert not way.passes("192.0.2.1", 0.3)
    assert way.dig("who.test") == "192.0.2.1"
    assert way.passes("192.0.2.1")
