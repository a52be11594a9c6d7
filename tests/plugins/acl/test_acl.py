"""acl: who may ask for what."""

from __future__ import annotations

import math

import pytest

from resolver.chain.capabilities import Sorting
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, failure
from resolver.errors import ConfigErrors
from resolver.wire.constants import REFUSED
from resolver.wire.edns import extended_error
from resolver.wire.names import from_text
from tests.plugins.chains import World, answering, question


def _passed(query: Query) -> Reply:
    reply = failure(query, "forward", 0)
    reply.replay = Replay(math.inf)
    return reply


async def _ask(
    lines: str, name: str = "www.example.org", qtype: str = "A", client: str = "192.0.2.1", was: str = "",
    world: World | None = None,
) -> Reply:  # fmt: skip
    part = (world or World()).part(f". {{\n {lines}\n}}\n")
    query = question(name, qtype, client=(client, 4711))
    query.original = from_text(was) if was else None
    reply: Reply = await part.resolve(query, answering(_passed))
    return reply


def _acl(*rules: str) -> str:
    return "acl {\n" + "\n".join(rules) + "\n}"


@pytest.mark.parametrize("client", ["192.0.2.9", "2001:db8::7", "::ffff:192.0.2.9"])
async def test_a_network_is_refused(client: str) -> None:
    reply = await _ask(_acl("block net 192.0.2.8/30 2001:db8::/32"), client=client)
    assert (reply.rcode, reply.source, reply.options) == (REFUSED, "acl", extended_error(15))


@pytest.mark.parametrize("client", ["192.0.2.12", "2001:db9::7", "fe80::1%eth0"])
async def test_who_no_rule_fits_is_allowed(client: str) -> None:
    assert (await _ask(_acl("block net 192.0.2.8/30 2001:db8::/32"), client=client)).source == "forward"


async def test_the_first_rule_that_fits_counts() -> None:
    rules = _acl("allow net 192.0.2.9", "block net 192.0.2.8/30")
    assert (await _ask(rules, client="192.0.2.9")).source == "forward"
    assert (await _ask(rules, client="192.0.2.10")).rcode == REFUSED


async def test_types_are_told_apart() -> None:
    rules = _acl("filter type ANY TXT")
    assert (await _ask(rules, qtype="TXT")).options == extended_error(17)
    assert (await _ask(rules, qtype="A")).source == "forward"


async def test_types_and_networks_of_a_rule_add_up() -> None:
    rules = _acl("block type A net 192.0.2.9 type TXT net 192.0.2.8")
    for client in ("192.0.2.8", "192.0.2.9"):
        assert (await _ask(rules, qtype="A", client=client)).rcode == REFUSED
        assert (await _ask(rules, qtype="TXT", client=client)).rcode == REFUSED
    assert (await _ask(rules, qtype="AAAA", client="192.0.2.9")).source == "forward"
    assert (await _ask(rules, qtype="A", client="192.0.2.7")).source == "forward"


async def test_what_is_dropped_gets_no_answer() -> None:
    assert (await _ask(_acl("drop net *"))).silent


async def test_only_names_in_its_zones_are_looked_at() -> None:
    lines = "acl example.org {\n block type TXT\n}\n acl example.net {\n block\n}"
    assert (await _ask(lines, "www.example.org", "TXT")).rcode == REFUSED
    assert (await _ask(lines, "www.example.org", "A")).source == "forward"
    assert (await _ask(lines, "www.example.net", "A")).rcode == REFUSED


async def test_a_list_that_does_not_decide_leaves_it_to_the_next() -> None:
    lines = "acl {\n allow type A\n}\n acl {\n block\n}"
    assert (await _ask(lines, qtype="A")).source == "forward"
    assert (await _ask(lines, qtype="TXT")).rcode == REFUSED


async def test_the_name_before_it_was_rewritten_has_to_pass_too() -> None:
    lines = "acl secret.example.org {\n block\n}"
    assert (await _ask(lines, "www.example.org", was="secret.example.org")).rcode == REFUSED
    assert (await _ask(lines, "secret.example.org", was="www.example.org")).rcode == REFUSED


async def test_clients_are_sorted_by_the_networks_that_decide_about_them() -> None:
    part = World().part(f". {{\n {_acl('block net 203.0.113.0/24')}\n}}\n")
    assert isinstance(part, Sorting)
    assert part.sorts
    assert part.group("203.0.113.1") == part.group("203.0.113.200") != part.group("198.51.100.1")


async def test_types_alone_sort_nobody() -> None:
    part = World().part(f". {{\n {_acl('block type ANY')}\n}}\n")
    assert isinstance(part, Sorting)
    assert not part.sorts


async def test_what_depends_on_the_type_alone_is_replayed_and_counted() -> None:
    world = World()
    reply = await _ask(_acl("block type ANY"), world=world)
    assert reply.replay is not None
    for count in reply.replay.counts:
        count(4)
    assert world.metric("coredns_acl_allowed_requests_total", "", "") == 5


@pytest.mark.parametrize(("action", "metric"), [("block", "blocked"), ("filter", "filtered"), ("drop", "dropped")])
async def test_refusals_are_counted_by_zone(action: str, metric: str) -> None:
    world = World()
    await _ask(f"acl example.org {{\n {action}\n}}", world=world)
    assert world.metric(f"coredns_acl_{metric}_requests_total", "", "example.org.", "") == 1


@pytest.mark.parametrize(
    "rule", ["deny", "block net", "block type", "block net 300.1.2.0/24", "block type NOSUCH", "block from 192.0.2.1",
             "block net type A", "block net 192.0.2.1 net", "block {\n}"]
)  # fmt: skip
def test_what_is_no_rule_is_refused(rule: str) -> None:
    with pytest.raises(ConfigErrors):
        World().build(f". {{\n {_acl(rule)}\n}}\n")
