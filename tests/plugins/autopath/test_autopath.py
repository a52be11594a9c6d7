"""autopath: one question stands for a walk along the search path."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from resolver.chain.plugin import Part
from resolver.chain.query import Query, Site
from resolver.chain.reply import Replay, Reply, failure, from_records, silence
from resolver.chain.setup import Block
from resolver.config.load import load_text
from resolver.errors import ConfigError, ConfigErrors
from resolver.plugins.autopath import Autopath
from resolver.plugins.autopath.settings import parse
from resolver.wire.constants import AD, CNAME, MAX_NAME, NOERROR, NXDOMAIN, REFUSED, SERVFAIL, SOA, A
from resolver.wire.edns import extended_error
from resolver.wire.names import ROOT, from_text, to_text
from resolver.wire.records import encode, record
from tests.plugins.chains import World, question

DENIAL = record(from_text("test"), SOA, 30, from_text("ns.test") + from_text("host.test") + bytes(19) + b"\x1e")
ADDRESS = bytes((192, 0, 2, 1))
POD = ("10.0.0.1", 40000)
STRANGER = ("10.0.0.9", 40000)
SITE = Site("dns://:53", ".")


class Below:
    """What answers behind autopath: addresses of the given names, and NXDOMAIN for all others."""

    def __init__(self, *names: str, leave: Replay | None = None) -> None:
        self.names = frozenset(names)
        self.leave = leave
        self.replies: dict[str, Reply] = {}
        self.asked: list[str] = []

    async def __call__(self, query: Query) -> Reply:
        name = to_text(query.name).removesuffix(".")
        self.asked.append(name)
        reply = self.replies.get(name) or self._reply(query, known=name in self.names)
        reply.replay = self.leave
        return reply

    def _reply(self, query: Query, *, known: bool) -> Reply:
        if known and query.qtype == A:
            return from_records(query, "below", [record(query.qname, A, 60, ADDRESS)])
        return from_records(query, "below", authority=[DENIAL], rcode=NOERROR if known else NXDOMAIN)


class Pods(Part):
    """A directive that knows the search path of one client."""

    name = "kubernetes"
    path = ("shop.svc.cluster.local", "svc.cluster.local", "cluster.local", "node.test")

    def search_path(self, query: Query) -> Sequence[bytes] | None:
        return [from_text(name) for name in self.path] if query.client == POD else None


class PodsOfZone(Pods):
    """The same, which also tells what its zones are."""

    zones = (from_text("cluster.local"),)
    ttl, index, synced = 5, None, True

    def endpoint_label(self, endpoint: object) -> bytes:
        return b""


class Nothing(Part):
    """A directive that knows nobody's search path."""

    name = "kubernetes"


async def with_file(root: Path, text: str = "search one.test two.test", zones: str = "") -> Autopath:
    (root / "search.conf").write_text(text + "\n")
    part: Autopath = World().part(f". {{\n autopath {zones} search.conf\n}}\n", root)
    await part.start()
    return part


async def with_pods(pods: Part, world: World | None = None, mode: str = "verified") -> Autopath:
    world = world or World()
    text = f". {{\n autopath @kubernetes\n kubernetes cluster.local {{\n  pods {mode}\n }}\n}}\n"
    source = load_text(text, environ={}).blocks[0]
    block = Block((ROOT,), directives=source.directives, parts=[pods])
    part = Autopath(parse(source.directives[0], block), block, world.host)
    await part.start()
    return part


def lines(reply: Reply) -> list[str]:
    return [
        f"{to_text(owner)} {ttl} " + (f"CNAME {to_text(rdata)}" if kind == CNAME else "A")
        for owner, kind, _, ttl, rdata in reply.sections.answer
    ]


# --- the walk


async def test_the_first_name_that_exists_is_the_answer_behind_an_alias(tmp_path: Path) -> None:
    below = Below("www.two.test", "www")
    reply = await (await with_file(tmp_path)).resolve(question("WwW.One.test"), below)
    assert (reply.rcode, reply.question) == (NOERROR, question("WwW.One.test").question)
    assert lines(reply) == ["WwW.One.test. 60 CNAME WwW.two.test.", "WwW.two.test. 60 A"]
    assert below.asked == ["www.one.test", "www.two.test"]


async def test_the_name_without_any_suffix_is_tried_last(tmp_path: Path) -> None:
    below = Below("api.example.org")
    reply = await (await with_file(tmp_path)).resolve(question("api.example.org.one.test"), below)
    assert lines(reply)[0] == "api.example.org.one.test. 60 CNAME api.example.org."
    assert below.asked == ["api.example.org.one.test", "api.example.org.two.test", "api.example.org"]


async def test_a_name_that_exists_as_asked_is_passed_through(tmp_path: Path) -> None:
    below = Below("www.one.test", leave=Replay(math.inf))
    reply = await (await with_file(tmp_path)).resolve(question("www.one.test"), below)
    assert lines(reply) == ["www.one.test. 60 A"]
    assert reply.replay is not None


async def test_where_no_name_exists_the_first_denial_is_the_answer(tmp_path: Path) -> None:
    query = question("none.one.test")
    reply = await (await with_file(tmp_path)).resolve(query, Below())
    assert (reply.rcode, reply.question, lines(reply)) == (NXDOMAIN, query.question, [])
    assert reply.sections.authority == [DENIAL]


async def test_a_name_without_records_of_the_type_ends_the_walk_without_an_alias(tmp_path: Path) -> None:
    below = Below("www.two.test", "www")
    reply = await (await with_file(tmp_path)).resolve(question("www.one.test", "AAAA"), below)
    assert (reply.rcode, lines(reply), reply.sections.authority) == (NOERROR, [], [DENIAL])
    assert below.asked == ["www.one.test", "www.two.test"]


@pytest.mark.parametrize("name", ["www.two.test", "one.test", "phone.test", "example.org"])
async def test_names_that_are_not_below_the_first_element_only_pass(name: str, tmp_path: Path) -> None:
    below = Below(leave=Replay(math.inf))
    reply = await (await with_file(tmp_path)).resolve(question(name), below)
    assert (below.asked, reply.rcode) == ([name], NXDOMAIN)
    assert reply.replay is not None


async def test_names_outside_of_the_zones_only_pass(tmp_path: Path) -> None:
    below = Below("www.two.test")
    part = await with_file(tmp_path, zones="sub.one.test")
    await part.resolve(question("www.one.test"), below)
    assert below.asked == ["www.one.test"]
    await part.resolve(question("www.sub.one.test"), below)
    assert below.asked[1:] == ["www.sub.one.test", "www.sub.two.test", "www.sub"]


async def test_the_walk_ends_with_a_failure(tmp_path: Path) -> None:
    below = Below("www")
    query = question("www.one.test")
    below.replies["www.two.test"] = failure(query, "", SERVFAIL, ede=22, text="no upstream", error="no upstream")
    reply = await (await with_file(tmp_path)).resolve(query, below)
    assert (reply.rcode, reply.options, reply.error) == (SERVFAIL, extended_error(22, "no upstream"), "no upstream")
    assert (reply.question, below.asked) == (query.question, ["www.one.test", "www.two.test"])


async def test_a_refusal_by_policy_ends_the_walk(tmp_path: Path) -> None:
    below = Below("www")
    query = question("www.one.test")
    below.replies["www.two.test"] = failure(query.derive(qname=from_text("www.two.test")), "acl", REFUSED)
    reply = await (await with_file(tmp_path)).resolve(query, below)
    assert (reply.rcode, reply.question) == (REFUSED, query.question)


async def test_a_directive_that_had_nothing_to_say_does_not_end_the_walk(tmp_path: Path) -> None:
    below = Below("www")
    query = question("www.one.test")
    below.replies["www.one.test"] = below.replies["www.two.test"] = failure(query, "")
    assert lines(await (await with_file(tmp_path)).resolve(query, below)) == [
        "www.one.test. 60 CNAME www.",
        "www. 60 A",
    ]


async def test_what_nobody_knows_anything_of_is_answered_like_the_first_name(tmp_path: Path) -> None:
    below = Below()
    query = question("www.one.test")
    below.replies["www.one.test"] = failure(query, "")
    assert (await (await with_file(tmp_path)).resolve(query, below)).rcode == SERVFAIL


async def test_names_that_would_be_too_long_are_left_out(tmp_path: Path) -> None:
    label = "a" * 63
    part = await with_file(tmp_path, "search t " + ".".join([label] * 2))
    front = f"{label}.{label}.{'b' * 50}"
    below = Below()
    await part.resolve(question(f"{front}.t"), below)
    assert below.asked == [f"{front}.t", front]
    assert len(from_text(front)) + len(from_text(".".join([label] * 2))) > MAX_NAME


async def test_each_name_is_tried_once(tmp_path: Path) -> None:
    below = Below()
    await (await with_file(tmp_path, "search one.test two.test one.test two.test .")).resolve(
        question("www.one.test"), below
    )
    assert below.asked == ["www.one.test", "www.two.test", "www"]


async def test_an_alias_of_the_found_name_stays_behind_ours(tmp_path: Path) -> None:
    below = Below()
    query = question("www.one.test")
    found = query.derive(qname=from_text("www.two.test"))
    target = from_text("target.test")
    answer = [record(found.qname, CNAME, 20, target), record(target, A, 60, ADDRESS)]
    below.replies["www.two.test"] = from_records(found, "below", answer)
    assert lines(await (await with_file(tmp_path)).resolve(query, below)) == [
        "www.one.test. 20 CNAME www.two.test.", "www.two.test. 20 CNAME target.test.", "target.test. 60 A",
    ]  # fmt: skip


async def test_an_answer_behind_an_alias_is_not_called_authentic(tmp_path: Path) -> None:
    below = Below()
    query = question("www.one.test")
    below.replies["www.two.test"] = found = from_records(query.derive(qname=from_text("www.two.test")), "below")
    found.flags |= AD
    assert not (await (await with_file(tmp_path)).resolve(query, below)).flags & AD


async def test_an_answer_that_cannot_be_read_is_a_failure(tmp_path: Path) -> None:
    below = Below()
    query = question("www.one.test")
    name = from_text("www.two.test")
    body = encode(name, [record(name, A, 60, ADDRESS)])._replace(data=b"\xc0\xff" + bytes(20))
    below.replies["www.two.test"] = Reply(query.derive(qname=name).question, source="forward", octets=body)
    reply = await (await with_file(tmp_path)).resolve(query, below)
    assert reply.rcode == SERVFAIL
    assert "cannot be read" in reply.error


async def test_a_client_that_is_not_to_be_answered_for_a_name_is_not_answered(tmp_path: Path) -> None:
    below = Below()
    query = question("www.one.test")
    below.replies["www.two.test"] = silence(query.derive(qname=from_text("www.two.test")), "acl")
    assert (await (await with_file(tmp_path)).resolve(query, below)).silent


async def test_a_walk_that_takes_too_long_ends_in_a_failure(tmp_path: Path) -> None:
    now = [0.0]
    below = Below("www")
    (tmp_path / "search.conf").write_text("search one.test two.test\n")
    part: Autopath = World(clock=lambda: now[0]).part(". {\n autopath search.conf\n}\n", tmp_path)
    await part.start()

    async def slow(query: Query) -> Reply:
        now[0] += 3.0
        return await below(query)

    reply = await part.resolve(question("www.one.test"), slow)
    assert (reply.rcode, below.asked) == (SERVFAIL, ["www.one.test", "www.two.test"])
    assert "too long" in reply.error


# --- replaying


async def test_an_answer_is_replayed_while_all_that_led_to_it_holds(tmp_path: Path) -> None:
    part = await with_file(tmp_path)
    reply = await part.resolve(question("www.one.test"), Below("www", leave=Replay(100.0, tags=("data",))))
    leave = reply.replay
    assert leave is not None
    assert (leave.until, leave.tags) == (100.0, ("data",))


async def test_an_answer_is_not_replayed_where_something_that_led_to_it_must_not_be(tmp_path: Path) -> None:
    below = Below("www", leave=Replay(100.0))
    query = question("www.one.test")
    below.replies["www.two.test"] = from_records(query, "below", rcode=NXDOMAIN)

    async def once(asked: Query) -> Reply:
        reply = await below(asked)
        return reply.withheld() if asked.name == from_text("www.two.test") else reply

    reply = await (await with_file(tmp_path)).resolve(query, once)
    assert reply.rcode == NOERROR
    assert reply.replay is None


async def test_a_completed_answer_of_one_client_is_not_replayed_for_another() -> None:
    part = await with_pods(PodsOfZone())
    below = Below("api.example.org", leave=Replay(math.inf))
    query = question("api.example.org.shop.svc.cluster.local", client=POD)
    assert (await part.resolve(query, below)).replay is None


@pytest.mark.parametrize("client", [POD, STRANGER])
@pytest.mark.parametrize("name", ["no.shop.svc.cluster.local", "no.other.svc.cluster.local"])
async def test_a_denial_is_not_replayed_where_another_client_may_get_an_answer(
    name: str, client: tuple[str, int]
) -> None:
    part = await with_pods(PodsOfZone())
    reply = await part.resolve(question(name, client=client), Below(leave=Replay(math.inf)))
    assert (reply.rcode, reply.replay) == (NXDOMAIN, None)


@pytest.mark.parametrize("client", [POD, STRANGER])
async def test_a_name_that_exists_is_the_same_for_all_clients_and_replayed(client: tuple[str, int]) -> None:
    part = await with_pods(PodsOfZone())
    query = question("web.shop.svc.cluster.local", client=client)
    reply = await part.resolve(query, Below("web.shop.svc.cluster.local", leave=Replay(math.inf)))
    assert reply.replay is not None


async def test_outside_of_the_zones_of_the_directive_that_knows_the_clients_everything_is_replayed() -> None:
    leave = Replay(math.inf)
    reply = await (await with_pods(PodsOfZone())).resolve(question("example.org", client=POD), Below(leave=leave))
    assert reply.replay is leave
    reply = await (await with_pods(Pods())).resolve(question("example.org", client=POD), Below(leave=leave))
    assert reply.replay is None  # its zones are not known


# --- who knows the search path


async def test_the_path_of_the_client_is_walked() -> None:
    part = await with_pods(PodsOfZone())
    below = Below("api.example.org")
    query = question("api.example.org.shop.svc.cluster.local", client=POD)
    reply = await part.resolve(query, below)
    assert lines(reply)[0] == "api.example.org.shop.svc.cluster.local. 60 CNAME api.example.org."
    assert below.asked == [
        "api.example.org.shop.svc.cluster.local", "api.example.org.svc.cluster.local", "api.example.org.cluster.local",
        "api.example.org.node.test", "api.example.org",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "client"),
    [("www.example.org.shop.svc.cluster.local", STRANGER), ("www.example.org.other.svc.cluster.local", POD)],
)
async def test_nothing_is_completed_for_a_stranger_or_another_namespace(name: str, client: tuple[str, int]) -> None:
    below = Below("www.example.org")
    reply = await (await with_pods(PodsOfZone())).resolve(question(name, client=client), below)
    assert (reply.rcode, below.asked) == (NXDOMAIN, [name])


@pytest.mark.parametrize(("mode", "warned"), [("verified", False), ("insecure", True)])
async def test_a_cluster_that_knows_no_pods_is_worth_a_warning(mode: str, warned: bool) -> None:
    world = World()
    await with_pods(PodsOfZone(), world, mode)
    assert any("with pods verified only" in line for line in world.lines) is warned


async def test_a_directive_that_knows_no_search_path_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match="kubernetes knows no search path"):
        await with_pods(Nothing())


async def test_erratic_knows_a_search_path_to_try_this_with() -> None:
    block = World().build(". {\n autopath @erratic\n erratic {\n  drop 0\n }\n}\n")
    part = next(part for part in block.parts if isinstance(part, Autopath))
    await part.start()
    reply = await part.resolve(question("www.a.example.org"), Below("www.b.example.org"))
    assert lines(reply)[0] == "www.a.example.org. 60 CNAME www.b.example.org."


def test_a_directive_that_is_not_in_the_block_is_a_mistake() -> None:
    with pytest.raises(ConfigErrors, match="no directive kubernetes in this server block"):
        World().build(". {\n autopath @kubernetes\n forward . 127.0.0.1\n}\n")


@pytest.mark.parametrize(
    "line", ["autopath", "autopath {\n}", "autopath not..a..zone search.conf", 'autopath ""', "autopath @"]
)
def test_lines_that_make_no_sense_are_refused(line: str) -> None:
    with pytest.raises(ConfigErrors):
        World().build(f". {{\n {line}\n}}\n")


def test_a_second_line_is_refused() -> None:
    with pytest.raises(ConfigErrors, match="only once"):
        World().build(". {\n autopath a\n autopath b\n}\n")


async def test_a_missing_file_stops_the_start(tmp_path: Path) -> None:
    part: Autopath = World().part(". {\n autopath missing.conf\n}\n", tmp_path)
    with pytest.raises(ConfigError, match=r"cannot read .*missing\.conf"):
        await part.start()


@pytest.mark.parametrize(
    ("text", "said"), [("search a..b", "empty label"), ("search " + "x.test " * 33, "more than 32 elements")]
)
async def test_a_search_path_that_cannot_be_walked_stops_the_start(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=said):
        await with_file(tmp_path, text)


async def test_a_file_without_a_search_path_is_worth_a_warning(tmp_path: Path) -> None:
    world = World()
    (tmp_path / "search.conf").write_text("nameserver 127.0.0.1\n")
    part: Autopath = world.part(". {\n autopath search.conf\n}\n", tmp_path)
    await part.start()
    assert any("names no search path" in line for line in world.lines)
    assert (await part.resolve(question("www.one.test"), Below("www"))).rcode == NXDOMAIN


async def test_the_last_search_or_domain_line_counts(tmp_path: Path) -> None:
    part = await with_file(tmp_path, "search a.test b.test\n# search c.test\ndomain One.Test.")
    assert part.search == (from_text("one.test"),)


# --- metrics


async def test_answers_are_counted_and_denials_are_not(tmp_path: Path) -> None:
    world = World()
    (tmp_path / "search.conf").write_text("search one.test two.test\n")
    part: Autopath = world.part(". {\n autopath search.conf\n}\n", tmp_path)
    await part.start()
    below = Below("www.two.test", "is.one.test", leave=Replay(math.inf))
    for name in ("www.one.test", "is.one.test", "none.one.test", "elsewhere.test"):
        await part.resolve(question(name, site=SITE), below)
    assert world.metric("coredns_autopath_success_total", "dns://:53") == 2


async def test_replayed_answers_are_counted(tmp_path: Path) -> None:
    world = World()
    (tmp_path / "search.conf").write_text("search one.test two.test\n")
    part: Autopath = world.part(". {\n autopath search.conf\n}\n", tmp_path)
    await part.start()
    reply = await part.resolve(question("www.one.test", site=SITE), Below("www", leave=Replay(math.inf)))
    assert reply.replay is not None
    for count in reply.replay.counts:
        count(10)
    assert world.metric("coredns_autopath_success_total", "dns://:53") == 11
