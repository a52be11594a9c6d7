"""Which rules apply to a question, and what they make of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.chain.query import Query
from resolver.plugins.rewrite.changes import change
from resolver.plugins.rewrite.names import full
from resolver.plugins.rewrite.program import Program
from resolver.plugins.rewrite.rules import NameRule, Rule, State
from resolver.wire.constants import CH, IN, TYPE_NUMBERS
from resolver.wire.edns import Edns, option
from resolver.wire.names import from_text, to_text
from tests.plugins.chains import question
from tests.plugins.rewrite.rewriting import Rewriting


async def _becomes(rules: str, name: str) -> str:
    rewriting = Rewriting(rules)
    await rewriting.ask(question(name))
    return to_text(rewriting.asked.qname)


async def test_the_first_rule_that_applies_is_the_last() -> None:
    rules = "name a.org b.org\n name a.org c.org\n name b.org d.org"
    assert await _becomes(rules, "a.org") == "b.org."


async def test_continue_goes_on_with_the_new_name() -> None:
    rules = "name c.org d.org\n continue name a.org b.org\n continue name suffix b.org c.org\n name c.org e.org"
    assert await _becomes(rules, "A.org") == "e.org."


async def test_a_rule_applies_once() -> None:
    assert await _becomes("continue name prefix a a.a\n continue name prefix a a.a", "a.org") == "a.a.a.org."


async def test_a_question_that_no_rule_is_about_is_passed_on_as_it_is() -> None:
    rewriting = Rewriting("name a.org b.org\n name regex nothing x")
    query = question("WWW.org")
    reply = await rewriting.ask(query)
    assert rewriting.asked is query
    assert reply.replay is not None


async def test_the_name_that_the_client_asked_for_is_remembered() -> None:
    rewriting = Rewriting("continue name a.org b.org\n name b.org c.org\n type A AAAA")
    await rewriting.ask(question("A.org"))
    assert (rewriting.asked.original, rewriting.asked.name) == (from_text("a.org"), from_text("c.org"))
    await rewriting.ask(question("x.org"))
    assert rewriting.asked.original is None


async def test_type_and_class_become_others() -> None:
    rewriting = Rewriting("continue type A MX\n continue type MX TXT\n class CH IN")
    query = Query(from_text("a.org"), TYPE_NUMBERS["A"], CH)
    reply = await rewriting.ask(query)
    assert (rewriting.asked.qtype, rewriting.asked.qclass, reply.question) == (TYPE_NUMBERS["TXT"], IN, query.question)
    await rewriting.ask(question("a.org", "AAAA"))
    assert (rewriting.asked.qtype, rewriting.asked.qclass) == (TYPE_NUMBERS["AAAA"], IN)


# --- many rules

_NAMES = st.lists(st.sampled_from(["a", "b", "ab", "a-b"]), min_size=1, max_size=3).map(
    lambda found: ".".join(found) + "."
)
_RULES = st.lists(
    st.tuples(st.sampled_from(["exact", "prefix", "suffix", "substring"]), _NAMES, _NAMES, st.booleans()), max_size=8
)


def _program(rules: list[tuple[str, str, str, bool]]) -> Program:
    made: list[Rule] = []
    for kind, old, new, stops in rules:
        made.append(NameRule(change(kind, full(old), full(new)), (), auto=False, stops=stops))
    return Program(made)


def _one_by_one(program: Program, state: State) -> None:
    for rule in program.rules:
        if rule.apply(state) and rule.stops:
            return


@given(_RULES, _NAMES)
def test_rules_that_are_looked_up_do_what_all_in_their_order_do(
    rules: list[tuple[str, str, str, bool]], name: str
) -> None:
    query, program = Query(from_text(name), 1), _program(rules)
    expected, found = State(query), State(query)
    _one_by_one(program, expected)
    program.run(found, program.about(query.name))
    assert found.subject.name == expected.subject.name


def test_thousands_of_rules_are_not_tried_one_by_one() -> None:
    rules = [(kind, f"n{n}.org", "x.org", True) for n in range(3_000) for kind in ("exact", "prefix", "suffix")]
    program = _program(rules)
    assert list(program.about(from_text("n17.org"))) == [51, 52, 53]
    assert list(program.about(from_text("www.n17.org"))) == [53]
    assert list(program.about(from_text("n17.org.net"))) == [52]
    assert not program.about(from_text("www.example.net"))


# --- EDNS

CODE = 0xFFEE


def _local(*payloads: bytes) -> bytes:
    return b"".join(option(CODE, payload) for payload in payloads)


async def _options(
    rule: str, before: bytes | None, change_query: Callable[[Query], None] = lambda query: None
) -> bytes | None:
    rewriting = Rewriting(rule)
    query = Query(
        from_text("WWW.a.org"), 28, edns=None if before is None else Edns(1232, True, 0, before),
        client=("192.0.2.77", 4711), local=("2001:db8::1", 53), transport="udp",
    )  # fmt: skip
    change_query(query)
    await rewriting.ask(query)
    edns = rewriting.asked.edns
    if edns is not None and before is not None:
        assert (edns.size, edns.do) == (1232, True)
    return None if edns is None else edns.options


@pytest.mark.parametrize(
    ("rule", "before", "expected"),
    [
        ("set 0xffee 0x6162", None, _local(b"ab")),
        ("set 0xffee ab", b"", _local(b"ab")),
        ("set 0xffee ab", _local(b"x", b"y"), _local(b"ab", b"y")),
        ("set 0xffee ab", option(8, b"zz"), option(8, b"zz") + _local(b"ab")),
        ("append 0xffee ab", _local(b"x"), _local(b"x", b"ab")),
        ("append 0xffee {qtype}", _local(b"x"), _local(b"x")),
        ("append 0xffee {qtype}", b"", _local(b"\0\x1c")),
        ("replace 0xffee ab", None, None),
        ("replace 0xffee ab", b"", b""),
        ("replace 0xffee ab", _local(b"x"), _local(b"ab")),
        ("unset 0xffee", None, None),
        ("unset 0xffee", _local(b"x") + option(8, b"zz") + _local(b"y"), option(8, b"zz")),
        ("set 0xffee {qname}", b"", _local(b"WWW.a.org.")),
        ("set 0xffee {client_ip}", b"", _local(bytes((192, 0, 2, 77)))),
        ("set 0xffee {client_port}", b"", _local((4711).to_bytes(2, "big"))),
        ("set 0xffee {server_ip}", b"", _local(bytes.fromhex("20010db8000000000000000000000001"))),
        ("set 0xffee {server_port}", b"", _local(b"\0\x35")),
        ("set 0xffee {protocol}", b"", _local(b"udp")),
        ("set 0xffee {a/b}", b"", b""),
    ],
)
async def test_local_options(rule: str, before: bytes | None, expected: bytes | None) -> None:
    assert await _options("edns0 local " + rule, before) == expected


async def test_options_of_more_than_a_message_are_refused() -> None:
    rewriting = Rewriting("edns0 local append 1 0x" + "00" * 4096)
    reply = await rewriting.ask(Query(from_text("a"), 1, edns=Edns(1232, options=option(2, bytes(65_000)))))
    assert reply.rcode == 2
    assert not rewriting.seen


async def test_metadata_and_where_the_client_sits() -> None:
    def tell(query: Query) -> None:
        query.metadata = {"a/b": "text"}
        query.client = ("::ffff:192.0.2.77", 1)
        query.transport = "tls"

    assert await _options("edns0 local set 0xffee {a/b}", b"", tell) == _local(b"text")
    assert await _options("edns0 local set 0xffee {client_ip}", b"", tell) == _local(bytes((192, 0, 2, 77)))
    assert await _options("edns0 local set 0xffee {protocol}", b"", tell) == _local(b"tcp")


@pytest.mark.parametrize(
    ("rule", "client", "before", "expected"),
    [
        ("set 24 56", "192.0.2.77", None, "00080007" + "00011800c00002"),
        ("set 20 56", "192.0.2.77", "00080004" + "00010000", "00080007" + "00011400c00000"),
        ("append 20 56", "192.0.2.77", "00080004" + "00010000", "00080004" + "00010000"),
        ("replace 20 56", "192.0.2.77", "", ""),
        ("set 24 50", "2001:db8:1:fff2::9%eth0", "", "0008000b" + "00023200" + "20010db80001c0"),
        ("set 0 0", "192.0.2.77", "", "00080004" + "00010000"),
        ("unset", "192.0.2.77", "00080004" + "00010000", ""),
        ("set 24 56", "a unix socket", "", ""),
    ],
)
async def test_subnets(rule: str, client: str, before: str | None, expected: str) -> None:
    def sit(query: Query) -> None:
        query.client = (client, 1)

    found = await _options("edns0 subnet " + rule, None if before is None else bytes.fromhex(before), sit)
    assert found is not None
    assert found.hex() == expected


@pytest.mark.parametrize(
    ("rule", "before", "expected"),
    [
        ("set", None, "00030000"),
        ("set", "00030001aa", "00030000"),
        ("append", "00030001aa", "00030001aa00030000"),
        ("replace", "", ""),
        ("unset", "00030001aa", ""),
    ],
)
async def test_nsid(rule: str, before: str | None, expected: str) -> None:
    found = await _options("edns0 nsid " + rule, None if before is None else bytes.fromhex(before))
    assert found is not None
    assert found.hex() == expected


@pytest.mark.parametrize(
    ("rules", "shown"),
    [
        ("edns0 local set 0xffee ab", _local(b"ab")),
        ("edns0 local set 0xffee ab revert", _local(b"x")),
        ("edns0 local append 0xffee ab revert", _local(b"x")),
        ("edns0 local unset 0xffee", b""),
        ("continue edns0 local set 0xffee ab\n edns0 local replace 0xffee cd revert", _local(b"ab")),
        ("continue edns0 local set 0xffee ab revert\n edns0 local replace 0xffee cd revert", _local(b"x")),
        ("edns0 subnet set 24 56", b""),
        ("edns0 nsid set", b""),
    ],
)
async def test_local_options_are_shown_unless_they_are_reverted(rules: str, shown: bytes) -> None:
    reply = await Rewriting(rules).ask(question("a.org", do=False).derive(edns=Edns(1232, options=_local(b"x"))))
    assert reply.options == shown


async def test_what_an_upstream_says_is_shown_and_nothing_else() -> None:
    rewriting = Rewriting("edns0 local set 0xffee ab")
    before = rewriting.answer

    def from_upstream(query: Query) -> object:
        reply = before(query)
        reply.upstream = "192.0.2.53:53"
        return reply

    rewriting.answer = from_upstream  # type: ignore[assignment]
    assert (await rewriting.ask(question("a.org", do=False))).options == b""


@pytest.mark.parametrize(
    ("rule", "replayed"),
    [
        ("edns0 local set 0xffee {qname}", True),
        ("edns0 local set 0xffee abcd", True),
        ("edns0 local replace 0xffee {client_ip}", True),
        ("edns0 local set 0xffee {client_ip}", False),
        ("edns0 local set 0xffee {protocol}", False),
        ("edns0 local set 0xffee {a/b}", False),
        ("edns0 subnet set 24 56", False),
        ("edns0 subnet unset", True),
        ("edns0 nsid set", True),
        ("name a.org b.org", True),
        ("name regex (.*)\\.org {1}.net", True),
    ],
)
async def test_what_looks_at_more_than_the_question_is_not_replayed(rule: str, replayed: bool) -> None:
    reply = await Rewriting(rule).ask(question("a.org", do=False))
    assert (reply.replay is not None) == replayed
