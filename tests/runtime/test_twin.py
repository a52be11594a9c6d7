"""Replay on and replay off give the same octets, count the same and log the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.wire.constants import AAAA, CH, HTTPS, IN, MX, NS, SRV, TXT, A
from resolver.wire.edns import option, write_opt
from resolver.wire.names import from_text
from tests.runtime.twins import Asked, Event, Step, play

KINDS = (
    "www", "pair", "many", "alias", "gone", "none", "broken", "failing", "slow", "crash", "zero", "short", "long",
    "refer", "service", "told",
)  # fmt: skip
NAMES = [f"{kind}.example.org" for kind in KINDS] + ["www.zone.test", "slow.zone.test", "host.test", "other.test", "."]
# Addresses of several owners change places with each other, so these are cut differently in each order.
ONE_SET = [name for name in NAMES if not name.startswith("service")]

HOSTS = "hosts {\n 192.0.2.7 host.test\n 192.0.2.8 host.test\n 2001:db8::8 host.test\n fallthrough\n}"
POLICY = """
policy {
    default deny nxdomain
    allow .example.org .test as known
    deny gone.example.org edge.example.org
    deny none.example.org type A action sinkhole 192.0.2.99
    audit www.example.org
    rebinding off
}"""
CHAINS = {
    "a cache": "cache 30",
    "caches at their smallest": "cache 5 {\n success 3 4\n denial 3 4\n}",
    "a cache that keeps TTLs": "cache 30 {\n keepttl\n servfail 3s\n}",
    "stale answers": "cache 20 {\n serve_stale 1h immediate\n}",
    "stale answers that are verified": "cache 20 {\n serve_stale 1h verify 1s\n}",
    "hosts": HOSTS,
    "hosts and a cache": f"cache 30\n{HOSTS}",
    "metrics": f"prometheus\ncache 30\n{HOSTS}",
    "a policy": f"prometheus\n{POLICY}\n{HOSTS}",
    "a policy above a cache": f"prometheus\ncache 30\n{POLICY}\n{HOSTS}",
    "a list for some clients": f"acl {{\n block type A net 192.0.2.64/26\n}}\ncache 30\n{HOSTS}",
    "a policy for some clients": f"policy {{\n default deny\n allow . net 192.0.2.0/26 as few\n}}\ncache 30\n{HOSTS}",
    "no IPv6 for some clients": "filter_aaaa {\n net 192.0.2.64/26\n}\ncache 30",
    "a policy that finds inside addresses": "cache 30\npolicy",
    "a log of errors": "prometheus\nlog . {\n class denial error\n}\ncache 30",
    "a log of everything": f"prometheus\nbufsize 1000\nlog . {{combined}}\ncache 30\n{HOSTS}",
    "no IPv6": f"filter_aaaa {{\n except zone.test\n hints\n}}\ncache 30\n{HOSTS}",
    "no IPv6 at once": "filter_aaaa {\n always\n}\ncache 30",
    "client subnets": "ecs strip\ncache 30",
    "client subnets that stay": "ecs keep\ncache 30",
    "a plugin that sees every query": f"errors\nprometheus\ncache 30\n{HOSTS}",
}
LIMITED = {
    "a rate that few keep to": f"ratelimit 2 {{\n burst 3\n slip 2\n}}\ncache 30\n{HOSTS}",
    "a rate that refuses": "ratelimit 1 {\n refuse\n except 192.0.2.66\n}\ncache 30",
    "a rate of answers": f"rrl {{\n responses-per-second 1\n slip-ratio 2\n}}\n{HOSTS}",
    "rates of answers and requests": f"rrl {{\n responses-per-second 2\n requests-per-second 3\n}}\n{HOSTS}",
    "reports of a rate": "ratelimit 2 {\n report_only\n}\ncache 30",
    "reports of a rate of answers": "rrl {\n responses-per-second 1\n requests-per-second 2\n report-only\n}\ncache 30",
    "client subnets that are added": "ecs add {\n public 8.8.8.8\n}\ncache 30",
}
BALANCED = {
    "rotation": f"loadbalance\n{HOSTS}",
    "rotation above a cache": f"prometheus\ncache 30\nloadbalance\n{HOSTS}",
    "preferred addresses": f"cache 30\nloadbalance round_robin {{\n prefer 192.0.2.8/32\n}}\n{HOSTS}",
}

OPTS = [
    b"",
    write_opt(0),
    write_opt(600),
    write_opt(1232, do=True),
    write_opt(4096, do=True, options=option(10, b"12345678")),
    write_opt(1232, options=option(65001, b"x")),
    write_opt(1232, options=option(8, b"\0\1\x18\0\xc0\0\2")),
    write_opt(1232, version=1),
    write_opt(1232, options=b"\0\3\0\7"),
    write_opt(512) * 2,
]

TYPES = (A, AAAA, TXT, MX, SRV, NS, HTTPS, 65280)


def packet(name: str, qtype: int, qclass: int, flags: int, opt: bytes, message_id: int, junk: bytes = b"") -> bytes:
    counts = b"\0\1\0\0\0\0\0" + (b"\2" if len(opt) == 22 else b"\1" if opt else b"\0")
    question = from_text(name) + qtype.to_bytes(2, "big") + qclass.to_bytes(2, "big")
    return message_id.to_bytes(2, "big") + flags.to_bytes(2, "big") + counts + question + opt + junk


@st.composite
def asked(draw: st.DrawFn, names: list[str]) -> Asked:
    """Mostly the plainest of queries, so that they repeat."""
    usual = draw(st.integers(0, 3)) > 0
    name = draw(st.sampled_from(names))
    return Asked(
        draw(st.sampled_from((0.0, 0.0, 0.3, 1.0, 2.7, 6.5, 31.0))),
        packet(
            name if usual else draw(st.sampled_from((name, name.upper(), name.title()))),
            (SRV if name.startswith("service") else A) if usual else draw(st.sampled_from(TYPES)),
            IN if usual else draw(st.sampled_from((IN, IN, CH, 255))),
            0x0100 if usual else draw(st.sampled_from((0x0100, 0, 0x0110, 0x0120, 0x2100, 0x8100))),
            draw(st.sampled_from(OPTS[:4])) if usual else draw(st.sampled_from(OPTS)),
            draw(st.integers(0, 65535)),
            b"" if usual else draw(st.sampled_from((b"", b"", b"junk"))),
        ),
        draw(st.sampled_from(("192.0.2.1", "192.0.2.66", "2001:db8::1"))),
        draw(st.sampled_from(("udp", "udp", "tcp"))),
    )


def steps(names: list[str]) -> st.SearchStrategy[list[Step]]:
    """A few names at a time, so that they repeat."""
    events = st.builds(Event, st.sampled_from(("change", "scrape", "renew")), st.sampled_from((0.0, 0.1, 0.3)))
    few = st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True)
    return few.flatmap(lambda chosen: st.lists(asked(chosen) | asked(chosen) | asked(chosen) | events, max_size=40))


@pytest.mark.parametrize("options", (CHAINS | LIMITED).values(), ids=(CHAINS | LIMITED).keys())
@given(story=steps(NAMES))
def test_replays_are_what_would_have_been_worked_out(options: str, story: list[Step]) -> None:
    play(options, story)


@pytest.mark.parametrize("options", BALANCED.values(), ids=BALANCED.keys())
@given(story=steps(ONE_SET))
def test_replays_of_rotated_answers_hold_the_same_records(options: str, story: list[Step]) -> None:
    play(options, story, any_order=True)


@pytest.mark.parametrize("options", (CHAINS | BALANCED).values(), ids=(CHAINS | BALANCED).keys())
def test_repeats_are_replayed_where_every_plugin_lets_them(options: str) -> None:
    name = "pair.example.org" if "cache" in options else "host.test"
    story = [Asked(0.1, packet(name, A, IN, 0x0100, b"", number)) for number in range(10)]
    _, replaying = play(options, story, any_order=True)
    seen_by_all = "errors" in options
    assert replaying.replayed == (0 if seen_by_all else 8)  # what repeats is known from its second time on


@pytest.mark.parametrize(
    ("options", "limited"), [("ratelimit 3", "ratelimit"), ("rrl {\n responses-per-second 3\n}", "rrl")]
)
def test_a_replay_is_counted_like_an_answer(options: str, limited: str) -> None:
    story: list[Step] = [Asked(0.0, packet("host.test", A, IN, 0x0100, b"", number)) for number in range(20)]
    plain, replaying = play(f"{options}\n{HOSTS}", story)
    counted = replaying.counted()
    name = "limited_total" if limited == "rrl" else "limited_requests_total"
    assert sum(counted[f"coredns_{limited}_{name}"].values()) == 17
    assert replaying.upstream.asked == plain.upstream.asked


def test_a_change_of_data_ends_what_it_answered() -> None:
    asks: list[Step] = [Asked(0.0, packet("www.zone.test", A, IN, 0x0100, b"", 1))] * 3
    _, replaying = play(HOSTS, [*asks, Event("change"), *asks])
    assert replaying.replayed == 1 + 2  # the second time around it is known to repeat


def test_an_answer_that_lost_additional_records_ages_as_it_is() -> None:
    ask = Asked(1.5, packet("service.example.org", SRV, IN, 0x0100, b"", 1))
    _, replaying = play("cache 30", [ask] * 5)
    assert replaying.replayed == 3


@pytest.mark.parametrize("what", ["change", "renew"])
def test_an_answer_under_way_when_something_changes_is_not_kept(what: str) -> None:
    ask = Asked(0.0, packet("slow.zone.test", A, IN, 0x0100, b"", 1))
    _, replaying = play(HOSTS, [Event(what, 0.2), ask, ask, ask, ask])
    assert replaying.replayed == 1
