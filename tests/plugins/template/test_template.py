"""template answers what it is asked to, passes on the rest, and says what went wrong."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace

import pytest

from resolver.chain.query import Query, Site
from resolver.chain.reply import Replay, Reply, failure, from_records
from resolver.errors import ConfigErrors
from resolver.plugins.template.handler import Templates
from resolver.wire.constants import AA, ANY, CH, REFUSED, SERVFAIL, TC
from resolver.wire.names import from_text, to_text
from resolver.wire.records import Record
from tests.plugins.chains import World, nobody, question

SITE = Site("dns://:53", ".")


def made(body: str, world: World | None = None) -> Templates:
    part = (world or World()).part(f". {{\n{body}\n}}\n")
    assert isinstance(part, Templates)
    return part


def ask(templates: Templates, query: Query) -> Reply:
    query.site = SITE
    return asyncio.run(templates.resolve(query, nobody))


def texts(reply: Reply) -> list[str]:
    return [record.rdata[1:].decode() for record in reply.sections.answer]


def test_a_template_answers_for_its_zone_and_type_alone() -> None:
    templates = made('template IN A example.org {\n answer "{{ .Name }} 60 IN A 192.0.2.1"\n}')
    reply = ask(templates, question("WWW.example.org"))
    assert reply.sections.answer == [Record(from_text("www.example.org"), 1, 1, 60, bytes([192, 0, 2, 1]))]
    assert reply.flags == AA
    assert ask(templates, question("www.example.org", "AAAA")).source == "nobody"
    assert ask(templates, question("www.example.net")).source == "nobody"


def test_a_query_for_any_type_is_taken_by_every_template() -> None:
    templates = made('template IN TXT {\n answer "{{ .Name }} TXT {{ .Type }}"\n}')
    assert texts(ask(templates, Query(from_text("a.test"), ANY))) == ["TXT"]


def test_another_class_goes_on_unless_the_template_is_for_any() -> None:
    chaos = Query(from_text("a.test"), 16, CH)
    assert ask(made("template IN ANY {\n rcode NXDOMAIN\n}"), chaos).source == "nobody"
    assert ask(made("template ANY ANY {\n rcode NXDOMAIN\n}"), chaos).rcode == 3


def test_the_first_pattern_that_fits_gives_the_groups() -> None:
    templates = made(
        "template IN TXT {\n match ^x(?P<n>\\d) ^y(?P<n>\\d)\n"
        ' answer "{{ .Name }} TXT {{ .Group.n }}-{{ len .Regex }}"\n}'
    )
    assert texts(ask(templates, question("y7.test", "TXT"))) == ["7-11"]


def test_the_longest_zone_is_the_zone() -> None:
    templates = made('template IN TXT test a.test {\n answer "{{ .Name }} TXT {{ .Zone }}"\n}')
    assert texts(ask(templates, question("x.a.test", "TXT"))) == ["a.test."]
    assert texts(ask(templates, question("x.b.test", "TXT"))) == ["test."]


def test_names_that_do_not_fit_fail_unless_they_fall_through() -> None:
    rule = "template IN A {{\n match ^good\n rcode NXDOMAIN\n {}\n}}"
    assert ask(made(rule.format("")), question("bad.test")).rcode == SERVFAIL
    assert ask(made(rule.format("fallthrough")), question("bad.test")).source == "nobody"
    assert ask(made(rule.format("fallthrough test")), question("bad.test")).source == "nobody"
    assert ask(made(rule.format("fallthrough other")), question("bad.test")).rcode == SERVFAIL


def test_templates_are_tried_in_the_order_of_the_file() -> None:
    templates = made(
        'template IN TXT {\n match ^a\n answer "{{ .Name }} TXT one"\n fallthrough\n}\n'
        'template IN TXT {\n answer "{{ .Name }} TXT two"\n}'
    )
    assert texts(ask(templates, question("a.test", "TXT"))) == ["one"]
    assert texts(ask(templates, question("b.test", "TXT"))) == ["two"]


def test_all_sections_and_an_extended_error_are_filled() -> None:
    templates = made(
        'template IN MX {\n answer "{{ .Name }} MX 10 mx.{{ .Name }}"\n authority "test. NS ns.test."\n'
        ' additional "mx.{{ .Name }} A 192.0.2.1" "ns.test A 192.0.2.2"\n ederror 15 "by policy"\n rcode REFUSED\n}'
    )
    reply = ask(templates, question("a.test", "MX"))
    assert [len(section) for section in reply.sections] == [1, 1, 2]
    assert reply.rcode == REFUSED
    assert reply.options == b"\0\x0f\0\x0b\0\x0fby policy"


def test_servfail_leaves_the_records_away() -> None:
    reply = ask(made('template IN A {\n rcode SERVFAIL\n answer "{{ .Name }} A 192.0.2.1"\n}'), question("a.test"))
    assert (reply.rcode, reply.flags, reply.sections.answer) == (SERVFAIL, 0, [])


# --- variables and conditions

PRIVATE = """template IN A lan.test {
 match ^(?P<ip>[0-9]+(-[0-9]+){3})[.](lan)[.]test[.]$
 var ip replace(group('ip'), '-', '.')
 expr "any(['10.0.0.0/8', '192.168.0.0/16'], incidr(ip, #))"
 answer "{{ .Name }} A {{ .Var.ip }}"
 fallthrough
}"""


def test_variables_and_conditions_decide_with_the_groups_of_the_pattern() -> None:
    templates = made(PRIVATE)
    reply = ask(templates, question("10-1-2-3.lan.test"))
    assert [record.rdata for record in reply.sections.answer] == [bytes([10, 1, 2, 3])]
    assert reply.replay is not None
    assert ask(templates, question("8-8-8-8.lan.test")).source == "nobody"
    assert ask(templates, question("lan.test")).source == "nobody"


def test_an_expression_that_fails_for_a_query_is_answered_with_servfail() -> None:
    reply = ask(made(PRIVATE), question("300-1-2-3.lan.test"))
    assert reply.rcode == SERVFAIL
    assert "'300.1.2.3' is not an IP address" in reply.error


def test_variables_may_build_on_each_other_and_groups_have_numbers() -> None:
    templates = made(
        "template IN TXT {\n match ^([a-z]+)-\n var a upper(group(1))\n var b a + string(len(a))\n"
        " expr b != '' and group(9) == ''\n"
        ' answer "{{ .Name }} TXT {{ .Var.b }}"\n}'
    )
    assert texts(ask(templates, question("ab-c.test", "TXT"))) == ["AB2"]


def test_a_condition_about_the_client_keeps_all_answers_from_being_replayed() -> None:
    async def replayable(query: Query) -> Reply:
        return replace(failure(query, "next"), replay=Replay(math.inf))

    templates = made("template IN A {\n match ^a\n expr client_ip() == '10.0.0.1'\n rcode NXDOMAIN\n fallthrough\n}")
    own = question("a.test", client=("10.0.0.1", 1))
    own.site = SITE
    assert asyncio.run(templates.resolve(own, replayable)).rcode == 3
    for query in (own, question("a.test")):
        assert asyncio.run(templates.resolve(query, replayable)).replay is None
    assert asyncio.run(templates.resolve(question("b.test"), replayable)).replay is not None


# --- aliases


def following(found: Reply, world: World, qtype: str = "A") -> tuple[Reply, list[Query]]:
    asked: list[Query] = []

    async def answer(query: Query) -> Reply:
        asked.append(query)
        return found

    world.host.ask = answer
    templates = made('template IN ANY {\n answer "{{ .Name }} 60 CNAME www.example.org"\n}', world)
    return ask(templates, question("a.test", qtype)), asked


def address_reply(until: float | None) -> Reply:
    query = question("www.example.org")
    reply = from_records(query, "forward", [Record(query.qname, 1, 1, 30, bytes(4))])
    return replace(reply, flags=TC, replay=None if until is None else Replay(until, 90.0, tags=("t",)))


def test_the_target_of_an_alias_is_looked_up_on_behalf_of_the_client() -> None:
    reply, asked = following(address_reply(105.0), World(clock=lambda: 100.0))
    assert [record.type for record in reply.sections.answer] == [5, 1]
    assert reply.flags == AA | TC
    assert [(to_text(query.name), query.qtype, query.depth) for query in asked] == [("www.example.org.", 1, 1)]
    assert reply.replay is not None
    assert (reply.replay.until, reply.replay.base, reply.replay.tags) == (105.0, 90.0, ("t",))


def test_an_alias_is_replayed_no_longer_than_its_shortest_ttl() -> None:
    reply, _ = following(address_reply(500.0), World(clock=lambda: 100.0))
    assert reply.replay is not None
    assert reply.replay.until == 130.0


def test_an_alias_to_what_must_not_be_replayed_is_not_either() -> None:
    world = World()
    leave = following(address_reply(None), world)[0].replay
    assert leave is not None
    assert leave.until <= world.host.clock()
    assert leave.live, "the answer may be for this client alone, so no cache above keeps it"


def test_other_types_get_the_alias_alone() -> None:
    reply, asked = following(address_reply(None), World(), "MX")
    assert [record.type for record in reply.sections.answer] == [5]
    assert asked == []


def test_an_alias_stays_where_its_target_fails() -> None:
    query = question("www.example.org")
    reply, _ = following(failure(query, "forward"), World())
    assert (reply.rcode, [record.type for record in reply.sections.answer]) == (0, [5])


# --- replay


@pytest.mark.parametrize(
    ("template", "is_personal"),
    [
        ("{{ .Name }} TXT x", False),
        ("{{ .Name }} TXT {{ .Remote }}", True),
        ('{{ .Name }} TXT "{{ .Meta `a/b` }}"', True),
        ("{{ .Name }} TXT {{ .Message.Id }}", True),
        ("{{ .Name }} TXT {{ .Message.RecursionDesired }}", False),
        ('{{ .Name }} TXT "{{ if eq .Remote `10.0.0.1` }}a{{ else }}b{{ end }}"', True),
        ('{{ .Name }} TXT "{{ $ }}"', True),
    ],
)
def test_only_what_is_made_of_the_question_may_be_replayed(template: str, is_personal: bool) -> None:
    world = World()
    escaped = template.replace('"', '\\"')
    reply = ask(made(f'template IN TXT {{\n answer "{escaped}"\n}}', world), question("a.test", "TXT"))
    assert reply.rcode == 0
    if is_personal:
        assert reply.replay is None
    else:
        assert reply.replay is not None
        assert reply.replay.until == math.inf
        reply.replay.counts[0](5)
        assert world.metric("coredns_template_matches_total", "dns://:53", ".", "", "IN", "TXT") == 6


def test_templates_know_the_client_and_what_was_collected_of_it() -> None:
    templates = made('template IN TXT {\n answer "{{ .Name }} TXT {{ .Remote }}-{{ .Meta `a/b` }}"\n}')
    query = question("a.test", "TXT", client=("192.0.2.9", 4000))
    query.metadata = {"a/b": "c"}
    assert texts(ask(templates, query)) == ["192.0.2.9-c"]


def test_templates_see_the_message() -> None:
    templates = made(
        'template IN TXT {\n answer "{{ .Name }} TXT \\"{{ .Question.Name }} {{ .Question.Qtype }} '
        '{{ (index .Message.Question 0).Qclass }} {{ .Message.IsEdns0.UDPSize }} {{ .Message.IsEdns0.Do }}\\""\n}'
    )
    assert texts(ask(templates, question("A.test", "TXT", do=True))) == ["A.test. 16 1 1232 true"]


# --- failures


def test_a_template_that_fails_is_counted_logged_and_answered_with_servfail() -> None:
    world = World()
    templates = made('template IN A {\n answer "{{ .Name }} A {{ index .Match 7 }}"\n}', world)
    reply = ask(templates, question("a.test"))
    assert reply.rcode == SERVFAIL
    assert reply.error == "template: answer: at <index .Match 7>: index: index out of range: 7"
    labels = ("dns://:53", ".", "", "IN", "A", "answer", "{{.Name}} A {{index .Match 7}}")
    assert world.metric("coredns_template_template_failures_total", *labels) == 1


def test_what_is_no_record_is_counted_and_answered_with_servfail() -> None:
    world = World()
    reply = ask(made('template IN A {\n additional "{{ .Name }} A 1.2.3"\n}', world), question("a.test"))
    assert reply.rcode == SERVFAIL
    assert "1.2.3" in reply.error
    labels = ("dns://:53", ".", "", "IN", "A", "additional", "{{.Name}} A 1.2.3")
    assert world.metric("coredns_template_rr_failures_total", *labels) == 1


def test_a_field_that_does_not_exist_is_told_of_at_the_start() -> None:
    world = World()
    templates = made('template IN A {\n answer "{{ .Nope }}"\n}', world)
    asyncio.run(templates.start())
    assert "template data has no field Nope: {{.Nope}}" in world.lines[0]
    assert ask(templates, question("a.test")).rcode == SERVFAIL


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("template", "at least 2 arguments"),
        ("template IN", "at least 2 arguments"),
        ("template XX A", "is not a class"),
        ("template IN XX", "is not a record type"),
        ("template IN A {\n match (\n}", "cannot use regexp"),
        ("template IN A {\n answer\n}", "at least 1 argument"),
        ('template IN A {\n answer "{{ .Name 60 IN A"\n}', "cannot compile template: action is not closed"),
        ('template IN A {\n answer "{{ nope }}"\n}', "function 'nope' is not defined"),
        ("template IN A {\n rcode BROKEN\n}", "unknown rcode BROKEN"),
        ("template IN A {\n ederror x\n}", "not a whole number"),
        ("template IN A {\n ederror 1 a b\n}", "1 to 2 arguments"),
        ("template IN A {\n nonsense\n}", "no option"),
        ("template IN A {\n var len 5\n}", "cannot be the name of a variable"),
        ("template IN A {\n var name 5\n}", "cannot be the name of a variable"),
        ("template IN A {\n var a-b 5\n}", "cannot be the name of a variable"),
        ("template IN A {\n var x\n}", "at least 2 arguments"),
        ("template IN A {\n expr x == 5\n var x 5\n}", "cannot compile expression: unknown name x"),
        ("template IN A {\n var x 5\n expr x == 'a'\n}", "mismatched types"),
    ],
)
def test_mistakes_are_refused_with_their_place(body: str, reason: str) -> None:
    with pytest.raises(ConfigErrors, match=reason) as caught:
        made(body)
    assert all(error.at is not None for error in caught.value.errors)


def test_the_old_option_upstream_is_taken() -> None:
    assert made("template IN A {\n upstream 8.8.8.8\n}").rules[0].answer == ()
