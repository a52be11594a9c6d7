"""The zones of a directive: who answers for what, who is told of changes, and how long answers hold."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from resolver.chain.capabilities import Overlay
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, failure, from_records
from resolver.wire.constants import AA, NOERROR, NXDOMAIN, REFUSED, SERVFAIL, YXDOMAIN, A
from resolver.wire.names import from_text
from resolver.wire.records import record
from resolver.zone.data import Zone
from resolver.zone.serving import ZoneAnswers, ZoneSource
from tests.plugins.chains import World, nobody, question
from tests.zone.zones import shown, zone_of

TEXT = """
@ 3600 SOA ns host 1 7200 1800 1209600 300
@ 3600 NS ns
ns A 192.0.2.53
www A 192.0.2.1
*.wild A 192.0.2.2
a.ent A 192.0.2.3
out CNAME www.elsewhere.test.
*.wout CNAME www.elsewhere.test.
sub NS ns.sub
sub DS 4711 13 2 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
ns.sub A 192.0.2.4
tosub CNAME x.sub
loop CNAME loop
long DNAME {0}.{0}.{0}.{0}.
""".format("a" * 60)
NOBODY = 11


class Served:
    """A zone, and what the rest of the server says of other names."""

    def __init__(self, fallthrough: Sequence[str] = (), growing: Sequence[str] = ()) -> None:
        self.world = World(clock=lambda: 100.0)
        self.world.host.ask = self._elsewhere
        self.asked: list[Query] = []
        self.target: Reply | None = None
        names = [tuple(from_text(name) for name in zones) for zones in (fallthrough, growing)]
        self.answers = ZoneAnswers("file", self.world.host, *names)
        self.answers.put(zone_of(TEXT))

    def ask(self, name: str, qtype: str = "A") -> Reply:
        return self.resolve(question(name, qtype))

    def resolve(self, query: Query) -> Reply:
        return asyncio.run(_resolved(self.answers, query))

    async def _elsewhere(self, query: Query) -> Reply:
        self.asked.append(query)
        return self.target if self.target is not None else failure(query, "", REFUSED)


async def _resolved(answers: ZoneAnswers, query: Query) -> Reply:
    return await answers.resolve(query, nobody)


def elsewhere(rcode: int = NOERROR, *, source: str = "forward", replay: Replay | None = None) -> Reply:
    """What another part says about the target of an alias."""
    name = from_text("www.elsewhere.test.")
    query = Query(name, A)
    if rcode != NOERROR:
        return Reply(query.question, rcode, source=source)
    reply = from_records(query, source, [record(name, A, 60, b"\1\2\3\4")])
    reply.replay = replay
    return reply


def test_answers_are_authoritative_and_live() -> None:
    served = Served()
    reply = served.ask("www.example.org")
    assert (reply.rcode, reply.flags & AA) == (NOERROR, AA)
    assert shown(reply.sections.answer) == ["www.example.org. A"]
    assert reply.replay is not None
    assert reply.replay.live
    assert reply.replay.until == float("inf")


def test_the_leave_to_replay_ends_with_the_zone() -> None:
    served = Served()
    leave = served.ask("www.example.org").replay
    assert leave is not None
    served.world.withdrawn.clear()
    served.answers.put(zone_of(TEXT))
    assert set(leave.tags) <= set(served.world.withdrawn)


@pytest.mark.parametrize(
    ("name", "qtype", "rcode", "aa"),
    [
        ("nope.example.org", "A", NXDOMAIN, True),
        ("ent.example.org", "A", NOERROR, True),
        ("www.sub.example.org", "A", NOERROR, False),
        ("tosub.example.org", "A", NOERROR, True),
        ("loop.example.org", "A", NOERROR, True),
        (f"{'x' * 60}.long.example.org", "A", YXDOMAIN, True),
        ("example.org", "AXFR", REFUSED, False),
        ("www.example.org", "IXFR", REFUSED, False),
        ("www.example.net", "A", NOBODY, False),
        ("anexample.org", "A", NOBODY, False),
    ],
)
def test_the_code_and_aa_say_what_was_found(name: str, qtype: str, rcode: int, *, aa: bool) -> None:
    reply = Served().ask(name, qtype)
    assert (reply.rcode, bool(reply.flags & AA)) == (rcode, aa)


def test_the_longest_origin_answers() -> None:
    served = Served()
    served.answers.put(zone_of("@ 60 SOA ns host 1 2 3 4 5\nwww TXT x", "sub.example.org."))
    assert served.ask("www.sub.example.org", "TXT").flags & AA
    served.answers.drop(from_text("sub.example.org."))
    assert not served.ask("www.sub.example.org", "TXT").flags & AA


def test_the_ds_record_of_a_zone_is_asked_of_the_zone_above_where_both_are_here() -> None:
    served = Served()
    served.answers.put(zone_of("@ 60 SOA ns host 1 2 3 4 5", "sub.example.org."))
    assert shown(served.ask("sub.example.org", "DS").sections.answer) == ["sub.example.org. DS"]
    assert shown(served.ask("example.org", "DS").sections.authority) == ["example.org. SOA"]


def test_an_origin_without_data_fails_until_it_has_some() -> None:
    served = Served()
    served.answers.claim(from_text("example.net."))
    assert served.ask("www.example.net").rcode == SERVFAIL
    served.answers.put(zone_of("@ 60 SOA ns host 1 2 3 4 5\nwww A 192.0.2.1", "example.net."))
    assert served.ask("www.example.net").rcode == NOERROR


def test_a_zone_that_expires_fails_and_is_not_shown_to_others() -> None:
    served = Served()
    served.answers.claim(from_text("example.org."))
    assert served.ask("www.example.org").rcode == SERVFAIL
    assert dict(served.answers.zones()) == {}


def test_followers_are_told_of_every_change() -> None:
    served = Served()
    told: list[tuple[bytes, Zone | None, Zone | None]] = []
    stop = served.answers.follow_zones(lambda *change: told.append(change))
    origin = from_text("example.org.")
    before, after = served.answers.zones()[origin], zone_of(TEXT)
    served.answers.put(after)
    served.answers.drop(origin)
    stop()
    stop()
    served.answers.put(after)
    assert told == [(origin, before, after), (origin, after, None)]


def test_the_wildcard_is_told_to_metadata() -> None:
    served = Served()
    query = question("x.wild.example.org")
    query.metadata = {}
    served.resolve(query)
    assert query.metadata == {"zone/wildcard": "*.wild.example.org."}


def test_it_is_a_source_of_zones_and_an_overlay() -> None:
    answers = Served().answers
    assert isinstance(answers, ZoneSource)
    assert isinstance(answers, Overlay)


# --- names that are not there


def test_missing_names_fall_through_where_that_is_wanted() -> None:
    served = Served(fallthrough=["sub2.example.org.", "ent.example.org."])
    assert served.ask("x.sub2.example.org").rcode == NOBODY
    assert served.ask("ent.example.org").rcode == NOBODY
    assert served.ask("a.ent.example.org", "TXT").rcode == NOERROR
    assert served.ask("nope.example.org").rcode == NXDOMAIN


def test_an_answer_from_behind_ends_when_the_zone_changes() -> None:
    served = Served(fallthrough=["."])

    async def behind(query: Query) -> Reply:
        reply = from_records(query, "behind")
        reply.replay = Replay(1000.0)
        return reply

    reply = asyncio.run(_through(served.answers, question("nope.example.org"), behind))
    assert reply.replay is not None
    served.world.withdrawn.clear()
    served.answers.put(zone_of(TEXT))
    assert set(reply.replay.tags) & set(served.world.withdrawn)


def test_an_answer_from_behind_ends_when_a_zone_appears() -> None:
    served = Served(growing=["."])

    async def behind(query: Query) -> Reply:
        reply = from_records(query, "behind")
        reply.replay = Replay(1000.0)
        return reply

    reply = asyncio.run(_through(served.answers, question("www.example.net"), behind))
    assert reply.replay is not None
    served.world.withdrawn.clear()
    served.answers.put(zone_of("@ 60 SOA ns host 1 2 3 4 5", "example.net."))
    assert set(reply.replay.tags) & set(served.world.withdrawn)


async def _through(answers: ZoneAnswers, query: Query, next: object) -> Reply:
    return await answers.resolve(query, next)  # type: ignore[arg-type]


def test_parts_in_front_know_what_is_answered_here() -> None:
    served = Served(fallthrough=["."], growing=["example.net."])
    claims, tags = served.answers.claims, served.answers.overlay_tags
    assert claims(from_text("www.example.org."))
    assert not claims(from_text("nope.example.org."))
    assert not claims(from_text("www.example.net."))
    assert tags(from_text("nope.example.org."))
    assert tags(from_text("www.example.net."))
    assert not Served().answers.overlay_tags(from_text("www.example.net."))


# --- aliases that lead out of the zone


def test_the_target_is_asked_of_the_server_one_deeper() -> None:
    served = Served()
    served.target = elsewhere()
    reply = served.resolve(question("out.example.org", do=True))
    assert [query.depth for query in served.asked] == [1]
    assert shown(reply.sections.answer) == ["out.example.org. CNAME", "www.elsewhere.test. A"]
    assert shown(reply.sections.authority) == ["example.org. NS"]
    assert (reply.rcode, reply.flags & AA) == (NOERROR, AA)


def test_an_alias_whose_target_nobody_serves_stands_alone() -> None:
    reply = Served().ask("out.example.org")
    assert (reply.rcode, shown(reply.sections.answer)) == (NOERROR, ["out.example.org. CNAME"])


@pytest.mark.parametrize("rcode", [SERVFAIL, REFUSED])
def test_an_alias_whose_target_fails_is_told_with_the_failure(rcode: int) -> None:
    served = Served()
    served.target = elsewhere(rcode)
    reply = served.ask("out.example.org")
    assert (reply.rcode, shown(reply.sections.answer)) == (rcode, ["out.example.org. CNAME"])


def test_an_alias_whose_target_is_not_there_has_its_code() -> None:
    served = Served()
    served.target = elsewhere(NXDOMAIN)
    reply = served.ask("out.example.org")
    assert (reply.rcode, shown(reply.sections.answer)) == (NXDOMAIN, ["out.example.org. CNAME"])


def test_the_target_of_a_forwarder_is_replayed_no_longer_than_it_may() -> None:
    served = Served()
    served.target = elsewhere(replay=Replay(130.0, base=90.0, tags=("forward",)))
    leave = served.ask("out.example.org").replay
    assert leave is not None
    assert (leave.until, leave.base) == (130.0, 90.0)
    assert "forward" in leave.tags


def test_nobody_is_asked_for_the_alias_itself() -> None:
    served = Served()
    assert shown(served.ask("out.example.org", "CNAME").sections.answer) == ["out.example.org. CNAME"]
    assert served.asked == []


# --- answers that are kept as they leave


def test_an_answer_is_the_same_the_second_time_in_any_spelling_and_behind_any_question() -> None:
    served = Served()
    first, again = served.ask("www.example.org"), served.ask("WWW.Example.ORG")
    assert again.body == first.body
    assert shown(again.sections.answer) == ["WWW.Example.ORG. A"]
    assert served.ask("www.example.org", "TXT").body != first.body
    assert served.resolve(question("www.example.org", do=True)).body == first.body


def test_a_changed_zone_has_other_answers() -> None:
    served = Served()
    before = served.ask("www.example.org").body
    served.answers.put(zone_of(TEXT.replace("192.0.2.1\n", "192.0.2.99\n")))
    assert served.ask("www.example.org").body != before


def test_what_is_kept_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.zone.serving.MAX_KEPT", 3000)
    served = Served()
    names = ["www", "ns", "ent", "a.ent", "sub", "ns.sub", "example", "wild"]
    for name in names * 3:
        assert served.ask(f"{name}.example.org").body == Served().ask(f"{name}.example.org").body
    (kept,) = [one.kept for one in served.answers._claimed.values() if one is not None]
    assert 0 < len(kept) < 6
